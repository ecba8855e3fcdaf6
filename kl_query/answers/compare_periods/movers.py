"""Two periods against each other: which namespaces moved, and by how much."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated

import numpy as np

from kl_core.vocabulary import Metric
from kl_query.answers.compare_periods.causes import WhatChanged, what_changed
from kl_query.dataset.table import Column, Numbers
from kl_query.date_windows import Window
from kl_query.fields import InUnit, Number, Value, doc
from kl_query.measures.amounts_per_hour import KnownHours, Pairs, changes, together
from kl_query.measures.by_layout import rules_of
from kl_query.numbers import UNKNOWN, Array, Flags, known_sums, ratios
from kl_query.view import Frame
from kl_query.warnings.codes import Code
from kl_query.warnings.warning import DataWarning, Plain, RowId, text, warning

_SAME_COVERAGE = 0.01


@dataclass(frozen=True, slots=True)
class Moved:
    """An amount in both periods, as compared, as billed, and per hour."""

    baseline_value: Value
    value: Value
    change: Annotated[InUnit, doc("value - baseline_value")]
    change_pct: Annotated[Number, doc("null: nothing before, or unknown")]
    billed_change: Annotated[InUnit, doc("Of the amounts as they are billed, unscaled; null unless both are over")]
    billed_change_pct: Number
    change_per_hour: Annotated[InUnit, doc("Of the amounts per hour they are known for: months differ in length")]
    change_pct_per_hour: Number


@dataclass(frozen=True)
class OfNamespace:
    """Of which namespace something is."""

    namespace: str


@dataclass(frozen=True)
class Mover(Moved, OfNamespace):
    """A namespace in both periods."""


@dataclass(frozen=True, slots=True)
class Comparison(Moved):
    """Two periods, over all selected namespaces."""

    scale: str
    date: str | None
    baseline: str | None
    hours: Annotated[Number, doc("Observed hours of date, as far as compared")]
    baseline_hours: Number
    same_hours: Annotated[
        bool,
        doc(
            "Whether a period is open, so that only the whole hours it has had are compared, with the same "
            "hours of the other; what_changed names them"
        ),
    ]
    scaled: Annotated[bool, doc("Whether baseline values are scaled to the hours known in date")]
    what_changed: WhatChanged


@dataclass(frozen=True)
class Moves:
    """Rows' amounts in two periods: as they are compared, as they are billed (unknown unless both are over), per hour.

    A percentage is per hour already: of one, all three are the same.
    """

    compared: Pairs
    billed: Pairs
    per_hour: Pairs

    @cached_property
    def _changes(self) -> list[Pairs]:
        """Return the three changes, each in per cent as well: unknown for what was nothing before."""
        steps = [(pairs[0], changes(*pairs)) for pairs in (self.compared, self.billed, self.per_hour)]
        return [np.stack([step, 100 * ratios(step, before)]) for before, step in steps]

    def at(self, row: int) -> tuple[float, float, float, float, float, float, float, float]:
        """Return the fields of `Moved` of a row."""
        values, compared, billed, per_hour = ((one[row], other[row]) for one, other in (self.compared, *self._changes))
        return *values, *compared, *billed, *per_hour

    def summed(self, *, adds_up: bool) -> Moves:
        """Return the moves of rows together, as those of one; unknown where they do not add up."""
        kept = slice(None) if adds_up else slice(0)
        kinds = (self.compared, self.billed, self.per_hour)
        return Moves(*(known_sums(pairs[:, kept])[:, np.newaxis] for pairs in kinds))


@dataclass(frozen=True)
class Periods:
    """`after` is the period asked about, `before` the baseline.

    Baselines are scaled row by row, to the hours for which the row is known in `after`.
    """

    view: Frame
    before: Window
    after: Window
    open_buckets: tuple[Window, Window] | None = None
    """Of which periods, one of them open, `before` and `after` are the same hours; None where they are compared."""

    @property
    def _buckets(self) -> tuple[Window, Window]:
        return self.open_buckets or (self.before, self.after)

    @cached_property
    def _billed(self) -> bool:
        """Say whether both periods are over and whole, so that their amounts can be billed."""
        rules = rules_of(self._buckets[0].scale)
        return all(rules.is_complete(bucket) for window in self._buckets for bucket in window.indices)

    @cached_property
    def hours(self) -> KnownHours:
        """Return for how many hours rows are known."""
        return KnownHours(self.view)

    @cached_property
    def _by_metric(self) -> dict[Metric, Periods]:
        """Return the same for each metric that a total of money adds up; none for anything else."""
        windows = self.before, self.after, self.open_buckets
        return {metric: Periods(each.view, *windows) for metric, each in self.hours.by_metric.items()}

    @cached_property
    def scaled(self) -> bool:
        """Say whether every baseline is scaled: one open bucket, another number of them, or hours missing on one side.

        Whole months are compared as they are billed, with their own lengths. Percentages need no scaling.
        """
        return not self.view.measure.per_cent and (
            self.before.partial != self.after.partial
            or len(self.before.indices) != len(self.after.indices)
            or bool(self._differ(self._hours))
        )

    @cached_property
    def _hours(self) -> Array:
        """Return the hours of both periods that any row can be known for."""
        return self._in_both(self.view.measure.all_hours)

    def _in_both(self, hours: Column) -> Array:
        return np.stack([window.of(hours).sum(-1) for window in (self.before, self.after)])

    def _differ(self, hours: Array) -> Flags:
        """Say whether these hours are different parts of the two periods, also of buckets that a window has cut."""
        lengths = self._in_both(self.view.scale.lengths)
        return np.abs(np.diff(hours.T / np.where(lengths, lengths, 1.0))[..., 0]) > _SAME_COVERAGE

    def scales(self, numbers: Numbers) -> Flags:
        """Say which baselines are scaled: that of all is, or a row is known for other parts of each period.

        What is unknown in either period cannot be scaled by its own hours. Money over all metrics is scaled by metric.
        """
        if self._by_metric:
            metrics = self.hours.metrics_of(numbers)
            scaled = [metrics[metric] & each.scales(numbers) for metric, each in self._by_metric.items()]
            return np.asarray(np.any(scaled, axis=0))
        if self.view.measure.per_cent:
            return np.full(len(numbers), bool(self.scaled))
        own = self._in_both(self.hours.of(numbers))
        return np.asarray(self.scaled | ((own != 0).all(0) & self._differ(own)))

    def moves(self, numbers: Numbers) -> Moves:
        """Return rows' baselines and values."""
        neither = np.full((2, len(numbers)), UNKNOWN)
        if self.view.measure.per_cent:
            share = self._shares(numbers)
            return Moves(share, share if self._billed else neither, share)
        amounts = np.stack([view.amounts(numbers) for view in self._views])
        billed = amounts if self._billed else neither
        if self._by_metric:
            metrics = self.hours.metrics_of(numbers)
            parts = [(metrics[metric], each.moves(numbers)) for metric, each in self._by_metric.items()]
            compared = _together([(has, move.compared) for has, move in parts])
            return Moves(compared, billed, _together([(has, move.per_hour) for has, move in parts]))
        own = self._in_both(self.hours.of(numbers))
        hours = np.where((own != 0).all(0), own, self._hours[:, np.newaxis])
        before, after = amounts
        scaled = np.where((hours != 0).all(0) & self.scales(numbers), before * ratios(hours[1], hours[0]), before)
        return Moves(np.stack([scaled, after]), billed, ratios(amounts, own))

    def _shares(self, numbers: Numbers) -> Pairs:
        """Return per cent of capacity over the hours for which usage is known: a gap is no lower share."""
        levels = np.stack([self.hours.levels(numbers, window) for window in (self.before, self.after)])
        wholes = np.array([known_sums(view.window.of(view.measure.base)) for view in self._views])
        return 100 * ratios(levels, ratios(wholes, self._in_both(self.view.measure.base_hours))[:, np.newaxis])

    @cached_property
    def _views(self) -> tuple[Frame, Frame]:
        return self.view.over(self.before), self.view.over(self.after)

    @property
    def named(self) -> Numbers:
        """Return the namespaces that the caller may know, but for those nothing is left of in either period."""
        left = ~np.logical_and(*(view.absorbed for view in self._views))
        return self.view.named[left[self.view.named]]

    def known_in_both(self, rows: Sequence[RowId]) -> Numbers:
        """Return the rows whose change is known."""
        numbers, everyone = self.view.table.numbers(rows), self.view.table.everyone
        moves = self._moves_of_everyone if numbers is everyone else self.moves(numbers)
        return numbers[~np.isnan(moves.compared).any(0)]

    @cached_property
    def _moves_of_everyone(self) -> Moves:
        return self.moves(self.view.table.everyone)

    def compared(self, names: Sequence[RowId]) -> Comparison:
        """Return the two periods, the sums over each of the namespaces that are known in both, and what changed."""
        both = self.known_in_both(names)
        before, after = self._buckets
        levels = self.hours.summed(names, self.before, self.after)
        return Comparison(
            *self.moves(both).summed(adds_up=self.view.measure.additive or len(both) == 1).at(0),
            scale=after.scale.name,
            date=after.label,
            baseline=before.label,
            hours=self.after.observed_hours,
            baseline_hours=self.before.observed_hours,
            same_hours=self.open_buckets is not None,
            scaled=bool(self.scaled or self.scales(both).any()),
            what_changed=what_changed(self.hours, names, levels, self.before, self.after),
        )

    def warnings(self, names: Sequence[RowId]) -> list[DataWarning]:
        """Say over which hours an open bucket is compared, and whether the baseline, or some of them, are scaled."""
        (before, after), label, warnings = self._buckets, _label(self.after), []
        if self.open_buckets is not None:
            spans = {"span": label, "baseline_span": _label(self.before)}
            opened = _label(after if after.partial else before)
            warnings.append(warning(Code.SAME_HOURS, bucket=opened, hours=len(self.after.indices), **spans))
        elif (before.partial or after.partial) and before != after:
            warnings.append(warning(Code.OTHER_HOURS))
        if self.scaled:
            kind = text("hours with a price" if self.view.measure.cost_model == "costs" else "hours")
            earlier, later = self._hours.tolist()
            warnings.append(warning(Code.BASELINE_SCALED, kind=kind, hours=later, baseline_hours=earlier, label=label))
            return warnings
        some = int(np.count_nonzero(self.scales(self.known_in_both(names))))
        return [*warnings, *([warning(Code.BASELINES_SCALED, namespaces=some, label=label)] if some else [])]


def _label(window: Window) -> Plain:
    return Plain(str(window.label))


def _together(parts: Sequence[tuple[Flags, Pairs]]) -> Pairs:
    return together(np.stack([np.where(has, pairs, UNKNOWN) for has, pairs in parts], axis=1))


def order(pairs: Pairs, sort: str) -> Numbers:
    """Return where rows in order of names stand sorted, unknown ones last: by change, its relative size, or value."""
    before, after = pairs
    step = changes(before, after)
    parts = np.where(before != 0, -np.abs(ratios(step, before)), np.where(step != 0, -np.inf, 0.0))
    keys = {
        "change": -np.abs(step),
        "increase": -step,
        "decrease": step,
        "change_pct": np.where(np.isnan(step), UNKNOWN, parts),
        "value": -after,
        "namespace": np.zeros(len(step)),
    }
    return np.argsort(keys[sort], kind="stable")
