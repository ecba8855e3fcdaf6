"""When the source was sampled: the ticks that its rows stand for.

An hour that the source has closed is taken from its hourly archive, because that is what its own days and months are
made of: the mean of what was known of the hour, and nothing where that was less than half, or where the hour was never
closed because the namespace ended in it. Rows of 5 minutes only say how much of such an hour was observed. The hour
that is still open is left for a later import, for nobody knows yet what the source will make of it; of a source that
goes on no more it can be had from the rows of 5 minutes. A row in which nothing is known is an outage, no tick.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby

import numpy as np

from collector.import_legacy.source import Database, Installation
from collector.model import STEP
from collector.store.rrd.database import HOURLY_ROWS, STEPS_PER_HOUR
from kl_core.calendar import HOUR, floor_hour

_MAX_BATCH_ENTRIES = 100_000
"""Namespaces x ticks held as objects at once: some 100 MB."""
_MAX_TICKS, _MIN_TICKS = 288, 12
_MAX_STEPS_BEHIND = 1.5
"""A database that is further behind the newest one has ended; the source may be writing the others just now."""
_MIN_STEPS_OF_AN_HOUR = STEPS_PER_HOUR // 2
"""Fewer known steps leave an hour unknown, in the source as here."""


@dataclass(frozen=True, slots=True)
class TickRange:
    """Consecutive ticks whose values come from rows of one length, between `start` and `end`."""

    start: int
    end: int
    step: int
    """Seconds of the rows, 3600 or 300."""
    ticks: tuple[int, ...]
    """Ends of the intervals, UNIX seconds, ascending."""
    intervals: tuple[int, ...]
    """Their lengths; in an hour that was observed in part, 300 s although the row is an hour's."""

    @property
    def places(self) -> list[int]:
        """Which row each tick's values are in."""
        return [(tick - self.start - 1) // self.step for tick in self.ticks]


@dataclass(frozen=True, slots=True)
class Timeline:
    """All ticks of a source."""

    hours: tuple[int, ...]
    """Ends of the closed hours of which anything is known."""
    steps: tuple[int, ...]
    """Ends of the observed 5-minute steps, as far back as every database has them; those of the open hour if asked."""
    closed_until: int
    """End of the last hour that is taken from the hourly archives."""
    newest: int
    """End of the newest row that every database has which is still sampled."""

    @property
    def ticks(self) -> tuple[int, ...]:
        """Times of all ticks, ascending."""
        return tuple(tick for batch in self.batches(0, 1) for tick in batch.ticks)

    @property
    def begin(self) -> int:
        """Start of the first tick's interval; there has to be a tick."""
        first = next(self.batches(0, 1))
        return first.ticks[0] - first.intervals[0]

    def left(self, after: int) -> int:
        """How many ticks `batches` has later than `after`."""
        return sum(len(batch.ticks) for batch in self.batches(after, 1))

    def batches(self, after: int, namespaces: int) -> Iterator[TickRange]:
        """Return the ticks later than `after`, oldest first, the fewer at a time the more namespaces there are."""
        size = max(_MIN_TICKS, min(_MAX_TICKS, _MAX_BATCH_ENTRIES // max(1, namespaces)))
        # An hour that was stored while it was open goes on in the way it was begun, where that is still possible.
        hour_end = floor_hour(after + HOUR - 1)
        yield from _fine([step for step in self.steps if after < step <= min(hour_end, self.closed_until)], size)
        yield from self._closed([hour for hour in self.hours if hour > hour_end], size)
        yield from _fine(list(self.open_steps(after)), size)

    def open_steps(self, after: int = 0) -> Iterator[int]:
        """Return the ends of the observed steps later than the last closed hour, and than `after`."""
        return (step for step in self.steps if step > max(after, self.closed_until))

    def _closed(self, hours: list[int], size: int) -> Iterator[TickRange]:
        by_hour = groupby(self.steps, key=lambda step: floor_hour(step + HOUR - 1))
        observed = {hour_end: list(steps) for hour_end, steps in by_hour}
        ticks: list[int] = []
        intervals: list[int] = []
        for place, hour in enumerate(hours):
            steps = observed.get(hour, [])
            partly = _MIN_STEPS_OF_AN_HOUR <= len(steps) < STEPS_PER_HOUR
            ticks += steps if partly else [hour]
            intervals += [STEP] * len(steps) if partly else [HOUR]
            if place + 1 == len(hours) or len(ticks) >= size or hours[place + 1] - ticks[0] > size * HOUR:
                yield TickRange(floor_hour(ticks[0] - 1), hour, HOUR, tuple(ticks), tuple(intervals))
                ticks, intervals = [], []


def _fine(steps: list[int], size: int) -> Iterator[TickRange]:
    for first in range(0, len(steps), size):
        ticks = tuple(steps[first : first + size])
        yield TickRange(ticks[0] - STEP, ticks[-1], STEP, ticks, (STEP,) * len(ticks))


def timeline(
    source: Installation, progress: Callable[[list[Database]], Iterable[Database]] = iter, *, open_hour: bool = False
) -> Timeline:
    """Return the ticks of the source, from one look at every database of usage. MigrationError if one cannot be read.

    Without `open_hour` they end with the last hour that the source has closed; with it the source has to be stopped.
    """
    databases = list(source.usage.values())
    fine_from = _fine_from(databases)
    end = _end(databases, HOUR if fine_from is None else STEP, is_stopped=open_hour)
    closed_until = floor_hour(end)
    newest, end = end, end if open_hour else closed_until
    oldest = min(closed_until, *(database.begin(HOUR) for database in databases))
    hours_from = max(oldest, closed_until - HOURLY_ROWS * HOUR)
    steps_from = closed_until if fine_from is None else min(fine_from, closed_until)
    hours, steps = set[int](), set[int]()
    # It has a row for every sample, also of a cluster in which no namespace was left.
    sampled = [*databases, *filter(None, [source.non_allocatable])]
    for database in progress(sampled):
        hours.update(_observed(database, hours_from, closed_until, HOUR))
        steps.update(_observed(database, steps_from, end, STEP))
    return Timeline(tuple(sorted(hours)), tuple(sorted(steps)), closed_until, newest)


def _end(databases: Iterable[Database], step: int, *, is_stopped: bool) -> int:
    """End of the newest row of that length which every database has that is still sampled."""
    newest = max(database.last for database in databases)
    if is_stopped:
        return newest - newest % step
    sampled = [database for database in databases if database.last >= newest - _MAX_STEPS_BEHIND * database.step]
    return min(database.end(step) for database in sampled)


def _fine_from(databases: Iterable[Database]) -> int | None:
    """Return the full hour from which on every database has 5-minute rows; None if one has no such archive."""
    begins = [database.begin(STEP) if STEP in database.archives else None for database in databases]
    known = [begin for begin in begins if begin is not None]
    return floor_hour(max(known) + HOUR - 1) if len(known) == len(begins) else None


def _observed(database: Database, start: int, end: int, step: int) -> list[int]:
    """Return the ends of the rows in which anything is known."""
    if step not in database.archives:
        return []
    known = ~np.isnan(database.read(start, end, step)).all(axis=0)
    return [start + (row + 1) * step for row in np.flatnonzero(known).tolist()]
