"""group_namespaces."""

from typing import Annotated

from pydantic import Field

from kl_mcp.tools.arguments import (
    CostModelArg,
    DateArg,
    DimensionArg,
    MetricOrTotalArg,
    NameOrGlob,
    PageArg,
    ScaleArg,
)
from kl_mcp.tools.results import (
    ClusterSharePct,
    Division,
    MeanLevels,
    Metadata,
    Number,
    Share,
    SharePct,
    Value,
    ZeroCount,
)
from kl_mcp.tools.tool import Answer, tool
from kl_query.answers.namespace_groups import group
from kl_query.dataset.model import Dataset
from kl_query.view import frame


class Member(Share):
    """A namespace of the group."""


class GroupLevels(MeanLevels):
    """The same with the group."""

    group: Number


class GroupNamespacesResult(Division):
    """The group, counted once however many patterns match a namespace; members largest first."""

    pattern: str = Field(description="The patterns, comma-separated")
    group_total: Value
    share_pct: SharePct
    cluster_share_pct: ClusterSharePct
    matched_count: int
    members: list[Member]
    zero_count: ZeroCount
    total_value: Value = Field(description="All namespaces, in metadata.unit")
    total_cluster_share_pct: ClusterSharePct
    capacity_value: Value = Field(description="The whole cluster, in metadata.unit; under costs its bill")
    means: GroupLevels
    metadata: Metadata


@tool(
    title="Total of a group of namespaces",
    description=(
        "What the namespaces matching one or more globs add up to: total, share of all namespaces (share_pct), "
        "share of the cluster's capacity (cluster_share_pct), and the members. Use it for teams and tenants. "
        'Example, today: {"metric":"cpu","pattern":["kube-*"],"date":"latest"}'
    ),
    result=GroupNamespacesResult,
)
def group_namespaces(
    dataset: Dataset,
    now: float,
    *,
    pattern: Annotated[
        tuple[NameOrGlob, ...],
        Field(description="1 to 20 globs: * ? [abc] [!abc]", examples=["kube-*"]),
    ],
    metric: MetricOrTotalArg = "cpu",
    scale: ScaleArg = "daily_14d",
    date: DateArg = "latest",
    dimension: DimensionArg = "usage",
    cost_model: CostModelArg = None,
    page: PageArg,
) -> Answer:
    """Answer a call."""
    return group(frame(dataset, scale, metric, cost_model, date=date, dimension=dimension), now, page, patterns=pattern)
