"""All round-robin databases of a store together: what a plan writes, what is missing, what is over."""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from itertools import chain, count
from pathlib import Path
from typing import TypeVar

from collector.errors import DamagedError, NoSpaceError
from collector.model import STEP
from collector.store.files import explained
from collector.store.paths import CLUSTER, CLUSTER_FILE, FOLDERS, OBSERVED_PODS, OBSERVED_SOURCES, RrdFile, rrd_file
from collector.store.registry import Registry
from collector.store.row_values import NOBODY_MEASURED
from collector.store.rrd import database
from collector.store.rrd.database import Head, Span
from collector.store.rrd.header import damaged
from collector.store.write_plan import ObservedSteps
from kl_core.calendar import HOUR, floor_hour, hour_of_tick
from kl_core.durable_files import sync_path

ASIDE = ".damaged"

MIN_SPARE_BYTES_PER_FILE = 2**16
"""Bytes left free for each database when another is created: about what the journal and the published dataset take, and
without those nothing is stored or published of any."""

T = TypeVar("T")

_log = logging.getLogger(__name__)


def attempt(directory: Path, file: RrdFile, use: Callable[[Path], T]) -> T | None:
    """Return what `use` makes of a file; None if there is none.

    Where `use` raises DamagedError the file is set aside, to be begun anew, and counts as missing; not the cluster's,
    without which no hour counts as observed, nor any other while the cluster's is damaged as well.
    """
    path = file.path(directory)
    if not _is_there(path):
        return None
    try:
        return use(path)
    except DamagedError as error:
        if file is CLUSTER_FILE:
            raise
        if _is_there(cluster := CLUSTER_FILE.path(directory)):
            database.head(cluster, CLUSTER.sources)
        _set_aside(path, error)
        return None


def lagging(directory: Path, state: Registry, until: int) -> list[RrdFile]:
    """Files that end before the registry says, or are missing. `heads` says which ones are set aside."""
    due = state.entry_files()
    if state.last_tick is not None:
        due = {CLUSTER_FILE: state.last_tick, **due}
    by_file = heads(directory, due, until)
    return [file for file, time in due.items() if (head := by_file[file]) is None or head.last < time]


def tidy(directory: Path) -> None:
    """Remove what an attempt to create a file left behind when the process was killed."""
    for folder in (directory, *(directory / folder for folder in FOLDERS.values())):
        with explained("tidy up", folder):
            for pattern in (f"*.rrd{database.UNFINISHED}", f"*.rrd{database.UNFINISHED}??????"):
                for leftover in filter(Path.is_file, folder.glob(pattern)):
                    leftover.unlink()


def observed_in_hour(directory: Path, last_tick: int | None) -> tuple[ObservedSteps, ...]:
    """Return the observed steps of the hour that the interval ending at `last_tick` lies in."""
    if last_tick is None:
        return ()
    start = hour_of_tick(last_tick)
    table = database.fetch(CLUSTER_FILE.path(directory), CLUSTER.sources, start, last_tick, STEP)
    begins = range(start, last_tick, STEP)
    steps = zip(begins, table[OBSERVED_SOURCES["kubernetes"]], table[OBSERVED_PODS], strict=True)
    return tuple(
        ObservedSteps(begin, begin + STEP, pods=bool(pods == 1)) for begin, observed, pods in steps if observed == 1
    )


def remove(directory: Path, files: Iterable[RrdFile]) -> None:
    """Take away databases whose newest row has left even the hourly archive."""
    for file in files:
        _log.info("removing %s: it ended 400 days ago", file.path(directory))
        attempt(directory, file, _unlink)


def heads(directory: Path, files: Iterable[RrdFile], until: int) -> dict[RrdFile, Head | None]:
    """Return what `restore` needs to take `write` back; None for a file that is not there.

    All are looked at before one is written, the cluster's first. Damaged ones are set aside, and those that are of
    another store, for they go on after the tick `until` and after the cluster's.
    """
    by_file: dict[RrdFile, Head | None] = {}
    for file in files:
        head = attempt(directory, file, partial(_head, file=file, until=None if file is CLUSTER_FILE else until))
        if file is CLUSTER_FILE and head is not None:
            until = max(until, head.last)
        by_file[file] = head
    return by_file


def restore(directory: Path, before: Mapping[str, Head | None], until: int) -> None:
    """Take updates up to the tick `until` back that may have been interrupted half way.

    `before` is by path below the directory. Damaged files, and those to which a head does not fit, are set aside.
    """
    for name, head in before.items():
        use = _unlink if head is None else partial(database.restore, content=head.content, until=until)
        attempt(directory, rrd_file(name), use)


def sync(directory: Path, files: Iterable[RrdFile]) -> None:
    """Wait until the files and their names are on disk."""
    paths = sorted(file.path(directory) for file in files)
    for path in (*paths, *sorted({path.parent for path in paths})):
        with explained("write", path):
            if path.is_file() or path.is_dir():
                sync_path(path)


def write(directory: Path, spans: Mapping[RrdFile, Sequence[Span]], before: Registry) -> None:
    """Write the rows that the databases do not have yet. `before` is the registry that they were planned from.

    A file for which there is no space is left out, and logged; NoSpaceError if it is the cluster's.
    """
    known = before.entry_files()
    spare = MIN_SPARE_BYTES_PER_FILE * len(known.keys() | spans.keys())
    for file, rows in spans.items():
        try:
            _write(file, file.path(directory), rows, known=file in known, spare=spare)
        except NoSpaceError as error:
            if file is CLUSTER_FILE:
                raise
            _log.error("%s. What %r holds is unknown meanwhile; the next tick tries again", error, file.name)


def _write(file: RrdFile, path: Path, rows: Sequence[Span], *, known: bool, spare: int) -> None:
    is_there = _is_there(path)
    from_full_hour = _without_part_of_closed_hour(rows)
    if known and from_full_hour[0].start > rows[0].start and not (is_there and rows[0].start <= database.last(path)):
        rows = from_full_hour
    if not is_there:
        begin = floor_hour(rows[0].start)
        database.create(path, file.form.sources, begin, 0 if file is CLUSTER_FILE else spare)
        if known:
            _log.warning("%s is begun anew: of what was before nothing is known but what the journal keeps", path)
            if begin < rows[0].start:
                rows = [Span(begin, rows[0].start, NOBODY_MEASURED[file.form]), *rows]
    database.update(path, rows)


def _without_part_of_closed_hour(rows: Sequence[Span]) -> Sequence[Span]:
    """Rows that follow lost ones, without the end of a closed hour: its mean would pass for that of the whole hour."""
    begin = floor_hour(rows[0].start + HOUR - 1)
    return [row._replace(start=max(row.start, begin)) for row in rows if row.end > begin] or rows


def _head(path: Path, file: RrdFile, until: int | None) -> Head:
    head = database.head(path, file.form.sources)
    if until is not None and head.last > until:
        raise damaged(path, "it goes on after the newest tick, so it belongs to another store")
    return head


def _unlink(path: Path) -> None:
    if not path.is_file():
        raise damaged(path, "it is not a file")
    with explained("remove", path):
        path.unlink()


def _is_there(path: Path) -> bool:
    """Unlike `exists`, also for a link to nowhere."""
    with explained("read", path):
        try:
            path.lstat()
        except FileNotFoundError:
            return False
        return True


def _set_aside(path: Path, error: DamagedError) -> None:
    numbered = (path.with_name(f"{path.name}{ASIDE}-{number}") for number in count(2))
    aside = next(name for name in chain([path.with_name(path.name + ASIDE)], numbered) if not _is_there(name))
    with explained("set aside", path):
        path.rename(aside)
    _log.error(
        "%s cannot be used: %s. It is set aside as %s and begun anew; what it held is unknown. To have it back, stop "
        "the collector with SIGTERM and put a whole copy in its place",
        path,
        error.cause,
        aside.name,
    )
