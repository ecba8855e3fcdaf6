"""Blocks that several results share, described once."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Number = float | None
Instant = Annotated[str, Field(description="ISO 8601, UTC")]
MEAN_UNIT = "cores, GiB, GPUs or currency_per_hour; of the kubeledger layout per cent, as in metadata.unit"
UNIT = "in metadata.unit; null: unknown"
Value = Annotated[Number, Field(description=f"Amount over the window, {UNIT}")]
Values = Annotated[list[Number], Field(description=f"One amount a bucket, {UNIT}")]
ZeroCount = Annotated[int, Field(description="Namespaces left out of the list because their value is 0")]
SCOPE = "cluster (sum of all namespaces), namespace, namespaces (one series each), aggregate (one sum)"
RecordedSince = Annotated[
    Instant | None,
    Field(description="First sample in the record; a namespace first seen then may be older than that. null: unknown"),
]
Mean = Annotated[Number, Field(description="Amount per hour it is known for, in means.unit: a level, such as cores")]
LatestMean = Annotated[Number, Field(description="Mean level in the last bucket, in latest.unit")]
SharePct = Annotated[Number, Field(description="Per cent of all namespaces, listed or not, system ones included")]
ClusterSharePct = Annotated[
    Number, Field(description="Per cent of the whole cluster's capacity (of the bill under costs)")
]
MetricField = Annotated[str, Field(description="cpu, memory, gpu, gpu_memory, or total (money over all metrics)")]
ScaleField = Annotated[str, Field(description="hourly_7d, daily_14d or monthly_12m")]
DimensionField = Annotated[str, Field(description="usage, or requests (what the scheduler set aside)")]
DateField = Annotated[
    str | None, Field(description="The buckets answered: one, or FIRST..LAST with both ends; null: no data")
]
Dates = Annotated[list[str], Field(description="Start of each bucket, oldest first")]


class Result(BaseModel):
    """Base of every result and of every block in one."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class DataWindow(Result):
    """The time an answer covers; it ends at the last sample, never at the reader's clock."""

    granularity: str = Field(description="hour, day or month")
    start: Instant | None = Field(description="Start of the first bucket")
    end: Instant | None = Field(description="End of the last bucket; of an open one, its last sample")
    points: int = Field(description="Buckets in the window")
    timezone: str = Field(description="Always UTC")
    partial: bool = Field(description="Whether the last bucket is still open")


class Coverage(Result):
    """Observed ÷ expected samples over the window, 0 to 1, per source; null where the source is not configured."""

    kubernetes: Number = Field(description="Requests and capacity rest on it")
    metrics: Number = Field(description="cpu and memory usage rest on it")
    dcgm: Number = Field(description="GPU usage rests on it")
    observed_hours: Number = Field(description="Hours with known capacity: every amount covers these and no others")
    elapsed_hours: Number = Field(description="Hours the window spans")


class SharingApplied(Result):
    """How the server spreads costs, as in this answer; null where it does not, or where no amount is money."""

    shared_namespaces: list[str] = Field(description="Globs of the namespaces whose costs the others bear")
    matched: int = Field(description="Namespaces they match")
    idle: bool = Field(description="Whether the others bear the cost of idle, where positive, too")
    multiplier: float = Field(description="Applied last, to every cost and to the bill")
    note: str = Field(description="What that means for these numbers; tell the user")


class Truncated(Result):
    """What this answer leaves out."""

    returned: int = Field(description="Rows in this answer")
    total: int = Field(description="Rows there are")
    cursor: str | None = Field(description="Pass it with the same arguments for the next rows; null on the last page")
    hint: str


class Metadata(Result):
    """What the numbers mean, how old they are, and what is wrong with them."""

    cluster: str | None = Field(description="Name of the cluster")
    cost_model: str = Field(description="cumulative, normalized or costs")
    currency: str | None = Field(description="Symbol of the currency, where amounts are money")
    unit: str | None = Field(
        description="core_hours, gib_hours, gpu_hours, percent_of_cluster_capacity, currency or efficiency_ratio; "
        "of the kubeledger layout cluster_percent_hours (a sum of hourly percentages), percent_of_total_usage and, "
        "of GPUs, percent_of_own_gpus (a mean over the namespace's own, never to be added or compared)"
    )
    sharing: SharingApplied | None
    metric: str | None
    scale: str | None
    data_window: DataWindow | None
    source_file: str | None = Field(description="Published file the numbers come from")
    generated_at_utc: Instant | None = Field(description="When the dataset was published")
    last_sample_utc: Instant | None = Field(description="Newest sample in it")
    coverage: Coverage | None
    warnings: list[str] = Field(description="Staleness, gaps, partial buckets, unknown values; tell the user")
    truncated: Truncated | None = Field(description="null when nothing is left out")


class Stats(Result):
    """Over whole, known hours: the open one is left out."""

    min: Number
    max: Number
    mean: Number
    p50: Number = Field(description="Median; percentiles interpolate linearly")
    p95: Number
    stdev: Number = Field(description="Of the population")
    peak_hour: Instant | None = Field(description="Hour of the maximum")
    points: int = Field(description="Hours in these statistics")
    window_start_utc: Instant | None
    window_end_utc: Instant | None


class Latest(Result):
    """The last bucket of the series as a level, also while it is open: what is used now."""

    date: Instant | None = Field(description="The bucket")
    unit: str | None = Field(description=MEAN_UNIT)
    mean: Number = Field(description="Mean over the bucket so far, of all selected namespaces together")


class MeanLevels(Result):
    """The window as levels, also of an open bucket: cores, not core-hours."""

    unit: str | None = Field(description=MEAN_UNIT)
    total: Number = Field(description="All namespaces")
    capacity: Number = Field(description="The whole cluster; under costs its bill per hour")


class RestOfSeries(Result):
    """Selected namespaces whose series are not in this answer."""

    count: int
    value: Value


class Rest(RestOfSeries):
    """Namespaces that could be listed but are not in this answer; those of zero are in zero_count."""

    share_pct: SharePct


class Excluded(Rest):
    """System namespaces left out of the list; they stay in every total and share."""


class Share(Result):
    """A namespace's part of a bucket or range."""

    namespace: str
    value: Value
    mean: Mean
    share_pct: SharePct
    cluster_share_pct: ClusterSharePct


class Division(Result):
    """How a bucket or range divides among namespaces."""

    metric: MetricField
    dimension: DimensionField
    scale: ScaleField
    date: DateField


class HourlyResult(Result):
    """Series by the hour."""

    namespace: str = Field(description="What was asked for; * is every namespace")
    scope: str = Field(description=SCOPE)
    matched_count: int = Field(description="Namespaces selected")
    metric: MetricField
