"""get_namespace_breakdown."""

from pydantic import Field

from kl_mcp.tools.arguments import (
    CostModelArg,
    DateArg,
    DimensionArg,
    ExcludeSystemArg,
    MetricOrTotalArg,
    PageArg,
    ScaleArg,
)
from kl_mcp.tools.results import (
    ClusterSharePct,
    Division,
    Excluded,
    MeanLevels,
    Metadata,
    Number,
    Rest,
    Result,
    Share,
    Value,
    ZeroCount,
)
from kl_mcp.tools.tool import Answer, tool
from kl_query.answers.namespace_breakdown import breakdown
from kl_query.dataset.model import Dataset
from kl_query.view import frame


class Part(Share):
    """A namespace's part."""


class Concentration(Result):
    """How few namespaces use most of it: over all of them, system ones and unlisted ones included."""

    top_3_share_pct: Number
    top_10_share_pct: Number
    total_namespaces: int
    namespaces_for_80_pct: int | None = Field(description="Fewest namespaces that use 80 per cent; null: nothing used")


class ClusterOverhead(Result):
    """What is not a namespace's.

    Namespaces + idle + non-allocatable + excluded + unattributed + unmeasured = capacity. With dimension=requests idle
    is what is allocatable and nobody requests, and the last two are 0.
    """

    capacity_value: Value = Field(description="The whole cluster; under costs its bill")
    allocatable_value: Value
    allocatable_share_pct: Number
    non_allocatable_value: Value = Field(description="Operating system, kubelet, eviction reserve")
    non_allocatable_share_pct: Number
    idle_value: Value = Field(
        description="allocatable - usage (or requests), of the hours in which every namespace's is known; negative: it "
        "exceeds allocatable; null: no such hour"
    )
    idle_share_pct: Number
    idle_at_most: Value = Field(
        description="idle + unmeasured, where pods were not measured: idle is at most this, and idle_value too high by "
        "what they used. Never add it. null: all were measured (single GPUs: at the newest sample)"
    )
    unmeasured_requests: Value = Field(
        description="Requests of the pods that were not measured, and of namespaces in hours of unknown usage; null "
        "under costs, where single GPUs were not seen, and where idle_at_most is"
    )
    excluded_value: Value = Field(description="Namespaces the collector does not report by name")
    unattributed_value: Value = Field(description="GPU usage that names no pod")
    unmeasured_value: Value = Field(description="Idle and usage together, while a namespace's usage is unknown")
    namespaces_share_of_allocatable_pct: Number = Field(description="All namespaces ÷ allocatable")
    shared_namespaces_value: Value = Field(
        description="Costs of shared namespaces that the rows above already hold; null without metadata.sharing"
    )
    shared_idle_value: Value = Field(
        description="Cost of idle that the rows above already hold; null without metadata.sharing"
    )


class BreakdownLevels(MeanLevels):
    """The same of what is not a namespace's; null for idle where anything of it is unmeasured."""

    allocatable: Number
    non_allocatable: Number
    idle: Number


class GetNamespaceBreakdownResult(Division):
    """The breakdown: breakdown + rest + excluded_system add up to total_value."""

    breakdown: list[Part]
    rest: Rest
    zero_count: ZeroCount
    excluded_system: Excluded
    total_value: Value = Field(description="All namespaces, in metadata.unit")
    total_cluster_share_pct: ClusterSharePct
    capacity_value: Value = Field(description="The whole cluster, in metadata.unit; under costs its bill")
    means: BreakdownLevels
    concentration: Concentration
    cluster_overhead: ClusterOverhead
    metadata: Metadata


@tool(
    title="Breakdown by namespace",
    description=(
        "How a period divides: every namespace's share, concentration, and the cluster's overhead (idle, "
        "non-allocatable, share of allocatable used or requested). With cost_model=costs and metric=total it is the "
        "bill (capacity_value). Example: "
        '{"metric":"total","scale":"monthly_12m","cost_model":"costs"}'
    ),
    result=GetNamespaceBreakdownResult,
)
def get_namespace_breakdown(
    dataset: Dataset,
    now: float,
    *,
    metric: MetricOrTotalArg = "cpu",
    scale: ScaleArg = "daily_14d",
    date: DateArg = "latest",
    exclude_system: ExcludeSystemArg = True,
    dimension: DimensionArg = "usage",
    cost_model: CostModelArg = None,
    page: PageArg,
) -> Answer:
    """Answer a call."""
    return breakdown(
        frame(dataset, scale, metric, cost_model, date=date, dimension=dimension),
        now,
        page,
        exclude_system=exclude_system,
    )
