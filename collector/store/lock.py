"""One collector a directory."""

import fcntl
import os
from pathlib import Path

from collector.errors import InUseError
from collector.store.files import explained
from collector.store.paths import LOCK_FILE
from kl_core.durable_files import sync_path

_MAX_NOTE_BYTES = 5000


class DirectoryLock:
    """Held from construction to `release`, or to the end of the process. InUseError if another process holds it.

    The file names the process that holds the lock, with a `note` of what else there is to say of it, and is empty after
    a release that left everything in order.
    """

    def __init__(self, directory: Path, name: str = LOCK_FILE, note: str = "") -> None:
        self._path = path = directory / name
        with explained("lock", path):
            self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
            try:
                fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                self.in_order = not os.read(self._descriptor, 1)
                """The collector before this one closed the directory properly."""
                self._name_holder(f"{os.getpid()}{note}\n".encode())
                sync_path(directory)
            except BlockingIOError as error:
                holder = os.read(self._descriptor, _MAX_NOTE_BYTES).decode(errors="replace").strip() or "unknown"
                os.close(self._descriptor)
                raise InUseError(
                    f"{directory} is in use by another collector (process {holder}). Stop it, or give "
                    "this one a database location of its own",
                    holder,
                ) from error
            except OSError:
                os.close(self._descriptor)
                raise

    def _name_holder(self, content: bytes) -> None:
        # On disk before any database is written, and not empty in between, which would say that all is in order.
        os.pwrite(self._descriptor, content, 0)
        os.ftruncate(self._descriptor, len(content))
        os.fsync(self._descriptor)

    def is_in_place(self) -> bool:
        """Whether it holds the file that others would lock: not one that was deleted, or mounted over, since."""
        try:
            return os.path.samestat(os.fstat(self._descriptor), self._path.stat())
        except OSError:
            return False

    def release(self, *, in_order: bool) -> None:
        """Lets the next collector in; a second call does nothing."""
        if self._descriptor >= 0:
            if in_order:
                os.ftruncate(self._descriptor, 0)
            os.close(self._descriptor)
            self._descriptor = -1
