"""One collector a place of publication: two would take turns in replacing each other's dataset."""

import errno
import logging
import socket
from pathlib import Path
from typing import Self

from collector.errors import InUseError, PublishError, StoreError
from collector.publish.generation import explained
from collector.settings import Settings
from collector.store.lock import DirectoryLock

PUBLICATION_LOCK_FILE = ".kl-collector.lock"
"""With a dot in front, it is no part of what is published."""

_log = logging.getLogger(__name__)


_WITHOUT_LOCKS = frozenset({errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP})
"""What locking says on a file system that has no locks."""


class PublicationLock:
    """Holds the directories that a collector publishes to, while it is entered.

    A directory that cannot be locked for another reason than a second collector (it is full, or not mounted yet) does
    not keep the cluster from being sampled: `hold` tries again. On a file system without locks publishing goes on.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._held: dict[Path, DirectoryLock] = {}
        self._without_locks: set[Path] = set()

    def __enter__(self) -> Self:
        """PublishError, naming the other collector, where one publishes to the same directory."""
        try:
            self.hold()
        except PublishError as error:
            # Publishing will say anything else, and tries again.
            if isinstance(error.__cause__, InUseError):
                self._release()
                raise
        return self

    def __exit__(self, *_: object) -> None:
        self._release()

    def hold(self) -> None:
        """Take what is not held, and what was deleted or mounted over since; PublishError where that is impossible."""
        for name, directory in self._places().items():
            held = self._held.get(directory)
            if held is None or not held.is_in_place():
                self._take(name, directory)

    def _places(self) -> dict[str, Path]:
        """Directories by the setting that says them."""
        settings = self._settings
        places = {"KL_DATA_DIR": settings.data_dir}
        if settings.publish_kubeledger_layout and settings.layout_dir.resolve() != settings.data_dir.resolve():
            places["KL_KUBELEDGER_DATA_DIR"] = settings.layout_dir
        return places

    def _take(self, name: str, directory: Path) -> None:
        location = self._settings.db_location.absolute()
        note = f" on {socket.gethostname()} with KL_DB_LOCATION={location}"
        try:
            with explained(directory, name):
                directory.mkdir(parents=True, exist_ok=True)
            lock = DirectoryLock(directory, PUBLICATION_LOCK_FILE, note)
        except InUseError as error:
            raise PublishError(
                f"{name} {directory} is in use by another collector (process {error.holder}); this one has "
                f"KL_DB_LOCATION={location}, and publishes nothing. Stop the other one, or give this one "
                f"a {name} of its own: two collectors would replace each other's dataset"
            ) from error
        except StoreError as error:
            self._without_lock(name, directory, error)
            return
        if directory in self._held:
            self._held[directory].release(in_order=False)
        self._held[directory] = lock

    def _without_lock(self, name: str, directory: Path, error: StoreError) -> None:
        cause = error.__cause__
        if not isinstance(cause, OSError) or cause.errno not in _WITHOUT_LOCKS:
            with explained(directory / PUBLICATION_LOCK_FILE, name):
                raise cause or error
        if directory not in self._without_locks:
            _log.warning("%s %s is not locked against a second collector: %s", name, directory, cause)
            self._without_locks.add(directory)

    def _release(self) -> None:
        for lock in self._held.values():
            # What it says is left there: a full disk may not have a block for it the next time.
            lock.release(in_order=False)
        self._held.clear()
