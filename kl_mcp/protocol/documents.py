"""Documents that the server hands out: shipped inside the installed package, in their own places in a checkout."""

from __future__ import annotations

from pathlib import Path

from kl_mcp.protocol.resources import ACCOUNTING, SPECIFICATION

PACKAGE = Path(__file__).parents[1]
CHECKOUT = PACKAGE.parent


def installed() -> dict[str, str]:
    """Return the texts of the documents by the URI of their resource, without those that were not installed."""
    places = {
        SPECIFICATION.uri: (PACKAGE / "kubeledger-mcp-spec.md", CHECKOUT / "kubeledger-mcp-spec.md"),
        ACCOUNTING.uri: (PACKAGE / "accounting.md", CHECKOUT / "docs" / "accounting.md"),
    }
    found = {uri: next(filter(Path.is_file, paths), None) for uri, paths in places.items()}
    return {uri: path.read_text(encoding="utf-8") for uri, path in found.items() if path}
