"""Buckets by name: how they are written, and which of them the `date` argument names.

A bucket is named by its start: `2026-11-21T14:00:00Z` on hourly_7d, `2026-11-21` on daily_14d, `2026-11` on
monthly_12m.
A date of longer buckets than a scale has is all of these within it: the hours of a day.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from dataclasses import dataclass
from functools import lru_cache
from typing import overload

from kl_core import calendar
from kl_core.calendar import GRANULARITY, bucket_start
from kl_core.vocabulary import SCALES, ScaleName
from kl_query.dataset.model import Column, Scale
from kl_query.dates import ALL, LATEST, DateRange, as_hours, dates_meant, is_future, read_date
from kl_query.errors import NEAREST_VALUES, ToolArgumentError, quoted
from kl_query.warnings.warning import Plain


@dataclass(frozen=True, slots=True)
class Window:
    """Consecutive buckets of a scale: `first` up to and without `stop`; empty where there is nothing."""

    scale: Scale
    first: int
    stop: int

    @property
    def indices(self) -> range:
        """Return the bucket numbers."""
        return range(self.first, self.stop)

    @property
    def dates(self) -> list[Plain]:
        """Return the bucket names."""
        return [bucket_name(self.scale.name, self.scale.starts[i]) for i in self.indices]

    @property
    def label(self) -> Plain | None:
        """Return how an answer writes this window: a bucket, or FIRST..LAST; None when it is empty."""
        dates = self.dates
        if not dates:
            return None
        return dates[0] if len(dates) == 1 else Plain(f"{dates[0]}..{dates[-1]}")

    @property
    def start(self) -> int | None:
        """Return the start of the first bucket."""
        return self.scale.starts[self.first] if self.indices else None

    @property
    def end(self) -> int | None:
        """Return the end of the last bucket, of an open one the last tick."""
        return self.scale.sampled_until(self.stop - 1) if self.indices else None

    @property
    def partial(self) -> bool:
        """Say whether the last bucket is still open."""
        return bool(self.indices) and not self.scale.complete[self.stop - 1]

    @property
    def elapsed_hours(self) -> float:
        """Return the hours the window spans, up to the last tick."""
        return sum(self.of(self.scale.elapsed_hours))

    @property
    def observed_hours(self) -> float:
        """Return the hours of it with known capacity."""
        return sum(self.of(self.scale.observed_hours))

    def of(self, column: Column) -> Column:
        """Return the elements of a column of its scale that are in the window."""
        return column[self.first : self.stop]

    def closed(self) -> Window:
        """Return the window without its open bucket."""
        return Window(self.scale, self.first, self.stop - 1) if self.partial else self


@overload
def instant(moment: float) -> Plain: ...
@overload
def instant(moment: float | None) -> Plain | None: ...
def instant(moment: float | None) -> Plain | None:
    """Return an instant as ISO 8601 in UTC."""
    return None if moment is None else Plain(calendar.iso(moment))


@lru_cache(maxsize=1024)  # the buckets of three scales, written in every answer
def bucket_name(scale: ScaleName, start: int) -> Plain:
    """Return how answers write the bucket that starts at `start`."""
    return Plain(calendar.bucket_name(scale, start))


def full_window(scale: Scale) -> Window:
    """Return every bucket of a scale, the open one included."""
    return Window(scale, 0, len(scale.starts))


def read_window(scale: Scale, date: str, argument: str = "date") -> Window:
    """Return the buckets `date` names. Raises ToolArgumentError when it cannot be read or lies outside the window.

    A scale without buckets answers any well-formed date with an empty window: the missing data is a warning, not an
    error of the caller.
    """
    everything = full_window(scale)
    word = date.strip().lower()
    if word == ALL:
        return everything
    if word == LATEST:
        return Window(scale, max(0, everything.stop - 1), everything.stop)
    newest = max(everything.end or 0, scale.starts[-1] + 1) if scale.starts else 0
    dates = read_date(as_hours(date) if scale.name == "hourly_7d" else date, newest)
    if dates is None:
        raise _unreadable(scale, date, argument)
    if dates.stop <= dates.first:
        raise _backwards(scale, date, argument)
    if not scale.starts:
        return everything
    if dates.first < scale.starts[0] or dates.last >= newest:
        raise _outside(scale, dates, date, argument)
    first, stop = bisect_left(scale.starts, dates.first), bisect_left(scale.starts, dates.stop)
    begins_with_a_bucket = first < everything.stop and scale.starts[first] == dates.first
    if not begins_with_a_bucket or not (scale.ends[stop - 1] == dates.stop or dates.stop > newest):
        raise _other_granularity(scale, dates, date, argument)
    return Window(scale, first, stop)


def _outside(scale: Scale, dates: DateRange, date: str, argument: str) -> ToolArgumentError:
    held = [
        i for i, (start, end) in enumerate(zip(scale.starts, scale.ends, strict=True))
        if dates.first <= start and end <= dates.stop
    ]  # fmt: skip
    overlap = [Window(scale, held[0], held[-1] + 1).label] if held else []
    coarser = [{argument: _covering(each, dates), "scale": None} for each in SCALES[SCALES.index(scale.name) + 1 :]]
    return ToolArgumentError(
        "unknown_date",
        argument,
        f"{quoted(date)} lies outside the data of {scale.name}, which holds {full_window(scale).label}.",
        allowed=_allowed(scale),
        nearest=_nearest(scale, dates.first),
        corrections=[*({argument: each} for each in overlap), *coarser, *_newest(argument)],
    )


def _covering(scale: ScaleName, dates: DateRange) -> str:
    """Return the buckets of a scale that hold a range."""
    first, last = (bucket_name(scale, bucket_start(scale, moment)) for moment in (dates.first, dates.stop - 1))
    return first if first == last else f"{first}..{last}"


def _backwards(scale: Scale, date: str, argument: str) -> ToolArgumentError:
    first, last = re.split(r"\s*(?:\.\.|/|\bto\b)\s*", date.strip(), maxsplit=1)
    return ToolArgumentError(
        "invalid_date",
        argument,
        f"The range {quoted(date)} ends before it starts.",
        allowed=_allowed(scale),
        nearest=[f"{last}..{first}"],
        corrections=[{argument: f"{last}..{first}"}],
    )


def _unreadable(scale: Scale, date: str, argument: str) -> ToolArgumentError:
    meant = dates_meant(date)
    why = ": the books hold what was, and no forecasts" if is_future(date) else ""
    return ToolArgumentError(
        "invalid_date",
        argument,
        f"{quoted(date)} is not a date of {scale.name}{why}.",
        allowed=_allowed(scale),
        nearest=[*meant, LATEST, ALL, *_nearest(scale, 2**40)],
        corrections=[*({argument: each} for each in meant), *_newest(argument)],
    )


def _newest(argument: str) -> list[dict[str, str]]:
    """Return the change to the newest bucket: of a baseline none, because that is what is likely compared with it."""
    return [{argument: LATEST}] if argument == "date" else []


def _other_granularity(scale: Scale, dates: DateRange, date: str, argument: str) -> ToolArgumentError:
    return ToolArgumentError(
        "invalid_date",
        argument,
        f"{quoted(date)} names {GRANULARITY[dates.scale]}s, but {scale.name} is made of {GRANULARITY[scale.name]}s.",
        allowed=_allowed(scale),
        nearest=_nearest(scale, dates.first),
        corrections=[{"scale": None}, {argument: _covering(scale.name, dates)}],
    )


def _allowed(scale: Scale) -> str:
    window = full_window(scale).label
    within = f" within {window}" if window else ""
    return f"latest, all, a bucket, a range FIRST..LAST or words like last_7d{within}"


def _nearest(scale: Scale, moment: int) -> list[str]:
    by_distance = sorted(scale.starts, key=lambda start: abs(start - moment))[:NEAREST_VALUES]
    return [bucket_name(scale.name, start) for start in by_distance]
