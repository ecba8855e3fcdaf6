"""Hours, days and calendar months in UTC: where they begin, which comes next, and how they and instants are written.

Instants are whole UNIX seconds. A bucket is half-open and named by its start. A tick stands for the interval that ends
at its time, so a tick at 10:00 belongs to the hour of 09:00.
"""

from calendar import timegm
from collections.abc import Mapping
from datetime import UTC, datetime

from kl_core.vocabulary import ScaleName

HOUR = 3600
DAY = 24 * HOUR
WEEK = 7 * DAY
MONTH_NAMES = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

GRANULARITY: Mapping[ScaleName, str] = {"hourly_7d": "hour", "daily_14d": "day", "monthly_12m": "month"}
_ISO = "%Y-%m-%dT%H:%M:%SZ"
_NAMES: Mapping[ScaleName, str] = {"hourly_7d": _ISO, "daily_14d": "%Y-%m-%d", "monthly_12m": "%Y-%m"}


def iso(instant: float, precision: str = "seconds") -> str:
    """Return an instant as `2026-11-21T14:00:00Z`; `precision` may be `milliseconds`."""
    return datetime.fromtimestamp(instant, UTC).isoformat(timespec=precision).removesuffix("+00:00") + "Z"


def iso_or_none(instant: float | None) -> str | None:
    """Return an instant as `iso` writes it, None for None."""
    return None if instant is None else iso(instant)


def read_iso(written: str) -> int:
    """Return the instant that is written as `2026-11-21T14:00:00Z`. Raises ValueError."""
    # fromisoformat reads many more forms; of those as long, only this one has these at every third place.
    if len(written) != 20 or written[4::3] != "--T::Z":
        raise ValueError(written)
    return timegm(datetime.fromisoformat(written[:-1]).timetuple())


def floor_hour(instant: int) -> int:
    """Return the start of the hour that holds `instant`."""
    return instant // HOUR * HOUR


def hour_of_tick(tick: int) -> int:
    """Return the start of the hour that the interval ending at `tick` lies in; intervals divide the hour."""
    return floor_hour(tick - 1)


def floor_day(instant: int) -> int:
    """Return midnight at or before `instant`."""
    return instant // DAY * DAY


def add_months(instant: int, months: int) -> int:
    """Return the start of the month that is `months` after (before, if negative) the one that holds `instant`."""
    at = datetime.fromtimestamp(instant, UTC)
    years, month = divmod(at.year * 12 + at.month - 1 + months, 12)
    return int(datetime(years, month + 1, 1, tzinfo=UTC).timestamp())


def floor_month(instant: int) -> int:
    """Return midnight of the first of the month that holds `instant`."""
    return add_months(instant, 0)


def bucket_start(scale: ScaleName, instant: int) -> int:
    """Return the start of the bucket that holds `instant`."""
    if scale == "monthly_12m":
        return floor_month(instant)
    return floor_hour(instant) if scale == "hourly_7d" else floor_day(instant)


def next_bucket(scale: ScaleName, start: int, buckets: int = 1) -> int:
    """Return the start of the bucket that is `buckets` after (before, if negative) the one that begins at `start`."""
    if scale == "monthly_12m":
        return add_months(start, buckets)
    return start + buckets * (HOUR if scale == "hourly_7d" else DAY)


def boundaries(scale: ScaleName, first: int, last: int) -> tuple[int, ...]:
    """Return the starts of all buckets from the one at `first` to the one at `last`, and where that ends."""
    starts = [first]
    while starts[-1] <= last:
        starts.append(next_bucket(scale, starts[-1]))
    return tuple(starts)


def bucket_name(scale: ScaleName, start: int) -> str:
    """Return the name of the bucket that begins at `start`: `2026-11-21T14:00:00Z`, `2026-11-21` or `2026-11`."""
    return datetime.fromtimestamp(start, UTC).strftime(_NAMES[scale])
