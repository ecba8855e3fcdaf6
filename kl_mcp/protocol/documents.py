"""Documents that the server hands out: shipped inside the installed package, in their own places in a checkout."""

from __future__ import annotations

from pathlib import Path

PACKAGE = Path(__file__).parents[1]
CHECKOUT = PACKAGE.parent


def specification() -> str | None:
    """Return the public specification; None where it was not installed."""
    return _read(PACKAGE / "kubeledger-mcp-spec.md", CHECKOUT / "kubeledger-mcp-spec.md")


def accounting_rules() -> str | None:
    """Return how amounts come about, rule by rule; None where it was not installed."""
    return _read(PACKAGE / "accounting.md", CHECKOUT / "docs" / "accounting.md")


def _read(*places: Path) -> str | None:
    path = next((place for place in places if place.is_file()), None)
    return path.read_text(encoding="utf-8") if path else None
