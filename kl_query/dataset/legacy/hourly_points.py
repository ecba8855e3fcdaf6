"""The hourly points of the last 7 days: which can be believed, how new the data are, the price, and the hourly scale.

KubeLedger writes hourly points per namespace, and 5-minute ones of a namespace that has no whole hour yet. Beside those
of an older installation the latter lie in an hour that is known of no other namespace: they do not make it the newest.
"""

import math
from array import array
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import pairwise

from kl_core.calendar import DAY, HOUR, WEEK, hour_of_tick
from kl_core.vocabulary import Metric
from kl_query.dataset.legacy.buckets import Buckets, scale
from kl_query.dataset.legacy.dates import in_window, read_day, read_instant
from kl_query.dataset.legacy.files import DAILY_SECONDS
from kl_query.dataset.legacy.table import BILLING_RATE, Table, Tables, starts_with_usage
from kl_query.dataset.model import Amounts, Column, Scale

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

    Rows of `row` seconds, of which each ends at one of `ends`.
    """

    scale: Scale
    columns: Mapping[tuple[Metric, str], Mapping[str, Column]]
    newest: int | None
    row: int = HOUR
    ends: Sequence[int] = ()


def believable(table: Table, written: int) -> Table:
    """Return a table of points without those whose date is unreadable or lies after the file; they count as skipped.

    `written` is the file's own time, which may be wrong: a point is left out only when it is also more than a day after
    the point before it.
    """
    instants = [read_instant(date) for date in table.dates]
    latest = _latest(sorted({instant for instant in instants if instant is not None}), written + DAY)
    strange = {position for position, instant in enumerate(instants) if instant is None or instant > latest}
    if not strange:
        return table
    return replace(
        table,
        dates=tuple("" if position in strange else date for position, date in enumerate(table.dates)),
        cells={name: cells for name, cells in table.cells.items() if not strange.issuperset(cells.dates)},
        skipped=table.skipped + sum(p in strange for cells in table.cells.values() for p in cells.dates),
    )


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


def points_of(tables: Tables) -> Points:
    """Return when the points with a value are."""
    last: dict[str, int] = {}
    every: list[tuple[int, int]] = []
    hourly: list[tuple[int, int]] = []
    for table in (table for (_, kind), table in tables.items() if kind == "usage"):
        for name, row in table.rows(read_instant):
            if row:
                every.append((min(row), max(row)))
                last[name] = max(last.get(name, 0), every[-1][1])
                if not any(instant % HOUR for instant in row):
                    hourly.append(every[-1])
    # A 5-minute point can be on the hour too, where it is a name's only one.
    sure = any(first < newest for first, newest in hourly) or 2 * len(hourly) >= len(every)
    meant = hourly if sure else every
    return Points(max((run[1] for run in meant), default=None), min((run[0] for run in meant), default=None), last)


def window_lag(points: Points, days: Tables, written: int, row: int = HOUR) -> int:
    """Return by how many seconds the windows of the files ended after the newest row; 0 where that is not certain.

    They end when the files are written, with or without new samples. The first point is where the window of a week
    begins, of an installation that is older; the first day has to be where the one of 14 days then does.
    """
    if points.newest is None or points.first is None:
        return 0
    ended = points.first - row + WEEK
    starts = starts_with_usage(days, partial(read_day, newest=points.newest))
    first_day = min((start for start in starts if in_window(start, points.newest, DAILY_SECONDS)), default=None)
    after_the_files = points.newest <= written < ended
    if ended <= points.newest or after_the_files or first_day is None:
        return 0
    begins = ended - DAILY_SECONDS + row
    return ended - points.newest if first_day <= begins < first_day + DAY else 0


def hourly_rate(tables: Tables) -> float | None:
    """Return the latest price per hour that hourly points hold; None without one."""
    prices = (row for table in tables.values() for _, row in table.rows(read_instant, [BILLING_RATE]))
    return next((row[max(row)] for row in prices if row and row[max(row)] > 0), None)


def hourly_scale(tables: Tables, newest: int | None, file: str, row: int = HOUR) -> Hourly:
    """Return the hours that end at `newest`. Amounts are per cent of capacity times hours, under every cost model.

    Points are means over `row` seconds, or over less where a name has no whole row yet.
    """
    if newest is None:
        nothing = scale("hourly_7d", file, Buckets((), ()), array("d"), rows={}, newest=0, cost_model="cumulative")
        return Hourly(nothing, {}, None)
    buckets = _buckets(tables, newest)
    elapsed = array("d", [(min(end, newest) - end + HOUR) / HOUR for end in buckets.ends])
    if row == HOUR:
        columns = {key: _columns(table, buckets, elapsed) for key, table in tables.items()}
        made_of, ends = columns, buckets.ends
    else:
        made_of, columns, ends = _resampled(tables, buckets, newest, elapsed, row)
    rows: dict[str, dict[Metric, Amounts]] = defaultdict(dict)
    for (metric, kind), named in columns.items():
        if kind != "usage":
            continue
        factors = columns.get((metric, "rf"), {})
        for name, usage in named.items():
            rf = factors.get(name)
            requests = buckets.unknown if rf is None else array("d", map(_requested, usage, rf, elapsed))
            rows[name][metric] = Amounts(usage, requests)
    made = scale("hourly_7d", file, buckets, elapsed, rows=rows, newest=newest, cost_model="cumulative")
    return Hourly(made, made_of, newest, row, ends)


def _resampled(
    tables: Tables, buckets: Buckets, newest: int, elapsed: Column, row: int
) -> tuple[dict[tuple[Metric, str], dict[str, Column]], dict[tuple[Metric, str], dict[str, Column]], tuple[int, ...]]:
    """Return rows, hours made of them, and the ends of the rows."""
    first = buckets.starts[0] // row * row
    starts = tuple(range(first, (newest - 1) // row * row + 1, row))
    rows = Buckets(starts, tuple(start + row for start in starts))
    lengths = array("d", [(min(end, newest) - end + row) / HOUR for end in rows.ends])
    columns = {key: _columns(table, rows, lengths) for key, table in tables.items()}
    parts = [
        _overlaps(start, min(end, newest), rows, newest)
        for start, end in zip(buckets.starts, buckets.ends, strict=True)
    ]
    hours = {
        key: {name: _in_hours(column, lengths, parts, elapsed) for name, column in named.items()}
        for key, named in columns.items()
    }
    return columns, hours, rows.ends


def _overlaps(start: int, end: int, rows: Buckets, newest: int) -> list[tuple[int, float]]:
    """Return the rows that lie in an interval, each with the hours of it that do."""
    row = rows.ends[0] - rows.starts[0]
    first = max(0, (start - rows.starts[0]) // row)
    last = min(len(rows.starts) - 1, (end - 1 - rows.starts[0]) // row)
    pairs = ((i, min(end, rows.ends[i], newest) - max(start, rows.starts[i])) for i in range(first, last + 1))
    return [(i, seconds / HOUR) for i, seconds in pairs if seconds > 0]


def _in_hours(column: Column, lengths: Column, parts: Sequence[Sequence[tuple[int, float]]], elapsed: Column) -> Column:
    """Return the mean of each hour times its elapsed part; unknown where rows cover less than half of it."""
    hours = array("d")
    for overlaps, length in zip(parts, elapsed, strict=True):
        known = [(column[i] / lengths[i], part) for i, part in overlaps if not math.isnan(column[i])]
        covered = sum(part for _, part in known)
        mean = sum(value * part for value, part in known) / covered if covered else math.nan
        hours.append(mean * length if 2 * covered >= length else math.nan)
    return hours


def _buckets(tables: Tables, newest: int) -> Buckets:
    last = hour_of_tick(newest)
    hours = map(hour_of_tick, starts_with_usage(tables, read_instant))
    first = min((hour for hour in hours if hour >= last - _MAX_HOURS * HOUR), default=last)
    if newest % HOUR == 0:
        first = max(first, last - (_MAX_HOURS - 1) * HOUR)
    starts = tuple(range(first, last + 1, HOUR))
    return Buckets(starts, tuple(start + HOUR for start in starts))


def _requested(usage: float, rf: float, hours: float) -> float:
    """Return requests from usage and usage ÷ requests; unknown for exactly 1, which is also written for no requests."""
    factor = rf / hours if hours else math.nan
    return usage / factor if factor > 0 and not math.isclose(factor, 1.0, rel_tol=1e-9) else math.nan


def _columns(table: Table, buckets: Buckets, hours: Column) -> dict[str, Column]:
    """Return, per name, the mean of the points of each bucket, an hour or another row, times its hours.

    One of which fewer than half of the points are there is unknown; points inside it say that there are more than one.
    """
    instants = sorted({instant for instant in map(read_instant, table.dates) if instant is not None})
    row = buckets.ends[0] - buckets.starts[0]
    inside = any(instant % row for instant in instants)
    step = min((b - a for a, b in pairwise(instants)), default=row) if inside else row
    places = {instant: buckets.index((instant - 1) // row * row) for instant in instants}
    columns: dict[str, Column] = {}
    for name, points in table.rows(read_instant):
        sums, counts = array("d", bytes(8 * len(hours))), array("I", bytes(4 * len(hours)))
        for instant, value in points.items():
            place = places[instant]
            if place is not None:
                sums[place] += value
                counts[place] += 1
        fine = any(instant % row for instant in points)
        needed = [0.5 * hour * HOUR / step if fine else 1 for hour in hours]
        columns[name] = array(
            "d",
            [
                total / count * hour if count and count >= least else math.nan
                for total, count, hour, least in zip(sums, counts, hours, needed, strict=True)
            ],
        )
    return columns
