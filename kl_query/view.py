"""What most questions start from: a scale, a window of it, a measure, and every namespace's sum over that window."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from math import isnan

from kl_core.vocabulary import CostModel, ScaleName, Special
from kl_query.dataset.model import Column, Dataset, Row, Scale
from kl_query.date_windows import Window, read_window
from kl_query.measures.by_layout import rules_of
from kl_query.measures.efficiency import requested_hours
from kl_query.measures.measure import Dimension, Measure, MetricOrTotal, Sum, sum_columns
from kl_query.measures.sharing import SharedCosts, shared_costs
from kl_query.measures.unmeasured import all_measured, lacks_gpus, unmeasured_requests
from kl_query.measures.unrequested import beside_requests
from kl_query.metadata import unmeasured_warnings
from kl_query.numbers import UNKNOWN, known_sum, percent
from kl_query.selection import Selection
from kl_query.warnings.codes import Code
from kl_query.warnings.warning import DataWarning, Names, RowId, Withheld, warning

_SAME_HOURS = 1e-6


@dataclass(frozen=True)
class Frame:
    """A dataset looked at through one measure and one window. `totals` are in the unit of the answer.

    Under costs, everything it returns of namespaces and special entries is after sharing: columns bucket by bucket,
    sums as one over the window.
    """

    dataset: Dataset
    window: Window
    measure: Measure
    _columns: dict[RowId, Column] = field(default_factory=dict, compare=False, repr=False)
    """Rows before sharing, over the whole scale."""

    def over(self, window: Window) -> Frame:
        """Return the same over another window of the scale."""
        return replace(self, window=window)

    @property
    def scale(self) -> Scale:
        """Return the scale of the window."""
        return self.window.scale

    @cached_property
    def after_sharing(self) -> SharedCosts | None:
        """Return the costs after sharing; None where nothing is shared."""
        return shared_costs(self.dataset, self.window, self.measure)

    def column(self, namespace: RowId) -> Column:
        """Return a namespace's amounts per bucket; one that is not in this scale's window was zero throughout."""
        return self._raw(namespace) if self.after_sharing is None else self.after_sharing.namespace(namespace)

    def total_of(self, namespace: RowId) -> Sum:
        """Return a namespace's sum over the window.

        Buckets whose usage is known for a part of their hours, or metrics, count as left out too.
        """
        column = self._raw(namespace)
        total = self.total(column)
        unknown = total.unknown + self._partly_known(namespace, column)
        shared = self.after_sharing
        return Sum(total.value if shared is None else shared.over_window.namespace(namespace)[0], unknown)

    def _partly_known(self, namespace: RowId, column: Column) -> int:
        """Return in how many buckets a value covers only some of the observed hours, or of the metrics it adds up."""
        row, observed = self.scale.row(namespace), self.scale.observed_hours
        hours = self._known_hours(row)
        parts = self.measure.parts(row).values() if self.measure.metric == "total" else ()
        if not hours and not parts:
            return 0
        short = (
            any(each[i] < observed[i] - _SAME_HOURS for each in hours) or any(isnan(part[i]) for part in parts)
            for i in self.window.indices
            if not isnan(column[i])
        )
        return sum(short)

    def _known_hours(self, row: Row) -> list[Column]:
        """Return for how many hours the amounts of a row are known, of those where it may not be all."""
        metric = self.measure.metric
        if self.measure.dimension == "requests" and metric != "total":
            lacking = metric in row and row[metric].matched_hours is not None
            return [requested_hours(self.scale, row[metric])] if lacking else []
        known = (row[metric].usage_hours for metric in self.measure.metrics if metric in row)
        return [column for column in known if column is not None]

    def _raw(self, namespace: RowId) -> Column:
        if namespace not in self._columns:
            self._columns[namespace] = self.measure.column(self.scale.row(namespace))
        return self._columns[namespace]

    def special(self, entry: Special) -> tuple[Column, Sum] | None:
        """Return a special entry's amounts per bucket and their sum over the window.

        None for one that never occurs or lacks the dimension.
        """
        metric, row = self.measure.metric, self.scale.special.get(entry)
        raw = None if row is None else self.measure.column(row)
        if self.measure.dimension == "requests" and metric != "total":
            raw = beside_requests(self.scale, metric, entry)
        if raw is None:
            return None
        total, shared = self.total(raw), self.after_sharing
        if shared is None:
            return raw, total
        return shared.special(entry), Sum(shared.over_window.special(entry)[0], total.unknown)

    @cached_property
    def all_measured(self) -> bool:
        """Say whether idle is what it seems: everything that uses what is shown was measured."""
        return all_measured(self.dataset, self.measure, self.window)

    @property
    def unmeasured_requests(self) -> float:
        """Return what is requested by what was not measured; unknown under costs, which requests have none of.

        Unknown as well where everything was measured, of GPU memory, which cannot be requested, and where single GPUs
        were not seen, whose number nobody tells.
        """
        metric = self.measure.metric
        if self.all_measured or metric == "total" or self.measure.cost_model == "costs":
            return UNKNOWN
        if lacks_gpus(self.dataset, self.measure, self.window):
            return UNKNOWN
        return self.total(unmeasured_requests(self.scale, metric, self.measure.zero)).value

    @cached_property
    def totals(self) -> dict[RowId, Sum]:
        """Return the sum over the window of every row of the scale."""
        return {row: self.total_of(row) for row in self.scale.rows}

    def total(self, column: Column) -> Sum:
        """Return the sum of a column over the window, in the unit of the answer."""
        amount = self.measure.amount(column, self.window)
        return Sum(self._in_unit(amount.value, column), amount.unknown)

    @cached_property
    def absorbed(self) -> frozenset[RowId]:
        """Return the shared namespaces nothing is left of over the window; lists over all namespaces leave them out."""
        if self.after_sharing is None:
            return frozenset()
        return frozenset(
            name for name in self.dataset.shared if name in self.totals and not self.totals[name].value > 0
        )

    def _in_unit(self, amount: float, known: Column | None = None) -> float:
        if not self.measure.per_cent:
            return amount
        own = known is not None and self.measure.base is not None
        base = self.measure.base_amount(self.window, known) if own else self._base_amount
        return 100 * amount / base if base else UNKNOWN

    @cached_property
    def _base_amount(self) -> float:
        return self.measure.base_amount(self.window)

    @cached_property
    def capacity_or_bill(self) -> float:
        """Return the whole cluster in the unit of the answer: capacity, or the bill."""
        return self._in_unit(self.measure.amount(self.measure.capacity_or_bill, self.window).value)

    @cached_property
    def all_namespaces(self) -> float:
        """Return the sum over all namespaces, listed or not, system ones included; 0 for an observed empty cluster."""
        return self.sum_of(self.totals) if self.totals else self.total(self.measure.zero).value

    def listed(self, *, exclude_system: bool) -> list[str]:
        """Return the namespaces a list may show, in no order."""
        return [name for name in self.named if not (exclude_system and self.dataset.is_system(name))]

    @property
    def named(self) -> list[str]:
        """Return the namespaces of the scale that the caller may know, but for those nothing is left of."""
        return [name for name in self.scale.namespaces if name not in self.absorbed]

    @property
    def withheld(self) -> list[Withheld]:
        """Return the other ones, but for those nothing is left of."""
        return [row for row in self.scale.withheld_ids if row not in self.absorbed]

    def ranked(self, names: Sequence[str]) -> list[str]:
        """Return names, largest first, unknown ones last; none where values of namespaces cannot be compared."""
        return self.in_order(names, self.totals) if self.measure.additive else []

    def without_zeros(self, names: Sequence[str]) -> list[str]:
        """Return the names whose value is not known to be zero; all where values are no amounts that add up."""
        return [name for name in names if not (self.measure.additive and self.totals[name].value == 0)]

    def in_order(self, names: Iterable[str], sums: Mapping[RowId, Sum]) -> list[str]:
        """Return names by value, largest first, unknown ones last, ties by name.

        By name alone where values of namespaces cannot be compared.
        """

        def key(name: str) -> tuple[bool, float, str]:
            value = sums[name].value if self.measure.additive else 0.0
            return isnan(value), 0.0 if isnan(value) else -value, name

        return sorted(names, key=key)

    def share_of(self, names: Iterable[RowId]) -> float | None:
        """Return what some namespaces are of all of them, in per cent."""
        return percent(self.weight_of(names), self._weight_of_all) if self.measure.additive else None

    def weight_of(self, names: Iterable[RowId]) -> float:
        """Return what some namespaces weigh among all.

        Means over each one's own buckets do not add up: their shares are those of the amounts behind them.
        """
        if not self.measure.additive:
            return UNKNOWN
        return self.sum_of(names) if self.measure.base is None else self.amount_of(names)

    @cached_property
    def _weight_of_all(self) -> float:
        return self.all_namespaces if self.measure.base is None else self.amount_of(self.totals)

    def cluster_share(self, value: float) -> float | None:
        """Return a value as per cent of the whole cluster."""
        return percent(value, self.capacity_or_bill)

    def sum_of(self, names: Iterable[RowId]) -> float:
        """Return the sum of some namespaces over the window; 0 when there are none.

        Of means, it is the mean of their sum over the buckets in which any is known.
        """
        summed = list(names)
        if not self.measure.additive and len(summed) > 1:
            return UNKNOWN
        if self.measure.base is not None and summed:
            return self.total(self.together(summed)).value
        values = [(self.totals.get(name) or self.total_of(name)).value for name in summed]
        return known_sum(values) if values else 0.0

    def amount_of(self, names: Iterable[RowId]) -> float:
        """Return the sum of some namespaces over the window before it is related to capacity; 0 when there are none."""
        if self.after_sharing is None:
            return self.measure.amount(sum_columns(map(self._raw, names), self.measure.zero), self.window).value
        values = [self.total_of(name).value for name in names]
        return known_sum(values) if values else self.total(self.measure.zero).value

    def column_of(self, selection: Selection) -> Column:
        """Return the sum over a selection per bucket."""
        if selection.scope == "cluster" and self.after_sharing is not None:
            return self.after_sharing.spread.namespaces
        return self.together(selection.rows(self.scale))

    def value_of(self, selection: Selection) -> float:
        """Return the sum over a selection; over the cluster, namespaces that may not be named are part of it."""
        if selection.scope == "cluster":
            return self.all_namespaces
        return self.sum_of(selection.names) if selection.names else UNKNOWN

    def together(self, names: Iterable[RowId]) -> Column:
        """Return the sum of some namespaces per bucket; unknown where they cannot be added."""
        summed = list(names)
        if not self.measure.additive and len(summed) > 1:
            return self.measure.unknown
        return sum_columns(map(self.column, summed), self.measure.zero)

    def warnings(self, sums: Mapping[RowId, Sum], named: Iterable[str]) -> list[DataWarning]:
        """Return what to know of some sums: what they leave out, and what sharing did to those `named` in the call.

        The sums of shared namespaces are part of all others. Some namespaces are paid for by others, and some costs
        nobody can bear.
        """
        shared = self.dataset.shared if self.after_sharing else ()
        given = self.totals_of(sorted(shared, key=str))
        lacking = {name: each.unknown for name, each in {**given, **sums}.items() if each.unknown}
        borne = [name for name in named if name in self.absorbed]
        warnings = []
        if lacking:
            warnings.append(rules_of(self.scale).unknown_warning([*lacking], sum(lacking.values())))
        warnings += unmeasured_warnings(self.dataset, sums, self.window, self.measure.metrics)
        if borne:
            warnings.append(warning(Code.COSTS_BORNE_BY_OTHERS, names=Names.of(borne)))
        if any(each.value > 0 for each in given.values()):
            warnings.append(warning(Code.SHARED_COSTS_KEPT))
        return warnings

    def cluster_warnings(self, named: Sequence[str] = ()) -> list[DataWarning]:
        """Return the same for answers with the sum of all namespaces, or shares of it; those `named` come first."""
        return self.warnings({**self.totals_of(named), **self.totals}, named)

    def totals_of(self, names: Iterable[RowId]) -> dict[RowId, Sum]:
        """Return the sums over the window of those of some namespaces that are in the scale."""
        return {name: self.totals[name] for name in names if name in self.totals}


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
    return Frame(dataset, read_window(scale, date), rules_of(scale).measure(dataset, metric, cost_model, dimension))


def scale_of(dataset: Dataset, name: ScaleName) -> Scale:
    """Return a scale; one without buckets where the dataset lacks it."""
    nothing: Column = array("d")
    return dataset.scales.get(name) or Scale(
        name, "", (), (), (), nothing, nothing, {}, {}, {}, {}, {}, {}, (None,) * len(dataset.withheld)
    )
