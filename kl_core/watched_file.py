"""Notices that a file was changed or exchanged, at the cost of one look a second."""

import math
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, Self

LOOK_SECONDS = 1.0
RETRY_SECONDS = 5.0
"""How soon a file that was not taken up is due again: what was in the way may go without a change to the file."""


class Mark(NamedTuple):
    """What tells one content of a file from another, and one file from another in its place."""

    mode: int
    device: int
    inode: int
    modified_ns: int
    changed_ns: int
    size: int

    @classmethod
    def of(cls, status: os.stat_result) -> Self:
        """Return the mark of a file with this status."""
        return cls(status.st_mode, status.st_dev, status.st_ino, status.st_mtime_ns, status.st_ctime_ns, status.st_size)


def mark_of(path: Path) -> Mark | None:
    """Return the mark of what is under `path`, links followed; None where nothing can be looked at."""
    try:
        return Mark.of(path.stat())
    except OSError:
        return None


class ChangingFile:
    """A file that others write. Kubernetes exchanges a mounted secret by a symlink, which counts as a change too."""

    def __init__(self, path: Path, elapsed: Callable[[], float] = time.monotonic) -> None:
        """Look for the first time; `elapsed` is a clock in seconds that never goes back."""
        self.path = path
        self._elapsed = elapsed
        self._mark = mark_of(path)
        self._looked_at = self.there_at = elapsed()
        """`there_at`: when the file was last seen, as `elapsed` says it."""
        self._again_at = math.inf

    @property
    def mode(self) -> int:
        """The file's permissions when it was last looked at; 0 when it was not there."""
        return 0 if self._mark is None else self._mark.mode

    @property
    def gone_for(self) -> float:
        """For how many seconds at most the file has not been there; 0 while it was there at the last look."""
        return self._elapsed() - self.there_at if self._mark is None else 0.0

    def has_changed(self, *, at_once: bool = False) -> bool:
        """Whether it is another file than at the last look, or due again. Looks once a second, or `at_once`.

        It is due every `RETRY_SECONDS` from a change on, until it is `taken_up`.
        """
        if not at_once and self._elapsed() - self._looked_at < LOOK_SECONDS:
            return False
        self._looked_at = self._elapsed()
        before, self._mark = self._mark, mark_of(self.path)
        if self._mark is not None:
            self.there_at = self._looked_at
        if self._mark == before and self._looked_at < self._again_at:
            return False
        self._again_at = self._looked_at + RETRY_SECONDS
        return True

    @property
    def is_taken_up(self) -> bool:
        """Whether the latest change, if any, was taken up."""
        return math.isinf(self._again_at)

    def taken_up(self) -> None:
        """Note that the file was read and its content is in use."""
        self._again_at = math.inf
