"""Which namespaces pay for what their pods hold. Those that do not are summed into the special entry `excluded`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache

from fnmatch2 import fnmatchcase2


def charged_by(included: Sequence[str], excluded: Sequence[str]) -> Callable[[str], bool]:
    """Return a predicate over names: matched by a glob of `included` (none: all) and by none of `excluded`."""
    includes, excludes = tuple(included) or ("*",), tuple(excluded)

    @lru_cache(maxsize=65_536)
    def charged(namespace: str) -> bool:
        if any(fnmatchcase2(namespace, glob) for glob in excludes):
            return False
        return any(fnmatchcase2(namespace, glob) for glob in includes)

    return charged


def entries_of(charged: Callable[[str], bool]) -> Callable[[str], str | None]:
    """Return what tells the entry that a namespace is charged to: itself, or None for all that are not charged."""
    return lambda namespace: namespace if charged(namespace) else None
