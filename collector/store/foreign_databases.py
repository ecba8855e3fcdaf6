"""Databases of an existing KubeLedger or kube-opex-analytics installation, among which no store is begun.

Its database location has the same name and default as ours, and it takes every file there for a namespace's database.
"""

from collections.abc import Mapping
from pathlib import Path

import rrdtool

from collector.errors import StoreError
from collector.store.files import explained
from collector.store.rrd.database import LIBRRD_ERRORS, NO_DAEMON

LEGACY_SOURCES = ("cpu_usage", "mem_usage")
"""All that such a database holds; ours hold more and lie in folders."""
_MAGIC = b"RRD\0"


def check(directory: Path) -> None:
    """StoreError if `directory` holds such a database. Writes nothing; a directory that does not exist is fine."""
    with explained("read", directory):
        if not directory.is_dir():
            return
        foreign = next((path for path in sorted(directory.iterdir()) if path.is_file() and _is_foreign(path)), None)
    if foreign is not None:
        raise StoreError(
            f"{directory} is the database location of an existing KubeLedger or kube-opex-analytics installation (it "
            f"holds {foreign.name}). Nothing was written. Set KL_DB_LOCATION to another directory; `kl-collector "
            f"import {directory}` takes the history over from here"
        )


def _is_foreign(path: Path) -> bool:
    try:
        return source_names(info(path)) == set(LEGACY_SOURCES)
    except LIBRRD_ERRORS:
        # Damaged or not ours to read: another file tells what the directory is.
        return False


def info(path: Path) -> Mapping[str, int | float | str | None]:
    """Return what librrd says of a file, nothing of one that is no round-robin database. Raises LIBRRD_ERRORS."""
    with path.open("rb") as file:
        magic = file.read(len(_MAGIC))
    return rrdtool.info(str(path), *NO_DAEMON) if magic == _MAGIC else {}


def source_names(info: Mapping[str, object]) -> set[str]:
    """Return the names of the data sources."""
    return {key[3 : key.index("]")] for key in info if key.startswith("ds[")}
