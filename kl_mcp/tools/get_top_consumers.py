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
    ScaleArg,
)
from kl_mcp.tools.tool import tool
from kl_query.answers import top_consumers
from kl_query.dataset.model import Dataset
from kl_query.view import frame


@tool(
    title="Top consumers",
    description=(
        "Namespaces ranked by usage, requests or cost over a bucket (date=latest, the default), a range or the "
        "whole scale (date=all), with means (cores), shares of all namespaces and of the cluster, and what the rest "
        "adds up to. "
        'Example, past 14 days: {"metric":"cpu","scale":"daily_14d","date":"all","limit":10}'
    ),
)
def get_top_consumers(
    dataset: Dataset,
    *,
    metric: MetricOrTotalArg = "cpu",
    scale: ScaleArg = "daily_14d",
    limit: Annotated[Count, Field(examples=["10"])] = 10,  # noqa: ARG001 -- another default than that of a page
    exclude_system: ExcludeSystemArg = True,
    date: DateArg = "latest",
    dimension: DimensionArg = "usage",
    cost_model: CostModelArg = None,
) -> top_consumers.GetTopConsumersResult:
    """Answer a call."""
    return top_consumers.top_consumers(
        frame(dataset, scale, metric, cost_model, date=date, dimension=dimension),
        exclude_system=exclude_system,
    )
