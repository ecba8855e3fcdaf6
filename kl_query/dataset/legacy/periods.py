"""The days and months of a rolling window."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import compress

import numpy as np

from kl_core.calendar import HOUR, boundaries
from kl_core.vocabulary import CostModel, Metric, ScaleName
from kl_query.dataset.legacy.buckets import RowsByMetric, scale
from kl_query.dataset.legacy.files import DAILY_SECONDS
from kl_query.dataset.legacy.hours_with_data import (
    OWN_GPUS,
    UNTOLD,
    Finer,
    HoursWithData,
    Rolling,
    billed_hours,
    counted,
    doubt,
    present,
    weigh,
)
from kl_query.dataset.legacy.table import NON_ALLOCATABLE
from kl_query.dataset.legacy.values import NamedLines, ValuesByKind, moments_of_usage
from kl_query.dataset.model import LegacyFacts, Scale
from kl_query.dataset.table import Amounts, Column
from kl_query.numbers import UNKNOWN, Flags, ratios
from kl_query.warnings.warning import RowId


@dataclass(frozen=True, slots=True, eq=False)
class _Metric:
    """The rows of one metric as they stand in the files, and the hours they are of, a line for each of `names`.

    `comparable` are those with something to compare usage with; of others no hours are known.
    """

    names: tuple[str, ...]
    usage: Column
    mean: Column
    comparable: Flags
    with_data: HoursWithData
    inside: Column


def period(
    files: ValuesByKind,
    window: int,
    newest: int | None,
    model: CostModel,
    file: str,
    *,
    finer: Mapping[Metric, Finer],
    lag: int = 0,
    days_end: int | None = None,
    row: int = HOUR,
    rate: float | None = None,
) -> tuple[Scale, Mapping[Metric, Finer]]:
    """Return the days or months of a rolling window, and what they tell of a coarser scale.

    `newest` is the newest hourly point, `finer` what the next finer scale tells, and `lag` by how many seconds the
    window ended after `newest`. Where that is unknown data end before `days_end`, if not with the buckets. The values
    are sums over rows of `row` seconds; where they are money, `rate` is the newest price of an hour.
    """
    name: ScaleName = "daily_14d" if window == DAILY_SECONDS else "monthly_12m"
    seen = moments_of_usage(files).tolist()
    if not seen:
        return scale(name, file, (), np.empty(0), rows={}, newest=newest or 0, cost_model=model), {}
    bounds = boundaries(name, seen[0], seen[-1])
    until = min(bounds[-1], days_end or bounds[-1]) if newest is None else max(newest, bounds[-2])
    price = rate if model == "costs" else None
    rolling = Rolling(bounds, until if newest is None else newest, window - lag, row, price)
    elapsed = np.maximum(np.minimum(bounds[1:], until) - bounds[:-1], 0) / HOUR
    if newest is not None:
        elapsed = rolling.inside
    metrics = _metrics(files, rolling, model, finer)
    observed = _observed(metrics, elapsed)
    made = scale(
        name,
        file,
        bounds,
        elapsed,
        rows=_rows(metrics, observed, model),
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
    return made, {} if newest is None else _as_finer(metrics, rolling, finer)


def _metrics(
    files: ValuesByKind, rolling: Rolling, model: CostModel, finer: Mapping[Metric, Finer]
) -> dict[Metric, _Metric]:
    # Sums over rows become sums over hours. Parts of a sum stay: there, requests become those by which usage ÷ requests
    # is a sum over hours.
    starts, row = np.array(rolling.bounds[:-1], dtype=np.int64), rolling.row
    usage_factor, mean_factor = (1.0, HOUR / row) if model == "normalized" else (row / HOUR, 1.0)
    read: dict[Metric, _Metric] = {}
    for (metric, kind), values in files.items():
        if kind != "usage":
            continue
        names, usage = values.names, values.over(starts).matrix * usage_factor
        wanted = files.get((metric, "requests"))
        # Requests of another moment than the usage: nothing relates the two.
        related = wanted if wanted is not None and wanted.newest == values.newest else None
        mean = related.over(starts).of(names) * mean_factor if related else np.full(usage.shape, UNKNOWN)
        counting, by = counted, mean
        comparable = np.isin(names, related.names if related else ()) & (np.array(names) != NON_ALLOCATABLE)
        if metric in OWN_GPUS:
            counting, by = present, np.ones(usage.shape)
            comparable = np.full(len(names), model == "cumulative")
        if values.newest is None:
            comparable = np.zeros(len(names), bool)
        else:
            rolling = replace(rolling, newest=values.newest)
            rolling = replace(rolling, begun_hours=billed_hours(NamedLines(names, usage), rolling))
        by = np.where(comparable[:, np.newaxis], by, UNKNOWN)
        with_data = counting(names, usage, by, rolling, finer.get(metric, UNTOLD))
        read[metric] = _Metric(names, usage, mean, comparable, with_data, rolling.inside)
    return read


def _rows(metrics: Mapping[Metric, _Metric], observed: Column, model: CostModel) -> RowsByMetric:
    rows: dict[Metric, tuple[Sequence[str], Amounts]] = {}
    for metric, read in metrics.items():
        usage, hours = read.usage, read.with_data.hours
        requests = _comparable_requests(usage, read.mean, hours)
        if metric in OWN_GPUS:
            usage, requests = ratios(usage, hours), ratios(requests, hours)
        if metric in OWN_GPUS or model == "normalized":
            usage, requests = usage * observed, requests * observed
        rows[metric] = read.names, Amounts(usage, requests)
    return rows


def _comparable_requests(usage: Column, mean: Column, hours: Column) -> Column:
    """Return requests that compare with usage, from their mean over the hours; unknown where usage equals them."""
    requests = mean * hours
    known = (mean > 0) & (hours > 0) & ~(abs(ratios(usage, requests) - 1) <= doubt(mean))
    return np.where(known, requests, UNKNOWN)


def _observed(metrics: Mapping[Metric, _Metric], elapsed: Column) -> Column:
    """Return the hours of each bucket with data: fewer than elapsed where finer files tell so of every namespace."""
    missing = [
        np.where(
            (read.with_data.from_finer | np.isnan(read.with_data.hours)).all(0),
            read.inside - np.fmax.reduce(read.with_data.hours, axis=0),
            UNKNOWN,
        )
        for read in metrics.values()
        if read.comparable.any()
    ]
    fewer = np.maximum(0.0, elapsed - np.min(missing, axis=0, initial=np.inf))
    return np.where(np.isnan(fewer) | (not missing), elapsed, fewer)


def _uncounted(metrics: Mapping[Metric, _Metric]) -> dict[Metric, dict[RowId, tuple[int, ...]]]:
    """Return the buckets of each namespace that have requests, but for how many hours is unknown."""
    uncounted: dict[Metric, dict[RowId, tuple[int, ...]]] = {}
    for metric, read in metrics.items():
        without_hours = (read.usage > 0) & (read.mean > 0) & np.isnan(read.with_data.hours)
        without_hours &= (read.comparable & read.with_data.has_requests)[:, np.newaxis]
        for line in np.flatnonzero(without_hours.any(1)):
            buckets = tuple(np.flatnonzero(without_hours[line]).tolist())
            uncounted.setdefault(metric, {})[read.names[line]] = buckets
    return uncounted


def _begins_in(metrics: Mapping[Metric, _Metric], rolling: Rolling | None) -> int | None:
    """Return the bucket the data begin in, where that may be at any hour of it; None as well without `rolling`."""
    with_data = [read.with_data for read in metrics.values()]
    assumed = [bucket for each in with_data for bucket in np.flatnonzero(each.assumed.any(0)).tolist()]
    if assumed or rolling is None or rolling.cut:
        return min(assumed, default=None)
    # Without requests in the first bucket nothing tells its hours.
    return None if any(each.from_finer[:, 0].any() for each in with_data) else 0


def _as_finer(
    metrics: Mapping[Metric, _Metric], rolling: Rolling, finer: Mapping[Metric, Finer]
) -> dict[Metric, Finer]:
    starts, horizon = np.array(rolling.bounds[:-1], dtype=np.int64), rolling.newest - rolling.window
    coarser: dict[Metric, Finer] = {}
    for metric, read in metrics.items():
        known = finer.get(metric, UNTOLD)
        by_usage = metric in OWN_GPUS or known.by_usage
        weights = weigh(read.usage, read.mean, by_usage=by_usage)
        # Where nothing was used, its requests are in no file, but it was there.
        hours = np.where(np.isnan(weights), read.inside, read.with_data.hours)
        hours = np.where(np.isnan(read.usage), 0.0, hours)
        traced = read.comparable & ~np.isnan(weights).all(1)
        names = tuple(compress(read.names, traced))
        coarser[metric] = Finer(
            starts,
            horizon,
            horizon,
            read.inside,
            NamedLines(names, weights[traced]),
            NamedLines(names, hours[traced]),
            by_usage,
            np.any(read.with_data.assumed, axis=0),
            erratic=known.erratic,
            without_requests=known.without_requests,
        )
    return coarser
