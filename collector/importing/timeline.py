"""When the source was sampled: the ticks that its rows stand for.

Rows of 5 minutes are used as far back as every database has them, hourly rows before. A row in which any namespace is
known is a tick; one in which none is, is an outage, and no tick.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from collector.importing.source import Database, Source
from collector.store.rrd import HOUR, STEP, hour_floor

Databases = Callable[[Iterable[Database]], Iterable[Database]]

_ENTRIES_A_BATCH = 100_000
"""Namespaces x ticks held as objects at once: some 100 MB."""
_MOST_TICKS, _FEWEST_TICKS = 288, 12


@dataclass(frozen=True, slots=True)
class Batch:
    """Consecutive ticks of one interval, inside the rows from `start` to `end`."""

    start: int
    end: int
    interval: int
    ticks: tuple[int, ...]
    """Ends of the intervals, UNIX seconds, ascending."""


@dataclass(frozen=True, slots=True)
class Timeline:
    """All ticks of a source."""

    hourly: tuple[int, ...]
    """Ends of the hours."""
    fine: tuple[int, ...]
    """Ends of the 5-minute steps, all after the last of `hourly`."""

    @property
    def ticks(self) -> tuple[int, ...]:
        """Both, in order of time."""
        return (*self.hourly, *self.fine)

    def batches(self, after: int, namespaces: int) -> Iterator[Batch]:
        """The ticks later than `after`, oldest first, the fewer at a time the more namespaces there are."""
        size = max(_FEWEST_TICKS, min(_MOST_TICKS, _ENTRIES_A_BATCH // max(1, namespaces)))
        for ticks, interval in ((self.hourly, HOUR), (self.fine, STEP)):
            left = [tick for tick in ticks if tick > after]
            while left:
                start = left[0] - interval
                end = start + size * interval
                taken = tuple(tick for tick in left[:size] if tick <= end)
                yield Batch(start, taken[-1], interval, taken)
                left = left[len(taken) :]


def timeline(source: Source, progress: Databases = iter) -> Timeline:
    """The ticks of the source, from one look at every namespace's database. MigrationError if one cannot be read."""
    databases = list(source.usage.values())
    fine_from = _fine_from(databases)
    end = max(database.end(STEP) if STEP in database.rows else database.end(HOUR) for database in databases)
    fine_end = end if fine_from is not None else 0
    hours_end = fine_from if fine_from is not None else hour_floor(end)
    hours_from = min(hours_end, *(database.begin(HOUR) for database in databases))
    hours, steps = _seen(hours_from, hours_end, HOUR), _seen(fine_from or 0, fine_end, STEP)
    for database in progress(databases):
        hours |= _known(database, hours_from, hours_end, HOUR)
        if fine_from is not None:
            steps |= _known(database, fine_from, fine_end, STEP)
    return Timeline(_ends(hours, hours_from, HOUR), _ends(steps, fine_from or 0, STEP))


def _fine_from(databases: Iterable[Database]) -> int | None:
    """The full hour from which on every database has 5-minute rows; None if one has no such archive."""
    begins = [database.begin(STEP) if STEP in database.rows else None for database in databases]
    known = [begin for begin in begins if begin is not None]
    return hour_floor(max(known) + HOUR - 1) if len(known) == len(begins) else None


def _seen(start: int, end: int, step: int) -> NDArray[np.bool_]:
    return np.zeros(max(0, (end - start) // step), dtype=bool)


def _known(database: Database, start: int, end: int, step: int) -> NDArray[np.bool_]:
    return np.asarray(~np.isnan(database.read(start, end, step)).all(axis=0))


def _ends(seen: NDArray[np.bool_], start: int, step: int) -> tuple[int, ...]:
    return tuple(int(start + (place + 1) * step) for place in np.flatnonzero(seen))
