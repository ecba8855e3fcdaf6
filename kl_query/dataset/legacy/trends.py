"""The hourly points of the last 7 days: how new the data are, the price of an hour, and the hourly scale."""

from __future__ import annotations

import math
from array import array
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from kl_core.calendar import HOUR, hour_of_tick
from kl_core.vocabulary import Metric
from kl_query.dataset.legacy.buckets import Buckets, Tables, scale
from kl_query.dataset.legacy.dates import read_instant
from kl_query.dataset.legacy.table import BILLING_RATE, Table
from kl_query.dataset.model import Amounts, Column, Scale

HOURS_KEPT = 168


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


def hourly_rate(tables: Tables) -> float | None:
    """Return the latest price per hour that hourly points hold; None without one."""
    for read in tables.values():
        points = [(read_instant(read.table.dates[d]) or 0, value) for d, value in read.table.values(BILLING_RATE)]
        if points and max(points)[1] > 0:
            return max(points)[1]
    return None


def hourly(tables: Tables, newest: int | None, file: str, row: int = HOUR) -> Hourly:
    """Return the hours that end at `newest`. Amounts are per cent of capacity times hours, under every cost model.

    Points are means over `row` seconds, or over less where a name has no whole row yet.
    """
    if newest is None:
        nothing = scale("hourly_7d", file, Buckets((), ()), array("d"), rows={}, newest=0, cost_model="cumulative")
        return Hourly(nothing, {}, None)
    buckets = _buckets(tables, newest)
    elapsed = array("d", [(min(end, newest) - end + HOUR) / HOUR for end in buckets.ends])
    if row == HOUR:
        columns = {key: _columns(read.table, buckets, elapsed) for key, read in tables.items()}
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
    found = {key: _columns(read.table, rows, lengths) for key, read in tables.items()}
    parts = [
        _overlaps(start, min(end, newest), rows, newest)
        for start, end in zip(buckets.starts, buckets.ends, strict=True)
    ]
    hours = {
        key: {name: _in_hours(column, lengths, parts, elapsed) for name, column in named.items()}
        for key, named in found.items()
    }
    return found, hours, rows.ends


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
    for overlaps, whole in zip(parts, elapsed, strict=True):
        known = [(column[i] / lengths[i], part) for i, part in overlaps if not math.isnan(column[i])]
        covered = sum(part for _, part in known)
        mean = sum(value * part for value, part in known) / covered if covered else math.nan
        hours.append(mean * whole if 2 * covered >= whole else math.nan)
    return hours


def _instants(tables: Tables) -> list[int]:
    return [
        instant
        for (_, kind), read in tables.items()
        if kind == "usage"
        for position in read.table.dates_with_values()
        if (instant := read_instant(read.table.dates[position])) is not None
    ]


def _buckets(tables: Tables, newest: int) -> Buckets:
    last = hour_of_tick(newest)
    first = min((s for s in map(hour_of_tick, _instants(tables)) if s >= last - HOURS_KEPT * HOUR), default=last)
    if newest % HOUR == 0:
        first = max(first, last - (HOURS_KEPT - 1) * HOUR)
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
    instants = [read_instant(date) for date in table.dates]
    distinct = sorted({instant for instant in instants if instant is not None})
    row = buckets.ends[0] - buckets.starts[0]
    inside = [instant for instant in distinct if instant % row]
    step = min((b - a for a, b in pairwise(distinct)), default=row) if inside else row
    places = [None if instant is None else buckets.index((instant - 1) // row * row) for instant in instants]
    between = [instant is not None and instant % row != 0 for instant in instants]
    columns: dict[str, Column] = {}
    for name in table.cells:
        latest = dict(table.values(name))
        sums, counts = array("d", bytes(8 * len(hours))), array("I", bytes(4 * len(hours)))
        fine = any(between[position] for position in latest)
        for position, value in latest.items():
            place = places[position]
            if place is not None:
                sums[place] += value
                counts[place] += 1
        needed = [0.5 * hour * HOUR / step if fine else 1 for hour in hours]
        columns[name] = array(
            "d",
            [
                total / count * hour if count and count >= least else math.nan
                for total, count, hour, least in zip(sums, counts, hours, needed, strict=True)
            ],
        )
    return columns
