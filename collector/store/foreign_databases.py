"""Databases of an existing KubeLedger or kube-opex-analytics installation, among which no store is begun.

Its database location has the same name and default as ours, and it takes every file there for a namespace's database.
"""

from __future__ import annotations

from pathlib import Path

import rrdtool

from collector.errors import StoreError
from collector.store.files import explained
from collector.store.rrd.database import NO_DAEMON

_SOURCES = {"cpu_usage", "mem_usage"}
"""All that such a database holds; ours hold more and lie in folders."""
_MAGIC = b"RRD\0"


def check(directory: Path) -> None:
    """StoreError if `directory` holds such a database. Writes nothing; a directory that does not exist is fine."""
    with explained("read", directory):
        if not directory.is_dir():
            return
        foreign = next((path for path in sorted(directory.iterdir()) if _is_foreign(path)), None)
    if foreign is not None:
        raise StoreError(
            f"{directory} is the database location of an existing KubeLedger or kube-opex-analytics installation (it "
            f"holds {foreign.name}). Nothing was written. Set KL_DB_LOCATION to another directory; `kl-collector "
            f"import {directory}` takes the history over from here"
        )


def _is_foreign(path: Path) -> bool:
    if not path.is_file():
        return False
    try:
        with path.open("rb") as file:
            if file.read(len(_MAGIC)) != _MAGIC:
                return False
        info = rrdtool.info(str(path), *NO_DAEMON)
    except (rrdtool.OperationalError, rrdtool.ProgrammingError, OSError):
        # Damaged or not ours to read: another file tells what the directory is.
        return False
    return {key[3 : key.index("]")] for key in info if key.startswith("ds[")} == _SOURCES
