"""Amounts per hour: each divided by the hours it is known for, so that what was not measured is no change.

Known are the hours in which the usage of a row is known; under costs, those of them in which a rate was in force. The
level of several rows together is the sum of their levels, each over its own hours.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import isnan

from kl_mcp.dataset.model import Amounts, Column, Dataset, Row, Scale
from kl_mcp.queries.dates import HOUR, Window
from kl_mcp.queries.frame import Frame
from kl_mcp.queries.numbers import UNKNOWN, known, known_sum, ratio, rounded

_NOISE_PCT = 1e-6
_MAY_BE_UNKNOWN = 0.1
"""How much of a sum may be unknown in a month before the month, and not the rows, is left out of a trajectory."""


@dataclass(frozen=True)
class KnownHours:
    """For how many hours of each bucket of a scale the amounts of rows are known. Columns are never NaN."""

    view: Frame

    @cached_property
    def all_rows(self) -> Column:
        """Return the hours that any row can be known for: the observed ones; under costs, those with a price."""
        return self.priced if self._needs_rate else self.view.scale.observed_hours

    @property
    def _needs_rate(self) -> bool:
        return self.view.measure.cost_model == "costs" and self.view.scale.relative is None

    @cached_property
    def priced(self) -> Column:
        """Return the observed hours in which a rate was in force."""
        return priced_hours(self.view.dataset, self.view.scale)

    @cached_property
    def capacity(self) -> Column:
        """Return the hours for which capacity is known. Of GPU memory it comes from the exporter, not the cluster."""
        scale, coverage = self.view.scale, self.view.scale.coverage.get("dcgm")
        if self.view.measure.metric != "gpu_memory" or coverage is None:
            return scale.observed_hours
        answered = zip(scale.observed_hours, coverage, scale.elapsed_hours, strict=True)
        return array("d", [hours if isnan(c) else min(hours, c * elapsed) for hours, c, elapsed in answered])

    @cached_property
    def whole(self) -> Column:
        """Return the hours of what all shares are shares of: capacity, or the bill."""
        return self.priced if self._needs_rate else self.capacity

    @property
    def base(self) -> Column:
        """Return the hours of what percentages are of."""
        return self.whole if self.view.measure.base is None else self.view.scale.observed_hours

    def of(self, namespace: str) -> Column:
        """Return the hours a namespace's amounts are known for, 0 where none is."""
        found = self._found.get(namespace)
        if found is None:
            row = self.view.scale.namespaces.get(namespace, {})
            metric = self.view.measure.metric
            found = self._found[namespace] = self._total(row) if metric == "total" else self._one(row, row.get(metric))
        return found

    def over(self, namespace: str, window: Window) -> float:
        """Return the hours of a window that a namespace's amounts are known for."""
        return sum(self.of(namespace)[window.first : window.stop])

    @cached_property
    def _found(self) -> dict[str, Column]:
        return {}

    def _one(self, row: Row, amounts: Amounts | None) -> Column:
        column = self.view.measure.column(row)
        hours = self._measured(amounts)
        return array("d", [0.0 if isnan(a) or isnan(h) else h for a, h in zip(column, hours, strict=True)])

    def _measured(self, amounts: Amounts | None) -> Column:
        if amounts is None or amounts.usage_hours is None or self.view.measure.dimension == "requests":
            return self.all_rows
        if not self._needs_rate:
            return amounts.usage_hours
        # Where a rate starts in a bucket that is also measured in part, the two are taken to be independent.
        both = zip(amounts.usage_hours, self.priced, self.view.scale.observed_hours, strict=True)
        return array("d", [used * priced / hours if hours else 0.0 for used, priced, hours in both])

    def _total(self, row: Row) -> Column:
        """Return the hours by which a row's money over all metrics gives the sum of its metrics' own levels."""
        parts = self.view.measure.parts(row)
        hours = {metric: self._measured(row.get(metric)) for metric in parts}
        pairs = [zip(column, hours[metric], strict=True) for metric, column in parts.items()]
        return array("d", map(_together, zip(*pairs, strict=True))) if pairs else self.all_rows


@dataclass(frozen=True, slots=True)
class Trajectory:
    """Amount per hour by bucket number, for the whole buckets it is known in; and whose amounts it does without."""

    levels: Mapping[int, float]
    left_out: tuple[str, ...] = ()


def trajectory(hours: KnownHours, names: Sequence[str], *, cluster: bool = False) -> Trajectory:
    """Return the level of a sum over namespaces in each whole bucket of which at least half is known.

    The sum is over the same namespaces in every bucket, or what is unknown would count as a change. A bucket takes no
    part when more than a tenth of the sum is unknown in it; other namespaces unknown in a bucket are left out of all.
    """
    whole = hours.view.window.closed()
    rows = {name: _levels(hours, name, whole) for name in names}
    if not rows:
        zero = {i: 0.0 for i in whole.indices if mostly(hours.all_rows[i], hours.view.scale, i)}
        return Trajectory(zero if cluster else {})
    used = [i for i in whole.indices if i in _enough_known(rows, whole)] if len(rows) > 1 else list(rows[names[0]])
    kept = {name: row for name, row in rows.items() if all(i in row for i in used)}
    levels = {i: known_sum(row[i] for row in kept.values()) for i in used} if kept else {}
    return Trajectory(levels, tuple(name for name in rows if name not in kept))


def mostly(known_hours: float, scale: Scale, bucket: int) -> bool:
    """Say whether at least half of a bucket's hours are known."""
    return 2 * known_hours * HOUR >= scale.ends[bucket] - scale.starts[bucket]


def priced_hours(dataset: Dataset, scale: Scale) -> Column:
    """Return the observed hours of each bucket in which a rate was in force; 0 in buckets without a bill."""
    bills = list(scale.bill.values())
    if not bills:
        return array("d", [0.0]) * len(scale.starts)
    return array("d", [_priced(dataset, scale, i, known_sum(b[i] for b in bills)) for i in range(len(scale.starts))])


def change(before: float, after: float) -> float:
    """Return after - before; 0 for what is only the rounding of sums."""
    difference = after - before
    return 0.0 if abs(difference) * 100 < _NOISE_PCT * abs(before) else difference


def change_pct(before: float, after: float) -> float | None:
    """Return a change in per cent of what was before, rounded for an answer; None from zero, or unknown."""
    return rounded(100 * ratio(change(before, after), before))


def _together(pairs: Iterable[tuple[float, float]]) -> float:
    parts = list(pairs)
    if any(isnan(amount) or not hours > 0 for amount, hours in parts):
        return 0.0
    level = sum(amount / hours for amount, hours in parts)
    return sum(amount for amount, _ in parts) / level if level else min(hours for _, hours in parts)


def _levels(hours: KnownHours, name: str, window: Window) -> dict[int, float]:
    column, own = hours.view.column(name), hours.of(name)
    return {i: column[i] / own[i] for i in window.indices if own[i] > 0 and mostly(own[i], window.scale, i)}


def _enough_known(rows: Mapping[str, Mapping[int, float]], window: Window) -> set[int]:
    weights = {name: sum(row.values()) / len(row) for name, row in rows.items() if row}
    everything = sum(weights.values())
    seen = {i: sum(weight for name, weight in weights.items() if i in rows[name]) for i in window.indices}
    return {
        i
        for i in window.indices
        if any(i in row for row in rows.values()) and everything - seen[i] <= _MAY_BE_UNKNOWN * everything + 1e-12
    }


def _priced(dataset: Dataset, scale: Scale, bucket: int, bill: float) -> float:
    """Return the priced hours of a bucket: exact without a gap, or where one rate explains the bill."""
    if isnan(bill):
        return 0.0
    observed, start, end = scale.observed_hours[bucket], scale.starts[bucket], scale.sampled_until(bucket)
    rated = _rated(dataset, start, end)
    if not rated:
        return observed
    elapsed, most = (end - start) / HOUR, sum(hours for _, hours in rated)
    rates = {rate for rate, _ in rated}
    found = bill / rates.pop() if len(rates) == 1 else observed * most / elapsed
    return min(max(found, observed - (elapsed - most), 0.0), most, observed)


def _rated(dataset: Dataset, start: int, end: int) -> list[tuple[float, float]]:
    """Return the rates in force between two instants, each with its hours. A rate of 0 is none: it ends charging."""
    until = [*(rate.effective for rate in dataset.rates[1:]), end]
    spans = [
        (rate.rate, (min(end, stop) - max(start, rate.effective)) / HOUR)
        for rate, stop in zip(dataset.rates, until, strict=False)
        if rate.rate > 0 and (dataset.currency is None or rate.currency == dataset.currency)
    ]
    return [(rate, hours) for rate, hours in spans if hours > 0]


def sum_of_levels(pairs: Iterable[tuple[float, float]]) -> tuple[float, float]:
    """Return the sums of levels before and after, over the rows known in both; unknown where none is."""
    both = [pair for pair in pairs if all(map(known, pair))]
    return (known_sum(b for b, _ in both), known_sum(a for _, a in both)) if both else (UNKNOWN, UNKNOWN)
