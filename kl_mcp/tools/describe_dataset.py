"""describe_dataset."""

from pydantic import Field

from kl_mcp import __version__
from kl_mcp.tools.results import Instant, Metadata, Number, RecordedSince, Result
from kl_mcp.tools.tool import Answer, tool
from kl_query.answers.dataset_description import describe
from kl_query.dataset.model import Dataset


class SourceCoverage(Result):
    """Observed ÷ expected samples, 0 to 1; null where the source is not configured."""

    kubernetes: Number
    metrics: Number
    dcgm: Number


class ScaleDescription(Result):
    """What a scale holds now."""

    granularity: str
    depth: str = Field(description="How far the scale reaches back once it is full")
    points_per_namespace: int = Field(description="Buckets it holds now")
    first: str | None = Field(description="Oldest bucket, as `date` takes it")
    last: str | None = Field(description="Newest bucket")
    partial: bool = Field(description="Whether the newest bucket is open")
    observed_hours: Number
    elapsed_hours: Number
    coverage: SourceCoverage


class Trends(Result):
    """The hourly series."""

    granularity: str
    depth: str
    points_per_namespace: int
    tools: list[str]


class EfficiencyAvailable(Result):
    """Where usage ÷ requests can be asked for."""

    aggregated: bool
    hourly_timeseries: bool


class RateChange(Result):
    """The cluster's price per hour from an hour on."""

    effective: Instant
    rate: Number
    currency: str


class LastSamples(Result):
    """Last successful sample per source; null: never, or not configured."""

    kubernetes: Instant | None
    metrics: Instant | None
    dcgm: Instant | None


class NamespaceCounts(Result):
    """How many namespaces the dataset knows."""

    total: int
    application: int
    system: int
    active: int


class NodeSummary(Result):
    """Nodes at the latest tick; resources in cores, bytes and GPUs; null: unknown."""

    at: Instant | None
    total: int
    ready: int
    schedulable: int
    pods: int
    capacity: dict[str, Number]
    allocatable: dict[str, Number]
    usage: dict[str, Number]
    requests: dict[str, Number]
    idle_not_ready: dict[str, Number] = Field(description="allocatable - usage of the nodes that are not Ready")


class DescribeDatasetResult(Result):
    """What there is to ask about."""

    layout: str = Field(description="native, kubeledger (files of a KubeLedger installation) or none (nothing loaded)")
    cluster: str | None
    producer: str | None
    generation: int | None = Field(description="Increases with every publication")
    metrics_available: list[str]
    gpu_available: bool
    scales: dict[str, ScaleDescription]
    trends: Trends
    dimensions: list[str]
    efficiency: EfficiencyAvailable
    cost_model: str = Field(description="The configured one")
    cost_models_available: list[str]
    currency: str | None
    billing_hourly_rate: Number = Field(
        description="Price of the whole cluster per hour at the last sample, in currency, without any multiplier"
    )
    rate_history: list[RateChange] = Field(
        description="The latest changes, oldest first, with any that is not in force yet"
    )
    recorded_since: RecordedSince
    data_freshness_utc: Instant | None = Field(description="Newest sample")
    last_sample_at: LastSamples
    polling_interval_seconds: int | None
    namespaces: NamespaceCounts
    nodes: NodeSummary | None
    metadata: Metadata


@tool(
    title="Describe the dataset",
    description=(
        "What can be asked: metrics, scales with their first and last bucket, cost model, currency and hourly rate, "
        "nodes with capacity, freshness and coverage per source. Call it first when you do not know the cluster, or "
        "when an answer was empty or carried warnings. Example: {}"
    ),
    result=DescribeDatasetResult,
)
def describe_dataset(dataset: Dataset, now: float) -> Answer:
    """Answer a call."""
    return describe(dataset, now, server_version=__version__)
