"""get_top_consumers."""

from __future__ import annotations

from pydantic import Field

from kl_mcp.tools.arguments import (
    Arguments,
    CostModelArg,
    Count,
    CursorArg,
    DateArg,
    DimensionArg,
    ExcludeSystemArg,
    MetricOrTotalArg,
    ScaleArg,
)
from kl_mcp.tools.results import (
    ClusterSharePct,
    DateField,
    DimensionField,
    Excluded,
    Metadata,
    MetricField,
    Rest,
    Result,
    ScaleField,
    SharePct,
    Value,
)
from kl_mcp.tools.tool import Answer, Tool
from kl_query.answers.top_consumers import top_consumers
from kl_query.dataset.model import Dataset
from kl_query.view import frame


class Args(Arguments):
    """Arguments of get_top_consumers."""

    metric: MetricOrTotalArg = "cpu"
    scale: ScaleArg = "daily_14d"
    limit: Count = Field(10, examples=["10"])
    exclude_system: ExcludeSystemArg = True
    date: DateArg = "latest"
    dimension: DimensionArg = "usage"
    cost_model: CostModelArg = None
    cursor: CursorArg = None


class Ranked(Result):
    """A namespace in the ranking; one whose value is unknown comes last."""

    rank: int
    namespace: str
    value: Value
    share_pct: SharePct
    cluster_share_pct: ClusterSharePct


class GetTopConsumersResult(Result):
    """The ranking: ranking + rest + excluded_system add up to total_value."""

    metric: MetricField
    dimension: DimensionField
    scale: ScaleField
    date: DateField
    ranking: list[Ranked]
    rest: Rest
    excluded_system: Excluded
    total_value: Value = Field(description="All namespaces, in metadata.unit")
    total_cluster_share_pct: ClusterSharePct
    capacity_value: Value = Field(description="The whole cluster, in metadata.unit; under costs its bill")
    metadata: Metadata


def answer(args: Args, dataset: Dataset, now: float) -> Answer:
    """Answer a call."""
    view = frame(dataset, args.scale, args.metric, args.cost_model, date=args.date, dimension=args.dimension)
    return top_consumers(view, now, args.page("get_top_consumers"), exclude_system=args.exclude_system)


TOOL = Tool(
    name="get_top_consumers",
    title="Top consumers",
    description=(
        "Namespaces ranked by usage, requests or cost over a bucket (date=latest, the default), a range or the "
        "whole scale (date=all), with shares of all namespaces and of the cluster, and what the rest adds up to. "
        'Example, past 14 days: {"metric":"cpu","scale":"daily_14d","date":"all","limit":10}'
    ),
    arguments=Args,
    result=GetTopConsumersResult,
    answer=answer,
)
