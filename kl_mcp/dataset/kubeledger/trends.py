"""The hourly points of the last 7 days: how new the data are, the price of an hour, and the hourly scale."""

from __future__ import annotations

import math
from array import array
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

from kl_mcp.dataset.kubeledger.buckets import Buckets, Tables, scale
from kl_mcp.dataset.kubeledger.dates import HOUR, read_instant
from kl_mcp.dataset.kubeledger.table import BILLING_RATE, Table
from kl_mcp.dataset.model import Amounts, Column, Metric, Relative, Scale

HOURS_KEPT = 168


@dataclass(frozen=True, slots=True)
class Hourly:
    """The hourly scale, and what it was made of: per metric and kind, each name's mean per hour times its hours."""

    scale: Scale
    columns: Mapping[tuple[Metric, str], Mapping[str, Column]]
    newest: int | None


def newest_point(tables: Tables) -> int | None:
    """Return the instant of the newest hourly point with a value; None without any."""
    return max(_instants(tables), default=None)


def hourly_rate(tables: Tables) -> float | None:
    """Return the latest price per hour that hourly points hold; None without one."""
    for read in tables.values():
        points = [(read_instant(read.table.dates[d]) or 0, value) for d, value in read.table.values(BILLING_RATE)]
        if points and max(points)[1] > 0:
            return max(points)[1]
    return None


def hourly(tables: Tables, newest: int | None, file: str) -> Hourly:
    """Return the hours that end at `newest`. Amounts are per cent of capacity times hours, under every cost model."""
    if newest is None:
        nothing = scale("hourly_7d", file, Buckets((), ()), array("d"), rows={}, relative=Relative("cumulative", 0))
        return Hourly(nothing, {}, None)
    buckets = _buckets(tables, newest)
    elapsed = array("d", [(min(end, newest) - end + HOUR) / HOUR for end in buckets.ends])
    columns = {key: _columns(read.table, buckets, elapsed) for key, read in tables.items()}
    rows: dict[str, dict[Metric, Amounts]] = defaultdict(dict)
    for (metric, kind), named in columns.items():
        if kind != "usage":
            continue
        factors = columns.get((metric, "rf"), {})
        for name, usage in named.items():
            rf = factors.get(name)
            requests = buckets.unknown if rf is None else array("d", map(_requested, usage, rf, elapsed))
            rows[name][metric] = Amounts(usage, requests)
    made = scale("hourly_7d", file, buckets, elapsed, rows=rows, relative=Relative("cumulative", newest))
    return Hourly(made, columns, newest)


def _instants(tables: Tables) -> list[int]:
    return [
        instant
        for (_, kind), read in tables.items()
        if kind == "usage"
        for position in read.table.dates_with_values()
        if (instant := read_instant(read.table.dates[position])) is not None
    ]


def _buckets(tables: Tables, newest: int) -> Buckets:
    last = _hour(newest)
    first = min((s for s in map(_hour, _instants(tables)) if s >= last - HOURS_KEPT * HOUR), default=last)
    if newest % HOUR == 0:
        first = max(first, last - (HOURS_KEPT - 1) * HOUR)
    starts = tuple(range(first, last + 1, HOUR))
    return Buckets(starts, tuple(start + HOUR for start in starts))


def _hour(instant: int) -> int:
    """Return the start of the hour that a point named by its end belongs to."""
    return (instant - 1) // HOUR * HOUR


def _requested(usage: float, rf: float, hours: float) -> float:
    """Return requests from usage and usage ÷ requests; unknown for exactly 1, which is also written for no requests."""
    factor = rf / hours if hours else math.nan
    return usage / factor if factor > 0 and not math.isclose(factor, 1.0, rel_tol=1e-9) else math.nan


def _columns(table: Table, buckets: Buckets, hours: Column) -> dict[str, Column]:
    """Return, per name, the mean of each hour's points times the hours of the bucket.

    An hour of which fewer than half of the points are there is unknown; points in between of full hours say that there
    are more than one.
    """
    instants = [read_instant(date) for date in table.dates]
    distinct = sorted({instant for instant in instants if instant is not None})
    inside = [instant for instant in distinct if instant % HOUR]
    step = min((b - a for a, b in pairwise(distinct)), default=HOUR) if inside else HOUR
    places = [None if instant is None else buckets.index(_hour(instant)) for instant in instants]
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
