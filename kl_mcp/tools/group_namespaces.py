"""group_namespaces."""

from typing import Annotated

from pydantic import Field

from kl_mcp.tools.arguments import (
    CostModelArg,
    DateArg,
    DimensionArg,
    MetricOrTotalArg,
    NameOrGlob,
    ScaleArg,
)
from kl_mcp.tools.tool import tool
from kl_query.answers import namespace_groups
from kl_query.dataset.model import Dataset
from kl_query.view import frame


@tool(
    title="Total of a group of namespaces",
    description=(
        "What the namespaces matching one or more globs add up to: total, share of all namespaces (share_pct), "
        "share of the cluster's capacity (cluster_share_pct), and the members. Use it for teams and tenants. "
        'Example, today: {"metric":"cpu","pattern":["kube-*"],"date":"latest"}'
    ),
)
def group_namespaces(
    dataset: Dataset,
    *,
    pattern: Annotated[
        tuple[NameOrGlob, ...],
        Field(min_length=1, description="1 to 20 globs: * ? [abc] [!abc]", examples=["kube-*"]),
    ],
    metric: MetricOrTotalArg = "cpu",
    scale: ScaleArg = "daily_14d",
    date: DateArg = "latest",
    dimension: DimensionArg = "usage",
    cost_model: CostModelArg = None,
) -> namespace_groups.GroupNamespacesResult:
    """Answer a call."""
    return namespace_groups.group(
        frame(dataset, scale, metric, cost_model, date=date, dimension=dimension), patterns=pattern
    )
