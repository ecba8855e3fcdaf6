"""Round-robin databases: the one module that writes through librrd.

A file holds 5-minute averages for 14 days and an hour, and hourly averages for 400 days. Its step and its heartbeat are
300 s: librrd fills a step that nobody wrote with the value written next, so long as the pause is within the heartbeat,
and makes the whole pause unknown, the newly written step included, when it is longer. `update` therefore ends every
pause with an explicit unknown.
"""

import os
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from math import isfinite
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import rrdtool

from collector.model import STEP
from collector.space import FULL, fill_holes, free, no_space, refused, without_room
from collector.store.rrd.header import (
    Archive,
    DataSource,
    Definition,
    beginning,
    checked_head,
    damaged,
    defined,
    failure,
)
from kl_core.calendar import HOUR
from kl_core.durable_files import sync_path

STEPS_PER_HOUR = HOUR // STEP
FINE_ROWS = 14 * 24 * STEPS_PER_HOUR + STEPS_PER_HOUR
"""5-minute rows: 14 days and an hour."""
HOURLY_ROWS = 400 * 24
"""Hourly rows: twelve whole months and the open one need 397 days."""

UNFINISHED = ".new"
"""Appended to the name of a file that is being created; librrd appends six letters of its own."""
UNKNOWN = "U"
_MAX_ROWS_PER_CALL = 5000
_ARCHIVES = (f"RRA:AVERAGE:0.5:1:{FINE_ROWS}", f"RRA:AVERAGE:0.5:{STEPS_PER_HOUR}:{HOURLY_ROWS}")
NO_DAEMON = ("--daemon", "")
"""Else librrd would hand everything over to whatever RRDCACHED_ADDRESS in the environment names, and when nothing
answers there it reads and writes nothing, without an error."""
LIBRRD_ERRORS = (rrdtool.OperationalError, rrdtool.ProgrammingError, OSError)

Array = npt.NDArray[np.float64]


class Span(NamedTuple):
    """One value per source for every step in (`start`, `end`], both UNIX times on a step; None is unknown."""

    start: int
    end: int
    values: tuple[float | None, ...]


@dataclass(frozen=True, slots=True)
class Head:
    """Everything before the rows of the archives: definitions, ring pointers, what is known of the open step and hour.

    librrd changes it in place while it updates. Put back with `restore` it takes back the update, for the rows that
    were written since lie where the next update writes again.
    """

    last: int
    """Time of the newest step, known or not."""
    content: bytes


def create(path: Path, sources: Sequence[str], start: int, spare: int = 0) -> None:
    """Create a database whose first step begins at `start`, all unknown.

    NoSpaceError where it does not fit, or fewer than `spare` bytes would be left; StoreError if it cannot be written
    for another reason. Nothing is left of the attempt.
    """
    unfinished = path.with_name(path.name + UNFINISHED)
    definitions = [f"DS:{source}:GAUGE:{STEP}:U:U" for source in sources]
    try:
        if free(path.parent) < _size(sources) + spare:
            raise no_space()
        options = ("--start", str(start), "--step", str(STEP), *NO_DAEMON)
        rrdtool.create(str(unfinished), *options, *definitions, *_ARCHIVES)
        if unfinished.stat().st_size != _size(sources):
            raise no_space()
        _place_rows(unfinished, sources, start)
        sync_path(unfinished)
        unfinished.replace(path)
    except LIBRRD_ERRORS as error:
        with suppress(OSError):
            unfinished.unlink(missing_ok=True)
        # librrd does not say why: it has the answer to itself that trying the same gives.
        cause = error if isinstance(error, OSError) else refused(unfinished, _size(sources))
        if cause is not None and cause.errno in FULL:
            raise without_room("create", path, cause, _size(sources) + spare) from error
        raise failure("create", path, error) from error


def last(path: Path) -> int:
    """Time of the newest step that was written, known or not. DamagedError if the file is no database."""
    content, _ = beginning(path)
    return defined(path, content).last(content)


def update(path: Path, spans: Iterable[Span]) -> int:
    """Write spans in order of time, leave steps that the file has already, and return the number of rows.

    Steps between the spans, and between the file's newest step and the first span, become unknown. NoSpaceError where
    the file has holes (a copy may leave out zeros) and the disk no space for them.
    """
    rows = _rows(last(path), spans)
    if rows:
        fill_holes(path)
    for first in range(0, len(rows), _MAX_ROWS_PER_CALL):
        try:
            rrdtool.update(str(path), *NO_DAEMON, *rows[first : first + _MAX_ROWS_PER_CALL])
        except LIBRRD_ERRORS as error:
            raise failure("write", path, error) from error
    return len(rows)


def fetch(path: Path, sources: Sequence[str], start: int, end: int, step: int) -> dict[str, Array]:
    """Averages per source; element i stands for (`start` + i x `step`, `start` + (i + 1) x `step`]; NaN is unknown.

    `step` is 300 or 3600, `start` and `end` are multiples of it (else ValueError). What lies before an archive's depth
    or after the newest step is NaN. DamagedError if the file is not a whole database of these sources.
    """
    if step not in (STEP, HOUR) or start % step or end % step:
        raise ValueError(f"step {step} is neither {STEP} nor {HOUR}, or {start} and {end} are no multiples of it")
    length = max(0, (end - start) // step)
    table = np.full((length, len(sources)), np.nan)
    newest = head(path, sources).last
    # librrd answers from the coarser archive when the finer one does not reach back to the start that is asked for.
    depth = (FINE_ROWS if step == STEP else HOURLY_ROWS) * step
    begin = max(start, newest - newest % step - depth)
    stop = min(end, newest - newest % step)
    if begin < stop:
        table[(begin - start) // step : (stop - start) // step] = _read(path, begin, stop, step)
    return {source: np.ascontiguousarray(table[:, column]) for column, source in enumerate(sources)}


def head(path: Path, sources: Sequence[str]) -> Head:
    """Return the head; DamagedError unless `path` is a whole database as `create` makes it of these sources."""
    made = _expected(tuple(sources))
    content = checked_head(path, made)
    return Head(made.last(content), content)


def restore(path: Path, content: bytes, until: int) -> None:
    """Put an earlier `head` of this file back, which updates up to `until` may have changed.

    An older copy that was put in its place stays as it is. DamagedError where it is another file: the head would not
    fit to its rows.
    """
    current, size = beginning(path)
    made = defined(path, content)
    if size != made.file_size or current[: made.size] != content[: made.size]:
        raise damaged(path, "it is not the file that was there before the interruption")
    if made.last(current) < made.last(content):
        return
    if not made.comes_after(current, content, until):
        raise damaged(path, "it was begun after the ticks that were interrupted, which the journal has")
    try:
        with path.open("r+b") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise failure("write", path, error) from error


def _place_rows(path: Path, sources: Sequence[str], newest: int) -> None:
    """Make the place of a row in the rings, at which librrd begins at random, follow from its time.

    So an earlier head fits a file that was begun anew since.
    """
    made = _expected(tuple(sources))
    with path.open("r+b") as file:
        file.seek(made.head_size - len(made.pointers(newest)))
        file.write(made.pointers(newest))


def _read(path: Path, start: int, end: int, step: int) -> Array:
    window = ("--resolution", str(step), "--start", str(start), "--end", str(end))
    try:
        (first, _, _), _, rows = rrdtool.fetch(str(path), "AVERAGE", *NO_DAEMON, *window)
    except LIBRRD_ERRORS as error:
        raise failure("read", path, error) from error
    skip = (start - first) // step
    # librrd appends the row after the end as well.
    return np.array(rows[skip : skip + (end - start) // step], dtype=np.float64)


def _rows(newest: int, spans: Iterable[Span]) -> list[str]:
    rows = []
    for first, end, values in spans:
        start = max(first, newest)
        if end <= start:
            continue
        known = any(value is not None for value in values)
        rows += _pause(newest, start if known else end, len(values))
        if known:
            text = ":".join([_text(value) for value in values])
            rows += [f"{time}:{text}" for time in range(start + STEP, end + 1, STEP)]
        newest = end
    return rows


def _pause(newest: int, end: int, sources: int) -> list[str]:
    """Return no row where there is none. Else its end is enough, for librrd makes a long pause unknown as a whole.

    But of one longer than a ring it would leave out turns, after which the place of a row no longer follows from its
    time.
    """
    text = ":".join(UNKNOWN for _ in range(sources))
    turn = FINE_ROWS * STEP
    return [f"{time}:{text}" for time in (*range(newest + turn, end, turn), end) if time > newest]


def _text(value: float | None) -> str:
    return UNKNOWN if value is None or not isfinite(value) else repr(float(value))


@cache
def _expected(sources: tuple[str, ...]) -> Definition:
    archives = (Archive("AVERAGE", FINE_ROWS, 1, 0.5), Archive("AVERAGE", HOURLY_ROWS, STEPS_PER_HOUR, 0.5))
    return Definition(STEP, tuple(DataSource(name, "GAUGE", STEP) for name in sources), archives)


def _size(sources: Sequence[str]) -> int:
    return _expected(tuple(sources)).file_size
