"""Two periods against each other: which namespaces moved, and by how much."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from kl_core.calendar import HOUR
from kl_core.vocabulary import Metric
from kl_query.dataset.model import Column
from kl_query.date_windows import Window
from kl_query.measures.amounts_per_hour import KnownHours, Pair, change, change_pct, together
from kl_query.measures.by_layout import rules_of
from kl_query.numbers import UNKNOWN, known, known_sum, ratio, rounded
from kl_query.view import Frame
from kl_query.warnings.codes import Code
from kl_query.warnings.warning import DataWarning, Plain, RowId, text, warning

_SAME_COVERAGE = 0.01
_NEITHER: Pair = (UNKNOWN, UNKNOWN)


@dataclass(frozen=True, slots=True)
class Move:
    """An amount in two periods: as they are compared, as it is billed (unknown unless both are over), and per hour.

    A percentage is per hour already: of one, all three are the same.
    """

    compared: Pair
    billed: Pair
    per_hour: Pair

    def shown(self, unit: str) -> dict[str, Any]:
        """Return it for an answer; a change in per cent is null for what was nothing before."""
        before, after = self.compared
        return {
            "baseline_value": rounded(before, unit),
            "value": rounded(after, unit),
            "change": rounded(change(before, after), unit),
            "change_pct": change_pct(before, after),
            "billed_change": rounded(change(*self.billed), unit),
            "billed_change_pct": change_pct(*self.billed),
            "change_per_hour": rounded(change(*self.per_hour), unit),
            "change_pct_per_hour": change_pct(*self.per_hour),
        }


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
    _moves: dict[RowId, Move] = field(default_factory=dict, compare=False)

    @property
    def _buckets(self) -> tuple[Window, Window]:
        return self.open_buckets or (self.before, self.after)

    @property
    def _open(self) -> bool:
        return any(window.partial for window in self._buckets)

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

    def _parts(self, name: RowId) -> list[Periods]:
        """Return the same for each metric of a namespace's total; none where it is of one metric."""
        return [self._by_metric[metric] for metric in self.hours.metrics_of(name)]

    @cached_property
    def scaled(self) -> bool:
        """Say whether every baseline is scaled: one open bucket, another number of them, or hours missing on one side.

        Whole months are compared as they are billed, with their own lengths. Percentages need no scaling.
        """
        return not self.view.measure.per_cent and (
            self.before.partial != self.after.partial
            or len(self.before.indices) != len(self.after.indices)
            or self._differ(*self._hours)
        )

    @cached_property
    def _hours(self) -> Pair:
        """Return the hours of both periods that any row can be known for."""
        return self._in_both(self.hours.all_rows)

    def _in_both(self, hours: Column) -> Pair:
        return sum(self.before.of(hours)), sum(self.after.of(hours))

    def _differ(self, before: float, after: float) -> bool:
        """Say whether these hours are different parts of the two periods."""
        parts = before / (_calendar_hours(self.before) or 1), after / (_calendar_hours(self.after) or 1)
        return abs(parts[0] - parts[1]) > _SAME_COVERAGE

    def scales(self, name: RowId) -> bool:
        """Say whether a namespace's baseline is scaled: that of all is, or it is known for other parts of each period.

        What is unknown in either period cannot be scaled by its own hours. Money over all metrics is scaled by metric.
        """
        if parts := self._parts(name):
            return any(each.scales(name) for each in parts)
        own = self._in_both(self.hours.of(name))
        return self.scaled or (not self.view.measure.per_cent and all(own) and self._differ(*own))

    def move(self, name: RowId) -> Move:
        """Return a namespace's baseline and its value."""
        if name not in self._moves:
            self._moves[name] = self._move(name)
        return self._moves[name]

    def _move(self, name: RowId) -> Move:
        if self.view.measure.per_cent:
            share = self._share(name)
            return Move(share, share if self._billed else _NEITHER, share)
        before, after = (view.total_of(name).value for view in self._views)
        billed = (before, after) if self._billed else _NEITHER
        if moves := [each.move(name) for each in self._parts(name)]:
            return Move(together(m.compared for m in moves), billed, together(m.per_hour for m in moves))
        own = self._in_both(self.hours.of(name))
        hours = own if all(own) else self._hours
        scaled = before * hours[1] / hours[0] if all(hours) and self.scales(name) else before
        per_hour = ratio(before, own[0]), ratio(after, own[1])
        return Move((scaled, after), billed, per_hour)

    def _share(self, name: RowId) -> Pair:
        """Return per cent of capacity over the hours for which usage is known: a gap is no lower share."""
        before, after = (
            100 * ratio(self.hours.level(name, view.window), ratio(view.measure.base_amount(view.window), hours))
            for view, hours in zip(self._views, self._in_both(self.hours.base), strict=True)
        )
        return before, after

    @cached_property
    def _views(self) -> tuple[Frame, Frame]:
        return self.hours.frame(self.before), self.hours.frame(self.after)

    @property
    def named(self) -> list[str]:
        """Return the namespaces that the caller may know, but for those nothing is left of in either period."""
        before, after = self._views
        return [name for name in self.view.scale.namespaces if name not in before.absorbed & after.absorbed]

    def known_in_both(self, names: Iterable[RowId]) -> list[RowId]:
        """Return the namespaces whose change is known."""
        return [name for name in names if all(map(known, self.move(name).compared))]

    def describe(self, names: Iterable[RowId]) -> dict[str, Any]:
        """Return the two periods and the sums over each of the namespaces that are known in both."""
        both = self.known_in_both(names)
        before, after = self._buckets
        return {
            "scale": after.scale.name,
            "date": after.label,
            "baseline": before.label,
            "hours": rounded(self.after.observed_hours),
            "baseline_hours": rounded(self.before.observed_hours),
            "same_hours": self.open_buckets is not None,
            "scaled": self.scaled or any(map(self.scales, both)),
            **self._sum([self.move(name) for name in both]).shown(self.view.measure.unit),
        }

    def _sum(self, moves: Sequence[Move]) -> Move:
        if not self.view.measure.additive and len(moves) > 1:
            return Move(_NEITHER, _NEITHER, _NEITHER)
        kinds = [m.compared for m in moves], [m.billed for m in moves], [m.per_hour for m in moves]
        return Move(*map(_added, kinds))

    def warnings(self, names: Iterable[RowId]) -> list[DataWarning]:
        """Say over which hours an open bucket is compared, and whether the baseline, or some of them, are scaled."""
        return [*self._open_warnings(), *self._scale_warnings(names)]

    def _open_warnings(self) -> list[DataWarning]:
        before, after = self._buckets
        if self.open_buckets is not None:
            opened = _label(after if after.partial else before)
            hours, spans = len(self.after.indices), {"span": _label(self.after), "baseline_span": _label(self.before)}
            return [warning(Code.SAME_HOURS, bucket=opened, hours=hours, **spans)]
        return [warning(Code.OTHER_HOURS)] if self._open and before != after else []

    def _scale_warnings(self, names: Iterable[RowId]) -> list[DataWarning]:
        label = _label(self.after)
        if self.scaled:
            before, after = self._hours
            kind = text("hours with a price" if self.view.measure.cost_model == "costs" else "hours")
            return [warning(Code.BASELINE_SCALED, kind=kind, hours=after, baseline_hours=before, label=label)]
        some = sum(1 for name in self.known_in_both(names) if self.scales(name))
        return [warning(Code.BASELINES_SCALED, namespaces=some, label=label)] if some else []


def _label(window: Window) -> Plain:
    return Plain(str(window.label))


def _added(pairs: Sequence[Pair]) -> Pair:
    return known_sum(before for before, _ in pairs), known_sum(after for _, after in pairs)


def _calendar_hours(window: Window) -> float:
    """Return the hours of whole buckets, also of one that a rolling window has cut."""
    scale = window.scale
    return sum(scale.ends[i] - scale.starts[i] for i in window.indices) / HOUR


def order(pairs: dict[str, Pair], sort: str) -> list[str]:
    """Return names sorted: by size of change, increase, decrease, relative change, value or name; unknown ones last."""

    def key(name: str) -> tuple[bool, float, str]:
        before, after = pairs[name]
        step = change(before, after)
        value = {
            "change": -abs(step),
            "increase": -step,
            "decrease": step,
            "change_pct": -abs(step / before) if before else (-math.inf if step else 0.0),
            "value": -after,
            "namespace": 0.0,
        }[sort]
        return not known(value), value if known(value) else 0.0, name

    return sorted(pairs, key=key)
