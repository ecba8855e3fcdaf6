"""describe_dataset: what there is to ask about, how deep, how fresh, and in what terms."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated

from kl_core.calendar import GRANULARITY
from kl_core.vocabulary import BILLED_METRICS, SCALES, ScaleName
from kl_query.dataset.model import Dataset, Node
from kl_query.date_windows import full_window, instant
from kl_query.fields import InMoney, Instant, Number, RecordedSince, doc
from kl_query.measures.by_layout import layout_of, rules_of
from kl_query.measures.rates import pending_warning, rate_in_force
from kl_query.measures.unmeasured import idle_of
from kl_query.metadata import Metadata, coverage_of, metadata
from kl_query.numbers import known_sum
from kl_query.selection import listed
from kl_query.view import scale_of
from kl_query.warnings.codes import Code
from kl_query.warnings.warning import Plain, warning

_RATE_CHANGES = 10
_MAX_VERSION_CHARS = 40


@dataclass(frozen=True, slots=True)
class SourceCoverage:
    """Observed ÷ expected samples, 0 to 1; null where the source is not configured."""

    kubernetes: Number
    metrics: Number
    dcgm: Number


@dataclass(frozen=True, slots=True)
class ScaleDescription:
    """What a scale holds now."""

    granularity: str
    depth: Annotated[str, doc("How far the scale reaches back once it is full")]
    points_per_namespace: Annotated[int, doc("Buckets it holds now")]
    first: Annotated[str | None, doc("Oldest bucket, as `date` takes it")]
    last: Annotated[str | None, doc("Newest bucket")]
    partial: Annotated[bool, doc("Whether the newest bucket is open")]
    observed_hours: Number
    elapsed_hours: Number
    coverage: SourceCoverage


@dataclass(frozen=True, slots=True)
class Trends:
    """The hourly series."""

    granularity: str
    depth: str
    points_per_namespace: int
    tools: Sequence[str]


@dataclass(frozen=True, slots=True)
class EfficiencyAvailable:
    """Where usage ÷ requests can be asked for."""

    aggregated: bool
    hourly_timeseries: bool


@dataclass(frozen=True, slots=True)
class RateChange:
    """The cluster's price per hour from an hour on."""

    effective: Instant
    rate: InMoney
    currency: str


@dataclass(frozen=True, slots=True)
class LastSamples:
    """Last successful sample per source; null: never, or not configured."""

    kubernetes: Instant | None
    metrics: Instant | None
    dcgm: Instant | None


@dataclass(frozen=True, slots=True)
class NamespaceCounts:
    """How many namespaces the dataset knows."""

    total: int
    application: int
    system: int
    active: int


@dataclass(frozen=True, slots=True)
class NodeSummary:
    """Nodes at the latest tick; resources in cores, bytes and GPUs; null: unknown."""

    at: Instant | None
    total: int
    ready: int
    schedulable: int
    pods: int
    capacity: Mapping[str, Number]
    allocatable: Mapping[str, Number]
    usage: Mapping[str, Number]
    requests: Mapping[str, Number]
    idle_not_ready: Annotated[Mapping[str, Number], doc("allocatable - usage of the nodes that are not Ready")]


@dataclass(frozen=True, slots=True)
class DescribeDatasetResult:
    """What there is to ask about."""

    layout: Annotated[str, doc("native, kubeledger (files of a KubeLedger installation) or none (nothing loaded)")]
    cluster: str | None
    producer: str | None
    generation: Annotated[int | None, doc("Increases with every publication")]
    metrics_available: Sequence[str]
    gpu_available: bool
    scales: Mapping[str, ScaleDescription]
    trends: Trends
    dimensions: Sequence[str]
    efficiency: EfficiencyAvailable
    cost_model: Annotated[str, doc("The configured one")]
    cost_models_available: Sequence[str]
    currency: str | None
    billing_hourly_rate: Annotated[
        InMoney,
        doc("Price of the whole cluster per hour at the last sample, in currency, without any multiplier"),
    ]
    rate_history: Annotated[
        Sequence[RateChange], doc("The latest changes, oldest first, with any that is not in force yet")
    ]
    recorded_since: RecordedSince
    data_freshness_utc: Annotated[Instant | None, doc("Newest sample")]
    last_sample_at: LastSamples
    polling_interval_seconds: int | None
    namespaces: NamespaceCounts
    nodes: NodeSummary | None
    metadata: Metadata


def describe(dataset: Dataset, *, server_version: str) -> DescribeDatasetResult:
    """Return the description; every list in it is short however large the cluster is."""
    names = listed(dataset)
    priced = any(dataset.priced(metric) for metric in BILLED_METRICS)
    current = rate_in_force(dataset, dataset.newest_sample)
    sampled, published = dataset.last_sample_at, (dataset.producer_version or "")[:_MAX_VERSION_CHARS]
    return DescribeDatasetResult(
        layout=dataset.layout,
        cluster=dataset.cluster,
        producer=dataset.producer,
        generation=dataset.generation or None,
        metrics_available=[*dataset.metrics, *(["total"] if priced else [])],
        gpu_available="gpu" in dataset.metrics,
        scales={name: _scale(dataset, name) for name in SCALES},
        trends=Trends(
            granularity="hour",
            depth=layout_of(dataset).depth["hourly_7d"],
            points_per_namespace=len(scale_of(dataset, "hourly_7d").starts),
            tools=["get_timeseries", "get_efficiency_timeseries"],
        ),
        dimensions=["usage", "requests"],
        efficiency=EfficiencyAvailable(
            aggregated=bool(dataset.scales), hourly_timeseries="hourly_7d" in dataset.scales
        ),
        cost_model=dataset.cost_model,
        cost_models_available=layout_of(dataset).cost_models(dataset),
        currency=dataset.currency,
        billing_hourly_rate=current.rate if current else None,
        rate_history=[
            RateChange(effective=instant(rate.effective), rate=rate.rate, currency=rate.currency)
            for rate in dataset.rates[-_RATE_CHANGES:]
        ],
        recorded_since=instant(dataset.recorded_since),
        data_freshness_utc=instant(dataset.newest_sample),
        last_sample_at=LastSamples(
            kubernetes=instant(sampled.get("kubernetes")),
            metrics=instant(sampled.get("metrics")),
            dcgm=instant(sampled.get("dcgm")),
        ),
        polling_interval_seconds=dataset.polling_interval_seconds,
        namespaces=NamespaceCounts(
            total=len(names),
            application=sum(1 for name in names if not dataset.is_system(name)),
            system=sum(1 for name in names if dataset.is_system(name)),
            active=sum(1 for name in names if dataset.namespaces[name].active),
        ),
        nodes=_nodes(dataset),
        metadata=metadata(
            dataset,
            warnings=[
                *(
                    [warning(Code.VERSIONS_DIFFER, collector=Plain(published), server=Plain(server_version))]
                    if dataset.producer_version not in (None, server_version)
                    else []
                ),
                *pending_warning(dataset, dataset.newest_sample),
                *rules_of(scale_of(dataset, "daily_14d")).metric_warnings(dataset.metrics),
                *(spot.said for spot in dataset.blind_spots or ()),
            ],
        ),
    )


def _scale(dataset: Dataset, name: ScaleName) -> ScaleDescription:
    window = full_window(scale_of(dataset, name))
    dates = window.dates
    return ScaleDescription(
        granularity=GRANULARITY[name],
        depth=layout_of(dataset).depth[name],
        points_per_namespace=len(dates),
        first=dates[0] if dates else None,
        last=dates[-1] if dates else None,
        partial=window.partial,
        observed_hours=rules_of(window.scale).observed_hours(window),
        elapsed_hours=window.elapsed_hours,
        coverage=SourceCoverage(
            kubernetes=coverage_of(window, "kubernetes"),
            metrics=coverage_of(window, "metrics"),
            dcgm=coverage_of(window, "dcgm"),
        ),
    )


def _nodes(dataset: Dataset) -> NodeSummary | None:
    if dataset.nodes is None:
        return None
    nodes = dataset.nodes.nodes
    away = [node for node in nodes if not node.ready]
    return NodeSummary(
        at=instant(dataset.nodes.at),
        total=len(nodes),
        ready=len(nodes) - len(away),
        schedulable=sum(1 for node in nodes if node.schedulable),
        pods=sum(node.pods for node in nodes),
        capacity=_resources(nodes, [node.capacity for node in nodes]),
        allocatable=_resources(nodes, [node.allocatable for node in nodes]),
        usage=_resources(nodes, [node.usage for node in nodes]),
        requests=_resources(nodes, [node.requests for node in nodes]),
        idle_not_ready=_resources(away, [{key: idle_of(node, key) for key in node.allocatable} for node in away]),
    )


def _resources(nodes: Sequence[Node], amounts: Sequence[Mapping[str, Number]]) -> dict[str, Number]:
    """Add up a resource over the nodes that have it; unknown where one of them does not know it."""
    keys = sorted({key for node in nodes for key in node.capacity})
    values = {key: [amount[key] for amount in amounts if key in amount] for key in keys}
    return {
        key: None if None in of else known_sum(each for each in of if each is not None) for key, of in values.items()
    }
