"""Answers that were given, kept for whoever asks the same again."""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from threading import Lock

MAX_KEPT = 32


class Kept:
    """The latest few of what was made, each by what it was made for. Threads may share it."""

    def __init__(self) -> None:
        self._made: OrderedDict[Hashable, bytes] = OrderedDict()
        self._lock = Lock()

    def of(self, key: Hashable, make: Callable[[], bytes]) -> bytes:
        """Return what was made for `key`; what is not kept, `make` makes. Two threads may make the same."""
        made = self._made.get(key) or make()
        with self._lock:
            self._made[key] = made
            self._made.move_to_end(key)
            if len(self._made) > MAX_KEPT:
                self._made.popitem(last=False)
        return made
