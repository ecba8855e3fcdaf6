"""get_usage."""

from typing import Annotated

from pydantic import Field, StrictBool

from kl_mcp.tools.arguments import (
    AggregateArg,
    CostModelArg,
    DateArg,
    DimensionArg,
    MetricOrTotalArg,
    NamespaceArg,
    NamespacesArg,
    ScaleArg,
)
from kl_mcp.tools.tool import tool
from kl_query.answers import usage
from kl_query.dataset.model import Dataset
from kl_query.selection import select
from kl_query.view import frame, knowing_the_past


@tool(
    title="Usage series per namespace",
    description=(
        "Usage (or requests) of one, several or all namespaces as series of hours, days or months, largest first, "
        "with the sum per bucket and over everything. Use it for history by namespace and for special entries. "
        'Example: {"metric":"cpu","scale":"monthly_12m","namespaces":["ml-*"],"aggregate":true}'
    ),
)
def get_usage(
    dataset: Dataset,
    *,
    metric: MetricOrTotalArg = "cpu",
    scale: ScaleArg = "daily_14d",
    namespace: NamespaceArg = None,
    namespaces: NamespacesArg = None,
    aggregate: AggregateArg = False,
    date: DateArg = "all",
    dimension: DimensionArg = "usage",
    exclude_special: Annotated[
        StrictBool, Field(description="false: add idle, non-allocatable, ...", examples=["false"])
    ] = True,
    cost_model: CostModelArg = None,
) -> usage.GetUsageResult:
    """Answer a call."""
    known = knowing_the_past(dataset, scale, (date,)) if namespace or namespaces else dataset
    selection = select(known, namespace, namespaces, aggregate=aggregate)
    return usage.usage(
        frame(dataset, scale, metric, cost_model, date=date, dimension=dimension),
        selection=selection,
        exclude_special=exclude_special,
    )
