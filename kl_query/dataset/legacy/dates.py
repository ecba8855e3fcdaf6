"""When things are: dates without a year, and how many hours of a bucket a rolling window holds.

Points are named by the end of their hour, so that hour 23-24 of a day counts to the next day (of a month's last day, to
the next month).
"""

from datetime import UTC, datetime

from kl_core.calendar import DAY, HOUR, MONTH_NAMES, read_iso
from kl_query.dataset.legacy.files import DAILY_SECONDS

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


def start_of_bucket(written: str, window: int, around: int | None) -> int | None:
    """Return the start of a day or month of a rolling window that ends near `around`; None for one outside of it.

    Where `around` is unknown every month counts, and no day.
    """
    start = read_day(written, around) if window == DAILY_SECONDS else read_month(written)
    if start is None or around is None:
        return start
    longest = DAY if window == DAILY_SECONDS else 31 * DAY
    return start if around - window - longest - _SLACK <= start <= around + _SLACK else None


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
