"""What most questions start from: a scale, a window of it, a measure, and every namespace's sum over that window."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from kl_core.calendar import HOUR, bucket_start
from kl_core.vocabulary import HISTORY, CostModel, ScaleName, Special
from kl_query.dataset.history import extended
from kl_query.dataset.model import Dataset, Scale, Sharing
from kl_query.dataset.table import Column, Numbers, Table
from kl_query.date_windows import Period, Window, between, instant, read_span
from kl_query.dates import LATEST
from kl_query.errors import ToolArgumentError
from kl_query.measures.by_layout import rules_of
from kl_query.measures.measure import Dimension, Measure, MetricOrTotal, Sum, Sums
from kl_query.measures.sharing import SharedCosts, all_shared
from kl_query.measures.unmeasured import all_measured, beside_requests, lacks_gpus, unmeasured_requests
from kl_query.metadata import unmeasured_warnings
from kl_query.numbers import UNKNOWN, Array, known_sums, largest_first, percent, ratios
from kl_query.selection import Selection
from kl_query.warnings.codes import Code
from kl_query.warnings.warning import DataWarning, Names, RowId, warning


@dataclass(frozen=True, eq=False)
class Frame:
    """A dataset looked at through one measure and one window. Sums are in the unit of the answer.

    Under costs, everything it returns of namespaces and special entries is after sharing: columns bucket by bucket,
    sums as one over the window.
    """

    dataset: Dataset
    window: Window
    measure: Measure

    _others: dict[Window, Frame] = field(default_factory=dict, init=False, repr=False)

    def over(self, window: Window) -> Frame:
        """Return the same over another window of the scale: one and the same for each."""
        return self if window == self.window else self._others.setdefault(window, replace(self, window=window))

    @property
    def scale(self) -> Scale:
        return self.window.scale

    @property
    def table(self) -> Table:
        return self.scale.namespaces

    @cached_property
    def after_sharing(self) -> SharedCosts | None:
        """Return the costs after sharing; None where nothing is shared, amounts are no money or nothing has a price."""
        applies = self.dataset.sharing != Sharing() and self.measure.cost_model == "costs"
        if not applies or self.measure.per_cent or not self.measure.metrics:
            return None
        return SharedCosts(self.dataset, self.window, self.measure)

    def columns(self, numbers: Numbers) -> Column:
        """Return rows' amounts per bucket; one that is not in this scale's window was zero throughout."""
        if self.after_sharing is None:
            return self.measure.columns(self.table, numbers)
        return self.after_sharing.namespaces(numbers)

    def sums(self, rows: Sequence[RowId]) -> Sums:
        """Return rows' sums over the window.

        Buckets whose usage is known for a part of their hours, or metrics, count as left out too.
        """
        numbers = self.table.numbers(rows)
        columns = self.measure.columns(self.table, numbers)
        values = self.amounts(numbers) if self.after_sharing else self.measure.values(columns, self.window)
        return Sums(rows, values, self.left_out(numbers))

    def left_out(self, numbers: Numbers) -> NDArray[np.intp]:
        """Return how many buckets rows' sums leave out, in whole or in part."""
        columns = self.measure.columns(self.table, numbers)
        partly = self.window.of(self.measure.short(self.table, numbers)) & ~np.isnan(self.window.of(columns))
        return np.asarray(self.measure.left_out(columns, self.window) + np.count_nonzero(partly, axis=-1))

    def total_of(self, row: RowId) -> Sum:
        """Return a row's sum over the window."""
        return self.sums((row,))[row]

    @cached_property
    def totals(self) -> Sums:
        """Return the sum over the window of every row of the scale."""
        return self.sums(self.table.rows)

    def special(self, entry: Special) -> tuple[Column, Sum] | None:
        """Return a special entry's amounts per bucket and their sum over the window.

        None for one that never occurs or lacks the dimension.
        """
        special, metric, shared = self.scale.special, self.measure.metric, self.after_sharing
        if self.measure.dimension == "requests" and metric != "total":
            column = beside_requests(self.scale, metric, entry)
        else:
            column = self.measure.columns(special, special.numbers((entry,)))[0] if entry in special else None
        if column is None or shared is None:
            return None if column is None else (column, self.total(column))
        value = float(shared.over_window.special(entry)[0])
        return shared.special(entry), Sum(value, self.total(column).unknown)

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
        untold = metric == "gpu_memory" or lacks_gpus(self.dataset, self.measure, self.window)
        if metric == "total" or self.measure.cost_model == "costs" or self.all_measured or untold:
            return UNKNOWN
        return self.total(unmeasured_requests(self.scale, metric)).value

    def total(self, column: Column) -> Sum:
        """Return the sum of a column over the window, in the unit of the answer."""
        return Sum(float(self.measure.values(column, self.window)), int(self.measure.left_out(column, self.window)))

    @cached_property
    def absorbed(self) -> NDArray[np.bool_]:
        """Say of which rows nothing is left, for others bear their costs; lists over all namespaces leave them out."""
        if self.after_sharing is None:
            return np.zeros(len(self.table), bool)
        return self.after_sharing.is_shared[:-1] & ~(self.totals.value > 0)

    @cached_property
    def capacity_or_bill(self) -> float:
        """Return the whole cluster: capacity, or the bill."""
        return self.total(self.measure.capacity_or_bill).value

    @cached_property
    def all_namespaces(self) -> float:
        """Return the sum over all namespaces, listed or not, system ones included; 0 for an observed empty cluster."""
        return self.sum_of(self.table.everyone) if len(self.table) else self.total(self.measure.zero).value

    @cached_property
    def named(self) -> Numbers:
        """Return by name the namespaces of the scale that the caller may know, but for those nothing is left of."""
        return self.table.by_name[~self.absorbed[self.table.by_name]]

    @cached_property
    def withheld(self) -> Numbers:
        """Return the other ones, but for those nothing is left of."""
        return np.flatnonzero(~self.table.is_named & ~self.absorbed)

    @cached_property
    def is_system(self) -> NDArray[np.bool_]:
        """Say which of the named ones belong to the platform."""
        rows, is_system = self.table.rows, self.dataset.is_system
        return np.array([is_system(str(rows[n])) for n in self.named.tolist()], bool)

    def listed(self, *, exclude_system: bool) -> Numbers:
        """Return by name the namespaces a list may show."""
        return self.named[~self.is_system] if exclude_system else self.named

    def ranked(self, numbers: Numbers) -> Numbers:
        """Return rows that are in order of names: largest first, unknown ones last, ties by name.

        None where values of namespaces cannot be compared.
        """
        return numbers[largest_first(self.totals.value[numbers])] if self.measure.additive else numbers[:0]

    @cached_property
    def weights(self) -> Array:
        """Return what each row weighs among all; unknown where values of namespaces cannot be compared.

        Means over each one's own buckets do not add up: their shares are those of the amounts behind them.
        """
        if not self.measure.additive:
            return np.full(len(self.table), UNKNOWN)
        return self.amounts(self.table.everyone) if self.measure.averaged else self.totals.value

    @cached_property
    def shares(self) -> Array:
        """Return what each row of the scale is of all of them, in per cent."""
        return 100 * ratios(self.weights, known_sums(self.weights))

    def share_of(self, numbers: Numbers) -> float:
        """Return what some rows are of all of them, in per cent."""
        if not self.measure.additive:
            return UNKNOWN
        part = float(known_sums(self.amounts(numbers))) if self.measure.averaged else self.sum_of(numbers)
        return percent(part, float(known_sums(self.weights)))

    def cluster_share(self, value: float) -> float:
        """Return a value as per cent of the whole cluster."""
        return percent(value, self.capacity_or_bill)

    def sum_of(self, numbers: Numbers) -> float:
        """Return the sum of some rows over the window; 0 when there are none.

        Of means, it is the mean of their sum over the buckets in which any is known.
        """
        if not len(numbers):
            return 0.0
        if not self.measure.additive and len(numbers) > 1:
            return UNKNOWN
        if self.measure.averaged:
            return self.total(self.together(numbers)).value
        if self.after_sharing is not None:
            return float(known_sums(self.amounts(numbers)))
        return float(known_sums(self.measure.values(self.measure.columns(self.table, numbers), self.window)))

    def amounts(self, numbers: Numbers) -> Array:
        """Return rows' sums over the window before they are related to capacity."""
        if self.after_sharing is not None:
            return self.after_sharing.over_window.namespaces(numbers)[:, 0]
        return known_sums(self.window.of(self.measure.columns(self.table, numbers)))

    def column_of(self, selection: Selection) -> Column:
        """Return the sum over a selection per bucket."""
        if selection.scope == "cluster" and self.after_sharing is not None:
            return self.after_sharing.all_namespaces
        return self.together(selection.numbers(self.table))

    def value_of(self, selection: Selection) -> float:
        """Return the sum over a selection; over the cluster, namespaces that may not be named are part of it."""
        if selection.scope == "cluster":
            return self.all_namespaces
        return self.sum_of(selection.numbers(self.table)) if selection.names else UNKNOWN

    def together(self, numbers: Numbers) -> Column:
        """Return the sum of some rows per bucket; unknown where they cannot be added."""
        if not len(numbers):
            return self.measure.zero
        if not self.measure.additive and len(numbers) > 1:
            return self.measure.unknown
        return known_sums(self.columns(numbers), 0)

    def warnings(self, sums: Sums, named: Sequence[RowId]) -> list[DataWarning]:
        """Return what to know of some sums: what they leave out, and what sharing did to those `named` in the call.

        The sums of shared namespaces are part of all others. Some namespaces are paid for by others, and some costs
        nobody can bear.
        """
        shared = sorted(all_shared(self.dataset, self.scale), key=str) if self.after_sharing else []
        given = self.totals_of(shared)
        lacking = {**given.lacking, **sums.lacking}
        borne = [row for row in named if shared and row in self.table and self.absorbed[self.table.index[row]]]
        return [
            *([rules_of(self.scale).unknown_warning([*lacking], sum(lacking.values()))] if lacking else []),
            *unmeasured_warnings(self.dataset, sums.rows, self.window, self.measure.metrics),
            *([warning(Code.COSTS_BORNE_BY_OTHERS, names=Names.of(borne))] if borne else []),
            *([warning(Code.SHARED_COSTS_KEPT)] if (given.value > 0).any() else []),
        ]

    def cluster_warnings(self, named: Numbers | None = None) -> list[DataWarning]:
        """Return the same for answers with the sum of all namespaces, or shares of it; those `named` come first."""
        first, totals = np.empty(0, np.intp) if named is None else named, self.totals
        order = np.concatenate([first, np.delete(self.table.everyone, first)])
        return self.warnings(totals.at(order), totals.at(first).rows)

    def totals_of(self, names: Iterable[RowId]) -> Sums:
        """Return the sums over the window of those of some namespaces that are in the scale."""
        return self.sums([name for name in names if name in self.table])


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
    window = window_of(dataset, scale_name, date)
    return Frame(dataset, window, rules_of(window.scale).measure(dataset, metric, cost_model, dimension))


def window_of(dataset: Dataset, scale_name: ScaleName, date: str) -> Window:
    """Return the buckets that `date` names, of whatever is held. Raises ToolArgumentError."""
    scale = scale_of(dataset, scale_name)
    (window,) = windows_over(dataset, scale, [read_span(scale, date, since=held_since(dataset, scale))])
    return window


def knowing_the_past(
    dataset: Dataset, scale_name: ScaleName, dates: Iterable[str | None], *, and_before: bool = False
) -> Dataset:
    """Return the same data in which the namespaces of the history can be named that some dates reach into.

    With `and_before` also those of as long a time before each.
    """
    scale = scale_of(dataset, scale_name)
    since, history = held_since(dataset, scale), dataset.history
    if since is None or history is None:
        return dataset
    spans: list[Period] = []
    for date in dates:
        with suppress(ToolArgumentError):  # whoever asks for the amounts says so
            first, stop = read_span(scale, date or LATEST, since=since)
            spans.append((first - (stop - first) * and_before, stop))
    past = [span for span in spans if span[0] < scale.starts[0]]
    return dataset.knowing(name for first, stop in past for name in history.names(scale_name, first, stop))


def held_since(dataset: Dataset, scale: Scale) -> int | None:
    """Return where the oldest bucket of a scale that can be had begins.

    None where none can be had but those of the scale, and yet the record is older: a range that begins before them is
    then one of another scale, and no range that begins before the record.
    """
    if dataset.history is None or not scale.starts:
        return None
    begin = dataset.history.begins(scale.name)
    if begin is not None:
        return min(scale.starts[0], bucket_start(scale.name, begin))
    recorded = dataset.recorded_since
    return scale.starts[0] if recorded is None or scale.starts[0] < recorded else None


def windows_over(dataset: Dataset, scale: Scale, spans: Sequence[Period]) -> list[Window]:
    """Return windows over some spans of one scale, which holds what is older than is published where that is needed."""
    since, begin = held_since(dataset, scale), scale.starts[0] if scale.starts else 0
    if dataset.history is None or since is None or all(first >= begin for first, _ in spans):
        return [between(scale, span) for span in spans]
    longer = extended(scale, dataset.history, [(max(first, since), stop) for first, stop in spans])
    longer = replace(longer, file=dataset.files.get(HISTORY, scale.file))
    seconds = sum(min(stop, scale.ends[-1]) - first for first, stop in spans)
    if any(first < since for first, _ in spans):
        record = max(since, dataset.history.begins(scale.name) or since)
        missing = sum(max(0, min(stop, record) - first) for first, stop in spans)
        hours = {"wanted": seconds / HOUR, "covered": (seconds - missing) / HOUR}
        longer = replace(
            longer, problems=(*longer.problems, warning(Code.BEFORE_RECORD, begin=instant(record), **hours))
        )
    return [between(longer, span) for span in spans]


def scale_of(dataset: Dataset, name: ScaleName) -> Scale:
    """Return a scale; one without buckets where the dataset lacks it."""
    nothing: Column = np.empty(0)
    return dataset.scales.get(name) or Scale(name, "", (), (), (), nothing, nothing, {}, {}, {}, {}, Table(), Table())
