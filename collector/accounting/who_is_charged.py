"""Who is charged: which pods hold something of the cluster, and which namespaces pay for what their pods hold.

A pod counts from the moment it is bound to a node until it is finished, whether or not it runs yet: what it requests is
set aside for it while its image is pulled, and for nobody else. Namespaces that are not charged are summed into the
special entry `excluded`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache

from fnmatch2 import fnmatchcase2

from collector.model import Pod

_FINISHED = frozenset({"Succeeded", "Failed"})


def is_holding(pod: Pod) -> bool:
    """Say whether a pod holds its requests: it is bound to a node, and not finished."""
    return bool(pod.node) and pod.phase not in _FINISHED


def charged_by(included: Sequence[str], excluded: Sequence[str]) -> Callable[[str], bool]:
    """Return a predicate over names: matched by a glob of `included` (none: all) and by none of `excluded`."""
    includes, excludes = tuple(included) or ("*",), tuple(excluded)

    @lru_cache(maxsize=65_536)
    def charged(namespace: str) -> bool:
        if any(fnmatchcase2(namespace, glob) for glob in excludes):
            return False
        return any(fnmatchcase2(namespace, glob) for glob in includes)

    return charged
