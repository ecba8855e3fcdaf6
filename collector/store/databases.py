"""All round-robin databases of a store together: what a plan writes, what is missing, what is over."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from pathlib import Path

from collector.store import rrd
from collector.store.files import explained
from collector.store.journal import Head
from collector.store.layout import CLUSTER, CLUSTER_FILE, OBSERVED_PODS, OBSERVED_SOURCES, RrdFile
from collector.store.registry import Registry
from collector.store.steps import Plan, Window

_log = logging.getLogger(__name__)


def lagging(directory: Path, state: Registry) -> list[Path]:
    """Files that end before the registry says, or are missing. StoreError for one that is damaged or foreign."""
    due = state.entry_files()
    if state.last_tick is not None:
        due[CLUSTER_FILE] = state.last_tick
    behind = []
    for file, time in due.items():
        path = file.path(directory)
        if not path.exists():
            behind.append(path)
            continue
        rrd.check(path, file.form.sources)
        if rrd.last(path) < time:
            behind.append(path)
    return behind


def observed_in_hour(directory: Path, last_tick: int | None) -> tuple[Window, ...]:
    """The observed steps of the hour that the interval ending at `last_tick` lies in."""
    if last_tick is None:
        return ()
    start = rrd.hour_floor(last_tick - 1)
    table = rrd.fetch(CLUSTER_FILE.path(directory), CLUSTER.sources, start, last_tick, rrd.STEP)
    begins = range(start, last_tick, rrd.STEP)
    steps = zip(begins, table[OBSERVED_SOURCES["kubernetes"]], table[OBSERVED_PODS], strict=True)
    return tuple(
        Window(begin, begin + rrd.STEP, pods=bool(pods == 1)) for begin, observed, pods in steps if observed == 1
    )


def remove(directory: Path, files: Iterable[RrdFile]) -> None:
    """Takes away databases whose newest row has left even the hourly archive."""
    for file in files:
        path = file.path(directory)
        _log.info("removing %s: it ended 400 days ago", path)
        with explained("remove", path):
            path.unlink(missing_ok=True)


def heads(directory: Path, plan: Plan) -> dict[str, Head | None]:
    """What `restore` needs to take `write` back, by path below the directory. StoreError if a file is damaged.

    All are looked at before one is written, so that a damaged file leaves the others at the same tick.
    """
    found: dict[str, Head | None] = {}
    for file in plan.spans:
        path = file.path(directory)
        head = Head(rrd.last(path), rrd.head(path, file.form.sources)) if path.exists() else None
        found[str(path.relative_to(directory))] = head
    return found


def restore(directory: Path, found: Mapping[str, Head | None]) -> None:
    """Takes updates back that may have been interrupted half way."""
    for name, head in found.items():
        path = directory / name
        with explained("restore", path):
            if head is None:
                path.unlink(missing_ok=True)
            # Somebody may have put an older copy in its place since: the head would not fit to its rows.
            elif path.exists() and rrd.last(path) >= head.last:
                rrd.restore(path, head.content)


def sync(directory: Path, files: Iterable[RrdFile]) -> None:
    """Waits until the files are on disk."""
    for file in files:
        path = file.path(directory)
        with explained("write", path):
            if path.exists():
                rrd.sync(path)


def write(directory: Path, plan: Plan, before: Registry) -> None:
    """Writes the rows that the databases do not have yet. `before` is the registry that the plan was made from."""
    known = before.entry_files()
    for file, spans in plan.spans.items():
        path = file.path(directory)
        if not path.exists():
            if file in known:
                _log.warning("%s is gone: it is begun anew, its history is lost", path)
            rrd.create(path, file.form.sources, rrd.hour_floor(spans[0].start))
        rrd.update(path, spans)
