"""The days and months of a rolling window."""

from __future__ import annotations

import math
from array import array
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from kl_core.calendar import HOUR, boundaries
from kl_core.vocabulary import CostModel, Metric, ScaleName
from kl_query.dataset.legacy.buckets import Buckets, Tables, scale
from kl_query.dataset.legacy.dates import hours_inside, in_window, read_day, read_month
from kl_query.dataset.legacy.files import DAILY_SECONDS
from kl_query.dataset.legacy.hours_with_data import OWN_GPUS, Finer, Lived, Rolling, Trace, count, doubt, present, weigh
from kl_query.dataset.legacy.table import NON_ALLOCATABLE, Table
from kl_query.dataset.model import Amounts, Column, LegacyFacts, Scale
from kl_query.warnings.warning import RowId


@dataclass(frozen=True, slots=True)
class Period:
    """A scale, how many dates lie outside it or cannot be read, and what it tells of a coarser one."""

    scale: Scale
    strange: int
    finer: Mapping[Metric, Finer]


@dataclass(frozen=True, slots=True)
class Span:
    """The buckets of a rolling window, of which values are sums over rows of `row` seconds."""

    buckets: Buckets
    window: int
    row: int
    model: CostModel

    @property
    def usage_factor(self) -> float:
        """Return what makes sums over rows sums over hours; a part of a sum stays."""
        return 1.0 if self.model == "normalized" else self.row / HOUR

    @property
    def mean_factor(self) -> float:
        """Return what makes requests such that usage ÷ requests is a sum over hours."""
        return HOUR / self.row if self.model == "normalized" else 1.0


@dataclass(frozen=True, slots=True)
class _Metric:
    """The rows of one metric as they stand in the files, and the hours they are of."""

    usage: Mapping[str, Column]
    mean: Mapping[str, Column]
    lived: Mapping[str, Lived]
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
) -> Period:
    """Return the days or months of a rolling window.

    `newest` is the newest hourly point, `around` an instant that is near enough to it to tell the year, `finer` what
    the next finer scale tells, and `lag` by how many seconds the window ended after `newest`. Where that is unknown
    data end before `days_end`, if not with the buckets. The values are sums over rows of `row` seconds.
    """
    daily = window == DAILY_SECONDS
    name: ScaleName = "daily_14d" if daily else "monthly_12m"
    dated, strange = _dated(tables, window, around)
    seen = {start for (_, kind), starts in dated.items() if kind == "usage" for start in starts if start is not None}
    if not seen:
        nothing = scale(name, file, Buckets((), ()), array("d"), rows={}, newest=newest or 0, cost_model=model)
        return Period(nothing, strange, {})
    bounds = boundaries(name, min(seen), max(seen))
    buckets = Buckets(bounds[:-1], bounds[1:])
    until = min(buckets.ends[-1], days_end or buckets.ends[-1]) if newest is None else max(newest, buckets.starts[-1])
    inside = window - lag
    elapsed = _hours(buckets, until, inside, row, exact=newest is not None)
    metrics = _metrics(tables, dated, Span(buckets, inside, row, model), finer)
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
        begins_in=_begins_in(metrics, buckets, newest, inside),
        legacy=LegacyFacts(counted=newest is not None, lag=lag),
    )
    return Period(made, strange, {} if newest is None else _as_finer(metrics, buckets, newest - inside, finer))


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


def _hours(buckets: Buckets, newest: int, window: int, row: int, *, exact: bool) -> Column:
    pairs = zip(buckets.starts, buckets.ends, strict=True)
    if not exact:
        return array("d", [max(0, min(end, newest) - start) / HOUR for start, end in pairs])
    return array("d", [hours_inside(start, end, newest, window, row) for start, end in pairs])


def _metrics(
    tables: Tables,
    dated: Mapping[tuple[Metric, str], Sequence[int | None]],
    span: Span,
    finer: Mapping[Metric, Finer],
) -> dict[Metric, _Metric]:
    found: dict[Metric, _Metric] = {}
    buckets = span.buckets
    for (metric, kind), read in tables.items():
        if kind != "usage":
            continue
        usage = _columns(read.table, dated[metric, "usage"], buckets, span.usage_factor)
        wanted = tables.get((metric, "requests"))
        mean = _columns(wanted.table, dated[metric, "requests"], buckets, span.mean_factor) if wanted else {}
        lived: dict[str, Lived] = {}
        inside = buckets.unknown
        # Requests of another moment than the usage: nothing relates the two.
        related = wanted is not None and wanted.newest == read.newest
        if metric in OWN_GPUS:
            mean = mean if related else {}
            if read.newest is not None and span.model == "cumulative":
                rolling = _rolling(span, read.newest)
                inside = rolling.inside
                one = array("d", [1.0]) * len(buckets.starts)
                lived = {name: present(name, usage[name], one, rolling, finer.get(metric)) for name in usage}
        elif related and read.newest is not None:
            rolling = _rolling(span, read.newest)
            inside = rolling.inside
            names = [name for name in usage if name in mean and name != NON_ALLOCATABLE]
            lived = {name: count(name, usage[name], mean[name], rolling, finer.get(metric)) for name in names}
        found[metric] = _Metric(usage, mean, lived, inside)
    return found


def _rolling(span: Span, newest: int) -> Rolling:
    buckets = span.buckets
    inside = _hours(buckets, max(newest, buckets.starts[-1]), span.window, span.row, exact=True)
    return Rolling(buckets, inside, newest, cut=_cut(buckets, newest, span.window))


def _cut(buckets: Buckets, newest: int, window: int) -> bool:
    """Say whether the first bucket is the one that a window begins in, at whatever hour, its first one included."""
    return buckets.starts[0] <= newest - window + HOUR


def _columns(table: Table, starts: Sequence[int | None], buckets: Buckets, factor: float) -> dict[str, Column]:
    places = [None if start is None else buckets.index(start) for start in starts]
    columns: dict[str, Column] = {}
    for name in table.cells:
        column = columns[name] = buckets.unknown
        for position, value in table.values(name):
            place = places[position]
            if place is not None:
                column[place] = value * factor
    return columns


def _rows(
    metrics: Mapping[Metric, _Metric], buckets: Buckets, observed: Column, model: CostModel
) -> dict[str, dict[Metric, Amounts]]:
    rows: dict[str, dict[Metric, Amounts]] = defaultdict(dict)
    for metric, found in metrics.items():
        for name, column in found.usage.items():
            usage, requests = column, buckets.unknown
            if name in found.lived and name in found.mean:
                requests = array("d", map(_whole_requests, usage, found.mean[name], found.lived[name].hours))
            if metric in OWN_GPUS:
                hours = found.lived[name].hours if name in found.lived else buckets.unknown
                usage, requests = (array("d", map(_per_hour, c, hours)) for c in (usage, requests))
            if metric in OWN_GPUS or model == "normalized":
                usage, requests = (array("d", map(float.__mul__, c, observed)) for c in (usage, requests))
            rows[name][metric] = Amounts(usage, requests)
    return rows


def _per_hour(amount: float, hours: float) -> float:
    return amount / hours if hours > 0 else math.nan


def _whole_requests(usage: float, mean: float, hours: float) -> float:
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
            metric.inside[i] - max(lived.hours[i] for lived in known)
            for metric in metrics.values()
            if (known := [lived for lived in metric.lived.values() if not math.isnan(lived.hours[i])])
            and all(i in lived.told for lived in known)
        ]
        if missing and len(missing) == sum(1 for m in metrics.values() if m.lived):
            observed[i] = max(0.0, hours - min(missing))
    return observed


def _uncounted(metrics: Mapping[Metric, _Metric]) -> dict[Metric, dict[RowId, tuple[int, ...]]]:
    """Return the buckets of each namespace that have requests, but for how many hours is unknown."""
    found: dict[Metric, dict[RowId, tuple[int, ...]]] = {}
    for metric, read in metrics.items():
        for name, lived in read.lived.items():
            pairs = enumerate(zip(read.usage[name], read.mean.get(name, ()), lived.hours, strict=False))
            buckets = tuple(i for i, (used, mean, hours) in pairs if used > 0 and mean > 0 and math.isnan(hours))
            if buckets and lived.asked:
                found.setdefault(metric, {})[name] = buckets
    return found


def _begins_in(metrics: Mapping[Metric, _Metric], buckets: Buckets, newest: int | None, window: int) -> int | None:
    """Return the bucket the data begin in, where that may be at any hour of it."""
    lived = [lived for read in metrics.values() for lived in read.lived.values()]
    assumed = min((i for one in lived for i in one.assumed), default=None)
    if assumed is not None or newest is None or _cut(buckets, newest, window):
        return assumed
    # Without requests in the first bucket nothing tells its hours.
    return None if any(0 in one.told for one in lived) else 0


def _as_finer(
    metrics: Mapping[Metric, _Metric], buckets: Buckets, horizon: int, finer: Mapping[Metric, Finer]
) -> dict[Metric, Finer]:
    found: dict[Metric, Finer] = {}
    for metric, read in metrics.items():
        known = finer.get(metric)
        by_usage = metric in OWN_GPUS or (known is not None and known.by_usage)
        traces = {name: _trace(read, name, by_usage=by_usage) for name in read.lived}
        found[metric] = Finer(
            buckets.starts,
            horizon,
            horizon,
            read.inside,
            {name: trace for name, trace in traces.items() if not all(map(math.isnan, trace.weights))},
            by_usage,
            1.0,
            frozenset(i for lived in read.lived.values() for i in lived.assumed),
            frozenset() if known is None else known.erratic,
            frozenset() if known is None else known.unasked,
        )
    return found


def _trace(read: _Metric, name: str, *, by_usage: bool) -> Trace:
    weights = read.usage[name] if by_usage else weigh(read.usage[name], read.mean[name], by_usage=False)
    each = zip(read.usage[name], weights, read.lived[name].hours, read.inside, strict=True)
    # Where nothing was used, its requests are in no file, but it was there.
    hours = [0.0 if math.isnan(used) else inside if math.isnan(w) else lived for used, w, lived, inside in each]
    return Trace(weights, array("d", hours))
