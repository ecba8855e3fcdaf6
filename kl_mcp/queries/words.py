"""Lists in the words of a warning."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet

_NAMED = 5


def some(names: Sequence[str]) -> str:
    """Return the first few hours, buckets or files of a list, and how many more there are. Not for namespaces."""
    rest = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {rest} more" if rest > 0 else "")


def some_namespaces(found: Iterable[tuple[str, str]], hidden: AbstractSet[str]) -> str:
    """Return the first few namespaces of a list, and how many more there are; those in `hidden` are only counted.

    `found` holds pairs of a name and of what to say after it, which may be nothing. Every text that names namespaces
    that the caller did not write is made here, so that none can name a hidden one.
    """
    pairs = list(found)
    named = [f"{name}{detail}" for name, detail in pairs if name not in hidden]
    unnamed = len(pairs) - len(named)
    told = [some(named)] if named else []
    return " and ".join([*told, *([f"{unnamed} that cannot be named to you"] if unnamed else [])])
