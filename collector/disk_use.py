"""How large the store is, and how full the disks that the collector writes to are."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from collector.store.paths import JOURNAL_FOLDER, LEDGER_FOLDER

StorePart = Literal["rrd", "journal", "ledger", "other"]

_RRD = ".rrd"


@dataclass(frozen=True, slots=True)
class Disk:
    """Bytes of a file system, and how many of them this user may still write."""

    size: int
    free: int


@dataclass(frozen=True, slots=True)
class DiskUse:
    """Bytes of the store by part, those that are there, and the disk of each directory, as far as it tells."""

    stored: Mapping[StorePart, int]
    disks: Mapping[str, Disk]


def measure(db_location: Path, directories: Mapping[str, Path]) -> DiskUse:
    """Look at the store under `db_location`, and at the disk of each of the `directories`, by a name of choice.

    What cannot be looked at is left out.
    """
    stored: dict[StorePart, int] = {}
    for part, size in _files(db_location):
        stored[part] = stored.get(part, 0) + size
    disks = {name: disk for name, directory in directories.items() if (disk := _disk(directory)) is not None}
    return DiskUse(stored, disks)


def _files(directory: Path) -> Iterator[tuple[StorePart, int]]:
    for folder, _, names in os.walk(directory):
        top = Path(folder).relative_to(directory).parts[:1]
        for name in names:
            # Another thread may have removed it.
            with suppress(OSError):
                yield _part(top, name), os.lstat(Path(folder, name)).st_size


def _part(top: tuple[str, ...], name: str) -> StorePart:
    if top == (JOURNAL_FOLDER,):
        return "journal"
    if top == (LEDGER_FOLDER,):
        return "ledger"
    return "rrd" if name.endswith(_RRD) else "other"


def _disk(directory: Path) -> Disk | None:
    try:
        status = os.statvfs(directory)
    except OSError:
        return None
    # Some network file systems do not say.
    if not status.f_blocks:
        return None
    return Disk(status.f_blocks * status.f_frsize, status.f_bavail * status.f_frsize)
