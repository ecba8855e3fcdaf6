"""Amounts per hour: each divided by the hours it is known for, so that what was not measured is no change.

Known are the hours in which the usage of a row is known; under costs, those of them in which a rate was in force. They
are published with the amounts: none is estimated. The level of several rows together is the sum of their levels, each
over its own hours.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TypeAlias

import numpy as np

from kl_core.vocabulary import Metric
from kl_query.dataset.model import Scale
from kl_query.dataset.table import Column, Numbers
from kl_query.date_windows import Window
from kl_query.measures.by_layout import rules_of
from kl_query.numbers import UNKNOWN, Array, Flags, known_sums, percent, ratios
from kl_query.view import Frame
from kl_query.warnings.warning import RowId

Pair: TypeAlias = tuple[float, float]
"""A number of two windows, the earlier one first."""
Pairs: TypeAlias = Array
"""Two lines: a number a row of two windows, the earlier one first."""
NOISE_PCT = 1e-6
"""A smaller change is only the rounding of sums."""
_MAY_BE_UNKNOWN = 0.1
"""How much of a sum may be unknown in a month before the month, and not the rows, is left out of a trajectory."""


@dataclass(frozen=True)
class KnownHours:
    """For how many hours of each bucket of a scale the amounts of rows are known. Columns are never NaN."""

    view: Frame

    @property
    def capacity(self) -> Column:
        """Return the hours for which capacity is known. Of GPU memory it comes from the exporter, not the cluster."""
        scale, metric = self.view.scale, self.view.measure.metric
        return scale.observed_hours if metric == "total" else scale.capacity_hours.get(metric, scale.observed_hours)

    def of(self, numbers: Numbers) -> Column:
        """Return the hours of each bucket that rows' amounts are known for, 0 where none is."""
        return self.view.measure.hours(self.view.table, numbers)

    def levels(self, numbers: Numbers, window: Window) -> Array:
        """Return rows' amounts per hour over a window, before they are related to capacity.

        That of money over all metrics is the sum of the metrics' own, each over its hours.
        """
        parts = self._parts(numbers, window)
        return parts[0] if len(parts) == 1 else known_sums(parts, 0)

    def summed(self, rows: Sequence[RowId], before: Window, after: Window) -> Pair:
        """Return the amounts per hour of some rows together in two windows, before they are related to capacity.

        Over the rows known in both; unknown where there is none, 0 for an observed cluster without any.
        """
        if not rows:
            hours = self.view.measure.all_hours
            return 0.0 if before.of(hours).any() else UNKNOWN, 0.0 if after.of(hours).any() else UNKNOWN
        if not self.view.measure.additive and len(rows) > 1:
            return UNKNOWN, UNKNOWN
        numbers = self.view.table.numbers(rows)
        pairs = together(np.stack([self._parts(numbers, window) for window in (before, after)]))
        first, last = known_sums(pairs[:, ~np.isnan(pairs).any(0)]).tolist()
        return first, last

    @cached_property
    def usage(self) -> KnownHours | None:
        """Return the same for usage in cores, GiB or GPUs; None for a total, and where only shares are known."""
        view, rules = self.view, rules_of(self.view.scale)
        if view.measure.metric == "total" or rules.only_shares:
            return None
        return KnownHours(replace(view, measure=rules.measure(view.dataset, view.measure.metric, "cumulative")))

    @cached_property
    def by_metric(self) -> dict[Metric, KnownHours]:
        """Return the same for each metric that a total of money adds up; none for anything else."""
        each = self.view.measure.by_metric
        return {metric: KnownHours(replace(self.view, measure=measure)) for metric, measure in each.items()}

    def metrics_of(self, numbers: Numbers) -> dict[Metric, Flags]:
        """Return the metrics that a total adds up, and for which rows: those each has, for no others make it known."""
        has = {metric: self.view.table.has(metric, numbers) for metric in self.by_metric}
        none = ~np.any([*has.values()], axis=0) if has else False
        return {metric: each | none for metric, each in has.items()}

    def _parts(self, numbers: Numbers, window: Window) -> Column:
        """Return amounts per hour of which levels are the sum, a line each; unknown of a metric that a row lacks."""
        if self.view.measure.metric != "total":
            hours = window.of(self.of(numbers)).sum(-1)
            return ratios(self.view.over(window).amounts(numbers), hours)[np.newaxis]
        metrics = self.metrics_of(numbers)
        lines = [np.where(metrics[m], each.levels(numbers, window), UNKNOWN) for m, each in self.by_metric.items()]
        return np.stack(lines) if lines else np.full((1, len(numbers)), UNKNOWN)


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
    view = hours.view
    if not view.measure.additive and len(names) > 1:
        return Trajectory({})
    buckets = view.window.closed()
    if buckets.indices and view.scale.begins_in == buckets.first:
        buckets = Window(view.scale, buckets.first + 1, buckets.stop)
    if not names:
        observed = mostly(view.measure.all_hours, view.scale)
        return Trajectory({i: 0.0 for i in buckets.indices if observed[i]} if cluster else {})
    buckets = rules_of(view.scale).existing(view.dataset, names, buckets)
    levels = buckets.of(_levels(hours, view.table.numbers(names)))
    known: Flags = ~np.isnan(levels)
    used = _enough_known(levels) if len(names) > 1 else known[0]
    kept = known[:, used].all(axis=1)
    sums = known_sums(levels[kept], 0)
    return Trajectory(
        {int(i) + buckets.first: float(sums[i]) for i in np.flatnonzero(used)} if kept.any() else {},
        *(tuple(names[i] for i in np.flatnonzero(which).tolist()) for which in (kept, ~kept)),
    )


def mostly(known_hours: Column, scale: Scale) -> Flags:
    """Say of which buckets at least half of the hours are known."""
    return 2 * known_hours >= scale.lengths


def together(lines: Array) -> Pairs:
    """Return the sums of lines in two windows, each unknown where it lacks something that is known on the other."""
    missing = np.isnan(lines)
    return np.where((missing & ~missing[::-1]).any(1), UNKNOWN, known_sums(lines, 1))


def changes(before: Array | float, after: Array | float) -> Array:
    """Return after - before; 0 for what is only the rounding of sums."""
    difference = after - before
    return np.where(np.abs(difference) * 100 < NOISE_PCT * np.abs(before), 0.0, difference)


def change_pct(before: float, after: float) -> float:
    """Return a change in per cent of what was before; unknown from zero."""
    return percent(float(changes(before, after)), before)


def _levels(hours: KnownHours, numbers: Numbers) -> Column:
    """Return rows' amounts per hour in the buckets that are mostly known, and NaN in the others."""
    columns, own, scale = hours.view.columns(numbers), hours.of(numbers), hours.view.scale
    taken = (own > 0) & mostly(own, scale) & rules_of(scale).all_there(columns)
    return np.where(taken, ratios(columns, own), UNKNOWN)


def _enough_known(levels: Column) -> Flags:
    known: Flags = ~np.isnan(levels)
    weights = np.nan_to_num(ratios(np.nansum(levels, 1), known.sum(1)))
    unseen = np.where(known, 0.0, weights[:, np.newaxis]).sum(0)
    enough: Flags = known.any(0) & (unseen <= _MAY_BE_UNKNOWN * weights.sum() + 1e-12)
    return enough
