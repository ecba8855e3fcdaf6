"""What a date says: a bucket, a range or a word, as the time that it names.

A bucket is an hour (`2026-11-21T14:00:00Z`, also at another offset), a day, a month (`2026-11`, `November 2026`), a
quarter (`2026-Q3`) or a year. A range `FIRST..LAST` holds both of its ends. Words are resolved against the newest
sample, which belongs to the bucket that it ends: `today` is the day of that sample, `this_week` begins on Monday,
`last_week` is the week before it, and `last_7d` the 7 whole days before the open one.
"""

from __future__ import annotations

import re
from calendar import monthrange, timegm
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from kl_core.calendar import (
    DAY,
    GRANULARITY,
    HOUR,
    MONTH_NAMES,
    WEEK,
    add_months,
    bucket_start,
    floor_day,
    floor_month,
    iso,
)
from kl_core.vocabulary import SCALES, ScaleName
from kl_core.wording import as_word

LATEST, ALL = "latest", "all"
_BUCKET = re.compile(
    r"(?P<year>\d{4})(?:-(?P<month>\d\d))?(?:-(?P<day>\d\d)"
    r"(?:[T ](?P<hour>\d\d)(?::?(?P<minute>\d\d)(?::?(?P<second>\d\d)(?:\.\d+)?)?)?"
    r"(?:Z|(?P<sign>[+-])(?P<ahead>[01]\d|2[0-3])(?::?(?P<minutes_ahead>[0-5]\d))?)?)?)?",
    re.ASCII | re.IGNORECASE,
)
_QUARTER = re.compile(r"(?P<year>\d{4})_?q(?P<quarter>[1-4])|q(?P<quarter_first>[1-4])_(?P<year_last>\d{4})", re.ASCII)
_MONTH = re.compile(r"(?P<name>[a-z]{3,9})_(?P<year>\d{4})|(?P<year_first>\d{4})_(?P<name_last>[a-z]{3,9})", re.ASCII)
_CALENDAR_WORD = re.compile(r"(?P<which>this|current|last|previous)_(?P<unit>hour|day|week|month|quarter|year)")
_TO_DATE: Mapping[str, str] = {
    **dict.fromkeys(("wtd", "week_to_date"), "this_week"),
    **dict.fromkeys(("mtd", "month_to_date"), "this_month"),
    **dict.fromkeys(("qtd", "quarter_to_date"), "this_quarter"),
    **dict.fromkeys(("ytd", "year_to_date"), "this_year"),
}
_COUNTED = re.compile(r"(?:(?:the_)?(?:last|past|previous)_?)?(?P<count>\d{1,4})_?(?P<unit>[a-z]+)", re.ASCII)
_COUNTED_UNITS: Mapping[str, str] = {
    **dict.fromkeys(("h", "hour", "hours"), "hour"),
    **dict.fromkeys(("d", "day", "days"), "day"),
    **dict.fromkeys(("w", "week", "weeks"), "week"),
    **dict.fromkeys(("m", "month", "months"), "month"),
}
_FUTURE = re.compile(r"tomorrow|next_.*|forecast.*|future|upcoming.*|coming_.*")
_SEPARATOR = re.compile(r"\s*\.\.\s*|\s*/\s*|\s+to\s+", re.IGNORECASE)
_OTHER_SEPARATOR = re.compile(r"\s*(?:,|…|–)\s*|\s+(?:-|and|until|through)\s+", re.IGNORECASE)
_DAYS_WRITTEN_OTHERWISE = (
    *("%Y-%m-%d", "%Y-%m-%dZ", "%Y/%m/%d", "%Y.%m.%d", "%Y%m%d"),
    *("%d %B %Y", "%d %b %Y", "%B %d, %Y", "%b %d, %Y", "%B %d %Y", "%b %d %Y"),
)
"""How a day is written where it is no date of ours, and yet cannot be any other day."""
_SCALE_OF_UNIT: Mapping[str, ScaleName] = {
    "hour": "hourly_7d",
    **dict.fromkeys(("day", "week"), "daily_14d"),
    **dict.fromkeys(("month", "quarter", "year"), "monthly_12m"),
}
_MONTHS_OF_UNIT: Mapping[str, int] = {"month": 1, "quarter": 3, "year": 12}
_FULL_MONTH_NAMES = (
    *("january", "february", "march", "april", "may", "june"),
    *("july", "august", "september", "october", "november", "december"),
)
_MONDAY = 4 * DAY
"""The first Monday of UNIX time."""


@dataclass(frozen=True, slots=True)
class DateRange:
    """The time that a date names, from `first` up to and without `stop`, in buckets of `scale`."""

    scale: ScaleName
    first: int
    stop: int
    last: int
    """Where the last bucket that it names begins: the year, the week, the day of a range's end."""


def read_date(date: str, newest: int) -> DateRange | None:
    """Return what `date` names, words against the newest sample; None for what is no date, `latest` and `all` included.

    `stop` is not after `first` where a range ends before it begins.
    """
    parts = _SEPARATOR.split(_TO_DATE.get(as_word(date), date).strip())
    if len(parts) > 2:
        return None
    try:
        first = _read_one(parts[0], newest)
        if first is None or len(parts) == 1:
            return first
        last = _last_of_range(parts[1], first.scale, newest)
    except (ValueError, OverflowError):
        return None
    if last is None or ("/" in date and "hourly_7d" in (first.scale, last.scale)):
        return None  # whether an interval of hours holds its last one is not plain
    return DateRange(min(first.scale, last.scale, key=SCALES.index), first.first, last.stop, last.last)


def as_hours(date: str) -> str:
    """Return `last_7d` and `last_1w` as `last_168h`, for the scale of hours; any other date as it is."""
    match = _COUNTED.fullmatch(as_word(date))
    hours = {"day": 24, "week": 7 * 24}.get(_COUNTED_UNITS.get(match["unit"], "")) if match else None
    return f"last_{min(int(match['count']) * hours, 9999)}h" if match and hours else date


def scale_said(date: str) -> ScaleName | None:
    """Return the scale that a date is written for; None where it says none."""
    named = read_date(date, 0)
    return named.scale if named else None


def is_future(date: str) -> bool:
    """Say whether a date is a word for what is yet to come."""
    return _FUTURE.fullmatch(as_word(date)) is not None


def dates_meant(date: str) -> list[str]:
    """Return what a text that is no date may mean: a time within an hour, a day or a range written otherwise."""
    day = _day_written_otherwise(date.strip())
    until_latest = re.sub(r"\s*\.\.\s*(?:now)?\s*$", f"..{LATEST}", date, flags=re.IGNORECASE)
    plain = [day] if day else [until_latest] if until_latest != date and read_date(until_latest, 0) else []
    return plain or _times_meant(date)


def _times_meant(date: str) -> list[str]:
    ends = _SEPARATOR.split(date.strip())
    if len(ends) == 1:
        ends = _OTHER_SEPARATOR.split(ends[0])
    if len(ends) > 2:
        return []
    try:
        moments = [moment for end in ends if (moment := _moment(end)) is not None]
    except ValueError:
        return []
    if len(moments) < len(ends):
        return []
    if len(ends) == 1:
        return [iso(bucket_start("hourly_7d", moments[0]))]
    if not all(map(_has_hour, ends)):
        return [f"{ends[0]}..{ends[1]}"]
    first, last = moments
    # Intervals of times end before the hour that their end names; a range of ours holds it.
    return [f"{iso(bucket_start('hourly_7d', first))}..{iso(bucket_start('hourly_7d', max(first, last - 1)))}"]


def _day_written_otherwise(text: str) -> str | None:
    for each in _DAYS_WRITTEN_OTHERWISE:
        try:
            return datetime.strptime(text, each).replace(tzinfo=UTC).date().isoformat()
        except ValueError:
            continue
    return None


def _last_of_range(text: str, scale: ScaleName, newest: int) -> DateRange | None:
    if text.strip().lower() == LATEST:
        return _range(scale, bucket_start(scale, newest - 1), GRANULARITY[scale])
    moment = _moment(text)
    if moment is not None and moment % HOUR >= HOUR - 60:
        return _range("hourly_7d", moment // HOUR * HOUR, "hour")  # 23:59 ends the hour that it is in
    return _read_one(text, newest)


def _read_one(text: str, newest: int) -> DateRange | None:
    """Return what one bucket or word names. Raises ValueError for a date that is in no calendar."""
    word = as_word(text)
    readers: tuple[Callable[[], DateRange | None], ...] = (
        lambda: _bucket(text.strip()),
        lambda: _quarter(word),
        lambda: _named_month(word),
        lambda: _calendar_word(word, newest),
        lambda: _counted(word, newest),
    )
    return next((named for reader in readers if (named := reader()) is not None), None)


def _bucket(text: str) -> DateRange | None:
    match = _BUCKET.fullmatch(text)
    moment = _moment(text)
    if match is None or moment is None:
        return None
    if match["hour"] is None:
        unit = "day" if match["day"] else "month" if match["month"] else "year"
        return _range(_SCALE_OF_UNIT[unit], moment, unit)
    return _range("hourly_7d", moment, "hour") if moment % HOUR == 0 else None


def _moment(text: str) -> int | None:
    """Return the instant that a bucket, or a time within one, is written as. Raises ValueError."""
    match = _BUCKET.fullmatch(text.strip())
    if match is None:
        return None
    year, month, day = int(match["year"]), int(match["month"] or 1), int(match["day"] or 1)
    hour, minute, second = (int(match[name] or 0) for name in ("hour", "minute", "second"))
    written = int(datetime(year, month, day, hour, minute, second, tzinfo=UTC).timestamp())
    ahead = int(match["ahead"] or 0) * HOUR + int(match["minutes_ahead"] or 0) * 60
    moment = written + (ahead if match["sign"] == "-" else -ahead)
    datetime.fromtimestamp(moment, UTC)  # which an offset can move out of the years that there are
    return moment


def _has_hour(text: str) -> bool:
    match = _BUCKET.fullmatch(text.strip())
    return match is not None and match["hour"] is not None


def _quarter(word: str) -> DateRange | None:
    match = _QUARTER.fullmatch(word)
    if match is None:
        return None
    year, quarter = match["year"] or match["year_last"], int(match["quarter"] or match["quarter_first"])
    return _range("monthly_12m", timegm((int(year), 3 * quarter - 2, 1, 0, 0, 0)), "quarter")


def _named_month(word: str) -> DateRange | None:
    match = _MONTH.fullmatch(word)
    name = (match["name"] or match["name_last"]) if match else ""
    number = next(
        (i for i, full in enumerate(_FULL_MONTH_NAMES, 1) if name in (full, MONTH_NAMES[i - 1].lower())), None
    )
    if match is None or number is None:
        return None
    return _range("monthly_12m", timegm((int(match["year"] or match["year_first"]), number, 1, 0, 0, 0)), "month")


def _calendar_word(word: str, newest: int) -> DateRange | None:
    if word in ("today", "yesterday"):
        unit, before = "day", word == "yesterday"
    else:
        match = _CALENDAR_WORD.fullmatch(word)
        if match is None:
            return None
        unit, before = match["unit"], match["which"] not in ("this", "current")
    start = _start_of(unit, newest - 1)
    return _range(_SCALE_OF_UNIT[unit], _start_of(unit, start - 1) if before else start, unit)


def _counted(word: str, newest: int) -> DateRange | None:
    """Return the last so many whole buckets."""
    match = _COUNTED.fullmatch(word)
    unit = _COUNTED_UNITS.get(match["unit"]) if match else None
    if match is None or unit is None or int(match["count"]) == 0:
        return None
    scale, count = _SCALE_OF_UNIT[unit], int(match["count"])
    stop = bucket_start(scale, newest)
    if unit == "month":
        return DateRange(scale, add_months(stop, -count), stop, add_months(stop, -1))
    length = {"hour": HOUR, "day": DAY, "week": WEEK}[unit]
    return DateRange(scale, stop - count * length, stop, stop - (HOUR if unit == "hour" else DAY))


def _range(scale: ScaleName, first: int, unit: str) -> DateRange:
    return DateRange(scale, first, _end_of(unit, first), first)


def _start_of(unit: str, instant: int) -> int:
    if unit in ("hour", "day"):
        return instant // HOUR * HOUR if unit == "hour" else floor_day(instant)
    if unit == "week":
        return (instant - _MONDAY) // WEEK * WEEK + _MONDAY
    month = floor_month(instant)
    return add_months(month, -((datetime.fromtimestamp(month, UTC).month - 1) % _MONTHS_OF_UNIT[unit]))


def _end_of(unit: str, start: int) -> int:
    if unit in _MONTHS_OF_UNIT:
        last = datetime.fromtimestamp(add_months(start, _MONTHS_OF_UNIT[unit] - 1), UTC)
        return int(last.timestamp()) + monthrange(last.year, last.month)[1] * DAY  # no month follows the year 9999
    return start + {"hour": HOUR, "day": DAY, "week": WEEK}[unit]
