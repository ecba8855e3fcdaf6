"""Keeps the books between ticks and closes hours: what is open is read again after every tick.

Of what is over, amounts and cost are reckoned once and kept for the publications that follow. An hour is closed with
the rest of its day. Closed months are kept as one column, closed days of the open month and of `daily_14d` as one
column each, the hours of `hourly_7d` as pages of a day. A start reads the whole window from the store, in stretches of
bounded size.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from collector.books.amounts import read_amounts
from collector.books.cost import currency_in_force, price
from collector.books.lifetimes import Roster, roster, stretches
from collector.books.page import Buckets, Page, buckets, cut, fold, join
from collector.model import STEP
from collector.store.rates import RateChange
from collector.store.store import Store
from kl_core.calendar import DAY, HOUR, add_months, floor_day, floor_hour, floor_month, hour_of_tick
from kl_core.vocabulary import SCALES, ScaleName

DaysOver = Callable[[int, Page], None]
"""Takes the start of a month and its days that have ended, a page of a cell each."""


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

    def __init__(self, store: Store, days_over: DaysOver = lambda _month, _days: None) -> None:
        """`days_over` is told the days of each month as soon as it or a day of it has ended, and never of none."""
        self._store = store
        self._days_over = days_over
        self._closed = ClosedHours(store, (), None, days_over)

    def books(self, history: Sequence[RateChange]) -> Books:
        """Return the books up to the newest tick, with the cost that `history` (oldest first) gives.

        Raises what the store raises when an RRD cannot be read.
        """
        first, last = self._store.registry.first_tick, self._store.last_tick
        if first is None or last is None:
            return Books({}, currency_in_force(history, 0))
        windows = {scale: buckets(scale, first, last) for scale in SCALES}
        currency = currency_in_force(history, hour_of_tick(last))
        if (tuple(history), currency) != (self._closed.history, self._closed.currency):
            self._closed = ClosedHours(self._store, tuple(history), currency, self._days_over)
        everybody = roster(self._store)
        self._closed.close(windows, everybody, first, last)
        cells = self._with_open_day(everybody, last)
        pages = {scale: (window, _page(window, cells[scale], everybody)) for scale, window in windows.items()}
        return Books(pages, currency)

    def _with_open_day(self, roster: Roster, last: int) -> Mapping[ScaleName, Mapping[int, Page]]:
        """Return the closed cells and the open ones of each scale."""
        cells = {scale: dict(pages) for scale, pages in self._closed.pages.items()}
        days, months = cells["daily_14d"], cells["monthly_12m"]
        today = self._open_day(roster, last)
        if today is not None:
            cells["hourly_7d"][floor_day(last)], days[floor_day(last)] = today, fold(today, [0])
        if (month := floor_month(last - 1)) not in months:
            months[month] = month_of(month, days)
        return cells

    def _open_day(self, roster: Roster, last: int) -> Page | None:
        """Today's hours, the open one included; None at midnight."""
        midnight, hour = floor_day(last), floor_hour(last)
        pages = [read_amounts(self._store, roster, midnight, hour, HOUR)] if midnight < hour else []
        if hour < last:
            pages.append(fold(read_amounts(self._store, roster, hour, last, STEP), [0]))
        if not pages:
            return None
        keys = [key for key in roster if any(key in page.keys for page in pages)]
        return price(join(pages, keys), self._closed.history, self._closed.currency)


def _page(window: Buckets, cells: Mapping[int, Page], roster: Roster) -> Page:
    """Return the cells of a scale, oldest first, with a row for every entry that existed in it."""
    start, end = window.starts[0], window.ends[-1]
    keys = [key for key, lifetime in roster.items() if lifetime.touch(start, end)]
    page = join([cells[cell] for cell in sorted(cells) if cells[cell].starts[-1] >= start], keys)
    return cut(page, int(np.searchsorted(page.starts, start)), len(page.starts))


@dataclass(slots=True)
class ClosedHours:
    """What is closed, priced with one history of rates. Pages by the start of their day or month."""

    store: Store
    history: Sequence[RateChange]
    currency: str | None
    days_over: DaysOver
    until: int = 0
    pages: dict[ScaleName, dict[int, Page]] = field(default_factory=lambda: {scale: {} for scale in SCALES})

    def close(self, windows: Mapping[ScaleName, Buckets], roster: Roster, first: int, last: int) -> None:
        """Close the days that ended by the tick `last`, and drop what no scale of `windows` lists any more."""
        begin, end = max(floor_day(first - 1), windows["monthly_12m"].starts[0], self.until), floor_day(last)
        since: Mapping[ScaleName, int] = {
            "hourly_7d": floor_day(windows["hourly_7d"].starts[0]),
            "daily_14d": min(windows["daily_14d"].starts[0], floor_month(last - 1)),
            "monthly_12m": windows["monthly_12m"].starts[0],
        }
        for start, stop in stretches(begin, end, roster):
            self._close_days(read_amounts(self.store, roster, start, stop, HOUR), since["hourly_7d"])
            self._close_months(stop, since["daily_14d"], roster)
        if begin < end and (month := floor_month(last - 1)) not in self.pages["monthly_12m"]:
            self._tell(month, roster)
        self.until = max(begin, end)
        for scale, pages in self.pages.items():
            self.pages[scale] = {start: page for start, page in pages.items() if start >= since[scale]}

    def _close_days(self, unpriced: Page, hours_from: int) -> None:
        page = price(unpriced, self.history, self.currency)
        offsets = range(0, len(page.starts), DAY // HOUR)
        days = fold(page, offsets)
        for column, offset in enumerate(offsets):
            day = int(page.starts[offset])
            self.pages["daily_14d"][day] = cut(days, column, column + 1)
            if day >= hours_from:
                self.pages["hourly_7d"][day] = cut(page, offset, offset + DAY // HOUR)

    def _close_months(self, until: int, days_from: int, roster: Roster) -> None:
        """Add up the months that have ended by `until`, and drop those of their days that no scale lists."""
        days, months = self.pages["daily_14d"], self.pages["monthly_12m"]
        for month in sorted({floor_month(day) for day in days}):
            if month not in months and add_months(month, 1) <= until:
                # Where that fails it is told again.
                self._tell(month, roster)
                months[month] = month_of(month, days)
        for day in [day for day in days if day < days_from and floor_month(day) in months]:
            del days[day]

    def _tell(self, month: int, roster: Roster) -> None:
        days = {day: page for day, page in sorted(self.pages["daily_14d"].items()) if floor_month(day) == month}
        if days:
            start, end = min(days), max(days) + DAY
            keys = [key for key, lifetime in roster.items() if lifetime.touch(start, end)]
            self.days_over(month, join([*days.values()], keys))


def month_of(month: int, days: Mapping[int, Page]) -> Page:
    """Return the days of one month added up; `days` are by their start."""
    pages = [days[day] for day in sorted(days) if floor_month(day) == month]
    keys = sorted({key for page in pages for key in page.keys})
    return replace(fold(join(pages, keys), [0]), starts=np.array([month]))
