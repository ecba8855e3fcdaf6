"""What most questions start from: a scale, a window of it, a measure, and every namespace's sum over that window."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import isnan

from kl_mcp.dataset.model import Column, CostModel, Dataset, Row, Scale, ScaleName, Special
from kl_mcp.queries.dates import Window, read_window
from kl_mcp.queries.measure import Dimension, Measure, MetricOrTotal, Sum, measure, sum_columns
from kl_mcp.queries.numbers import UNKNOWN, known_sum, percent

_SAME_HOURS = 1e-6


@dataclass(frozen=True)
class Frame:
    """A dataset looked at through one measure and one window. `totals` are in the unit of the answer."""

    dataset: Dataset
    window: Window
    measure: Measure

    @property
    def scale(self) -> Scale:
        """Return the scale of the window."""
        return self.window.scale

    def column(self, namespace: str) -> Column:
        """Return a namespace's amounts per bucket; one that is not in this scale's window was zero throughout."""
        return self.measure.column(self.scale.namespaces.get(namespace, {}))

    def special_column(self, entry: Special) -> Column | None:
        """Return a special entry's amounts per bucket; None for one that never occurs or lacks the dimension."""
        row: Row | None = self.scale.special.get(entry)
        if row is None or (self.measure.dimension == "requests" and entry != "excluded"):
            return None
        return self.measure.column(row)

    @cached_property
    def totals(self) -> dict[str, Sum]:
        """Return the sum over the window of every namespace of the scale, hidden ones included."""
        return {name: self._row_total(row) for name, row in self.scale.namespaces.items()}

    def _row_total(self, row: Row) -> Sum:
        """Return a row's sum; buckets whose usage is known for a part of their hours count as left out too."""
        total = self.total(self.measure.column(row))
        hours = [row[metric].usage_hours for metric in self.measure.metrics if metric in row]
        partly = partly_known(self.window, [column for column in hours if column is not None])
        return Sum(total.value, total.unknown + partly) if partly else total

    def total(self, column: Column) -> Sum:
        """Return the sum of a column over the window, in the unit of the answer."""
        amount = self.measure.amount(column, self.window)
        return Sum(self._in_unit(amount.value), amount.unknown)

    def _in_unit(self, amount: float) -> float:
        if self.measure.cost_model != "normalized":
            return amount
        return 100 * amount / self._whole_amount if self._whole_amount else UNKNOWN

    @cached_property
    def _whole_amount(self) -> float:
        return self.measure.whole_amount(self.window)

    @cached_property
    def whole(self) -> float:
        """Return the whole cluster in the unit of the answer: capacity, or the bill."""
        return self._in_unit(self._whole_amount)

    @cached_property
    def all_namespaces(self) -> float:
        """Return the sum over all namespaces, listed or not, system ones included; 0 for an observed empty cluster."""
        if not self.totals:
            return self.total(self.measure.zero).value
        return known_sum(total.value for total in self.totals.values())

    def listed(self, *, exclude_system: bool) -> list[str]:
        """Return the namespaces a list may show: largest first, unknown ones last, ties by name."""
        names = [
            name
            for name in self.totals
            if name not in self.dataset.hidden and not (exclude_system and self.dataset.is_system(name))
        ]
        return by_value(names, self.totals)

    def share(self, value: float) -> float | None:
        """Return a value as per cent of all namespaces."""
        return percent(value, self.all_namespaces)

    def cluster_share(self, value: float) -> float | None:
        """Return a value as per cent of the whole cluster."""
        return percent(value, self.whole)

    def sum_of(self, names: Iterable[str]) -> float:
        """Return the sum of some namespaces' totals; 0 when there are none."""
        values = [self.totals[name].value for name in names]
        return known_sum(values) if values else 0.0

    def cluster_column(self) -> Column:
        """Return the sum of all namespaces per bucket."""
        return sum_columns((self.measure.column(row) for row in self.scale.namespaces.values()), self.measure.zero)

    def unknown(self, names: Iterable[str]) -> list[tuple[str, int]]:
        """Return the namespaces among `names` whose sums leave out buckets, with how many."""
        return [
            (name, self.totals[name].unknown)
            for name in names
            if name in self.totals and self.totals[name].unknown and name not in self.dataset.hidden
        ]


def partly_known(window: Window, usage_hours: Sequence[Column]) -> int:
    """Return in how many buckets usage is known for a part of the observed hours only."""
    observed = window.scale.observed_hours
    return (
        sum(1 for i in window.indices if any(0 < hours[i] < observed[i] - _SAME_HOURS for hours in usage_hours))
        if usage_hours
        else 0
    )


def frame(
    dataset: Dataset,
    scale_name: ScaleName,
    metric: MetricOrTotal,
    cost_model: CostModel | None,
    *,
    date: str = "all",
    dimension: Dimension = "usage",
) -> Frame:
    """Return the frame of a call. Raises ToolArgumentError for a metric, combination or date it cannot serve."""
    scale = scale_of(dataset, scale_name)
    return Frame(dataset, read_window(scale, date), measure(dataset, scale, metric, cost_model, dimension))


def scale_of(dataset: Dataset, name: ScaleName) -> Scale:
    """Return a scale; one without buckets where the dataset lacks it."""
    found = dataset.scales.get(name)
    if found is not None:
        return found
    nothing: Column = array("d")
    return Scale(name, "", (), (), (), nothing, nothing, {}, {}, {}, {}, {}, {})


def by_value(names: Iterable[str], totals: dict[str, Sum]) -> list[str]:
    """Return names by value, largest first, unknown ones last, ties by name."""

    def key(name: str) -> tuple[bool, float, str]:
        value = totals[name].value
        unknown = isnan(value)
        return unknown, 0.0 if unknown else -value, name

    return sorted(names, key=key)
