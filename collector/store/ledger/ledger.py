"""The ledger of one database location, as its one writer holds it.

Rules: an hour follows the one before it; only days that nobody observed at all may be left out between two days, and
the next header names them. So each file but the newest ends with its day, and each but the oldest begins with its day.
"""

import logging
from collections.abc import Iterator, Sequence
from copy import copy
from functools import cached_property
from itertools import groupby
from pathlib import Path

from collector.errors import DamagedDayError, StoreError
from collector.hour import ClosedHour
from collector.store.ledger import chain, writing
from collector.store.ledger.closed_hours import closed_hours
from collector.store.ledger.day import LedgerDay
from collector.store.ledger.day_file import DayFile, recover
from collector.store.ledger.days import days, load
from collector.store.ledger.form import LedgerCluster, encode
from collector.store.ledger.writing import DayOrder, day_name
from kl_core.calendar import DAY, HOUR, floor_day, iso

_log = logging.getLogger(__name__)

_LINES_A_DAY = 1 + DAY // HOUR


class Ledger:
    """One process at a time may have it open; `collector.store.lock` sees to that.

    `open` and all methods raise StoreError where a file cannot be read or written, DamagedDayError for a day that is
    not what was written.
    """

    def __init__(self, directory: Path, files: Sequence[DayFile]) -> None:
        self._directory = directory
        self._files = list(files)
        self._order, self._size, self._lines_of_last = DayOrder(), 0, 0
        self.head = chain.BEGINNING
        """The chain of the newest line."""
        self.last_hour: int | None = None
        """Start of the newest closed hour, UNIX seconds."""
        self.cluster = LedgerCluster("", None, None)
        """Which cluster its newest header names."""

    @classmethod
    def open(cls, directory: Path) -> "Ledger":
        """Return the ledger under a database location, after putting in order what a kill left. Reads one day."""
        ledger = cls(directory, recover(directory))
        if ledger._files:
            ledger._take(ledger._files[-1])
        return ledger

    def _take(self, newest: DayFile) -> None:
        day = load(newest, is_newest=True)
        self._order = DayOrder(dict(zip(day.namespaces.names, day.last_labels, strict=True)), dict(day.nodes.what[-1]))
        self.head, self.last_hour, self._lines_of_last = day.chains[-1], int(day.starts[-1]), len(day.chains)
        self.cluster = day.cluster
        is_over = day.end % DAY == 0
        if newest.plain.exists():
            self._size = newest.plain.stat().st_size
            if is_over:
                newest.compress()
        elif not is_over:
            raise DamagedDayError(str(newest.path), len(day.chains) + 1, "it is missing, for the day is not over there")

    @property
    def end(self) -> int | None:
        """Where the newest closed hour ends, UNIX seconds."""
        return None if self.last_hour is None else self.last_hour + HOUR

    @cached_property
    def _oldest_hour(self) -> int | None:
        try:
            return int(load(self._files[0], is_newest=len(self._files) == 1).starts[0])
        except StoreError as error:
            _log.error("the lines of the ledger are not counted: %s", error)
            return None

    @property
    def first_hour(self) -> int | None:
        """Start of the oldest closed hour, UNIX seconds. Reads a day when it is called first.

        None where that cannot be read, too, which is logged.
        """
        return self._oldest_hour if self._files else None

    @property
    def length(self) -> int | None:
        """How many lines there are, headers included; None where the oldest day, that it reads, cannot be read."""
        if len(self._files) < 2:
            return self._lines_of_last
        if self._oldest_hour is None:
            return None
        begun = self._oldest_hour % DAY // HOUR
        return (len(self._files) - 1) * _LINES_A_DAY - begun + self._lines_of_last

    def append(self, hours: Sequence[ClosedHour], cluster: LedgerCluster) -> None:
        """Close hours, oldest first: when this returns they are on disk. Of each day that ends it compresses the file.

        StoreError for an hour that does not follow; those before it are closed then.
        """
        for day, of_day in groupby(hours, lambda hour: floor_day(hour.start)):
            new = list(of_day)
            if self._files and self.last_hour is not None and floor_day(self.last_hour) == day:
                for hour in new:
                    self._continue(hour)
            else:
                self._begin(new, cluster)

    def _continue(self, hour: ClosedHour) -> None:
        self._check_follows(hour, self.last_hour)
        file, order = self._files[-1], _copied(self._order)
        line, head = chain.chained(self.head, encode(writing.hour_line(hour, order)))
        self._size = file.append(line, self._size)
        self._order, self.head, self.last_hour = order, head, hour.start
        self._lines_of_last += 1
        if _ends_day(hour):
            file.compress()

    def _begin(self, hours: Sequence[ClosedHour], cluster: LedgerCluster) -> None:
        last = self.last_hour
        for hour in hours:
            self._check_follows(hour, last)
            last = hour.start
        last_day = None if self.last_hour is None else floor_day(self.last_hour)
        self.cluster = cluster
        header, order = writing.header(hours[0], cluster, self.head, last_day, self._order.labels)
        line, head = chain.chained(self.head, encode(header))
        lines = [line]
        for hour in hours:
            line, head = chain.chained(head, encode(writing.hour_line(hour, order)))
            lines.append(line)
        file = DayFile(day_name(hours[0].start), self._directory)
        file.begin(lines, is_over=_ends_day(hours[-1]))
        self._files.append(file)
        self._size, self._lines_of_last = sum(len(line) + 1 for line in lines), len(lines)
        self._order, self.head, self.last_hour = order, head, hours[-1].start

    def _check_follows(self, hour: ClosedHour, last: int | None) -> None:
        """StoreError unless the hour may follow `last`."""
        if hour.start % HOUR:
            raise StoreError(f"{iso(hour.start)} is no full hour, so nothing of it was written to the ledger")
        if last is None or hour.start == last + HOUR:
            return
        if hour.start <= last:
            raise StoreError(
                f"{iso(hour.start)} was refused by the ledger: its newest hour is {iso(last)}, and none is closed twice"
            )
        if hour.start % DAY or (last + HOUR) % DAY:
            raise StoreError(
                f"{iso(hour.start)} cannot follow {iso(last)} in the ledger: only whole days may be left out, so that "
                f"{iso(last + HOUR)} has to be closed first"
            )

    def hours(self, start: int, end: int) -> Iterator[ClosedHour]:
        """Yield the closed hours that begin from `start` on, before `end`; oldest first."""
        for day in self.days(start, end):
            for hour in closed_hours(day):
                if start <= hour.start < end:
                    yield hour

    def days(self, start: int, end: int) -> Iterator[LedgerDay]:
        """Yield each day, whole, that may have such hours, as matrices."""
        return days(self._directory, start, end)


def _ends_day(hour: ClosedHour) -> bool:
    return (hour.start + HOUR) % DAY == 0


def _copied(order: DayOrder) -> DayOrder:
    """Return what was named, to be changed by a line that may not get onto the disk."""
    return DayOrder(copy(order.labels), copy(order.nodes))
