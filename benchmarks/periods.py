"""The periods people speak of (yesterday, last week, last quarter), relative to the last tick, in UTC."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from simulator.shapes import DAY, HOUR
from simulator.truth import month_after

Unit = Literal["hour", "day", "month"]
_WRITTEN: dict[Unit, str] = {"hour": "%Y-%m-%dT%H:%M:%SZ", "day": "%Y-%m-%d", "month": "%Y-%m"}


@dataclass(frozen=True, slots=True)
class Span:
    """Whole buckets from `start` up to `end` (UNIX seconds), of which the last may still be open."""

    unit: Unit
    start: int
    end: int

    @property
    def date(self) -> str:
        """How the tools' `date` argument names it."""
        last = month_after(self.end, -1) if self.unit == "month" else self.end - (HOUR if self.unit == "hour" else DAY)
        first_name, last_name = self._name(self.start), self._name(last)
        return first_name if first_name == last_name else f"{first_name}..{last_name}"

    @property
    def hours(self) -> float:
        """Its length, as if it were over."""
        return (self.end - self.start) / HOUR

    def _name(self, moment: int) -> str:
        return datetime.fromtimestamp(moment, UTC).strftime(_WRITTEN[self.unit])


@dataclass(frozen=True, slots=True)
class Periods:
    """Named periods; `last_tick` is in UNIX seconds and within an open hour, day and month."""

    last_tick: int

    def _days(self, first: int, count: int) -> Span:
        """`count` days, the first of which begins `first` days after today does."""
        start = self.last_tick // DAY * DAY + first * DAY
        return Span("day", start, start + count * DAY)

    def _months(self, first: int, count: int) -> Span:
        return Span("month", month_after(self.last_tick, first), month_after(self.last_tick, first + count))

    @property
    def weekday(self) -> int:
        """Of today; Monday is 0."""
        return datetime.fromtimestamp(self.last_tick, UTC).weekday()

    @property
    def last_hour(self) -> Span:
        """The latest whole hour."""
        end = self.last_tick // HOUR * HOUR
        return Span("hour", end - HOUR, end)

    @property
    def open_hour(self) -> Span:
        """The hour of the last tick."""
        return Span("hour", self.last_hour.end, self.last_hour.end + HOUR)

    @property
    def hours_of_yesterday(self) -> Span:
        """Yesterday as 24 hours."""
        return Span("hour", self.yesterday.start, self.yesterday.end)

    @property
    def full_hours(self) -> Span:
        """The 168 whole hours of the hourly scale."""
        return Span("hour", self.last_hour.end - 168 * HOUR, self.last_hour.end)

    @property
    def all_hours(self) -> Span:
        """The whole hourly scale, the open hour included."""
        return Span("hour", self.full_hours.start, self.last_hour.end + HOUR)

    @property
    def today(self) -> Span:
        """Open."""
        return self._days(0, 1)

    @property
    def closed_hours_of_today(self) -> Span:
        """Today up to the latest whole hour."""
        return Span("hour", self.today.start, self.last_hour.end)

    @property
    def same_hours_of_yesterday(self) -> Span:
        """The same hours of the day before."""
        return Span("hour", self.yesterday.start, self.last_hour.end - DAY)

    @property
    def yesterday(self) -> Span:
        """The latest whole day."""
        return self._days(-1, 1)

    @property
    def day_before_yesterday(self) -> Span:
        """The day before the latest whole one."""
        return self._days(-2, 1)

    @property
    def seven_days(self) -> Span:
        """The latest seven whole days."""
        return self._days(-7, 7)

    @property
    def seven_days_before(self) -> Span:
        """The seven days before those."""
        return self._days(-14, 7)

    @property
    def fourteen_days(self) -> Span:
        """The whole daily scale, today included."""
        return self._days(-14, 15)

    @property
    def last_week(self) -> Span:
        """The latest whole week from Monday to Sunday."""
        return self._days(-7 - self.weekday, 7)

    @property
    def working_days(self) -> Span:
        """Monday to Friday of the last week."""
        return self._days(-7 - self.weekday, 5)

    @property
    def weekend(self) -> Span:
        """Saturday and Sunday of the last week."""
        return self._days(-2 - self.weekday, 2)

    @property
    def this_month(self) -> Span:
        """Open."""
        return self._months(0, 1)

    @property
    def last_month(self) -> Span:
        """The latest whole month."""
        return self._months(-1, 1)

    @property
    def month_before(self) -> Span:
        """The month before the latest whole one."""
        return self._months(-2, 1)

    @property
    def march(self) -> Span:
        """The latest whole March."""
        return self._months(-((datetime.fromtimestamp(self.last_tick, UTC).month - 4) % 12 + 1), 1)

    @property
    def february(self) -> Span:
        """The month before it, which is shorter."""
        return Span("month", month_after(self.march.start, -1), self.march.start)

    @property
    def a_year_ago(self) -> Span:
        """The oldest month of the monthly scale."""
        return self._months(-12, 1)

    @property
    def full_months(self) -> Span:
        """The twelve whole months of the monthly scale."""
        return self._months(-12, 12)

    @property
    def thirteen_months(self) -> Span:
        """The whole monthly scale, the open month included."""
        return self._months(-12, 13)

    @property
    def last_quarter(self) -> Span:
        """The latest whole calendar quarter."""
        into = (datetime.fromtimestamp(self.last_tick, UTC).month - 1) % 3
        return self._months(-3 - into, 3)

    @property
    def quarter_before(self) -> Span:
        """The quarter before the latest whole one."""
        into = (datetime.fromtimestamp(self.last_tick, UTC).month - 1) % 3
        return self._months(-6 - into, 3)

    @property
    def this_year(self) -> Span:
        """January up to the open month."""
        month = datetime.fromtimestamp(self.last_tick, UTC).month
        return self._months(1 - month, month)
