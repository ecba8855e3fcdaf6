"""Opens the store as the commands use it: one whose ledger lacks hours that its databases have is taken over first.

So it is with a store that an earlier version wrote, and where the ledger was lost or is that of an older backup.
"""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from collector.books.taken_over import closed_before
from collector.store import rates
from collector.store.files import explained
from collector.store.paths import GPUS_FILE, NODES_FILE, RATES_FILE, REGISTRY_FILE
from collector.store.registry import FORMAT
from collector.store.store import Store
from kl_core.calendar import iso
from kl_core.durable_files import make_folder, sync_path

BACKUP_FOLDER = "backup-format-1"
_KEPT = (REGISTRY_FILE, NODES_FILE, RATES_FILE, GPUS_FILE)

_log = logging.getLogger(__name__)


@contextmanager
def opened(directory: Path, cluster: str, on_progress: Callable[[], object] = lambda: None) -> Iterator[Store]:
    """Open the store under a database location for the block. Raises what the store raises.

    `on_progress` is called again and again while one is taken over, which can take minutes.
    """
    with Store.open(directory, cluster) as store:
        if store.registry.format < FORMAT:
            _take_over(store, on_progress)
        yield store


def _take_over(store: Store, on_progress: Callable[[], object]) -> None:
    """Give the ledger the closed hours that it lacks. Killed at any point, the next start goes on.

    The small files are copied first; the round-robin databases stay as they are.
    """
    _back_up(store.directory)
    _log.warning(
        "the ledger in %s lacks closed hours: they are taken over from the databases, which takes a while; what was "
        "there before the first time is in %s",
        store.directory,
        BACKUP_FOLDER,
    )
    on_progress()

    def tell(until: int, hours: int) -> None:
        _log.info("taken over to %s: %d h", iso(until), hours)
        on_progress()

    lines = closed_before(store, rates.load(store.directory), tell)
    store.taken_over()
    first, last = store.ledger.first_hour, store.ledger.last_hour
    reach = "nothing, for no hour was closed yet" if first is None or last is None else f"{iso(first)} to {iso(last)}"
    _log.warning("taken over: %d hours, the ledger holds %s; its head is %s", lines, reach, store.ledger.head)


def _back_up(directory: Path) -> None:
    """Copy the small files, once: what an attempt that was cut short copied is from before it."""
    folder = directory / BACKUP_FOLDER
    if folder.exists():
        return
    unfinished = directory / f"{BACKUP_FOLDER}.unfinished"
    with explained("back up", directory):
        shutil.rmtree(unfinished, ignore_errors=True)
        make_folder(unfinished)
        for name in _KEPT:
            if (directory / name).exists():
                shutil.copy2(directory / name, unfinished / name)
                sync_path(unfinished / name)
        sync_path(unfinished)
        unfinished.rename(folder)
        sync_path(directory)
