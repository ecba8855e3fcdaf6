"""Scales cut, put one after the other, and folded into longer buckets. Pure.

What one piece leaves out because it follows from the rest is spelled out where another has it, by the rules of
`derived`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

import numpy as np

from kl_core.calendar import HOUR, bucket_start, next_bucket
from kl_core.vocabulary import METRICS, SOURCES, Metric, ScaleName, Source
from kl_query.dataset.derived import RULES
from kl_query.dataset.model import Scale
from kl_query.dataset.table import COLUMNS, Amounts, Block, Column, Table
from kl_query.numbers import UNKNOWN, ratios
from kl_query.warnings.warning import RowId

K = TypeVar("K")
PickTable = Callable[[Scale], Table]

_HOURS = frozenset({"usage_hours", "matched_hours", "cost_hours"})
"""Columns that count hours."""
_WHERE_LONG = ("requests_matched", "cost")
"""Columns that follow from others where a bucket is one hour, and not where it is longer."""


def cut(scale: Scale, first: int, stop: int) -> Scale:
    """Return the buckets with the numbers from `first` up to and without `stop`."""
    if (first, stop) == (0, len(scale.starts)):
        return scale
    changed = _changed(scale, lambda column: column[..., first:stop], lambda column: column[..., first:stop])
    return replace(
        changed, starts=scale.starts[first:stop], ends=scale.ends[first:stop], complete=scale.complete[first:stop]
    )


def without_money(scale: Scale) -> Scale:
    """Return a scale of which no money is known."""

    def unpriced(held: Amounts) -> Amounts:
        cost = None if held.cost is None else np.full_like(held.cost, UNKNOWN)
        return replace(held, cost=cost, cost_hours=None)

    def table(of: Table) -> Table:
        return Table(of.rows, {m: Block(block.lines, unpriced(block.amounts)) for m, block in of.blocks.items()})

    return replace(
        scale,
        bill={metric: np.full_like(bill, UNKNOWN) for metric, bill in scale.bill.items()},
        namespaces=table(scale.namespaces),
        special=table(scale.special),
        priced_hours=np.zeros(len(scale.starts)),
    )


def joined(scales: Sequence[Scale]) -> Scale:
    """Return scales of equal buckets, at least one, one after the other.

    A row that one of them lacks was zero in it wherever that was observed.
    """
    if len(scales) == 1:
        return scales[0]

    def by_key(keys: Iterable[K], pick: Callable[[Scale, K], Column]) -> dict[K, Column]:
        return {key: np.concatenate([pick(scale, key) for scale in scales]) for key in dict.fromkeys(keys)}

    def of_each(pick: Callable[[Scale], Iterable[K]]) -> list[K]:
        return [key for scale in scales for key in pick(scale)]

    return replace(
        scales[-1],
        starts=tuple(of_each(lambda scale: scale.starts)),
        ends=tuple(of_each(lambda scale: scale.ends)),
        complete=tuple(of_each(lambda scale: scale.complete)),
        elapsed_hours=np.concatenate([scale.elapsed_hours for scale in scales]),
        observed_hours=np.concatenate([scale.observed_hours for scale in scales]),
        coverage=by_key(SOURCES, lambda scale, source: scale.coverage[source]),
        capacity=by_key(
            of_each(lambda scale: scale.capacity), lambda scale, metric: scale.capacity.get(metric, scale.zero)
        ),
        allocatable=by_key(
            of_each(lambda scale: scale.allocatable), lambda scale, metric: scale.allocatable.get(metric, scale.zero)
        ),
        bill=by_key(of_each(lambda scale: scale.bill), _bill),
        namespaces=_joined_tables(scales, lambda scale: scale.namespaces),
        special=_joined_tables(scales, lambda scale: scale.special),
        measured=by_key(of_each(lambda scale: scale.measured), lambda each, row: each.measured.get(row, _pods(each))),
        pods_coverage=np.concatenate([_pods(scale) for scale in scales])
        if any(scale.pods_coverage is not None for scale in scales)
        else None,
        expected_hours=by_key(of_each(lambda scale: scale.expected_hours), _expected),
        silent_hours=by_key(of_each(lambda scale: scale.silent_hours), _silent),
        priced_hours=np.concatenate([scale.priced for scale in scales]),
        problems=tuple(of_each(lambda scale: scale.problems)),
        shared=frozenset(of_each(lambda scale: scale.shared)),
        capacity_hours=by_key(of_each(lambda scale: scale.capacity_hours), _capacity_hours),
    )


def folded(scale: Scale, name: ScaleName) -> Scale:
    """Return a scale in the longer buckets of another.

    They are whole but for the last one, and for the first of all data.
    """
    starts = [bucket_start(name, start) for start in scale.starts]
    offsets = [i for i, start in enumerate(starts) if i == 0 or start != starts[i - 1]]
    ends = tuple(next_bucket(name, starts[i]) for i in offsets)
    lasts = [*(i - 1 for i in offsets[1:]), len(starts) - 1]
    complete = tuple(scale.complete[last] and scale.ends[last] == end for last, end in zip(lasts, ends, strict=True))

    def hours(column: Column) -> Column:
        return np.asarray(np.add.reduceat(column, offsets, axis=-1))

    def known(column: Column) -> Column:
        is_known = ~np.isnan(column)
        sums = np.add.reduceat(np.where(is_known, column, 0.0), offsets, axis=-1)
        return np.where(np.logical_or.reduceat(is_known, offsets, axis=-1), sums, UNKNOWN)

    namespaces, special = _spelled_out(scale, scale.namespaces), _spelled_out(scale, scale.special)
    lengths = np.array([(end - starts[i]) / HOUR for i, end in zip(offsets, ends, strict=True)])
    elapsed = np.where(complete, lengths, hours(scale.elapsed_hours))
    # Before the first of all data nothing was observed, and yet it is a part of the first bucket.
    before = elapsed - hours(scale.elapsed_hours)
    expected = {source: hours(_expected(scale, source)) for source in SOURCES}
    expected = {source: np.where(each > 0, each + before, 0.0) for source, each in expected.items()}

    def share(column: Column, of: Column, expected_in_all: Column) -> Column:
        return ratios(known(column * of), expected_in_all)

    return replace(
        _changed(replace(scale, namespaces=namespaces, special=special), known, hours),
        name=name,
        starts=tuple(starts[i] for i in offsets),
        ends=ends,
        complete=complete,
        elapsed_hours=elapsed,
        coverage={s: share(scale.coverage[s], _expected(scale, s), expected[s]) for s in SOURCES},
        measured={row: share(column, scale.elapsed_hours, elapsed) for row, column in scale.measured.items()},
        pods_coverage=share(_pods(scale), scale.elapsed_hours, elapsed),
        expected_hours=expected,
        priced_hours=hours(scale.priced),
    )


def _changed(scale: Scale, amounts: Callable[[Column], Column], hours: Callable[[Column], Column]) -> Scale:
    """Return a scale with `amounts` made of its amounts and shares, and `hours` of what counts hours."""

    def each(columns: Mapping[K, Column], change: Callable[[Column], Column]) -> dict[K, Column]:
        return {key: change(column) for key, column in columns.items()}

    return replace(
        scale,
        elapsed_hours=hours(scale.elapsed_hours),
        observed_hours=hours(scale.observed_hours),
        coverage=each(scale.coverage, amounts),
        capacity=each(scale.capacity, amounts),
        allocatable=each(scale.allocatable, amounts),
        bill=each(scale.bill, amounts),
        namespaces=_changed_table(scale.namespaces, amounts, hours),
        special=_changed_table(scale.special, amounts, hours),
        measured=each(scale.measured, amounts),
        pods_coverage=None if scale.pods_coverage is None else amounts(scale.pods_coverage),
        expected_hours=each(scale.expected_hours, hours),
        silent_hours=each(scale.silent_hours, hours),
        priced_hours=hours(scale.priced),
        capacity_hours=each(scale.capacity_hours, hours),
    )


def _changed_table(table: Table, amounts: Callable[[Column], Column], hours: Callable[[Column], Column]) -> Table:
    def changed(held: Amounts) -> Amounts:
        columns = {name: column for name in COLUMNS if (column := getattr(held, name)) is not None}
        return replace(held, **{name: (hours if name in _HOURS else amounts)(c) for name, c in columns.items()})

    return Table(table.rows, {m: Block(block.lines, changed(block.amounts)) for m, block in table.blocks.items()})


def _spelled_out(scale: Scale, table: Table) -> Table:
    """Return rows with the columns that would not follow from the others in a longer bucket."""

    def spelled(metric: Metric, held: Amounts) -> Amounts:
        priced = () if held.usage_hours is None and scale.priced_hours is None else ("cost_hours",)
        lacking = [name for name in (*_WHERE_LONG, *priced) if getattr(held, name) is None]
        return replace(held, **{name: RULES[name](scale, metric, held) for name in lacking})

    return Table(table.rows, {m: Block(block.lines, spelled(m, block.amounts)) for m, block in table.blocks.items()})


def _joined_tables(scales: Sequence[Scale], table_of: PickTable) -> Table:
    rows = list(dict.fromkeys(row for scale in scales for row in table_of(scale).rows))
    metrics = [metric for metric in METRICS if any(metric in table_of(scale).blocks for scale in scales)]
    return Table(rows, {metric: _joined_block(scales, table_of, metric, rows) for metric in metrics})


def _joined_block(scales: Sequence[Scale], table_of: PickTable, metric: Metric, rows: Sequence[RowId]) -> Block:
    tables = [(scale, table_of(scale)) for scale in scales]
    has = np.any([table.has(metric, table.numbers(rows)) for _, table in tables], axis=0)
    having = [rows[i] for i in np.flatnonzero(has).tolist()]
    blocks = [table.blocks[metric].amounts for _, table in tables if metric in table.blocks]
    given = [name for name in COLUMNS if any(getattr(amounts, name) is not None for amounts in blocks)]
    columns = {
        name: np.concatenate([_column(scale, table, metric, having, name) for scale, table in tables], axis=-1)
        for name in given
    }
    lines = np.full(len(rows) + 1, -1, np.intp)
    lines[np.flatnonzero(has)] = np.arange(len(having))
    return Block(lines, Amounts(**{"requests": None, **columns}))  # type: ignore[arg-type]


def _column(scale: Scale, table: Table, metric: Metric, rows: Sequence[RowId], name: str) -> Column:
    """Return a column of some rows; what a row that is not there had, where it is not."""

    def of(amounts: Amounts) -> Column:
        held: Column | None = getattr(amounts, name)
        if held is None and name == "cost" and metric not in scale.bill:
            return amounts.usage * _bill(scale, metric)
        return RULES[name](scale, metric, amounts) if held is None else held

    requests = scale.zero if metric != "gpu_memory" else np.full_like(scale.zero, UNKNOWN)
    return table.matrix(metric, table.numbers(rows), of, of(Amounts(scale.zero, requests)))


def _bill(scale: Scale, metric: Metric) -> Column:
    """Return the bill of a metric: 0 where only others have one, for it has no capacity there."""
    if metric in scale.bill:
        return scale.bill[metric]
    return np.where(scale.priced > 0, 0.0, UNKNOWN)


def _pods(scale: Scale) -> Column:
    return scale.coverage["metrics"] if scale.pods_coverage is None else scale.pods_coverage


def _expected(scale: Scale, source: Source) -> Column:
    if source in scale.expected_hours:
        return scale.expected_hours[source]
    return np.where(np.isnan(scale.coverage[source]), 0.0, scale.elapsed_hours)


def _silent(scale: Scale, source: Source) -> Column:
    return scale.silent_hours.get(source, 0 * scale.elapsed_hours)


def _capacity_hours(scale: Scale, metric: Metric) -> Column:
    return scale.capacity_hours.get(metric, scale.observed_hours)
