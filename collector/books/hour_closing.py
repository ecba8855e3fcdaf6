"""Closes hours: of what is over, amounts and cost are reckoned once and kept for the publications that follow.

An hour is closed with the rest of its day. Closed months are kept as one column, closed days of the open month and of
`daily_14d` as one column each, the hours of `hourly_7d` as pages of a day. A start reads the whole window from the
store, in stretches of bounded size.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from collector.books.amounts import read_amounts
from collector.books.cost import price
from collector.books.lifetimes import Roster, stretches
from collector.books.page import Page, cut, fold, join
from collector.books.periods import Buckets
from collector.store.rates import RateChange
from collector.store.store import Store
from kl_core.calendar import DAY, HOUR, add_months, floor_day, floor_month
from kl_core.vocabulary import ScaleName


class ClosedHours:
    """What is closed, priced with one history of rates. Pages by the start of their day or month."""

    def __init__(self, store: Store, history: Sequence[RateChange], currency: str | None) -> None:
        self._store = store
        self._history = history
        self._currency = currency
        self._until: int | None = None
        self.hours: dict[int, Page] = {}
        self.days: dict[int, Page] = {}
        self.months: dict[int, Page] = {}

    def close(self, windows: Mapping[ScaleName, Buckets], roster: Roster, first: int, last: int) -> None:
        """Close the days that ended by the tick `last`, and drop what no scale of `windows` lists any more."""
        begin = max(floor_day(first - 1), windows["monthly_12m"].starts[0], self._until or 0)
        end = floor_day(last)
        hours_from = floor_day(windows["hourly_7d"].starts[0])
        days_from = min(windows["daily_14d"].starts[0], floor_month(last - 1))
        for start, stop in stretches(begin, end, roster):
            self._close_days(read_amounts(self._store, roster, start, stop, HOUR), hours_from)
            self._close_months(stop, days_from)
        self._until = max(begin, end)
        self.hours = {day: page for day, page in self.hours.items() if day >= hours_from}
        self.days = {day: page for day, page in self.days.items() if day >= days_from}
        months_from = windows["monthly_12m"].starts[0]
        self.months = {month: page for month, page in self.months.items() if month >= months_from}

    def _close_days(self, unpriced: Page, hours_from: int) -> None:
        page = price(unpriced, self._history, self._currency)
        offsets = range(0, len(page.starts), DAY // HOUR)
        days = fold(page, offsets)
        for column, offset in enumerate(offsets):
            day = int(page.starts[offset])
            self.days[day] = cut(days, column, column + 1)
            if day >= hours_from:
                self.hours[day] = cut(page, offset, offset + DAY // HOUR)

    def _close_months(self, until: int, days_from: int) -> None:
        """Add up the months that have ended by `until`, and drop those of their days that no scale lists."""
        for month in sorted({floor_month(day) for day in self.days}):
            if month not in self.months and add_months(month, 1) <= until:
                self.months[month] = month_of(month, self.days)
        self.days = {d: page for d, page in self.days.items() if d >= days_from or floor_month(d) not in self.months}


def month_of(month: int, days: Mapping[int, Page]) -> Page:
    """Return the days of one month added up; `days` are by their start."""
    pages = [days[day] for day in sorted(days) if floor_month(day) == month]
    keys = sorted({key for page in pages for key in page.keys})
    return replace(fold(join(pages, keys), [0]), starts=np.array([month]))
