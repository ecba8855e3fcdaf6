"""Buckets by name: how they are written, and what the `date` argument may say.

Grammar: `latest`, `all`, one bucket, or `FIRST..LAST` with both ends included. A bucket is named by its start:
`2026-11-21T14:00:00Z` on hourly_7d, `2026-11-21` on daily_14d, `2026-11` on monthly_12m.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import overload

from kl_core import calendar
from kl_core.calendar import GRANULARITY
from kl_core.vocabulary import ScaleName
from kl_query.dataset.model import Column, Scale
from kl_query.errors import NEAREST_VALUES, ToolArgumentError, quoted
from kl_query.warnings.warning import Plain

EXAMPLE: dict[ScaleName, str] = {
    "hourly_7d": "2026-11-21T14:00:00Z",
    "daily_14d": "2026-11-21",
    "monthly_12m": "2026-11",
}
_READABLE = re.compile(r"(\d{4})-(\d\d)(?:-(\d\d)(?:[T ](\d\d)(?::?00(?::?00)?)?(?:Z|\+00:?00)?)?)?")
_SCALE_BY_PARTS: dict[int, ScaleName] = {2: "monthly_12m", 3: "daily_14d", 4: "hourly_7d"}


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
    wanted = date.strip()
    if wanted.lower() == "all":
        return everything
    if wanted.lower() == "latest":
        return Window(scale, max(0, everything.stop - 1), everything.stop)
    names = [name.strip() for name in wanted.split("..")]
    if len(names) > 2:
        raise _unreadable(scale, date, argument)
    starts = [_read_bucket(scale, name, argument) for name in names]
    if not scale.starts:
        return everything
    first, last = _position(scale, starts[0], date, argument), _position(scale, starts[-1], date, argument)
    if first > last:
        raise ToolArgumentError(
            "invalid_date",
            argument,
            f"The range {quoted(date)} ends before it starts.",
            allowed=_allowed(scale),
            nearest=[f"{names[1]}..{names[0]}"],
            example=f"{argument}={names[1]}..{names[0]}",
        )
    return Window(scale, first, last + 1)


def _read_bucket(scale: Scale, name: str, argument: str) -> int:
    match = _READABLE.fullmatch(name)
    if match is None:
        raise _unreadable(scale, name, argument)
    parts = [int(part) for part in match.groups() if part is not None]
    try:
        year, month, day, hour = [*parts, 1, 0][:4] if len(parts) == 2 else [*parts, 0][:4]
        moment = int(datetime(year, month, day, hour, tzinfo=UTC).timestamp())
    except ValueError:
        raise _unreadable(scale, name, argument) from None
    written_for = _SCALE_BY_PARTS[len(parts)]
    if written_for != scale.name:
        raise _other_granularity(scale, name, moment, written_for, argument)
    return moment


def _position(scale: Scale, start: int, date: str, argument: str) -> int:
    position = bisect_left(scale.starts, start)
    if position < len(scale.starts) and scale.starts[position] == start:
        return position
    window = full_window(scale)
    raise ToolArgumentError(
        "unknown_date",
        argument,
        f"{quoted(date)} lies outside the data of {scale.name}, which holds {window.label}.",
        allowed=_allowed(scale),
        nearest=_nearest(scale, start),
        example=f"{argument}={bucket_name(scale.name, scale.starts[-1])}",
    )


def _unreadable(scale: Scale, date: str, argument: str) -> ToolArgumentError:
    return ToolArgumentError(
        "invalid_date",
        argument,
        f"{quoted(date)} is not a date of {scale.name}, whose buckets are written {EXAMPLE[scale.name]} (UTC).",
        allowed=_allowed(scale),
        nearest=["latest", "all", *_nearest(scale, 2**40)[: NEAREST_VALUES - 2]],
        example=f"{argument}=latest",
    )


def _other_granularity(
    scale: Scale, name: str, moment: int, written_for: ScaleName, argument: str
) -> ToolArgumentError:
    return ToolArgumentError(
        "invalid_date",
        argument,
        f"{quoted(name)} names a {GRANULARITY[written_for]}, but {scale.name} is made of {GRANULARITY[scale.name]}s: "
        f"write {EXAMPLE[scale.name]} or a range FIRST..LAST, or pass scale={written_for} where the tool has a scale.",
        allowed=_allowed(scale),
        nearest=_nearest(scale, moment),
        example=f"{argument}={EXAMPLE[scale.name]}",
    )


def _allowed(scale: Scale) -> str:
    window = full_window(scale).label
    buckets = f"a bucket or a range FIRST..LAST within {window}" if window else "a bucket or a range FIRST..LAST"
    return f"latest, all, {buckets}"


def _nearest(scale: Scale, moment: int) -> list[str]:
    by_distance = sorted(scale.starts, key=lambda start: abs(start - moment))[:NEAREST_VALUES]
    return [bucket_name(scale.name, start) for start in by_distance]
