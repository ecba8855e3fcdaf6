"""How lists are told to people."""

from __future__ import annotations

from collections.abc import Sequence

MAX_NAMED = 5


def some(items: Sequence[str]) -> str:
    """Return the first few items of a list, and how many more there are: `a, b, c, d, e and 3 more`."""
    rest = len(items) - MAX_NAMED
    return ", ".join(items[:MAX_NAMED]) + (f" and {rest} more" if rest > 0 else "")
