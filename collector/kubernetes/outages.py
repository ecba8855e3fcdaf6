"""How loud it is said that something fails: an outage of hours is to be found in a log, not to fill it."""

from __future__ import annotations

import logging
from threading import Lock


def level_of(times: int, first: int = logging.INFO) -> int:
    """Return the level of the log for a failure that has come so many times without a success."""
    if times == 1:
        return first
    return logging.INFO if times == 2 else logging.DEBUG


class Outages:
    """How often each of the paths of a server has failed since it answered last; may be asked by several threads."""

    def __init__(self) -> None:
        self._failures: dict[str, int] = {}
        self._is_out = False
        self._lock = Lock()

    def failed(self, path: str) -> int:
        """Note that a path failed, and return the level to log it at."""
        with self._lock:
            times = self._failures[path] = self._failures.get(path, 0) + 1
            self._is_out |= times > 1
        return level_of(times)

    def passed(self, path: str) -> bool:
        """Note that a path answered, and return whether that ends an outage: one that a repetition did not end."""
        with self._lock:
            ends = self._failures.pop(path, 0) > 1 and self._is_out
            self._is_out &= not ends
        return ends
