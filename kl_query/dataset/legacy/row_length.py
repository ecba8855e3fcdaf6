"""How long the rows are that KubeLedger added up, which its files do not say and which need not be hours.

It asks its databases for hours, and they answer with the archive that is nearest: one of rows as long as its polling
interval, the last 4,032 of them, and one of rows 12 times as long. Polling every 5 minutes gives hours everywhere;
every minute gives rows of 12 minutes, every 10 minutes rows of 10 minutes in points and days and of 2 hours in months.
Points stand beside each other as far as a row is long. Days and months are sums over rows: how long these are follows
from what the finer file has of the same days.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from statistics import median

from kl_core.calendar import DAY, HOUR, WEEK, add_months
from kl_core.vocabulary import CostModel, Metric
from kl_query.dataset.legacy.dates import read_day, read_instant, read_month
from kl_query.dataset.legacy.files import DAILY_SECONDS, MONTHLY_SECONDS
from kl_query.dataset.legacy.table import BILLING_RATE, StartOf, Table, Tables
from kl_query.warnings.codes import Code
from kl_query.warnings.warning import DataWarning, Plain, warning

LENGTHS = (300, 360, 600, 720, 900, 1200, 1440, 1800, 2160, 2880, 3600, 7200, 10_800, 14_400, 21_600, 43_200, 86_400)
"""In seconds: those of usual polling intervals."""
_LONG = 12
"""How many short rows a long row is made of."""
_SHORT_BELOW_SECONDS = 554
"""Polling more often than that, long rows are nearer to an hour than short ones."""
_MAX_SHORT_ROWS = 18
"""A name without a long row is written in short ones: of a young name, so that there are few."""
_AGREES = 1.1
"""By how much two ways of adding up the same rows may differ."""
_IS = 1.03
"""The same, for rows that nothing else speaks for."""
_MAX_NAMES = 24
"""So many names, those with most points, are evidence enough."""
_MIN_ROWS = 5
_DAYS, _MONTHS = Plain("days"), Plain("months")
_METRICS: tuple[Metric, ...] = ("cpu", "memory")
_Sums = Mapping[int, float]
"""By start of the bucket."""


@dataclass(frozen=True, slots=True)
class RowLengths:
    """The seconds of a row of the hourly points, of days and of months; what to know of them."""

    points: int = HOUR
    daily: int = HOUR
    monthly: int = HOUR
    warnings: tuple[DataWarning, ...] = ()


def rows_of(points: Tables, days: Tables, months: Tables, newest: int | None, model: CostModel) -> RowLengths:
    """Return how long rows are, as far as the files tell; hours where nothing says otherwise."""
    if newest is None:
        return RowLengths()
    gap, count = _gap(points)
    usual = _LONG * gap if gap < _SHORT_BELOW_SECONDS and count < _MAX_SHORT_ROWS else gap
    estimates = [
        estimate
        for compared in _comparable(points, model)
        for estimate in _rows_of_days(points, days, newest, compared, gap)
    ]
    daily = _nearest(median(estimates), (usual, gap, HOUR, _LONG * gap)) if estimates else usual
    monthly = _rows_of_months(days, months, newest, model, daily or HOUR)
    warnings = [
        warning(Code.SUMS_CONTRADICT, coarse=coarse, fine=fine)
        for coarse, fine, row in ((_DAYS, Plain("hourly points"), daily), (_MONTHS, _DAYS, monthly))
        if row is None
    ]
    # Finer points of an hour are made one hour, where days are sums of hours.
    points_row = HOUR if daily == HOUR and HOUR % gap == 0 else usual
    longer = [(kind, row) for kind, row in ((_DAYS, daily or HOUR), (_MONTHS, monthly or HOUR)) if row != HOUR]
    if longer:
        each = [f"{kind} of {f'{row // 60} min' if row < HOUR else f'{row / HOUR:g} h'}" for kind, row in longer]
        warnings.insert(0, warning(Code.ROWS_CONVERTED, rows=Plain(", ".join(each))))
    return RowLengths(points_row, daily or HOUR, monthly or HOUR, tuple(warnings))


def _gap(points: Tables) -> tuple[int, int]:
    """Return the usual seconds between two points of a name, an hour where there are none; and how many it has."""
    gaps: Counter[int] = Counter()
    most = 0
    for (metric, kind), table in points.items():
        if kind == "usage" and metric in _METRICS:
            for _, row in table.rows(read_instant, _fullest(table)):
                gaps.update(b - a for a, b in pairwise(sorted(row)))
                most = max(most, len(row))
    return max(gaps, key=lambda gap: (gaps[gap], -gap), default=HOUR), most


def _comparable(points: Tables, model: CostModel) -> list[tuple[Metric, str]]:
    """Return by which points compare with days under a cost model: usage ÷ requests, or usage in per cent."""
    kinds = ("rf", "usage") if model == "cumulative" else ("rf",)
    first = ((metric, next((kind for kind in kinds if (metric, kind) in points), None)) for metric in _METRICS)
    return [(metric, kind) for metric, kind in first if kind is not None]


def _rows_of_days(points: Tables, days: Tables, newest: int, compared: tuple[Metric, str], gap: int) -> list[float]:
    """Return an estimate of the rows of days by each day that points cover."""
    metric, kind = compared
    table = points[compared]
    names = _fullest(table)
    sums = _weights(days, metric, names, partial(read_day, newest=newest), by_usage=kind == "usage")
    seconds: dict[int, float] = defaultdict(float)
    rows: dict[int, float] = defaultdict(float)
    for name, row in table.rows(read_instant, names):
        values: dict[int, list[float]] = defaultdict(list)
        for instant, value in row.items():
            values[instant // DAY * DAY].append(value)
        for start, of_day in values.items():
            expected = (min(start + DAY, newest + 1) - start) / gap
            covered = start > newest - WEEK and len(of_day) >= max(_MIN_ROWS, expected / _AGREES)
            if covered and sums.get(name, {}).get(start, 0.0) > 0:
                seconds[start] += sum(of_day) * gap
                rows[start] += sums[name][start]
    return [seconds[start] / rows[start] for start in seconds if seconds[start] > 0]


def _rows_of_months(days: Tables, months: Tables, newest: int, model: CostModel, daily: int) -> int | None:
    """Return the rows of months; None where they contradict the days, those of days where nothing can be compared."""
    by_usage = model == "cumulative"
    votes: Counter[int | None] = Counter()
    for metric in _METRICS:
        if (metric, "usage") in days and (metric, "usage") in months:
            names = _fullest(days[metric, "usage"])
            fine = _weights(days, metric, names, partial(read_day, newest=newest), by_usage=by_usage)
            coarse = _weights(months, metric, names, read_month, by_usage=by_usage)
            both = [name for name in fine if name in coarse]
            if both:
                votes[
                    _row_of_months(_added(fine[n] for n in both), _added(coarse[n] for n in both), newest, daily)
                ] += 1
    return max(votes, key=lambda row: votes[row], default=daily)


def _row_of_months(fine: _Sums, coarse: _Sums, newest: int, daily: int) -> int | None:
    """Return the row, of the two it can be, by which months hold what their days do, and by the hour about as much."""
    held = [start for start in coarse if add_months(start, 1) > min(fine)]
    known = [start for start in fine if any(start >= month for month in held)]
    in_days, in_rows = sum(fine[start] for start in known) * daily, sum(coarse[start] for start in held)
    if not in_days > 0 or not in_rows > 0:
        return daily
    day_spans = sum(min(start + DAY, newest + 1) - max(start, newest - DAILY_SECONDS) for start in known)
    month_spans = sum(min(add_months(start, 1), newest + 1) - max(start, newest - MONTHLY_SECONDS) for start in held)
    # An installation that began inside the days has no more in its months than in these.
    old = min(fine) <= newest - DAILY_SECONDS or len(held) < len(coarse)
    expected = in_days * month_spans / day_spans if old else in_days
    least = {row: in_days / _AGREES - row * in_days / day_spans for row in (daily, _LONG * daily)}
    fits = {row: in_rows * row for row in least if in_rows * row >= least[row]}
    return min(fits, key=lambda row: abs(math.log(fits[row] / expected)), default=None)


def _weights(
    tables: Tables, metric: Metric, names: Sequence[str], start_of: StartOf, *, by_usage: bool
) -> dict[str, _Sums]:
    """Return per name and start of bucket the sum over rows of usage ÷ requests, or of usage in per cent."""
    usage, requests = tables.get((metric, "usage")), tables.get((metric, "requests"))
    if usage is None or (requests is None and not by_usage):
        return {}
    used: dict[str, _Sums] = {name: row for name, row in usage.rows(start_of, names) if row}
    if by_usage or requests is None:
        return used
    means = dict(requests.rows(start_of, names))
    return {
        name: {start: value / means[name][start] for start, value in row.items() if means[name].get(start, 0.0) > 0}
        for name, row in used.items()
        if any(mean > 0 for mean in means.get(name, {}).values())
    }


def _added(rows: Iterable[_Sums]) -> _Sums:
    added: dict[int, float] = defaultdict(float)
    for row in rows:
        for start, value in row.items():
            added[start] += value
    return added


def _fullest(table: Table) -> list[str]:
    names = (name for name in table.cells if name != BILLING_RATE)
    return sorted(names, key=lambda name: -len(table.cells[name].dates))[:_MAX_NAMES]


def _nearest(estimate: float, expected: Sequence[int]) -> int | None:
    likely = [row for row in expected if 1 / _AGREES <= estimate / row <= _AGREES]
    usual = [row for row in LENGTHS if 1 / _IS <= estimate / row <= _IS]
    return next(iter((*likely, *usual)), None)
