"""Amounts per hour: each divided by the hours it is known for, so that what was not measured is no change.

Known are the hours in which the usage of a row is known; under costs, those of them in which a rate was in force. They
are published with the amounts: none is estimated. The level of several rows together is the sum of their levels, each
over its own hours.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from math import isnan
from typing import TypeAlias

from kl_core.calendar import HOUR
from kl_core.vocabulary import Metric
from kl_query.dataset.model import Amounts, Column, Row, Scale
from kl_query.date_windows import Window
from kl_query.measures.by_layout import rules_of
from kl_query.measures.efficiency import requested_hours
from kl_query.numbers import UNKNOWN, known, known_sum, ratio, rounded
from kl_query.view import Frame
from kl_query.warnings.warning import RowId

Pair: TypeAlias = tuple[float, float]
"""A number of two windows, the earlier one first."""
NOISE_PCT = 1e-6
"""A smaller change is only the rounding of sums."""
_MAY_BE_UNKNOWN = 0.1
"""How much of a sum may be unknown in a month before the month, and not the rows, is left out of a trajectory."""


@dataclass(frozen=True)
class KnownHours:
    """For how many hours of each bucket of a scale the amounts of rows are known. Columns are never NaN."""

    view: Frame
    _frames: dict[tuple[int, int], Frame] = field(default_factory=dict, compare=False)
    _columns: dict[RowId, Column] = field(default_factory=dict, compare=False)

    @cached_property
    def all_rows(self) -> Column:
        """Return the hours that any row can be known for: the observed ones; under costs, those with a price."""
        return self.priced if self.view.measure.billed else self.view.scale.observed_hours

    @cached_property
    def priced(self) -> Column:
        """Return the observed hours in which a rate was in force."""
        return priced_hours(self.view.scale)

    @cached_property
    def capacity(self) -> Column:
        """Return the hours for which capacity is known. Of GPU memory it comes from the exporter, not the cluster."""
        scale, metric = self.view.scale, self.view.measure.metric
        return scale.observed_hours if metric == "total" else scale.capacity_hours.get(metric, scale.observed_hours)

    @cached_property
    def capacity_or_bill(self) -> Column:
        """Return the hours of what all shares are shares of: capacity, or the bill."""
        return self.priced if self.view.measure.billed else self.capacity

    @property
    def base(self) -> Column:
        """Return the hours of what percentages are of."""
        return self.capacity_or_bill if self.view.measure.base is None else self.view.scale.observed_hours

    def of(self, namespace: RowId) -> Column:
        """Return the hours a namespace's amounts are known for, 0 where none is."""
        if namespace not in self._columns:
            row, metric = self.view.scale.row(namespace), self.view.measure.metric
            self._columns[namespace] = self._total(row) if metric == "total" else self._one(row, row.get(metric))
        return self._columns[namespace]

    def frame(self, window: Window) -> Frame:
        """Return the view over another window of its scale; the same one for the same window."""
        key = window.first, window.stop
        if key not in self._frames:
            self._frames[key] = self.view.over(window)
        return self._frames[key]

    def level(self, namespace: RowId, window: Window) -> float:
        """Return a namespace's amount per hour over a window, before it is related to capacity.

        That of money over all metrics is the sum of the metrics' own, each over its hours.
        """
        if self.view.measure.metric == "total":
            return known_sum(self.by_metric[metric].level(namespace, window) for metric in self.metrics_of(namespace))
        return ratio(self.frame(window).amount_of((namespace,)), sum(window.of(self.of(namespace))))

    def pair(self, namespace: RowId, before: Window, after: Window) -> Pair:
        """Return a namespace's amount per hour in two windows; over all metrics, of the metrics as `together` adds."""
        if self.view.measure.metric == "total":
            return together(self.by_metric[m].pair(namespace, before, after) for m in self.metrics_of(namespace))
        return self.level(namespace, before), self.level(namespace, after)

    def levels(self, names: Sequence[RowId], before: Window, after: Window) -> Pair:
        """Return the amounts per hour of some namespaces together in two windows, before they are related to capacity.

        Over the namespaces known in both; unknown where there is none, 0 for an observed cluster without any.
        """
        if not names:
            hours = self.all_rows
            return _zero(before.of(hours)), _zero(after.of(hours))
        if not self.view.measure.additive and len(names) > 1:
            return UNKNOWN, UNKNOWN
        pairs = (self.pair(name, before, after) for name in names)
        both = [pair for pair in pairs if all(map(known, pair))]
        return known_sum(level for level, _ in both), known_sum(level for _, level in both)

    @cached_property
    def usage(self) -> KnownHours | None:
        """Return the same for usage in cores, GiB or GPUs; None for a total, and where only shares are known."""
        metric = self.view.measure.metric
        usage = None if metric == "total" else rules_of(self.view.scale).usage_measure(self.view.dataset, metric)
        return None if usage is None else KnownHours(Frame(self.view.dataset, self.view.window, usage))

    @cached_property
    def by_metric(self) -> dict[Metric, KnownHours]:
        """Return the same for each metric that a total of money adds up; none for anything else."""
        view = self.view
        metrics = view.measure.prices if view.measure.metric == "total" else ()
        rules = rules_of(view.scale)
        measures = {metric: rules.measure(view.dataset, metric, "costs") for metric in metrics}
        return {m: KnownHours(Frame(view.dataset, view.window, measure)) for m, measure in measures.items()}

    def metrics_of(self, namespace: RowId) -> list[Metric]:
        """Return the metrics that a namespace's total adds up: those it has, for no others make it known."""
        row = self.view.scale.row(namespace)
        return [metric for metric in self.by_metric if metric in row] or [*self.by_metric]

    def _one(self, row: Row, amounts: Amounts | None) -> Column:
        column = self.view.measure.column(row)
        hours = self._measured(amounts)
        return array("d", [0.0 if isnan(a) or isnan(h) else h for a, h in zip(column, hours, strict=True)])

    def _measured(self, amounts: Amounts | None) -> Column:
        if amounts is None:
            return self.all_rows
        if self.view.measure.dimension == "requests":
            return requested_hours(self.view.scale, amounts)
        if not self.view.measure.billed:
            return amounts.usage_hours if amounts.usage_hours is not None else self.all_rows
        if amounts.cost_hours is not None:
            return amounts.cost_hours
        return self.priced if amounts.usage_hours is None else array("d", map(min, amounts.usage_hours, self.priced))

    def _total(self, row: Row) -> Column:
        """Return the hours by which a row's money over all metrics gives the sum of its metrics' own levels."""
        parts = self.view.measure.parts(row)
        hours = {metric: self._measured(row.get(metric)) for metric in parts}
        pairs = [zip(column, hours[metric], strict=True) for metric, column in parts.items()]
        return array("d", map(_hours_together, zip(*pairs, strict=True))) if pairs else self.all_rows


@dataclass(frozen=True, slots=True)
class Trajectory:
    """Amount per hour by bucket number, for the whole buckets it is known in; of whose amounts, and without whose."""

    levels: Mapping[int, float]
    names: tuple[RowId, ...] = ()
    left_out: tuple[RowId, ...] = ()


def trajectory(hours: KnownHours, names: Sequence[RowId], *, cluster: bool = False) -> Trajectory:
    """Return the level of a sum over namespaces in each whole bucket of which at least half is known.

    The sum is over the same namespaces in every bucket, or what is unknown would count as a change. A bucket takes no
    part when more than a tenth of the sum is unknown in it; other namespaces unknown in a bucket are left out of all.
    Nor does one before the first of the namespaces was born or after the last of them ended, in whole or in part, nor
    the bucket that data begin in at an unknown hour.
    """
    if not hours.view.measure.additive and len(names) > 1:
        return Trajectory({})
    buckets = _closed_buckets(hours.view.window)
    if names:
        buckets = rules_of(buckets.scale).existing(hours.view.dataset, names, buckets)
    rows = {name: _levels(hours, name, buckets) for name in names}
    if not rows:
        zero = {i: 0.0 for i in buckets.indices if mostly(hours.all_rows[i], hours.view.scale, i)}
        return Trajectory(zero if cluster else {})
    used = [i for i in buckets.indices if i in _enough_known(rows, buckets)] if len(rows) > 1 else list(rows[names[0]])
    kept = {name: row for name, row in rows.items() if all(i in row for i in used)}
    levels = {i: known_sum(row[i] for row in kept.values()) for i in used} if kept else {}
    return Trajectory(levels, tuple(kept), tuple(name for name in rows if name not in kept))


def _closed_buckets(window: Window) -> Window:
    closed = window.closed()
    doubtful = window.scale.begins_in == closed.first and bool(closed.indices)
    return Window(closed.scale, closed.first + 1, closed.stop) if doubtful else closed


def mostly(known_hours: float, scale: Scale, bucket: int) -> bool:
    """Say whether at least half of a bucket's hours are known."""
    return 2 * known_hours * HOUR >= scale.ends[bucket] - scale.starts[bucket]


def priced_hours(scale: Scale) -> Column:
    """Return the observed hours of each bucket in which a rate was in force; 0 in buckets without a bill."""
    if scale.priced_hours is not None:
        return scale.priced_hours
    billed = [any(not isnan(bill[i]) for bill in scale.bill.values()) for i in range(len(scale.starts))]
    return array(
        "d", [hours if has_bill else 0.0 for hours, has_bill in zip(scale.observed_hours, billed, strict=True)]
    )


def together(pairs: Iterable[Pair]) -> Pair:
    """Return the sums of both sides, each unknown where it lacks something that is known on the other."""
    added = list(pairs)
    lacks = [any(isnan(pair[side]) and not isnan(pair[1 - side]) for pair in added) for side in (0, 1)]
    before, after = (UNKNOWN if lacks[side] else known_sum(pair[side] for pair in added) for side in (0, 1))
    return before, after


def change(before: float, after: float) -> float:
    """Return after - before; 0 for what is only the rounding of sums."""
    difference = after - before
    return 0.0 if abs(difference) * 100 < NOISE_PCT * abs(before) else difference


def change_pct(before: float, after: float) -> float | None:
    """Return a change in per cent of what was before, rounded for an answer; None from zero, or unknown."""
    return rounded(100 * ratio(change(before, after), before))


def _hours_together(pairs: Iterable[tuple[float, float]]) -> float:
    parts = list(pairs)
    if any(isnan(amount) or not hours > 0 for amount, hours in parts):
        return 0.0
    level = sum(amount / hours for amount, hours in parts)
    return sum(amount for amount, _ in parts) / level if level else min(hours for _, hours in parts)


def _levels(hours: KnownHours, name: RowId, window: Window) -> dict[int, float]:
    column, own, rules = hours.view.column(name), hours.of(name), rules_of(window.scale)
    known_in = (i for i in window.indices if own[i] > 0 and mostly(own[i], window.scale, i))
    return {i: column[i] / own[i] for i in known_in if rules.is_all_there(column, i)}


def _enough_known(rows: Mapping[RowId, Mapping[int, float]], window: Window) -> set[int]:
    weights = {name: sum(row.values()) / len(row) for name, row in rows.items() if row}
    everything = sum(weights.values())
    seen = {i: sum(weight for name, weight in weights.items() if i in rows[name]) for i in window.indices}
    return {
        i
        for i in window.indices
        if any(i in row for row in rows.values()) and everything - seen[i] <= _MAY_BE_UNKNOWN * everything + 1e-12
    }


def _zero(hours: Column) -> float:
    return 0.0 if sum(hours) else UNKNOWN
