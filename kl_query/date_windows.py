"""Buckets by name: how they are written, and which of them the `date` argument names.

A bucket is named by its start: `2026-11-21T14:00:00Z` on hourly_7d, `2026-11-21` on daily_14d, `2026-11` on
monthly_12m.
A date of longer buckets than a scale has is all of these within it: the hours of a day.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias, TypeVar, overload

import numpy as np
from numpy.typing import NDArray

from kl_core import calendar
from kl_core.vocabulary import SCALES, ScaleName
from kl_query.dataset.model import Scale
from kl_query.dates import ALL, LATEST, DateRange, as_hours, dates_meant, is_future, range_ends, read_date
from kl_query.errors import NEAREST_VALUES, ToolArgumentError, quoted
from kl_query.warnings.warning import Plain

Element = TypeVar("Element", bound=np.generic)
Period: TypeAlias = tuple[int, int]
"""From when to when, UNIX seconds; the end is not part of it."""
NOTHING: Period = (0, 0)
_NEWEST = {"date": [{"date": LATEST}]}
"""The change to the newest bucket: of a baseline none, because that is what is likely compared with it."""


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
        return Plain("..".join(dict.fromkeys((dates[0], dates[-1])))) if dates else None

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
        return float(self.of(self.scale.elapsed_hours).sum())

    @property
    def observed_hours(self) -> float:
        """Return the hours of it with known capacity."""
        return float(self.of(self.scale.observed_hours).sum())

    def of(self, column: NDArray[Element]) -> NDArray[Element]:
        """Return the elements of a column of its scale, or of a matrix, that are in the window."""
        return column[..., self.first : self.stop]

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


def between(scale: Scale, span: Period) -> Window:
    """Return the buckets of a scale from one instant to another."""
    return Window(scale, bisect_left(scale.starts, span[0]), bisect_left(scale.starts, span[1]))


def read_span(scale: Scale, date: str, argument: str = "date", *, since: int | None = None) -> Period:
    """Return from when to when the buckets that `date` names last, UNIX seconds.

    Buckets can be had `since` then, a start of one; None: those of the scale alone. Raises ToolArgumentError when the
    date cannot be read or lies outside of what can be had. A scale without buckets answers any well-formed date with an
    empty span: the missing data is a warning, not an error of the caller.
    """
    everything = full_window(scale)
    first = {ALL: 0, LATEST: max(0, everything.stop - 1)}.get(date.strip().lower())
    if first is not None:
        return (scale.starts[first], scale.ends[-1]) if scale.starts else NOTHING
    newest = max(everything.end or 0, scale.starts[-1] + 1) if scale.starts else 0
    dates = read_date(as_hours(date) if scale.name == "hourly_7d" else date, newest)
    if dates is None:
        raise _unreadable(scale, date, argument, since)
    if dates.stop <= dates.first:
        turned = "..".join(reversed(range_ends(date)))
        why = f"The range {quoted(date)} ends before it starts."
        raise _error(scale, argument, why, begin=since, nearest=[turned], corrections=[{argument: turned}])
    if not scale.starts:
        return NOTHING
    begin = scale.starts[0] if since is None else min(since, scale.starts[0])
    if dates.last >= newest or (dates.first < begin if since is None else dates.stop <= begin):
        raise _outside(scale, dates, date, argument, begin)
    if calendar.bucket_start(scale.name, dates.first) != dates.first or (
        calendar.bucket_start(scale.name, dates.stop) != dates.stop and dates.stop <= newest
    ):
        raise _error(
            scale,
            argument,
            f"{quoted(date)} names {calendar.GRANULARITY[dates.scale]}s, "
            f"but {scale.name} is made of {calendar.GRANULARITY[scale.name]}s.",
            begin=since,
            nearest=_nearest(scale, dates.first, since),
            corrections=[{"scale": None}, {argument: _covering(scale.name, dates)}],
        )
    return dates.first, dates.stop


def _unreadable(scale: Scale, date: str, argument: str, begin: int | None) -> ToolArgumentError:
    meant = dates_meant(date)
    why = ": the books hold what was, and no forecasts" if is_future(date) else ""
    return _error(
        scale,
        argument,
        f"{quoted(date)} is not a date of {scale.name}{why}.",
        begin=begin,
        nearest=[*meant, LATEST, ALL, *_nearest(scale, 2**40, begin)],
        corrections=[*({argument: each} for each in meant), *_NEWEST.get(argument, [])],
    )


def _outside(scale: Scale, dates: DateRange, date: str, argument: str, begin: int) -> ToolArgumentError:
    starts = _starts(scale, begin)
    inside = starts[bisect_left(starts, dates.first) : bisect_right((*starts[1:], scale.ends[-1]), dates.stop)]
    held = "..".join(dict.fromkeys(bucket_name(scale.name, start) for start in (*inside[:1], *inside[-1:])))
    coarser = [{argument: _covering(each, dates), "scale": None} for each in SCALES[SCALES.index(scale.name) + 1 :]]
    return _error(
        scale,
        argument,
        f"{quoted(date)} lies outside the data of {scale.name}, which holds {_held(scale, begin)}.",
        begin=begin,
        is_outside=True,
        nearest=_nearest(scale, dates.first, begin),
        corrections=[*([{argument: held}] if held else []), *coarser, *_NEWEST.get(argument, [])],
    )


def _error(
    scale: Scale,
    argument: str,
    message: str,
    *,
    begin: int | None = None,
    is_outside: bool = False,
    nearest: Sequence[str],
    corrections: Sequence[Mapping[str, str | None]],
) -> ToolArgumentError:
    allowed = "latest, all, a bucket, a range FIRST..LAST or words like last_7d" + (
        f" within {_held(scale, begin)}" if scale.starts else ""
    )
    return ToolArgumentError(
        "unknown_date" if is_outside else "invalid_date",
        argument,
        message,
        allowed=allowed,
        nearest=nearest,
        corrections=corrections,
    )


def _held(scale: Scale, begin: int | None) -> str:
    """Return the buckets that can be had."""
    first = scale.starts[0] if begin is None else begin
    names = bucket_name(scale.name, first), bucket_name(scale.name, scale.starts[-1])
    return "..".join(dict.fromkeys(names))


def _starts(scale: Scale, begin: int | None) -> tuple[int, ...]:
    """Return where each bucket that can be had begins."""
    if begin is None or begin >= scale.starts[0]:
        return scale.starts
    return (*calendar.boundaries(scale.name, begin, scale.starts[0] - 1)[:-1], *scale.starts)


def _nearest(scale: Scale, moment: int, begin: int | None) -> list[str]:
    starts = _starts(scale, begin) if scale.starts else ()
    by_distance = sorted(starts, key=lambda start: abs(start - moment))
    return [bucket_name(scale.name, start) for start in by_distance[:NEAREST_VALUES]]


def _covering(scale: ScaleName, dates: DateRange) -> str:
    """Return the buckets of a scale that hold a range."""
    ends = (bucket_name(scale, calendar.bucket_start(scale, moment)) for moment in (dates.first, dates.stop - 1))
    return "..".join(dict.fromkeys(ends))
