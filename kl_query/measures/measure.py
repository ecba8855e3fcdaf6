"""What a value means: turns the rows of a scale into the unit of a cost model, per bucket and per window.

* cumulative: core-hours, GiB-hours, GPU-hours.
* normalized: Σ usage ÷ Σ capacity of the window, in per cent.
* costs: Σ of the cost the collector summed hour by hour; on hours, usage * bill ÷ capacity of that hour.

Unknown buckets are left out of a sum and counted; a sum of nothing but unknown buckets is unknown.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from kl_core.vocabulary import BILLED_METRICS, METRICS, CostModel, Metric
from kl_query.dataset import derived
from kl_query.dataset.model import Dataset, Scale
from kl_query.dataset.table import Amounts, Column, Numbers, Table
from kl_query.date_windows import Window
from kl_query.errors import ToolArgumentError
from kl_query.numbers import UNKNOWN, Array, Flags, known_sums, ratios
from kl_query.warnings.warning import RowId

MetricOrTotal = Literal["cpu", "memory", "gpu", "gpu_memory", "total"]
Dimension = Literal["usage", "requests"]
SAME_HOURS = 1e-6


@dataclass(frozen=True, slots=True)
class Sum:
    """A sum over a window: its value (NaN when nothing is known) and how many observed buckets it leaves out."""

    value: float
    unknown: int = 0


@dataclass(frozen=True, eq=False)
class Sums:
    """The sums of several rows: `value` and `unknown` hold one element a row."""

    rows: Sequence[RowId]
    value: Array
    unknown: NDArray[np.intp]

    def __getitem__(self, row: RowId) -> Sum:
        number = self.rows.index(row)
        return Sum(float(self.value[number]), int(self.unknown[number]))

    def at(self, numbers: Numbers) -> Sums:
        """Return the sums of some of the rows."""
        return Sums([self.rows[number] for number in numbers.tolist()], self.value[numbers], self.unknown[numbers])

    @property
    def lacking(self) -> dict[RowId, int]:
        """Return the rows whose sums leave out observed buckets, and how many."""
        return {self.rows[i]: int(self.unknown[i]) for i in np.flatnonzero(self.unknown).tolist()}


@dataclass(frozen=True, eq=False)
class Measure:
    """Amounts in core-hours and the like, of a metric and a dimension over one scale; others override what differs.

    Rows are those of a table, picked by their numbers: a matrix has a line for each.
    """

    scale: Scale
    metric: MetricOrTotal
    dimension: Dimension
    cost_model: CostModel
    unit: str
    additive: bool = True
    """Whether amounts of namespaces can be added and ranked."""
    per_cent: ClassVar[bool] = False
    """Whether values are amounts as parts of `base`."""
    averaged: ClassVar[bool] = False
    """Whether a value is the mean over known buckets."""
    billed: ClassVar[bool] = False
    """Whether values are money that a rate makes of usage, hour by hour."""

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """Return the metrics whose usage the values rest on; none for requests."""
        return () if self.dimension == "requests" else (self._one,)

    @property
    def by_metric(self) -> Mapping[Metric, Measure]:
        """Return how to measure each metric that money over all metrics adds up; none of anything else."""
        return {}

    @cached_property
    def capacity_or_bill(self) -> Column:
        """Return capacity per bucket; under costs, the bill times the multiplier of the dataset's sharing."""
        return self.scale.capacity.get(self._one, self.unknown)

    @property
    def base(self) -> Column:
        """Return what per cent is of."""
        return self.capacity_or_bill

    @property
    def zero(self) -> Column:
        """Return what a metric that a row lacks was: 0 in every bucket in which that is known."""
        return self.scale.zero

    @property
    def unknown(self) -> Column:
        """Return a column in which nothing is known."""
        return np.full(len(self.scale.starts), UNKNOWN)

    @property
    def all_hours(self) -> Column:
        """Return the hours that any row can be known for: the observed ones; under costs, those with a price."""
        return self.scale.observed_hours

    @property
    def base_hours(self) -> Column:
        """Return the hours for which `capacity_or_bill` is known. Of GPU memory capacity comes from the exporter."""
        return self.scale.capacity_hours.get(self._one, self.scale.observed_hours)

    @property
    def _one(self) -> Metric:
        assert self.metric != "total"  # noqa: S101 -- every measure of a total overrides what asks for it
        return self.metric

    def of(self, metric: Metric, amounts: Amounts) -> Column:
        """Return a metric's amounts per bucket: core-hours and the like, or money under costs."""
        return amounts.usage if self.dimension == "usage" else derived.requests(self.scale, metric, amounts)

    def hours_of(self, metric: Metric, amounts: Amounts) -> Column:
        """Return for how many hours of each bucket a metric's amounts are known, as they are published."""
        rule = derived.usage_hours if self.dimension == "usage" else derived.requested_hours
        return rule(self.scale, metric, amounts)

    def columns(self, table: Table, numbers: Numbers) -> Column:
        """Return the amounts of rows."""
        return table.matrix(self._one, numbers, partial(self.of, self._one), self.zero)

    def parts(self, table: Table, numbers: Numbers) -> dict[Metric, Column]:
        """Return the amounts of rows by metric; of all metrics they add up to the columns."""
        return {self._one: self.columns(table, numbers)}

    def hours(self, table: Table, numbers: Numbers) -> Column:
        """Return for how many hours of each bucket the amounts of rows are known; 0 where they are not."""
        hours = table.matrix(self._one, numbers, partial(self.hours_of, self._one), self.all_hours)
        return np.where(np.isnan(self.columns(table, numbers) + hours), 0.0, hours)

    def short(self, table: Table, numbers: Numbers) -> Flags:
        """Say in which buckets an amount covers only some of the observed hours, or of the metrics it adds up."""
        observed = self.scale.observed_hours
        hours = table.matrix(self._one, numbers, partial(Measure.hours_of, self, self._one), observed)
        return hours < observed - SAME_HOURS

    def values(self, columns: Column, window: Window) -> Array:
        """Return the sums over a window in the unit of an answer."""
        return known_sums(window.of(columns))

    def series(self, columns: Column, window: Window) -> Column:
        """Return columns over a window, per bucket and in the unit of the answer."""
        return window.of(columns)

    def left_out(self, columns: Column, window: Window) -> NDArray[np.intp]:
        """Return how many observed buckets sums leave out."""
        missing = np.isnan(window.of(columns)) & (window.of(self.scale.observed_hours) > 0)
        return np.asarray(np.count_nonzero(missing, axis=-1))


class PerCent(Measure):
    """Amounts as per cent of the cluster's capacity over the same window."""

    per_cent = True

    def values(self, columns: Column, window: Window) -> Array:
        """Return sums as per cent of the capacity of the whole window."""
        return 100 * ratios(known_sums(window.of(columns)), known_sums(window.of(self.base)))

    def series(self, columns: Column, window: Window) -> Column:
        """Return per cent of each bucket's capacity."""
        return 100 * ratios(window.of(columns), window.of(self.base))


@dataclass(frozen=True, eq=False)
class Money(Measure):
    """Money of one metric."""

    multiplier: float = 1.0
    billed = True

    @cached_property
    def bill(self) -> Column:
        """Return what the cluster costs per bucket, without multiplier."""
        bills = [self.scale.bill.get(metric, self.unknown) for metric in self.metrics]
        return known_sums(np.stack(bills), 0) if bills else self.unknown

    @cached_property
    def capacity_or_bill(self) -> Column:
        return self.bill * self.multiplier

    @cached_property
    def zero(self) -> Column:
        """Return 0 in every bucket with a bill."""
        return self.bill * 0

    @property
    def all_hours(self) -> Column:
        return self.scale.priced

    @property
    def base_hours(self) -> Column:
        return self.scale.priced

    def of(self, metric: Metric, amounts: Amounts) -> Column:
        return derived.cost(self.scale, metric, amounts)

    def hours_of(self, metric: Metric, amounts: Amounts) -> Column:
        """Return the hours in which usage is known and has a price."""
        return derived.cost_hours(self.scale, metric, amounts)


class TotalMoney(Money):
    """Money of all metrics together: of those with a price."""

    @cached_property
    def by_metric(self) -> Mapping[Metric, Measure]:
        rest = self.dimension, self.cost_model, self.unit, self.additive, self.multiplier
        return {metric: Money(self.scale, metric, *rest) for metric in self.scale.prices}

    @property
    def metrics(self) -> tuple[Metric, ...]:
        return tuple(self.by_metric)

    def of(self, metric: Metric, amounts: Amounts) -> Column:
        """Return a metric's money; 0 in buckets with a bill for other metrics only, as it does not count there."""
        money = super().of(metric, amounts)
        unbilled = np.isnan(self.scale.bill[metric]) & ~np.isnan(self.bill)
        return np.where(unbilled, 0.0, money) if unbilled.any() else money

    def _known(self, table: Table, numbers: Numbers) -> dict[Metric, Column]:
        return {m: table.matrix(m, numbers, partial(self.of, m), self.unknown) for m in self.by_metric}

    def columns(self, table: Table, numbers: Numbers) -> Column:
        """Return the money of rows: of what is known, so that rows add up to the bill; unknown where no part is."""
        of_most = table is self.scale.namespaces and 2 * len(numbers) > len(table)
        return self._of_everyone[numbers] if of_most else self._summed(table, numbers)

    @cached_property
    def _of_everyone(self) -> Column:
        """Return the money of all namespaces, and last, for -1 picks it, of one that is not there."""
        namespaces = self.scale.namespaces
        return self._summed(namespaces, np.append(namespaces.everyone, -1))

    def _summed(self, table: Table, numbers: Numbers) -> Column:
        known = self._known(table, numbers)
        if not known:
            return np.broadcast_to(self.zero, (len(numbers), len(self.zero)))
        has = np.any([table.has(metric, numbers) for metric in known], axis=0)
        return np.where(has[:, np.newaxis], known_sums(np.stack([*known.values()]), 0), self.zero)

    def parts(self, table: Table, numbers: Numbers) -> dict[Metric, Column]:
        # A metric the row lacks costs nothing, but does not make a bucket known in which none of its metrics is.
        nothing = 0 * self.columns(table, numbers)
        known = self._known(table, numbers)
        return {m: np.where(table.has(m, numbers)[:, np.newaxis], money, nothing) for m, money in known.items()}

    def hours(self, table: Table, numbers: Numbers) -> Column:
        """Return the hours by which the money of rows gives the sum of its metrics' own levels."""
        if not self.by_metric:
            return np.broadcast_to(self.all_hours, (len(numbers), len(self.all_hours)))
        parts = np.stack([*self.parts(table, numbers).values()])
        hours = np.stack([table.matrix(m, numbers, partial(self.hours_of, m), self.all_hours) for m in self.by_metric])
        known = np.all(~np.isnan(parts) & (hours > 0), axis=0)
        level = ratios(parts, hours).sum(0)
        return np.where(known, np.where(level != 0, ratios(parts.sum(0), level), hours.min(0)), 0.0)

    def short(self, table: Table, numbers: Numbers) -> Flags:
        """Say in which buckets usage is known for a part of the hours, or money for a part of the metrics."""
        short = np.zeros((len(numbers), len(self.zero)), bool)
        for metric, money in self.by_metric.items():
            short |= money.short(table, numbers)
            short |= np.isnan(table.matrix(metric, numbers, partial(self.of, metric), np.zeros(len(self.zero))))
        return short


def check_metric(dataset: Dataset, metric: MetricOrTotal) -> None:
    """Raise ToolArgumentError for a metric that the dataset has not."""
    if metric == "total" or not dataset.metrics or metric in dataset.metrics:
        return
    unreported = metric == "gpu_memory" and "gpu" in dataset.metrics
    raise ToolArgumentError(
        "metric_not_available",
        "metric",
        "This dataset has no gpu_memory: in the whole window no DCGM exporter (KL_NVIDIA_DCGM_ENDPOINT) reported any."
        if unreported
        else absence(dataset, metric),
        allowed=[*dataset.metrics, *(["total"] if any(dataset.priced(m) for m in METRICS) else [])],
        nearest=dataset.metrics,
    )


def absence(dataset: Dataset, metric: str) -> str:
    """Say that a dataset has no amounts of a metric, and what the collector could not see of it."""
    unseen = [spot.said.text for spot in dataset.blind_spots or () if spot.code == "gpus_of_other_vendors"]
    if unseen and metric in ("gpu", "gpu_memory"):
        return " ".join([f"This dataset has no {metric}, although the cluster has GPUs.", *unseen])
    return f"This dataset has no {metric}: the cluster showed no such resource in the whole window."


def check_combination(dataset: Dataset, metric: MetricOrTotal, model: CostModel, dimension: Dimension) -> None:
    """Raise ToolArgumentError for arguments of which the metric may be there and that have no meaning together."""
    costs, total = model == "costs", metric == "total"
    unpriced = dataset.scales and not any(dataset.priced(m) for m in BILLED_METRICS)
    refused: list[tuple[object, str, str, list[str], list[dict[str, str | None]]]] = [
        (
            total and not costs,
            "cost_model",
            "metric=total adds up money: it needs cost_model=costs.",
            ["costs"],
            [{"cost_model": "costs"}],
        ),
        (
            costs and unpriced,
            "metric" if total else "cost_model",
            "No billing rate was ever set, so there are no costs: set KL_BILLING_HOURLY_RATE on the collector.",
            list(dataset.metrics) if total else ["cumulative", "normalized"],
            [{"cost_model": "cumulative", **({"metric": "cpu"} if total else {})}],
        ),
        (
            costs and dimension == "requests",
            "dimension",
            "Requests have no cost of their own: usage is what is charged. Pass cost_model=cumulative or normalized.",
            ["usage"],
            [{"dimension": "usage"} if total else {"cost_model": "cumulative"}],
        ),
        (
            costs and metric == "gpu_memory",
            "metric",
            "gpu_memory has no cost: GPUs are charged through metric=gpu. Pass cost_model=cumulative or normalized.",
            [*BILLED_METRICS, "total"],
            [{"metric": "gpu"}, {"cost_model": "cumulative"}],
        ),
    ]
    for applies, argument, message, allowed, corrections in refused:
        if applies:
            raise invalid_combination(argument, message, allowed, *corrections)
    check_requestable(metric, dimension)


def check_requestable(metric: MetricOrTotal, dimension: Dimension) -> None:
    """Raise ToolArgumentError for requests of what cannot be requested."""
    if metric == "gpu_memory" and dimension == "requests":
        raise invalid_combination(
            "dimension", "gpu_memory cannot be requested in Kubernetes.", ["usage"], {"dimension": "usage"}
        )


def invalid_combination(
    argument: str, message: str, allowed: Sequence[str], *corrections: Mapping[str, str | None]
) -> ToolArgumentError:
    """Return the error for arguments that make no sense together."""
    return ToolArgumentError(
        "invalid_combination", argument, message, allowed=allowed, nearest=allowed, corrections=corrections
    )
