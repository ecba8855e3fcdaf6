"""How long the rows are that KubeLedger added up, which its files do not say and which need not be hours.

It asks its databases for hours, and they answer with the archive that is nearest: one of rows as long as its polling
interval, the last 4,032 of them, and one of rows 12 times as long. Polling every 5 minutes gives hours everywhere;
every minute gives rows of 12 minutes, every 10 minutes rows of 10 minutes in points and days and of 2 hours in months.
Points stand beside each other as far as a row is long. Days and months are sums over rows: how long these are follows
from what the finer file has of the same days.
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isnan
from statistics import median
from typing import TypeAlias

import numpy as np

from kl_core.calendar import DAY, HOUR, WEEK, add_months
from kl_core.vocabulary import CostModel, Metric
from kl_query.dataset.legacy.files import DAILY_SECONDS, MONTHLY_SECONDS
from kl_query.dataset.legacy.hours_with_data import weigh
from kl_query.dataset.legacy.table import BILLING_RATE
from kl_query.dataset.legacy.values import DatedValues, Instants, ValuesByKind, places_in
from kl_query.dataset.table import Column
from kl_query.numbers import Flags, known_sums
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
_Sums: TypeAlias = tuple[Instants, Column]
"""The starts of buckets, and their sums over rows: of usage ÷ requests, or of usage in per cent."""


@dataclass(frozen=True, slots=True)
class RowLengths:
    """The seconds of a row of the hourly points, of days and of months; what to know of them."""

    points: int = HOUR
    daily: int = HOUR
    monthly: int = HOUR
    warnings: tuple[DataWarning, ...] = ()


def rows_of(
    points: ValuesByKind, days: ValuesByKind, months: ValuesByKind, newest: int | None, model: CostModel
) -> RowLengths:
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


def _gap(points: ValuesByKind) -> tuple[int, int]:
    """Return the usual seconds between two points of a name, an hour where there are none; and how many it has."""
    gaps: Counter[int] = Counter()
    most = 0
    for values in (points[metric, "usage"] for metric in _METRICS if (metric, "usage") in points):
        fullest = np.isin(values.name, [values.names.index(name) for name in _fullest(values)])
        gaps.update(np.diff(values.starts[fullest])[np.diff(values.name[fullest]) == 0].tolist())
        most = max(most, int(np.bincount(values.name[fullest]).max(initial=0)))
    return max(gaps, key=lambda gap: (gaps[gap], -gap), default=HOUR), most


def _comparable(points: ValuesByKind, model: CostModel) -> list[tuple[Metric, str]]:
    """Return by which points compare with days under a cost model: usage ÷ requests, or usage in per cent."""
    kinds = ("rf", "usage") if model == "cumulative" else ("rf",)
    first = ((metric, next((kind for kind in kinds if (metric, kind) in points), None)) for metric in _METRICS)
    return [(metric, kind) for metric, kind in first if kind is not None]


def _rows_of_days(
    points: ValuesByKind, days: ValuesByKind, newest: int, compared: tuple[Metric, str], gap: int
) -> list[float]:
    """Return an estimate of the rows of days by each day that points cover."""
    metric, kind = compared
    values = points[compared]
    names = _fullest(values)
    starts, weights = _weights(days, metric, names, by_usage=kind == "usage")
    counts, sums = (
        lines.of(names) for lines in values.tally(places_in(starts, values.starts // DAY * DAY), len(starts))
    )
    expected = (np.minimum(starts + DAY, newest + 1) - starts) / gap
    covered = (starts > newest - WEEK) & (counts >= np.maximum(_MIN_ROWS, expected / _AGREES)) & (weights > 0)
    seconds, rows = (each.sum(0, where=covered) for each in (sums * gap, weights))
    return list((seconds[seconds > 0] / rows[seconds > 0]).tolist())


def _rows_of_months(days: ValuesByKind, months: ValuesByKind, newest: int, model: CostModel, daily: int) -> int | None:
    """Return the rows of months; None where they contradict the days, those of days where nothing can be compared."""
    by_usage = model == "cumulative"
    votes: Counter[int | None] = Counter()
    for metric in _METRICS:
        if (metric, "usage") in days and (metric, "usage") in months:
            names = _fullest(days[metric, "usage"])
            fine, coarse = (_weights(files, metric, names, by_usage=by_usage) for files in (days, months))
            both = np.any(~np.isnan(fine[1]), axis=1) & np.any(~np.isnan(coarse[1]), axis=1)
            if both.any():
                votes[_row_of_months(_added(fine, both), _added(coarse, both), newest, daily)] += 1
    return max(votes, key=lambda row: votes[row], default=daily)


def _added(sums: _Sums, names: Flags) -> dict[int, float]:
    starts, added = sums[0], known_sums(sums[1][names], axis=0)
    return {start: amount for start, amount in zip(starts.tolist(), added.tolist(), strict=True) if not isnan(amount)}


def _row_of_months(fine: Mapping[int, float], coarse: Mapping[int, float], newest: int, daily: int) -> int | None:
    """Return the row, of the two it can be, by which months hold what their days do, and by the hour about as much."""
    held = [start for start in coarse if add_months(start, 1) > min(fine)]
    inside = [start for start in fine if any(start >= month for month in held)]
    in_days, in_rows = sum(fine[start] for start in inside) * daily, sum(coarse[start] for start in held)
    if not in_days > 0 or not in_rows > 0:
        return daily
    day_spans = sum(min(start + DAY, newest + 1) - max(start, newest - DAILY_SECONDS) for start in inside)
    month_spans = sum(min(add_months(start, 1), newest + 1) - max(start, newest - MONTHLY_SECONDS) for start in held)
    # An installation that began inside the days has no more in its months than in these.
    old = min(fine) <= newest - DAILY_SECONDS or len(held) < len(coarse)
    expected = in_days * month_spans / day_spans if old else in_days
    least = {row: in_days / _AGREES - row * in_days / day_spans for row in (daily, _LONG * daily)}
    fits = {row: in_rows * row for row in least if in_rows * row >= least[row]}
    return min(fits, key=lambda row: abs(math.log(fits[row] / expected)), default=None)


def _weights(files: ValuesByKind, metric: Metric, names: Sequence[str], *, by_usage: bool) -> _Sums:
    """Return the sums of some names, a line each; unknown where usage or requests are."""
    usage, requests = files.get((metric, "usage")), files.get((metric, "requests"))
    if usage is None or (requests is None and not by_usage):
        return np.empty(0, np.int64), np.empty((len(names), 0))
    used = usage.over(usage.moments).of(names)
    mean = used if requests is None else requests.over(usage.moments).of(names)
    return usage.moments, weigh(used, mean, by_usage=by_usage)


def _fullest(values: DatedValues) -> list[str]:
    order = np.argsort(-values.rows, kind="stable").tolist()
    return [values.names[line] for line in order if values.names[line] != BILLING_RATE][:_MAX_NAMES]


def _nearest(estimate: float, expected: Sequence[int]) -> int | None:
    likely = [row for row in expected if 1 / _AGREES <= estimate / row <= _AGREES]
    usual = [row for row in LENGTHS if 1 / _IS <= estimate / row <= _IS]
    return next(iter((*likely, *usual)), None)
