"""One collector a place of publication: two would take turns in replacing each other's dataset."""

from __future__ import annotations

import logging
import socket
from pathlib import Path
from types import TracebackType
from typing import Self

from collector.errors import InUseError, PublishError, StoreError
from collector.settings import Settings
from collector.store.lock import DirectoryLock

PUBLICATION_LOCK_FILE = ".kl-collector.lock"
"""With a dot in front, it is no part of what is published."""

_log = logging.getLogger(__name__)


class PublicationLock:
    """Holds the directories that a collector publishes to, while it is entered.

    A directory that cannot be locked for another reason than a second collector (it is full, or on a file system
    without locks) does not keep the cluster from being sampled: publishing says what is wrong, or goes on unlocked.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._held: list[DirectoryLock] = []

    def __enter__(self) -> Self:
        """PublishError, naming the other collector, where one publishes to the same directory."""
        try:
            for name, directory in self._places().items():
                self._hold(name, directory)
        except BaseException:
            self._release()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._release()

    def _places(self) -> dict[str, Path]:
        """Directories by the setting that says them."""
        settings = self._settings
        places = {"KL_DATA_DIR": settings.data_dir}
        if settings.publish_kubeledger_layout and settings.layout_dir.resolve() != settings.data_dir.resolve():
            places["KL_KUBELEDGER_DATA_DIR"] = settings.layout_dir
        return places

    def _hold(self, name: str, directory: Path) -> None:
        location = self._settings.db_location
        try:
            directory.mkdir(parents=True, exist_ok=True)
        except OSError:
            return
        try:
            note = f" on {socket.gethostname()} with KL_DB_LOCATION={location.absolute()}"
            self._held.append(DirectoryLock(directory, PUBLICATION_LOCK_FILE, note))
        except InUseError as error:
            raise PublishError(
                f"{name} {directory} is in use by another collector (process {error.holder}); this one has "
                f"KL_DB_LOCATION={location.absolute()}, and nothing was written. Stop the other one, or give this one "
                f"a {name} of its own: two collectors would replace each other's dataset"
            ) from error
        except StoreError as error:
            _log.warning(
                "%s %s is not locked against a second collector: %s", name, directory, error.__cause__ or error
            )

    def _release(self) -> None:
        for lock in self._held:
            # What it says is left there: a full disk may not have a block for it the next time.
            lock.release(in_order=False)
        self._held.clear()
