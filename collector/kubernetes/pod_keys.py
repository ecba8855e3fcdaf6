"""A set of pods that takes about nine bytes a pod, for listings that must not be held in memory."""

from __future__ import annotations

from array import array
from bisect import bisect_left

_SHELVES = 256
_MASK = 2**64 - 1


class PodKeys:
    """Which (namespace, name) pairs were added, kept as 64-bit hashes.

    Two of 100,000 pods share a hash with a probability of 3e-10. The hashes stand sorted on shelves by their low byte,
    so that adding one moves the few hashes of one shelf.
    """

    def __init__(self) -> None:
        self._shelves = [array("Q") for _ in range(_SHELVES)]

    def add(self, namespace: str, name: str) -> bool:
        """Add the pair and say whether it was new."""
        key = hash((namespace, name)) & _MASK
        shelf = self._shelves[key % _SHELVES]
        place = bisect_left(shelf, key)
        if place < len(shelf) and shelf[place] == key:
            return False
        shelf.insert(place, key)
        return True

    def __contains__(self, pair: object) -> bool:
        key = hash(pair) & _MASK
        shelf = self._shelves[key % _SHELVES]
        place = bisect_left(shelf, key)
        return place < len(shelf) and shelf[place] == key

    def __len__(self) -> int:
        return sum(map(len, self._shelves))
