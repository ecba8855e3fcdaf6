"""When things are: dates without a year, and how many hours of a bucket a rolling window holds.

Points are named by the end of their hour, so that hour 23-24 of a day counts to the next day (of a month's last day, to
the next month).
"""

from datetime import UTC, datetime

from kl_core.calendar import DAY, HOUR, MONTH_NAMES, read_iso

_SLACK = 2 * DAY


def read_instant(written: str) -> int | None:
    """Return the instant of an hourly point, such as `2026-11-14T19:00:00Z`; None when it cannot be read."""
    try:
        return read_iso(written)
    except ValueError:
        return None


def read_day(written: str, newest: int | None) -> int | None:
    """Return the start of a day such as `21 Nov`, in the year that brings it nearest to the newest sample."""
    if newest is None:
        return None
    day, _, name = written.strip().partition(" ")
    if not day.isdecimal() or name not in MONTH_NAMES:
        return None
    month = MONTH_NAMES.index(name) + 1
    around = datetime.fromtimestamp(newest, UTC).year
    starts = (_day(year, month, int(day)) for year in (around - 1, around, around + 1))
    return min((start for start in starts if start is not None), key=lambda start: abs(start - newest), default=None)


def read_month(written: str) -> int | None:
    """Return the start of a month such as `Nov 2026`."""
    name, _, year = written.strip().partition(" ")
    if name not in MONTH_NAMES or not (year.isdecimal() and len(year) == 4):
        return None
    return _day(int(year), MONTH_NAMES.index(name) + 1, 1)


def in_window(start: int, newest: int, window: int) -> bool:
    """Say whether a bucket that starts at `start` can be part of a window that ends about now."""
    longest = 31 * DAY if window > 100 * DAY else DAY
    return newest - window - longest - _SLACK <= start <= newest + _SLACK


def hours_inside(start: int, end: int, newest: int, window: int, row: int = HOUR) -> float:
    """Return the hours of the rows of a bucket that end after `newest - window` and not after `newest`.

    Rows are `row` seconds long and end at multiples of that.
    """
    after, until = max(start - 1, newest - window), min(end - 1, newest)
    return max(0, until // row - after // row) * row / HOUR


def _day(year: int, month: int, day: int) -> int | None:
    try:
        return int(datetime(year, month, day, tzinfo=UTC).timestamp())
    except (ValueError, OverflowError):
        return None
