"""Keeps the books between ticks: what is closed is computed once, what is open is read again after every tick.

Closed months are kept as one column, closed days of the open month and of `daily_14d` as one column each, the hours of
`hourly_7d` as pages of a day. A start reads the whole window from the store, in stretches of bounded size.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np

from collector.books.amounts import ClusterRows, EntryRows, Stored, amounts
from collector.books.cost import Rate, currency_in_force, price
from collector.books.lifetimes import Lives, lives
from collector.books.page import Key, Page, cut, fold, join
from collector.books.periods import STEP, Buckets, buckets
from collector.publish.scale_document import empty_document, metrics_present, scale_document
from kl_core.calendar import DAY, HOUR, add_months, floor_day, floor_hour, floor_month, hour_of_tick
from kl_core.vocabulary import METRICS, SCALES, Metric, ScaleName

CELLS_PER_STRETCH = 250_000
"""Entries x hours read at once: some 50 MB of arrays, and a year in one stretch for a small cluster."""


class Record(Protocol):
    """What the registry knows of one entry."""

    @property
    def active(self) -> bool: ...
    @property
    def lives(self) -> Sequence[tuple[int, int]]: ...
    @property
    def gpu_since(self) -> int | None: ...


class Ledger(Protocol):
    """The part of the store that the books are kept from."""

    @property
    def first_tick(self) -> int | None: ...
    @property
    def last_tick(self) -> int | None: ...
    @property
    def namespaces(self) -> Mapping[str, Record]: ...
    @property
    def special(self) -> Mapping[str, Record]: ...
    def cluster(self, start: int, end: int, step: int) -> ClusterRows: ...
    def entry(self, kind: Any, name: str, start: int, end: int, step: int) -> EntryRows: ...


@dataclass(frozen=True, slots=True)
class Books:
    """All that is published after a tick, but for the nodes and the manifest."""

    scales: Mapping[ScaleName, dict[str, Any]]
    metrics: tuple[Metric, ...]
    currency: str | None
    namespaces: tuple[str, ...]
    """Those that existed inside the window of the largest scale."""


class Bookkeeper:
    """Turns the ledger into the books. Not safe for several threads."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._history: tuple[Rate, ...] = ()
        self._currency: str | None = None
        self._forget()

    def _forget(self) -> None:
        self._closed_until: int | None = None
        self._hours: dict[int, Page] = {}
        self._days: dict[int, Page] = {}
        self._months: dict[int, Page] = {}

    def books(self, history: Sequence[Rate]) -> Books:
        """The books up to the ledger's last tick, with the cost that `history` (oldest first) gives.

        Raises what the ledger raises when an RRD cannot be read.
        """
        first, last = self._ledger.first_tick, self._ledger.last_tick
        if first is None or last is None:
            return _no_books(history)
        windows = {scale: buckets(scale, first, last) for scale in SCALES}
        currency = currency_in_force(history, hour_of_tick(last))
        if (tuple(history), currency) != (self._history, self._currency):
            self._history, self._currency = tuple(history), currency
            self._forget()
        roster = self._roster()
        self._close_days(windows, roster, first, last)
        return self._bind(windows, roster, last)

    def _roster(self) -> dict[Key, Lives]:
        """Lives of every entry; namespaces by name, then the special entries."""
        records = {
            **{Key("namespace", name): record for name, record in sorted(self._ledger.namespaces.items())},
            **{Key("special", name): record for name, record in sorted(self._ledger.special.items())},
        }
        return {
            key: lives(record.lives, active=record.active, gpu_since=record.gpu_since)
            for key, record in records.items()
        }

    def _close_days(
        self, windows: Mapping[ScaleName, Buckets], roster: Mapping[Key, Lives], first: int, last: int
    ) -> None:
        begin = max(floor_day(first - 1), windows["monthly_12m"].starts[0])
        if self._closed_until is not None:
            begin = max(begin, self._closed_until)
        end = floor_day(last)
        hours_from = floor_day(windows["hourly_7d"].starts[0])
        days_from = min(windows["daily_14d"].starts[0], floor_month(last - 1))
        for start, stop in _stretches(begin, end, roster):
            self._close(self._read(roster, start, stop, HOUR), hours_from)
            self._close_months(stop, days_from)
        self._closed_until = max(begin, end)
        self._hours = {day: page for day, page in self._hours.items() if day >= hours_from}
        self._days = {day: page for day, page in self._days.items() if day >= days_from}
        months_from = windows["monthly_12m"].starts[0]
        self._months = {month: page for month, page in self._months.items() if month >= months_from}

    def _close(self, raw: Page, hours_from: int) -> None:
        """Files the hours of whole days."""
        page = price(raw, self._history, self._currency)
        offsets = range(0, len(page.starts), DAY // HOUR)
        days = fold(page, offsets)
        for column, offset in enumerate(offsets):
            day = int(page.starts[offset])
            self._days[day] = cut(days, column, column + 1)
            if day >= hours_from:
                self._hours[day] = cut(page, offset, offset + DAY // HOUR)

    def _close_months(self, until: int, days_from: int) -> None:
        """Adds up the months that have ended by `until`, and drops those of their days that no scale lists."""
        for month in sorted({floor_month(day) for day in self._days}):
            if month not in self._months and add_months(month, 1) <= until:
                self._months[month] = _month(month, self._days)
        self._days = {d: page for d, page in self._days.items() if d >= days_from or floor_month(d) not in self._months}

    def _read(self, roster: Mapping[Key, Lives], start: int, end: int, step: int) -> Page:
        stored = [
            Stored(key, lived, self._ledger.entry(key.kind, key.name, start, end, step))
            for key, lived in roster.items()
            if lived.touch(floor_hour(start), end)
        ]
        return amounts(self._ledger.cluster(start, end, step), stored)

    def _open_day(self, roster: Mapping[Key, Lives], last: int) -> Page | None:
        """Today's hours, the open one included; None at midnight."""
        midnight, hour = floor_day(last), floor_hour(last)
        pages = []
        if midnight < hour:
            pages.append(self._read(roster, midnight, hour, HOUR))
        if hour < last:
            pages.append(fold(self._read(roster, hour, last, STEP), [0]))
        if not pages:
            return None
        keys = [key for key in roster if any(key in page.keys for page in pages)]
        return price(join(pages, keys), self._history, self._currency)

    def _bind(self, windows: Mapping[ScaleName, Buckets], roster: Mapping[Key, Lives], last: int) -> Books:
        today = self._open_day(roster, last)
        hours, days, months = dict(self._hours), dict(self._days), dict(self._months)
        if today is not None:
            hours[floor_day(last)], days[floor_day(last)] = today, fold(today, [0])
        if (month := floor_month(last - 1)) not in months:
            months[month] = _month(month, days)
        cells: Mapping[ScaleName, Mapping[int, Page]] = {"hourly_7d": hours, "daily_14d": days, "monthly_12m": months}
        pages = {scale: _window(windows[scale], cells[scale], roster) for scale in SCALES}
        metrics = metrics_present(pages["monthly_12m"])
        charged = bool(self._history)
        return Books(
            scales={scale: scale_document(windows[scale], pages[scale], metrics, charged=charged) for scale in SCALES},
            metrics=tuple(METRICS[index] for index in metrics),
            currency=self._currency,
            namespaces=tuple(key.name for key in pages["monthly_12m"].keys if key.kind == "namespace"),
        )


def _no_books(history: Sequence[Rate]) -> Books:
    return Books({scale: empty_document(scale) for scale in SCALES}, METRICS[:2], currency_in_force(history, 0), ())


def _stretches(begin: int, end: int, roster: Mapping[Key, Lives]) -> Iterator[tuple[int, int]]:
    """Whole days from `begin` to `end`, as many at once as memory allows."""
    while begin < end:
        days = max(1, CELLS_PER_STRETCH // (24 * (1 + sum(lived.touch(begin, end) for lived in roster.values()))))
        stop = min(end, begin + days * DAY)
        yield begin, stop
        begin = stop


def _month(month: int, days: Mapping[int, Page]) -> Page:
    """The days of one month, added up."""
    pages = [days[day] for day in sorted(days) if floor_month(day) == month]
    keys = sorted({key for page in pages for key in page.keys})
    return replace(fold(join(pages, keys), [0]), starts=np.array([month]))


def _window(window: Buckets, cells: Mapping[int, Page], roster: Mapping[Key, Lives]) -> Page:
    """The cells of a scale, oldest first, with a row for every entry that existed in it."""
    start, end = window.starts[0], window.ends[-1]
    keys = [key for key, lived in roster.items() if lived.touch(start, end)]
    page = join([cells[cell] for cell in sorted(cells) if cells[cell].starts[-1] >= start], keys)
    return cut(page, int(np.searchsorted(page.starts, start)), len(page.starts))
