"""One namespace on a page: what it is, and in brief what it used, requested and cost over each whole scale."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from kl_core.calendar import GRANULARITY
from kl_core.vocabulary import BILLED_METRICS, SCALES, ScaleName
from kl_query.answers.efficiency import EfficiencyRow, efficiency
from kl_query.answers.namespaces import kind_of
from kl_query.dataset.model import Dataset
from kl_query.date_windows import full_window, instant
from kl_query.fields import InMoney, InUnit, Number
from kl_query.measures.by_layout import rules_of
from kl_query.measures.measure import MetricOrTotal
from kl_query.metadata import Metadata, metadata
from kl_query.numbers import UNKNOWN
from kl_query.selection import Selection
from kl_query.view import Frame, frame, scale_of
from kl_query.warnings.warning import DataWarning


@dataclass(frozen=True, slots=True)
class LabelSince:
    """A value that a label had, null for none, and since when."""

    value: str | None
    first_seen: str | None


@dataclass(frozen=True, slots=True)
class AmountLine:
    """A metric over a scale, in `unit`; `reason` says why there is no efficiency."""

    metric: str
    unit: str
    usage: InUnit
    share_pct: Number
    cluster_share_pct: Number
    requests: InUnit
    efficiency_ratio: Number
    reason: str | None

    @property
    def amount_unit(self) -> str:
        """Return what the amounts of the line are in."""
        return self.unit


@dataclass(frozen=True, slots=True)
class CostLine:
    """What a metric cost over a scale, or all of them."""

    metric: str
    cost: InMoney
    share_pct: Number
    cluster_share_pct: Number


@dataclass(frozen=True, slots=True)
class ScalePage:
    """A whole scale. There are costs only when a rate was ever set."""

    date: str | None
    granularity: str
    window_start: str | None
    window_end: str | None
    partial: bool
    observed_hours: Number
    elapsed_hours: Number
    amounts: Sequence[AmountLine]
    costs: Sequence[CostLine]


@dataclass(frozen=True, slots=True)
class NamespacePage:
    """`share_pct` is of all namespaces, `cluster_share_pct` of the cluster's capacity or bill."""

    namespace: str
    type: str
    active: bool | None
    first_seen: str | None
    last_seen: str | None
    labels: Mapping[str, Sequence[LabelSince]]
    scales: Mapping[ScaleName, ScalePage]
    metadata: Metadata


def one_namespace(dataset: Dataset, name: str) -> NamespacePage:
    """Return the page of a namespace that the dataset knows."""
    record = dataset.namespaces[name]
    warnings: list[DataWarning] = []
    scales = {scale: _scale(dataset, scale, name, warnings) for scale in SCALES}
    warnings += rules_of(scale_of(dataset, "daily_14d")).metric_warnings(dataset.metrics)
    return NamespacePage(
        namespace=name,
        type=kind_of(dataset, name),
        active=record.active,
        first_seen=instant(record.first_seen),
        last_seen=instant(record.last_seen),
        labels={
            label: [LabelSince(value=value, first_seen=instant(seen)) for value, seen in values]
            for label, values in record.labels.items()
        },
        scales=scales,
        metadata=metadata(dataset, warnings=warnings),
    )


def _scale(dataset: Dataset, scale: ScaleName, name: str, warnings: list[DataWarning]) -> ScalePage:
    window = full_window(scale_of(dataset, scale))
    billed = [metric for metric in BILLED_METRICS if metric in window.scale.bill]
    priced: list[MetricOrTotal] = [*billed, "total"] if billed else []
    amounts = [frame(dataset, scale, metric, window.scale.cost_model) for metric in dataset.metrics]
    costs = [frame(dataset, scale, metric, "costs") for metric in priced]
    compared = efficiency(
        dataset,
        scale=scale,
        selection=Selection("namespace", (name,), name),
        metric=None,
        date="all",
        sort="namespace",
        classification=None,
        exclude_system=False,
    )
    for view in (*amounts, *costs):
        warnings += view.warnings(view.totals_of([name]), [name])
    return ScalePage(
        date=window.label,
        granularity=GRANULARITY[scale],
        window_start=instant(window.start),
        window_end=instant(window.end),
        partial=window.partial,
        observed_hours=rules_of(window.scale).observed_hours(window),
        elapsed_hours=window.elapsed_hours,
        amounts=[_amount(view, name, {row.metric: row for row in compared.efficiency}) for view in amounts],
        costs=[_cost(view, name) for view in costs],
    )


def _amount(view: Frame, name: str, compared: Mapping[str, EfficiencyRow]) -> AmountLine:
    metric = view.measure.metrics[0]
    value, row = view.total_of(name).value, compared.get(metric)
    return AmountLine(
        metric=metric,
        unit=view.measure.unit,
        usage=value,
        share_pct=view.share_of(view.table.numbers([name])),
        cluster_share_pct=view.cluster_share(value),
        requests=UNKNOWN if row is None else row.requests,
        efficiency_ratio=UNKNOWN if row is None else row.efficiency_ratio,
        reason="it cannot be requested" if row is None else row.reason,
    )


def _cost(view: Frame, name: str) -> CostLine:
    value = view.total_of(name).value
    return CostLine(
        metric=view.measure.metric,
        cost=value,
        share_pct=view.share_of(view.table.numbers([name])),
        cluster_share_pct=view.cluster_share(value),
    )
