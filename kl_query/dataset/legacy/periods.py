"""The days and months of a rolling window."""

import math
from array import array
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TypeAlias

from kl_core.calendar import HOUR, boundaries
from kl_core.vocabulary import CostModel, Metric, ScaleName
from kl_query.dataset.legacy.billed_hours import billed_hours
from kl_query.dataset.legacy.buckets import Buckets, scale
from kl_query.dataset.legacy.dates import in_window, read_day, read_month
from kl_query.dataset.legacy.files import DAILY_SECONDS
from kl_query.dataset.legacy.hours_with_data import (
    OWN_GPUS,
    Finer,
    HoursWithData,
    Rolling,
    Trace,
    count,
    doubt,
    present,
    weigh,
)
from kl_query.dataset.legacy.table import NON_ALLOCATABLE, Table, Tables
from kl_query.dataset.model import Amounts, Column, LegacyFacts, Scale
from kl_query.numbers import ratio
from kl_query.warnings.warning import RowId

Starts: TypeAlias = Mapping[str, int | None]
"""The start of the bucket of each date; None for one that is outside the window, or cannot be read."""


@dataclass(frozen=True, slots=True)
class Period:
    """A scale, how many dates lie outside it or cannot be read, and what it tells of a coarser one."""

    scale: Scale
    strange: int
    finer: Mapping[Metric, Finer]


@dataclass(frozen=True, slots=True)
class _Metric:
    """The rows of one metric as they stand in the files, and the hours they are of."""

    usage: Mapping[str, Column]
    mean: Mapping[str, Column]
    with_data: Mapping[str, HoursWithData]
    inside: Column


def period(
    tables: Tables,
    window: int,
    newest: int | None,
    model: CostModel,
    file: str,
    *,
    around: int | None,
    finer: Mapping[Metric, Finer],
    lag: int = 0,
    days_end: int | None = None,
    row: int = HOUR,
    rate: float | None = None,
) -> Period:
    """Return the days or months of a rolling window.

    `newest` is the newest hourly point, `around` an instant that is near enough to it to tell the year, `finer` what
    the next finer scale tells, and `lag` by how many seconds the window ended after `newest`. Where that is unknown
    data end before `days_end`, if not with the buckets. The values are sums over rows of `row` seconds; where they are
    money, `rate` is the newest price of an hour.
    """
    name: ScaleName = "daily_14d" if window == DAILY_SECONDS else "monthly_12m"
    dated, strange = _dated(tables, window, around)
    usage = (starts.values() for (_, kind), starts in dated.items() if kind == "usage")
    seen = {start for starts in usage for start in starts if start is not None}
    if not seen:
        nothing = scale(name, file, Buckets((), ()), array("d"), rows={}, newest=newest or 0, cost_model=model)
        return Period(nothing, strange, {})
    bounds = boundaries(name, min(seen), max(seen))
    buckets = Buckets(bounds[:-1], bounds[1:])
    until = min(buckets.ends[-1], days_end or buckets.ends[-1]) if newest is None else max(newest, buckets.starts[-1])
    price = rate if model == "costs" else None
    rolling = Rolling(buckets, until if newest is None else newest, window - lag, row, price)
    elapsed = (
        array("d", [max(0, min(end, until) - start) / HOUR for start, end in pairwise(bounds)])
        if newest is None
        else rolling.inside
    )
    metrics = _metrics(tables, dated, rolling, model, finer)
    observed = _observed(metrics, elapsed)
    made = scale(
        name,
        file,
        buckets,
        elapsed,
        rows=_rows(metrics, buckets, observed, model),
        newest=until,
        cost_model=model,
        open_from=until + HOUR if newest is not None else until - 1,
        observed=observed,
    )
    made = replace(
        made,
        uncounted=_uncounted(metrics),
        begins_in=_begins_in(metrics, None if newest is None else rolling),
        legacy=LegacyFacts(counted=newest is not None, lag=lag),
    )
    return Period(made, strange, {} if newest is None else _as_finer(metrics, rolling, finer))


def _dated(tables: Tables, window: int, around: int | None) -> tuple[Mapping[tuple[Metric, str], Starts], int]:
    """Return, per table, the bucket start of each of its dates; and the count of dates that have none."""

    def start_of(date: str) -> int | None:
        start = read_month(date) if window != DAILY_SECONDS else read_day(date, around)
        outside = start is not None and around is not None and not in_window(start, around, window)
        return None if outside else start

    dated = {key: {date: start_of(date) for date in table.dates} for key, table in tables.items()}
    strange = {date for starts in dated.values() for date, start in starts.items() if start is None}
    return dated, len(strange)


def _metrics(
    tables: Tables,
    dated: Mapping[tuple[Metric, str], Starts],
    rolling: Rolling,
    model: CostModel,
    finer: Mapping[Metric, Finer],
) -> dict[Metric, _Metric]:
    # Sums over rows become sums over hours. Parts of a sum stay: there, requests become those by which usage ÷ requests
    # is a sum over hours.
    buckets, row = rolling.buckets, rolling.row
    usage_factor, mean_factor = (1.0, HOUR / row) if model == "normalized" else (row / HOUR, 1.0)
    read: dict[Metric, _Metric] = {}
    for (metric, kind), table in tables.items():
        if kind != "usage":
            continue
        usage = _columns(table, dated[metric, "usage"], buckets, usage_factor)
        wanted = tables.get((metric, "requests"))
        # Requests of another moment than the usage: nothing relates the two.
        related = wanted is not None and wanted.newest == table.newest
        mean = _columns(wanted, dated[metric, "requests"], buckets, mean_factor) if wanted and related else {}
        counting, by = count, {name: column for name, column in mean.items() if name != NON_ALLOCATABLE}
        if metric in OWN_GPUS:
            one = array("d", [1.0]) * len(buckets.starts)
            counting, by = present, dict.fromkeys(usage, one) if model == "cumulative" else {}
        with_data: dict[str, HoursWithData] = {}
        if table.newest is not None:
            rolling = replace(rolling, newest=table.newest)
            rolling = replace(rolling, begun_hours=billed_hours(usage, rolling))
            known = finer.get(metric)
            with_data = {name: counting(name, usage[name], by[name], rolling, known) for name in usage if name in by}
        read[metric] = _Metric(usage, mean, with_data, rolling.inside)
    return read


def _columns(table: Table, starts: Starts, buckets: Buckets, factor: float) -> dict[str, Column]:
    columns: dict[str, Column] = {}
    for name, row in table.rows(starts.get):
        column = columns[name] = buckets.unknown
        for start, value in row.items():
            place = buckets.index(start)
            if place is not None:
                column[place] = value * factor
    return columns


def _rows(
    metrics: Mapping[Metric, _Metric], buckets: Buckets, observed: Column, model: CostModel
) -> dict[str, dict[Metric, Amounts]]:
    rows: dict[str, dict[Metric, Amounts]] = defaultdict(dict)
    for metric, read in metrics.items():
        for name, column in read.usage.items():
            usage, requests = column, buckets.unknown
            if name in read.with_data and name in read.mean:
                requests = array("d", map(_comparable_requests, usage, read.mean[name], read.with_data[name].hours))
            if metric in OWN_GPUS:
                hours = read.with_data[name].hours if name in read.with_data else buckets.unknown
                usage, requests = (array("d", map(ratio, c, hours)) for c in (usage, requests))
            if metric in OWN_GPUS or model == "normalized":
                usage, requests = (array("d", map(float.__mul__, c, observed)) for c in (usage, requests))
            rows[name][metric] = Amounts(usage, requests)
    return rows


def _comparable_requests(usage: float, mean: float, hours: float) -> float:
    """Return requests that compare with usage, from their mean over the hours; unknown where usage equals them."""
    if not (mean > 0 and hours > 0):
        return math.nan
    requests = mean * hours
    return math.nan if abs(usage / requests - 1) <= doubt(mean) else requests


def _observed(metrics: Mapping[Metric, _Metric], elapsed: Column) -> Column:
    """Return the hours of each bucket with data: fewer than elapsed where finer files tell so of every namespace."""
    observed = elapsed[:]
    for i, hours in enumerate(elapsed):
        missing = [
            metric.inside[i] - max(each.hours[i] for each in known)
            for metric in metrics.values()
            if (known := [each for each in metric.with_data.values() if not math.isnan(each.hours[i])])
            and all(i in each.from_finer for each in known)
        ]
        if missing and len(missing) == sum(1 for m in metrics.values() if m.with_data):
            observed[i] = max(0.0, hours - min(missing))
    return observed


def _uncounted(metrics: Mapping[Metric, _Metric]) -> dict[Metric, dict[RowId, tuple[int, ...]]]:
    """Return the buckets of each namespace that have requests, but for how many hours is unknown."""
    uncounted: dict[Metric, dict[RowId, tuple[int, ...]]] = {}
    for metric, read in metrics.items():
        for name, with_data in read.with_data.items():
            pairs = enumerate(zip(read.usage[name], read.mean.get(name, ()), with_data.hours, strict=False))
            buckets = tuple(i for i, (used, mean, hours) in pairs if used > 0 and mean > 0 and math.isnan(hours))
            if buckets and with_data.has_requests:
                uncounted.setdefault(metric, {})[name] = buckets
    return uncounted


def _begins_in(metrics: Mapping[Metric, _Metric], rolling: Rolling | None) -> int | None:
    """Return the bucket the data begin in, where that may be at any hour of it; None as well without `rolling`."""
    rows = [row for read in metrics.values() for row in read.with_data.values()]
    assumed = min((i for row in rows for i in row.assumed), default=None)
    if assumed is not None or rolling is None or rolling.cut:
        return assumed
    # Without requests in the first bucket nothing tells its hours.
    return None if any(0 in row.from_finer for row in rows) else 0


def _as_finer(
    metrics: Mapping[Metric, _Metric], rolling: Rolling, finer: Mapping[Metric, Finer]
) -> dict[Metric, Finer]:
    horizon = rolling.newest - rolling.window
    coarser: dict[Metric, Finer] = {}
    for metric, read in metrics.items():
        known = finer.get(metric)
        by_usage = metric in OWN_GPUS or (known is not None and known.by_usage)
        traces = {name: _trace(read, name, by_usage=by_usage) for name in read.with_data}
        coarser[metric] = Finer(
            rolling.buckets.starts,
            horizon,
            horizon,
            read.inside,
            {name: trace for name, trace in traces.items() if not all(map(math.isnan, trace.weights))},
            by_usage,
            1.0,
            frozenset(i for each in read.with_data.values() for i in each.assumed),
            frozenset() if known is None else known.erratic,
            frozenset() if known is None else known.without_requests,
        )
    return coarser


def _trace(read: _Metric, name: str, *, by_usage: bool) -> Trace:
    weights = read.usage[name] if by_usage else weigh(read.usage[name], read.mean[name], by_usage=False)
    each = zip(read.usage[name], weights, read.with_data[name].hours, read.inside, strict=True)
    # Where nothing was used, its requests are in no file, but it was there.
    hours = [0.0 if math.isnan(used) else inside if math.isnan(w) else known for used, w, known, inside in each]
    return Trace(weights, array("d", hours))
