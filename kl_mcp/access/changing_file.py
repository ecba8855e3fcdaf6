"""Notices that a file was changed or exchanged, at the cost of one look a second."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

LOOK_SECONDS = 1.0


class ChangingFile:
    """A file that others write. Kubernetes exchanges a mounted secret by a symlink, which counts as a change too."""

    def __init__(self, path: Path, elapsed: Callable[[], float] = time.monotonic) -> None:
        """Look for the first time; `elapsed` is a clock in seconds that never goes back."""
        self.path = path
        self._elapsed = elapsed
        self._mark = _mark(path)
        self._looked_at = self._there_at = elapsed()

    @property
    def mode(self) -> int:
        """The file's permissions when it was last looked at; 0 when it was not there."""
        return 0 if self._mark is None else self._mark[0]

    @property
    def gone_for(self) -> float:
        """For how many seconds at most the file has not been there; 0 while it was there at the last look."""
        return self._elapsed() - self._there_at if self._mark is None else 0.0

    def has_changed(self, *, at_once: bool = False) -> bool:
        """Whether it is another file than at the last look. Looks once a second, or `at_once`."""
        if not at_once and self._elapsed() - self._looked_at < LOOK_SECONDS:
            return False
        self._looked_at = self._elapsed()
        before, self._mark = self._mark, _mark(self.path)
        if self._mark is not None:
            self._there_at = self._looked_at
        return self._mark != before


def _mark(path: Path) -> tuple[int, ...] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return (status.st_mode, status.st_dev, status.st_ino, status.st_mtime_ns, status.st_size)
