"""What a value means: turns the columns of a row into the unit of a cost model, per bucket and per window.

* cumulative: core-hours, GiB-hours, GPU-hours.
* normalized: Σ usage ÷ Σ capacity of the window, in per cent.
* costs: Σ of the cost the collector summed hour by hour; on hours, usage * bill ÷ capacity of that hour.

Unknown buckets are left out of a sum and counted; a sum of nothing but unknown buckets is unknown.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import compress
from math import isnan
from typing import Literal

from kl_core.vocabulary import AMOUNT_UNITS, BILLED_METRICS, METRICS, CostModel, Metric
from kl_query.dataset.model import Amounts, Column, Dataset, Row, Scale
from kl_query.date_windows import Window
from kl_query.errors import ToolArgumentError
from kl_query.numbers import MONEY, UNKNOWN, known_sum, rounded

MetricOrTotal = Literal["cpu", "memory", "gpu", "gpu_memory", "total"]
Dimension = Literal["usage", "requests"]


@dataclass(frozen=True, slots=True)
class Sum:
    """A sum over a window: its value (NaN when nothing is known) and how many observed buckets it leaves out."""

    value: float
    unknown: int = 0


@dataclass(frozen=True, slots=True)
class Measure:
    """A metric, a dimension and a cost model over one scale.

    `capacity_or_bill` is capacity; under costs, the bill times the multiplier of the dataset's sharing.
    """

    metric: MetricOrTotal
    dimension: Dimension
    cost_model: CostModel
    unit: str
    scale: Scale
    capacity_or_bill: Column
    zero: Column
    """0 in every bucket in which an absent metric is known to be zero."""
    prices: Mapping[Metric, Column]
    """Bill ÷ capacity per bucket; exact where a bucket is one hour."""
    unbilled: Mapping[Metric, Sequence[int]]
    """Buckets in which other metrics have a bill and this one has none."""
    base: Column | None = None
    """What per cent is of, where it is not `capacity_or_bill`: a value over a window is the mean over known buckets."""
    additive: bool = True
    """Whether amounts of namespaces can be added and ranked."""
    billed: bool = False
    """Whether values are money that a rate makes of usage, hour by hour."""

    @property
    def per_cent(self) -> bool:
        """Say whether values are amounts as parts of `base` or `capacity_or_bill`."""
        return self.cost_model == "normalized" or self.base is not None

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """Return the metrics whose usage the values rest on; none for requests."""
        if self.dimension == "requests":
            return ()
        return tuple(self.prices) if self.metric == "total" else (self.metric,)

    @property
    def unknown(self) -> Column:
        """Return a column in which nothing is known."""
        return _unknown(self.zero)

    def shown(self, value: float | None) -> float | None:
        """Return an amount as an answer carries it: rounded as its unit demands; None when it is unknown."""
        return rounded(value, self.unit)

    def column(self, row: Row) -> Column:
        """Return the amounts of a row per bucket: core-hours and the like, or money under costs."""
        if self.metric != "total":
            return self._one(row.get(self.metric), self.metric)
        # Of what is known, so that rows add up to the bill; unknown where no part is known.
        return sum_columns((self._billed(row, metric) for metric in self.prices if metric in row), self.zero)

    def parts(self, row: Row) -> dict[Metric, Column]:
        """Return the money of a row by metric. `sum_columns` of it is `column(row)`."""
        column = self.column(row)
        if self.metric != "total":
            return {self.metric: column}
        # A metric the row lacks costs nothing, but does not make a bucket known in which none of its metrics is.
        nothing = array("d", map(float.__sub__, column, column))
        return {metric: self._billed(row, metric) if metric in row else nothing for metric in self.prices}

    def _billed(self, row: Row, metric: Metric) -> Column:
        """Return a row's money for a metric; 0 in buckets with a bill for other metrics only, as it does not count."""
        parts = self._one(row[metric], metric)
        if not self.unbilled[metric]:
            return parts
        counted = parts[:]
        for bucket in self.unbilled[metric]:
            counted[bucket] = 0.0
        return counted

    def _one(self, amounts: Amounts | None, metric: Metric) -> Column:
        if amounts is None:
            return self.zero
        if self.billed:
            if amounts.cost is not None:
                return amounts.cost
            return array("d", map(float.__mul__, amounts.usage, self.prices.get(metric, self.unknown)))
        if self.dimension == "usage":
            return amounts.usage
        return self.unknown if amounts.requests is None else amounts.requests

    def series(self, column: Column, window: Window) -> Column:
        """Return a column of amounts over a window, per bucket and in the unit of the answer."""
        cut = window.of(column)
        if not self.per_cent:
            return cut
        totals = (self.capacity_or_bill if self.base is None else self.base)[window.first : window.stop]
        return array("d", [100 * a / w if w else UNKNOWN for a, w in zip(cut, totals, strict=True)])

    def amount(self, column: Column, window: Window) -> Sum:
        """Return the sum of a column over a window before it is related to capacity."""
        cut = window.of(column)
        everything = sum(cut) if cut else UNKNOWN
        if not isnan(everything):
            return Sum(everything)
        observed = window.of(self.scale.observed_hours)
        unknown = sum(1 for hours in compress(observed, map(isnan, cut)) if hours > 0)
        return Sum(known_sum(cut), unknown)

    def base_amount(self, window: Window, known: Column | None = None) -> float:
        """Return what the sum of a window is a part of; of a `base`, in the buckets only in which a column is known."""
        if self.base is None or known is None:
            return self.amount(self.capacity_or_bill if self.base is None else self.base, window).value
        return known_sum(self.base[i] for i in window.indices if not isnan(known[i]))


def measure(
    dataset: Dataset, scale: Scale, metric: MetricOrTotal, cost_model: CostModel | None, dimension: Dimension = "usage"
) -> Measure:
    """Return how to measure core-hours and the like.

    Raises ToolArgumentError for a combination that has no meaning or no data.
    """
    model = cost_model or ("costs" if metric == "total" else dataset.cost_model)
    check_metric(dataset, metric)
    _check_combination(dataset, metric, model, dimension)
    prices = {
        m: _divide(scale.bill[m], scale.capacity[m]) for m in BILLED_METRICS if m in scale.bill and m in scale.capacity
    }
    zero = array("d", [0.0 if hours > 0 else UNKNOWN for hours in scale.observed_hours])
    if model == "costs":
        billed = [scale.bill[m] for m in prices] if metric == "total" else [scale.bill.get(metric, _unknown(zero))]
        capacity_or_bill = array("d", map(known_sum, zip(*billed, strict=True))) if billed else _unknown(zero)
        zero = array("d", [0.0 if not isnan(bill) else UNKNOWN for bill in capacity_or_bill])
        if dataset.sharing.multiplier != 1:
            capacity_or_bill = array("d", [bill * dataset.sharing.multiplier for bill in capacity_or_bill])
        unbilled = {m: [i for i, z in enumerate(zero) if not isnan(z) and isnan(scale.bill[m][i])] for m in prices}
        return Measure(metric, dimension, model, MONEY, scale, capacity_or_bill, zero, prices, unbilled, billed=True)
    assert metric != "total"  # noqa: S101 -- refused above for every model but costs
    unit = AMOUNT_UNITS[metric] if model == "cumulative" else "percent_of_cluster_capacity"
    return Measure(metric, dimension, model, unit, scale, scale.capacity.get(metric, _unknown(zero)), zero, {}, {})


def sum_columns(columns: Iterable[Column], zero: Column) -> Column:
    """Return the sum of rows per bucket, leaving out what is unknown; unknown where every row is."""
    rows = list(columns)
    if not rows:
        return zero
    if len(rows) == 1:
        return rows[0]
    return array("d", map(known_sum, zip(*rows, strict=True)))


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


def _check_combination(dataset: Dataset, metric: MetricOrTotal, model: CostModel, dimension: Dimension) -> None:
    without_costs = {"cost_model": "cumulative", **({"metric": "cpu"} if metric == "total" else {})}
    if model != "costs":
        if metric == "total":
            raise invalid_combination(
                "cost_model",
                "metric=total adds up money: it needs cost_model=costs.",
                ["costs"],
                {"cost_model": "costs"},
            )
        check_requestable(metric, dimension)
    elif dataset.scales and not any(dataset.priced(m) for m in BILLED_METRICS):
        raise invalid_combination(
            "metric" if metric == "total" else "cost_model",
            "No billing rate was ever set, so there are no costs: set KL_BILLING_HOURLY_RATE on the collector.",
            list(dataset.metrics) if metric == "total" else ["cumulative", "normalized"],
            without_costs,
        )
    elif dimension == "requests":
        raise invalid_combination(
            "dimension",
            "Requests have no cost of their own: usage is what is charged. Pass cost_model=cumulative or normalized.",
            ["usage"],
            {"dimension": "usage"} if metric == "total" else {"cost_model": "cumulative"},
        )
    elif metric == "gpu_memory":
        raise invalid_combination(
            "metric",
            "gpu_memory has no cost: GPUs are charged through metric=gpu. Pass cost_model=cumulative or normalized.",
            [*BILLED_METRICS, "total"],
            {"metric": "gpu"},
            {"cost_model": "cumulative"},
        )


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


def _divide(left: Column, right: Column) -> Column:
    return array("d", [a / b if b else (0.0 if a == 0 else UNKNOWN) for a, b in zip(left, right, strict=True)])


def _unknown(like: Column) -> Column:
    return array("d", [UNKNOWN]) * len(like)
