"""The hourly points of the last 7 days: which can be believed, how new the data are, the price, and the hourly scale.

KubeLedger writes hourly points per namespace, and 5-minute ones of a namespace that has no whole hour yet. Beside those
of an older installation the latter lie in an hour that is known of no other namespace: they do not make it the newest.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from kl_core.calendar import DAY, HOUR, WEEK, hour_of_tick
from kl_core.vocabulary import Metric
from kl_query.dataset.legacy.buckets import scale
from kl_query.dataset.legacy.dates import read_instant
from kl_query.dataset.legacy.files import DAILY_SECONDS
from kl_query.dataset.legacy.table import BILLING_RATE, FileTable
from kl_query.dataset.legacy.values import DatedValues, NamedLines, ValuesByKind, is_same, moments_of_usage
from kl_query.dataset.model import Scale
from kl_query.dataset.table import Amounts, Column
from kl_query.numbers import UNKNOWN, ratios

_MAX_HOURS = 168


@dataclass(frozen=True, slots=True)
class Points:
    """`newest` is the newest hour that was written for all, of an installation without any the newest point.

    `first` is the first hourly point, of an installation without any the first point; `last` the newest point of each
    name, of whatever length.
    """

    newest: int | None = None
    first: int | None = None
    last: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Hourly:
    """The hourly scale, and what it was made of: per metric and kind, each name's mean per row times its hours.

    RowsByMetric of `row` seconds, of which each ends at one of `ends`.
    """

    scale: Scale
    lines: Mapping[tuple[Metric, str], NamedLines]
    newest: int | None
    row: int = HOUR
    ends: Sequence[int] = ()


def believable(table: FileTable, written: int) -> FileTable:
    """Return a table of points without those whose date is unreadable or lies after the file; they count as skipped.

    `written` is the file's own time, which may be wrong: a point is left out only when it is also more than a day after
    the point before it.
    """
    instants = [read_instant(date) for date in table.dates]
    latest = _latest(sorted({instant for instant in instants if instant is not None}), written + DAY)
    strange = np.array([instant is None or instant > latest for instant in instants], bool)
    return table.without(strange[table.date]) if strange.any() else table


def _latest(instants: Sequence[int], allowed: int) -> int:
    believed = [instant for instant in instants if instant <= allowed]
    if not believed:
        return max(instants, default=0)
    latest = believed[-1]
    for instant in instants[len(believed) :]:
        if instant > latest + DAY:
            break
        latest = instant
    return latest


def points_of(files: ValuesByKind) -> Points:
    """Return when the points with a value are."""
    last: dict[str, int] = {}
    runs: list[tuple[int, int, bool]] = []
    for values in (values for (_, kind), values in files.items() if kind == "usage"):
        has = np.flatnonzero(values.counts)
        stops = values.counts.cumsum()[has]
        firsts = values.starts[stops - values.counts[has]].tolist()
        lasts = values.starts[stops - 1].tolist()
        inside = np.bincount(values.name, values.starts % HOUR, len(values.names))[has] > 0
        runs += zip(firsts, lasts, (~inside).tolist(), strict=True)
        for number, newest in zip(has.tolist(), lasts, strict=True):
            last[values.names[number]] = max(last.get(values.names[number], 0), newest)
    hourly = [run for run in runs if run[2]]
    # A 5-minute point can be on the hour too, where it is a name's only one.
    sure = any(first < newest for first, newest, _ in hourly) or 2 * len(hourly) >= len(runs)
    meant = hourly if sure else runs
    return Points(max((run[1] for run in meant), default=None), min((run[0] for run in meant), default=None), last)


def window_lag(points: Points, days: ValuesByKind, written: int, row: int = HOUR) -> int:
    """Return by how many seconds the windows of the files ended after the newest row; 0 where that is not certain.

    They end when the files are written, with or without new samples. The first point is where the window of a week
    begins, of an installation that is older; the first day has to be where the one of 14 days then does.
    """
    if points.newest is None or points.first is None:
        return 0
    ended = points.first - row + WEEK
    first_day = min(moments_of_usage(days).tolist(), default=None)
    after_the_files = points.newest <= written < ended
    if ended <= points.newest or after_the_files or first_day is None:
        return 0
    begins = ended - DAILY_SECONDS + row
    return ended - points.newest if first_day <= begins < first_day + DAY else 0


def hourly_rate(files: ValuesByKind) -> float | None:
    """Return the latest price per hour that hourly points hold; None without one."""
    priced = [values for values in files.values() if BILLING_RATE in values.names]
    prices = (values.values[values.name == values.names.index(BILLING_RATE)][-1:].tolist() for values in priced)
    return next((price for latest in prices for price in latest if price > 0), None)


def hourly_scale(files: ValuesByKind, newest: int | None, file: str, row: int = HOUR) -> Hourly:
    """Return the hours that end at `newest`. Amounts are per cent of capacity times hours, under every cost model.

    Points are means over `row` seconds, or over less where a name has no whole row yet.
    """
    if newest is None:
        nothing = scale("hourly_7d", file, (), np.empty(0), rows={}, newest=0, cost_model="cumulative")
        return Hourly(nothing, {}, None)
    last = hour_of_tick(newest)
    first = max(_first_hour(files, last), last - (_MAX_HOURS - 1) * HOUR if newest % HOUR == 0 else 0)
    hours = range(first, last + HOUR + 1, HOUR)
    rows = range(first // row * row, newest + row, row)
    elapsed = _lengths(hours, newest)
    of_rows = {key: _means(values, rows, newest) for key, values in files.items()}
    of_hours = of_rows
    if row != HOUR:
        of_hours = {key: _in_hours(lines, rows, hours, newest) for key, lines in of_rows.items()}
    amounts: dict[Metric, tuple[Sequence[str], Amounts]] = {}
    for (metric, kind), usage in of_hours.items():
        if kind == "usage":
            factors = of_hours.get((metric, "rf"), NamedLines((), np.empty((0, len(elapsed)))))
            requests = _requested(usage.matrix, factors.of(usage.names) / elapsed)
            amounts[metric] = usage.names, Amounts(usage.matrix, requests)
    made = scale("hourly_7d", file, hours, elapsed, rows=amounts, newest=newest, cost_model="cumulative")
    return Hourly(made, of_rows, newest, row, rows[1:])


def _first_hour(files: ValuesByKind, last: int) -> int:
    hours = map(hour_of_tick, moments_of_usage(files).tolist())
    return min((hour for hour in hours if hour >= last - _MAX_HOURS * HOUR), default=last)


def _lengths(bounds: range, newest: int) -> Column:
    """Return how many hours of each bucket have elapsed."""
    return (np.minimum(bounds[1:], newest) - bounds[:-1]) / HOUR


def _in_hours(lines: NamedLines, rows: range, hours: range, newest: int) -> NamedLines:
    """Return the mean of each hour times its elapsed part; unknown where rows cover less than half of it."""
    ends = np.minimum(hours[1:], newest)
    elapsed = ends - hours[:-1]
    overlaps = np.minimum.outer(rows[1:], ends) - np.maximum.outer(rows[:-1], hours[:-1])
    seconds = np.maximum(overlaps, 0).astype(float)
    known = ~np.isnan(lines.matrix)
    covered = known @ seconds
    means = ratios(np.where(known, lines.matrix / _lengths(rows, newest), 0.0) @ seconds, covered)
    return NamedLines(lines.names, np.where(2 * covered >= elapsed, means * elapsed / HOUR, UNKNOWN))


def _requested(usage: Column, factors: Column) -> Column:
    """Return requests from usage and usage ÷ requests; unknown for exactly 1, which is also written for no requests."""
    return np.where((factors > 0) & ~is_same(factors, 1.0), ratios(usage, factors), UNKNOWN)


def _means(values: DatedValues, buckets: range, newest: int) -> NamedLines:
    """Return, per name, the mean of the points of each bucket, an hour or another row, times its hours.

    One of which fewer than half of the points are there is unknown; points inside it say that there are more than one.
    """
    row, hours = buckets.step, _lengths(buckets, newest)
    inside = bool((values.moments % row).any())
    step = np.diff(values.moments).min(initial=row) if inside else row
    fine = np.bincount(values.name, values.starts % row, len(values.names)) > 0
    needed = np.where(fine[:, np.newaxis], 0.5 * hours * HOUR / step, 1.0)
    counts, sums = values.tally((values.starts - 1 - buckets.start) // row, len(hours))
    known = np.where(counts.matrix >= needed, counts.matrix, 0.0)
    return NamedLines(values.names, ratios(sums.matrix, known) * hours)
