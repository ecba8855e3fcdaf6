"""get_top_consumers."""

from typing import Annotated

from pydantic import Field

from kl_mcp.tools.arguments import (
    CostModelArg,
    Count,
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
    Mean,
    MeanLevels,
    Metadata,
    Rest,
    Result,
    SharePct,
    Value,
    ZeroCount,
)
from kl_mcp.tools.tool import Answer, tool
from kl_query.answers.top_consumers import top_consumers
from kl_query.dataset.model import Dataset
from kl_query.view import frame


class Ranked(Result):
    """A namespace in the ranking; one whose value is unknown comes last."""

    rank: int
    namespace: str
    value: Value
    mean: Mean
    share_pct: SharePct
    cluster_share_pct: ClusterSharePct


class GetTopConsumersResult(Division):
    """The ranking: ranking + rest + excluded_system add up to total_value."""

    ranking: list[Ranked]
    rest: Rest
    zero_count: ZeroCount
    excluded_system: Excluded
    total_value: Value = Field(description="All namespaces, in metadata.unit")
    total_cluster_share_pct: ClusterSharePct
    capacity_value: Value = Field(description="The whole cluster, in metadata.unit; under costs its bill")
    means: MeanLevels
    metadata: Metadata


@tool(
    title="Top consumers",
    description=(
        "Namespaces ranked by usage, requests or cost over a bucket (date=latest, the default), a range or the "
        "whole scale (date=all), with means (cores), shares of all namespaces and of the cluster, and what the rest "
        "adds up to. "
        'Example, past 14 days: {"metric":"cpu","scale":"daily_14d","date":"all","limit":10}'
    ),
    result=GetTopConsumersResult,
)
def get_top_consumers(
    dataset: Dataset,
    now: float,
    *,
    metric: MetricOrTotalArg = "cpu",
    scale: ScaleArg = "daily_14d",
    limit: Annotated[Count, Field(examples=["10"])] = 10,  # noqa: ARG001 -- another default than that of a page
    exclude_system: ExcludeSystemArg = True,
    date: DateArg = "latest",
    dimension: DimensionArg = "usage",
    cost_model: CostModelArg = None,
    page: PageArg,
) -> Answer:
    """Answer a call."""
    return top_consumers(
        frame(dataset, scale, metric, cost_model, date=date, dimension=dimension),
        now,
        page,
        exclude_system=exclude_system,
    )
