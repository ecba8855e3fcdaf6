"""Hours, days and calendar months in UTC, and the buckets each scale lists.

Instants are whole UNIX seconds. A bucket is half-open and named by its start. A tick stands for the interval that ends
at its time, so a tick at 10:00 belongs to the hour of 09:00.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from kl_core.vocabulary import ScaleName

STEP = 300
HOUR = 3600
DAY = 86400

CLOSED_BUCKETS: Mapping[ScaleName, int] = {"hourly_7d": 168, "daily_14d": 14, "monthly_12m": 12}
"""Whole buckets a scale lists before the open one."""


def hour_of_tick(tick: int) -> int:
    """Start of the hour that the interval ending at `tick` lies in; intervals divide the hour, so there is only one."""
    return (tick - 1) // HOUR * HOUR


def floor_hour(instant: int) -> int:
    """Start of the hour that holds `instant`."""
    return instant // HOUR * HOUR


def floor_day(instant: int) -> int:
    """Midnight UTC at or before `instant`."""
    return instant // DAY * DAY


def floor_month(instant: int) -> int:
    """Midnight UTC of the first of the month that holds `instant`."""
    return add_months(instant, 0)


def add_months(instant: int, months: int) -> int:
    """Start of the month that is `months` after (before, if negative) the one that holds `instant`."""
    at = datetime.fromtimestamp(instant, UTC)
    years, month = divmod(at.year * 12 + at.month - 1 + months, 12)
    return int(datetime(years, month + 1, 1, tzinfo=UTC).timestamp())


def iso(instant: int) -> str:
    """`2026-11-21T14:00:00Z`."""
    return datetime.fromtimestamp(instant, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _next(scale: ScaleName, start: int, buckets: int = 1) -> int:
    if scale == "monthly_12m":
        return add_months(start, buckets)
    return start + buckets * (HOUR if scale == "hourly_7d" else DAY)


_FLOOR: Mapping[ScaleName, Callable[[int], int]] = {
    "hourly_7d": floor_hour,
    "daily_14d": floor_day,
    "monthly_12m": floor_month,
}


@dataclass(frozen=True, slots=True)
class Buckets:
    """What a scale lists: consecutive buckets, oldest first, of which only the last can be open."""

    scale: ScaleName
    starts: tuple[int, ...]
    ends: tuple[int, ...]
    last_tick: int

    @property
    def complete(self) -> tuple[bool, ...]:
        """False for the bucket that the last tick lies inside of."""
        return tuple(end <= self.last_tick for end in self.ends)

    @property
    def elapsed_hours(self) -> tuple[float, ...]:
        """Length of each bucket, of the open one up to the last tick."""
        return tuple(
            (min(end, self.last_tick) - start) / HOUR for start, end in zip(self.starts, self.ends, strict=True)
        )


def buckets(scale: ScaleName, first_tick: int, last_tick: int) -> Buckets:
    """The buckets of `scale` after `last_tick`: the whole ones it holds and the open one, none before the first sample.

    A last tick exactly on a boundary leaves no open bucket: nothing of the next one has elapsed.
    """
    newest = _FLOOR[scale](last_tick - 1)
    is_open = _next(scale, newest) > last_tick
    oldest = _next(scale, newest, -CLOSED_BUCKETS[scale] + (0 if is_open else 1))
    start = max(oldest, _FLOOR[scale](first_tick - 1))
    starts = []
    while start <= newest:
        starts.append(start)
        start = _next(scale, start)
    return Buckets(scale, tuple(starts), (*starts[1:], _next(scale, newest)), last_tick)
