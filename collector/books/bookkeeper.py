"""Keeps the books between ticks: what is closed is kept, what is open is read again after every tick."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from collector.books.amounts import read_amounts
from collector.books.cost import currency_in_force, price
from collector.books.hour_closing import ClosedHours, month_of
from collector.books.lifetimes import Roster, roster
from collector.books.page import Page, cut, fold, join
from collector.books.periods import Buckets, buckets
from collector.model import STEP
from collector.store.rates import RateChange
from collector.store.store import Store
from kl_core.calendar import HOUR, floor_day, floor_hour, floor_month, hour_of_tick
from kl_core.vocabulary import SCALES, ScaleName


@dataclass(frozen=True, slots=True)
class Books:
    """The books after a tick."""

    scales: Mapping[ScaleName, tuple[Buckets, Page]]
    """The cells of each scale, oldest first, with a row for every entry that existed in it; empty before a tick."""
    currency: str | None
    """Of the rate in force; None when none was ever set, and nothing has a cost."""

    @property
    def longest(self) -> Page | None:
        """Return the page of the scale that reaches back furthest; None before the first tick."""
        return self.scales["monthly_12m"][1] if self.scales else None

    @property
    def namespaces(self) -> tuple[str, ...]:
        """Return the namespaces that existed in it."""
        return () if self.longest is None else tuple(key.name for key in self.longest.keys if key.kind == "namespace")


class Bookkeeper:
    """Turns what is stored into the books. Not safe for several threads."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._history: tuple[RateChange, ...] = ()
        self._currency: str | None = None
        self._closed = ClosedHours(store, (), None)

    def books(self, history: Sequence[RateChange]) -> Books:
        """Return the books up to the newest tick, with the cost that `history` (oldest first) gives.

        Raises what the store raises when an RRD cannot be read.
        """
        first, last = self._store.first_tick, self._store.last_tick
        if first is None or last is None:
            return Books({}, currency_in_force(history, 0))
        windows = {scale: buckets(scale, first, last) for scale in SCALES}
        currency = currency_in_force(history, hour_of_tick(last))
        if (tuple(history), currency) != (self._history, self._currency):
            self._history, self._currency = tuple(history), currency
            self._closed = ClosedHours(self._store, self._history, currency)
        everybody = roster(self._store)
        self._closed.close(windows, everybody, first, last)
        cells = self._with_open_day(everybody, last)
        pages = {scale: (window, _page(window, cells[scale], everybody)) for scale, window in windows.items()}
        return Books(pages, currency)

    def _with_open_day(self, roster: Roster, last: int) -> Mapping[ScaleName, Mapping[int, Page]]:
        """Return the closed cells and the open ones of each scale."""
        hours, days, months = dict(self._closed.hours), dict(self._closed.days), dict(self._closed.months)
        today = self._open_day(roster, last)
        if today is not None:
            hours[floor_day(last)], days[floor_day(last)] = today, fold(today, [0])
        if (month := floor_month(last - 1)) not in months:
            months[month] = month_of(month, days)
        return {"hourly_7d": hours, "daily_14d": days, "monthly_12m": months}

    def _open_day(self, roster: Roster, last: int) -> Page | None:
        """Today's hours, the open one included; None at midnight."""
        midnight, hour = floor_day(last), floor_hour(last)
        pages = []
        if midnight < hour:
            pages.append(read_amounts(self._store, roster, midnight, hour, HOUR))
        if hour < last:
            pages.append(fold(read_amounts(self._store, roster, hour, last, STEP), [0]))
        if not pages:
            return None
        keys = [key for key in roster if any(key in page.keys for page in pages)]
        return price(join(pages, keys), self._history, self._currency)


def _page(window: Buckets, cells: Mapping[int, Page], roster: Roster) -> Page:
    """Return the cells of a scale, oldest first, with a row for every entry that existed in it."""
    start, end = window.starts[0], window.ends[-1]
    keys = [key for key, lifetime in roster.items() if lifetime.touch(start, end)]
    page = join([cells[cell] for cell in sorted(cells) if cells[cell].starts[-1] >= start], keys)
    return cut(page, int(np.searchsorted(page.starts, start)), len(page.starts))
