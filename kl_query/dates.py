"""What a date says: a bucket, a range or a word, as the time that it names.

A bucket is an hour (`2026-11-21T14:00:00Z`, also at another offset), a day, a month (`2026-11`, `November 2026`), a
quarter (`2026-Q3`) or a year. A range `FIRST..LAST` holds both of its ends. Words are resolved against the newest
sample, which belongs to the bucket that it ends: `today` is the day of that sample, `this_week` begins on Monday,
`last_week` is the week before it, and `last_7d` the 7 whole days before the open one.
"""

import re
from calendar import monthrange, timegm
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone

from kl_core.calendar import DAY, GRANULARITY, HOUR, WEEK, add_months, bucket_start, floor_hour, iso, next_bucket
from kl_core.vocabulary import SCALES, ScaleName
from kl_core.wording import as_word

LATEST, ALL = "latest", "all"
_BUCKET = re.compile(
    r"(?P<year>\d{4})(?:-(?P<month>\d\d))?(?:-(?P<day>\d\d)"
    r"(?:[T ](?P<hour>\d\d)(?::?(?P<minute>\d\d)(?::?(?P<second>\d\d)(?:\.\d+)?)?)?"
    r"(?:Z|(?P<sign>[+-])(?P<ahead>[01]\d|2[0-3])(?::?(?P<minutes_ahead>[0-5]\d))?)?)?)?",
    re.ASCII | re.IGNORECASE,
)
_MONTHS = (
    *("january", "february", "march", "april", "may", "june"),
    *("july", "august", "september", "october", "november", "december"),
)
_PARTS_OF_YEAR: Mapping[str, tuple[str, int]] = {
    **{name: ("month", i) for i, month in enumerate(_MONTHS, 1) for name in (month, month[:3])},
    **{f"q{i}": ("quarter", 3 * i - 2) for i in range(1, 5)},
}
"""The unit of each, and the month that it begins with."""
_PART_OF_YEAR = re.compile(
    rf"(?P<year>\d{{4}})(?:_|(?=q))(?P<part>{'|'.join(_PARTS_OF_YEAR)})"
    rf"|(?P<part_first>{'|'.join(_PARTS_OF_YEAR)})_(?P<year_last>\d{{4}})",
    re.ASCII,
)
_CALENDAR_WORD = re.compile(
    r"(?:(?P<this>this|current)|last|previous)_(?P<unit>hour|day|week|month|quarter|year)|(?P<today>today)|yesterday"
)
_TO_DATE: Mapping[str, str] = {
    **dict.fromkeys(("wtd", "week_to_date"), "this_week"),
    **dict.fromkeys(("mtd", "month_to_date"), "this_month"),
    **dict.fromkeys(("qtd", "quarter_to_date"), "this_quarter"),
    **dict.fromkeys(("ytd", "year_to_date"), "this_year"),
}
_COUNTED = re.compile(
    r"(?:(?:the_)?(?:last|past|previous)_?)?(?P<count>(?!0+\D)\d{1,4})_?(?P<unit>[hdwm]|(?:hour|day|week|month)s?)",
    re.ASCII,
)
_COUNTED_UNITS: Mapping[str, tuple[ScaleName, int]] = {
    "h": ("hourly_7d", 1),
    "d": ("daily_14d", 1),
    "w": ("daily_14d", 7),
    "m": ("monthly_12m", 1),
}
"""The scale of each, and how many of its buckets it is, by its first letter."""
_FUTURE = re.compile(r"tomorrow|next_.*|forecast.*|future|upcoming.*|coming_.*")
_SEPARATOR = re.compile(r"\s*\.\.\s*|\s*/\s*|\s+to\s+", re.IGNORECASE)
_ANY_SEPARATOR = re.compile(rf"{_SEPARATOR.pattern}|\s*(?:,|…|–)\s*|\s+(?:-|and|until|through)\s+", re.IGNORECASE)
_DAYS_WRITTEN_OTHERWISE = (
    *("%Y-%m-%d", "%Y-%m-%dZ", "%Y/%m/%d", "%Y.%m.%d", "%Y%m%d"),
    *("%d %B %Y", "%d %b %Y", "%B %d, %Y", "%b %d, %Y", "%B %d %Y", "%b %d %Y"),
)
"""How a day is written where it is no date of ours, and yet cannot be any other day."""
_UNITS: Mapping[str, tuple[ScaleName, int]] = {
    "hour": ("hourly_7d", HOUR),
    "day": ("daily_14d", DAY),
    "week": ("daily_14d", WEEK),
    "month": ("monthly_12m", 1),
    "quarter": ("monthly_12m", 3),
    "year": ("monthly_12m", 12),
}
"""The scale of each, and its length: in seconds, on the scale of months in months."""
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
    ends = range_ends(_TO_DATE.get(as_word(date), date))
    if len(ends) > 2:
        return None
    try:
        first = _read_one(ends[0], newest)
        last = _read_one(ends[1], newest, first.scale) if first and len(ends) == 2 else first
    except (ValueError, OverflowError):
        return None
    if first is None or last is None or ("/" in date and "hourly_7d" in (first.scale, last.scale)):
        return None  # whether an interval of hours holds its last one is not plain
    return DateRange(min(first.scale, last.scale, key=SCALES.index), first.first, last.stop, last.last)


def range_ends(date: str) -> list[str]:
    """Return the two ends of a range as they are written; one text where it is no range."""
    return _SEPARATOR.split(date.strip())


def as_hours(date: str) -> str:
    """Return `last_7d` and `last_1w` as `last_168h`, for the scale of hours; any other date as it is."""
    match = _COUNTED.fullmatch(as_word(date))
    hours = {"d": 24, "w": 7 * 24}.get(match["unit"][0]) if match else None
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
    until_latest = re.sub(r"\s*\.\.\s*(?:now)?\s*$", f"..{LATEST}", date, flags=re.IGNORECASE)
    if until_latest != date and read_date(until_latest, 0):
        return [until_latest]
    for each in _DAYS_WRITTEN_OTHERWISE:
        with suppress(ValueError):
            return [datetime.strptime(date.strip(), each).replace(tzinfo=UTC).date().isoformat()]
    ends = _ANY_SEPARATOR.split(date.strip())
    with suppress(ValueError, OverflowError):
        match [_time(end) for end in ends[:3]]:
            case [(moment, _)]:
                return [iso(floor_hour(moment))]
            case [(first, "hour"), (last, "hour")]:
                # Intervals of times end before the hour that their end names; a range of ours holds it.
                return [f"{iso(floor_hour(first))}..{iso(floor_hour(max(first, last - 1)))}"]
            case [(_, _), (_, _)]:
                return ["..".join(ends)]
    return []


def _read_one(text: str, newest: int, since: ScaleName | None = None) -> DateRange | None:
    """Return what one bucket or word names, as the end of a range too that begins with a bucket of the scale `since`.

    Raises ValueError or OverflowError for a date that is in no calendar.
    """
    if since and text.strip().lower() == LATEST:
        return _holding(newest - 1, GRANULARITY[since])
    time = _time(text)
    if time is not None:
        seconds = time[0] % HOUR
        # The minute before an hour, as 23:59, ends the one that it is in.
        return _holding(*time) if seconds == 0 or (since and seconds >= HOUR - 60) else None
    matches = ((read, pattern.fullmatch(as_word(text))) for pattern, read in _READERS.items())
    return next((read(match, newest) for read, match in matches if match), None)


def _time(text: str) -> tuple[int, str] | None:
    """Return the instant that a bucket, or a time within one, is written as, and its unit. Raises as `_read_one`."""
    match = _BUCKET.fullmatch(text.strip())
    if match is None:
        return None
    year, month, day = int(match["year"]), int(match["month"] or 1), int(match["day"] or 1)
    hour, minute, second, ahead, minutes_ahead = (
        int(match[name] or 0) for name in ("hour", "minute", "second", "ahead", "minutes_ahead")
    )
    offset = timedelta(hours=ahead, minutes=minutes_ahead) * (-1 if match["sign"] == "-" else 1)
    at = datetime(year, month, day, hour, minute, second, tzinfo=timezone(offset)).astimezone(UTC)
    return int(at.timestamp()), next((unit for unit in ("hour", "day", "month") if match[unit]), "year")


def _part_of_year(match: re.Match[str], _newest: int) -> DateRange:
    unit, month = _PARTS_OF_YEAR[match["part"] or match["part_first"]]
    return _holding(timegm((int(match["year"] or match["year_last"]), month, 1, 0, 0, 0)), unit)


def _calendar_word(match: re.Match[str], newest: int) -> DateRange:
    unit = match["unit"] or "day"
    this = _holding(newest - 1, unit)
    return this if match["this"] or match["today"] else _holding(this.first - 1, unit)


def _counted(match: re.Match[str], newest: int) -> DateRange:
    """Return the last so many whole buckets."""
    scale, buckets = _COUNTED_UNITS[match["unit"][0]]
    stop = bucket_start(scale, newest)
    first = next_bucket(scale, stop, -buckets * int(match["count"]))
    return DateRange(scale, first, stop, bucket_start(scale, stop - 1))


def _holding(instant: int, unit: str) -> DateRange:
    """Return the hour, the day and so on that holds an instant."""
    scale, length = _UNITS[unit]
    if scale != "monthly_12m":
        first = instant - (instant - _MONDAY) % length
        return DateRange(scale, first, first + length, first)
    first = add_months(instant, -((datetime.fromtimestamp(instant, UTC).month - 1) % length))
    last = datetime.fromtimestamp(add_months(first, length - 1), UTC)
    # No month follows the year 9999.
    stop = int(last.timestamp()) + monthrange(last.year, last.month)[1] * DAY
    return DateRange(scale, first, stop, first)


_READERS: Mapping[re.Pattern[str], Callable[[re.Match[str], int], DateRange]] = {
    _PART_OF_YEAR: _part_of_year,
    _CALENDAR_WORD: _calendar_word,
    _COUNTED: _counted,
}
