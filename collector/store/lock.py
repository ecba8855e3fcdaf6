"""One collector a directory."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from collector.errors import StoreError
from collector.store.files import explained
from collector.store.layout import LOCK_FILE


class DirectoryLock:
    """Held from construction to `release`, or to the end of the process. StoreError if another process holds it.

    The file names the process that holds the lock, and is empty after a release that left everything in order.
    """

    def __init__(self, directory: Path) -> None:
        path = directory / LOCK_FILE
        with explained("lock", path):
            self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
            try:
                fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                holder = os.read(self._descriptor, 20).decode(errors="replace").strip()
                os.close(self._descriptor)
                raise StoreError(
                    f"{directory} is in use by another collector (process {holder or 'unknown'}). Stop it, or give "
                    "this one a database location of its own"
                ) from error
            except OSError:
                os.close(self._descriptor)
                raise
            self.in_order = not os.read(self._descriptor, 1)
            """The collector before this one closed the directory properly."""
            os.ftruncate(self._descriptor, 0)
            os.pwrite(self._descriptor, f"{os.getpid()}\n".encode(), 0)

    def release(self, *, in_order: bool) -> None:
        """Lets the next collector in; a second call does nothing."""
        if self._descriptor >= 0:
            if in_order:
                os.ftruncate(self._descriptor, 0)
            os.close(self._descriptor)
            self._descriptor = -1
