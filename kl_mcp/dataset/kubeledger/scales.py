"""Puts the values of tables into the buckets of a scale."""

from __future__ import annotations

import math
from array import array
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from kl_mcp.dataset.kubeledger.dates import (
    HOUR,
    hours_inside,
    in_window,
    next_day,
    next_month,
    read_day,
    read_instant,
    read_month,
)
from kl_mcp.dataset.kubeledger.files import DAILY_SECONDS
from kl_mcp.dataset.kubeledger.table import BILLING_RATE, NON_ALLOCATABLE, Table
from kl_mcp.dataset.model import Amounts, Column, CostModel, Metric, Relative, Row, Scale, ScaleName, Special

HOURS_KEPT = 168
_ROUNDING = 0.0005
"""Half a unit of the last digit that is certain to be there."""
_SMALLEST_DOUBT, _LARGEST_DOUBT = 1e-5, 0.01


@dataclass(frozen=True, slots=True)
class Read:
    """A table with the newest hourly point when it was read, which is where a rolling window ended; None: unknown."""

    table: Table
    newest: int | None


Tables = Mapping[tuple[Metric, str], Read]
"""By metric and kind."""


@dataclass(frozen=True, slots=True)
class _Buckets:
    starts: tuple[int, ...]
    ends: tuple[int, ...]

    @property
    def unknown(self) -> Column:
        return array("d", [math.nan]) * len(self.starts)

    def index(self, start: int) -> int | None:
        """Return which bucket starts at `start`; None for one that is not among them."""
        found = bisect_left(self.starts, start)
        return found if found < len(self.starts) and self.starts[found] == start else None


def newest_point(tables: Tables) -> int | None:
    """Return the instant of the newest hourly point with a value; None without any."""
    newest = [
        instant
        for (_, kind), read in tables.items()
        if kind == "usage"
        for position in read.table.dates_with_values()
        if (instant := read_instant(read.table.dates[position])) is not None
    ]
    return max(newest, default=None)


def hourly_rate(tables: Tables) -> float | None:
    """Return the latest price per hour that hourly points hold; None without one."""
    for read in tables.values():
        points = [(read_instant(read.table.dates[d]) or 0, value) for d, value in read.table.values(BILLING_RATE)]
        if points and max(points)[1] > 0:
            return max(points)[1]
    return None


def hourly_scale(tables: Tables, newest: int | None, file: str) -> Scale:
    """Return the hours that end at `newest`. Amounts are per cent of capacity times hours, under every cost model."""
    if newest is None:
        return _scale("hourly_7d", file, _Buckets((), ()), array("d"), rows={}, relative=Relative("cumulative", 0))
    last = (newest - 1) // HOUR * HOUR
    seen = [
        (instant - 1) // HOUR * HOUR
        for (_, kind), read in tables.items()
        if kind == "usage"
        for position in read.table.dates_with_values()
        if (instant := read_instant(read.table.dates[position])) is not None
    ]
    first = min((start for start in seen if start >= last - HOURS_KEPT * HOUR), default=last)
    if newest % HOUR == 0:
        first = max(first, last - (HOURS_KEPT - 1) * HOUR)
    starts = tuple(range(first, last + 1, HOUR))
    buckets = _Buckets(starts, tuple(start + HOUR for start in starts))
    elapsed = array("d", [min(end, newest) - start for start, end in zip(starts, buckets.ends, strict=True)])
    hours = array("d", [seconds / HOUR for seconds in elapsed])
    columns = {key: _trend_columns(read.table, buckets, hours) for key, read in tables.items()}
    rows: dict[str, dict[Metric, Amounts]] = defaultdict(dict)
    for (metric, kind), named in columns.items():
        if kind != "usage":
            continue
        factors = columns.get((metric, "rf"), {})
        for name, usage in named.items():
            rf = factors.get(name)
            requests = None if rf is None else array("d", map(_requested, usage, rf, hours))
            rows[name][metric] = Amounts(usage, requests if requests is not None else buckets.unknown)
    return _scale("hourly_7d", file, buckets, hours, rows=rows, relative=Relative("cumulative", newest))


def _requested(usage: float, rf: float, hours: float) -> float:
    """Return requests from usage and usage ÷ requests; unknown for exactly 1, which is also written for no requests."""
    factor = rf / hours if hours else math.nan
    return usage / factor if factor > 0 and not math.isclose(factor, 1.0, rel_tol=1e-9) else math.nan


def _trend_columns(table: Table, buckets: _Buckets, hours: Column) -> dict[str, Column]:
    """Return, per name, the mean of each hour's points times the hours of the bucket.

    An hour of which fewer than half of the points are there is unknown; points in between of full hours say that there
    are more than one.
    """
    instants = [read_instant(date) for date in table.dates]
    distinct = sorted({instant for instant in instants if instant is not None})
    inside = [instant for instant in distinct if instant % HOUR]
    step = min((b - a for a, b in pairwise(distinct)), default=HOUR) if inside else HOUR
    places = [None if instant is None else buckets.index((instant - 1) // HOUR * HOUR) for instant in instants]
    between = [instant is not None and instant % HOUR != 0 for instant in instants]
    columns: dict[str, Column] = {}
    for name in table.cells:
        latest = dict(table.values(name))
        sums, counts = array("d", bytes(8 * len(hours))), array("I", bytes(4 * len(hours)))
        fine = bytearray(len(hours))
        for position, value in latest.items():
            place = places[position]
            if place is not None:
                sums[place] += value
                counts[place] += 1
                fine[place] |= between[position]
        needed = [0.5 * hour * HOUR / step if dense else 1 for hour, dense in zip(hours, fine, strict=True)]
        columns[name] = array(
            "d",
            [
                total / count * hour if count and count >= least else math.nan
                for total, count, hour, least in zip(sums, counts, hours, needed, strict=True)
            ],
        )
    return columns


def period_scale(
    tables: Tables, window: int, newest: int | None, model: CostModel, file: str, *, around: int | None
) -> tuple[Scale, int]:
    """Return the days or months of a rolling window, and how many dates lie outside it or cannot be read.

    `newest` is the newest hourly point, `around` an instant that is near enough to it to tell the year.
    """
    daily = window == DAILY_SECONDS
    name: ScaleName = "daily_14d" if daily else "monthly_12m"
    end_of = next_day if daily else next_month
    dated, strange = _dated(tables, window, around)
    seen = {start for (_, kind), starts in dated.items() if kind == "usage" for start in starts if start is not None}
    if not seen:
        return _scale(name, file, _Buckets((), ()), array("d"), rows={}, relative=Relative(model, newest or 0)), strange
    buckets = _consecutive(min(seen), max(seen), end_of)
    until = buckets.ends[-1] if newest is None else max(newest, buckets.starts[-1])
    hours = _hours(buckets, until, window, exact=newest is not None)
    rows = _period_rows(tables, dated, buckets, window, scale_hours=hours if model == "normalized" else None)
    return _scale(
        name,
        file,
        buckets,
        hours,
        rows=rows,
        relative=Relative(model, until),
        open_from=until + HOUR if newest is not None else until - 1,
    ), strange


def _dated(tables: Tables, window: int, around: int | None) -> tuple[dict[tuple[Metric, str], list[int | None]], int]:
    """Return, per table, the bucket start of each of its dates; and the count of dates that have none."""
    dated: dict[tuple[Metric, str], list[int | None]] = {}
    strange: set[str] = set()
    for key, read in tables.items():
        starts: list[int | None] = []
        for date in read.table.dates:
            start = read_month(date) if window != DAILY_SECONDS else read_day(date, around)
            if start is not None and around is not None and not in_window(start, around, window):
                start = None
            starts.append(start)
            if start is None:
                strange.add(date)
        dated[key] = starts
    return dated, len(strange)


def _consecutive(first: int, last: int, end_of: Callable[[int], int]) -> _Buckets:
    starts = [first]
    while starts[-1] < last:
        starts.append(end_of(starts[-1]))
    return _Buckets(tuple(starts), (*starts[1:], end_of(starts[-1])))


def _hours(buckets: _Buckets, newest: int, window: int, *, exact: bool) -> Column:
    pairs = zip(buckets.starts, buckets.ends, strict=True)
    if not exact:
        return array("d", [(end - start) / HOUR for start, end in pairs])
    return array("d", [hours_inside(start, end, newest, window) for start, end in pairs])


def _period_rows(
    tables: Tables,
    dated: Mapping[tuple[Metric, str], Sequence[int | None]],
    buckets: _Buckets,
    window: int,
    *,
    scale_hours: Column | None,
) -> dict[str, dict[Metric, Amounts]]:
    rows: dict[str, dict[Metric, Amounts]] = defaultdict(dict)
    for (metric, kind), read in tables.items():
        if kind != "usage":
            continue
        wanted = tables.get((metric, "requests"))
        hours = _own_hours(read, buckets, window)
        if wanted is not None and wanted.newest != read.newest:
            hours = buckets.unknown  # requests of another moment than the usage: nothing relates the two
        for name in read.table.cells:
            usage = _column(read.table, name, dated[metric, "usage"], buckets)
            mean = (
                _column(wanted.table, name, dated[metric, "requests"], buckets)
                if wanted is not None
                else buckets.unknown
            )
            requests = array("d", map(_whole_requests, usage, mean, hours))
            if scale_hours is not None:
                usage, requests = (array("d", map(float.__mul__, c, scale_hours)) for c in (usage, requests))
            rows[name][metric] = Amounts(usage, requests)
    return rows


def _own_hours(read: Read, buckets: _Buckets, window: int) -> Column:
    """Return the hours that a file's own window held of each bucket; unknown where the window's end is."""
    if read.newest is None:
        return buckets.unknown
    return _hours(buckets, max(read.newest, buckets.starts[-1]), window, exact=True)


def _column(table: Table, name: str, starts: Sequence[int | None], buckets: _Buckets) -> Column:
    column = buckets.unknown
    for position, value in table.values(name):
        start = starts[position]
        place = None if start is None else buckets.index(start)
        if place is not None:
            column[place] = value
    return column


def _whole_requests(usage: float, mean: float, hours: float) -> float:
    """Return requests that compare with usage, from their mean over the hours; unknown where usage equals them.

    Files write usage ÷ requests = 1 also for a namespace that requests nothing. Both numbers are rounded, which decides
    how near to 1 a ratio may be that was 1.
    """
    if not (mean > 0 and hours > 0):
        return math.nan
    doubt = min(_LARGEST_DOUBT, max(_SMALLEST_DOUBT, _ROUNDING / mean))
    requests = mean * hours
    return math.nan if abs(usage / requests - 1) <= doubt else requests


def _scale(
    name: ScaleName,
    file: str,
    buckets: _Buckets,
    hours: Column,
    *,
    rows: Mapping[str, Row],
    relative: Relative,
    open_from: int | None = None,
) -> Scale:
    sampled = relative.sampled_until if open_from is None else open_from
    count = len(buckets.starts)
    special: dict[Special, Row] = (
        {"non-allocatable": _special(rows[NON_ALLOCATABLE])} if NON_ALLOCATABLE in rows else {}
    )
    return Scale(
        name=name,
        file=file,
        starts=buckets.starts,
        ends=buckets.ends,
        complete=tuple(i < count - 1 or end <= sampled for i, end in enumerate(buckets.ends)),
        elapsed_hours=hours,
        observed_hours=hours,
        coverage={},
        capacity={},
        allocatable={},
        bill={},
        namespaces={n: row for n, row in rows.items() if n not in (NON_ALLOCATABLE, BILLING_RATE) and _known(row)},
        special=special,
        relative=relative,
    )


def _special(row: Row) -> Row:
    return {metric: Amounts(amounts.usage, None) for metric, amounts in row.items()}


def _known(row: Row) -> bool:
    return any(_any_known(amounts.usage) for amounts in row.values())


def _any_known(values: Iterable[float]) -> bool:
    return not all(map(math.isnan, values))
