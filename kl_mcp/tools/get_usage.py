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
    PageArg,
    ScaleArg,
)
from kl_mcp.tools.results import (
    DateField,
    Dates,
    DimensionField,
    Latest,
    LatestMean,
    Metadata,
    MetricField,
    Number,
    RestOfSeries,
    Result,
    ScaleField,
    Value,
    Values,
)
from kl_mcp.tools.tool import Answer, tool
from kl_query.answers.usage import usage
from kl_query.dataset.model import Dataset
from kl_query.selection import select
from kl_query.view import frame


class Series(Result):
    """A namespace over the window."""

    namespace: str
    values: Values
    total: Value
    latest_mean: LatestMean


class SpecialSeries(Result):
    """A special entry over the window: not a namespace, and in no total of namespaces."""

    entry: str
    values: Values
    total: Value


class GetUsageResult(Result):
    """Series per namespace, largest total first."""

    metric: MetricField
    dimension: DimensionField
    scale: ScaleField
    namespace: str = Field(description="What was asked for; * is every namespace")
    matched_count: int = Field(description="Namespaces selected")
    date: DateField
    dates: Dates
    series: list[Series]
    special: list[SpecialSeries]
    totals: list[Number] = Field(description="Sum of all selected namespaces per bucket, in metadata.unit")
    total: Value
    latest: Latest
    rest: RestOfSeries
    metadata: Metadata


@tool(
    title="Usage series per namespace",
    description=(
        "Usage (or requests) of one, several or all namespaces as series of hours, days or months, largest first, "
        "with the sum per bucket and over everything. Use it for history by namespace and for special entries. "
        'Example: {"metric":"cpu","scale":"monthly_12m","namespaces":["ml-*"],"aggregate":true}'
    ),
    result=GetUsageResult,
)
def get_usage(
    dataset: Dataset,
    now: float,
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
    page: PageArg,
) -> Answer:
    """Answer a call."""
    selection = select(dataset, namespace, namespaces, aggregate=aggregate)
    return usage(
        frame(dataset, scale, metric, cost_model, date=date, dimension=dimension),
        now,
        page,
        selection=selection,
        exclude_special=exclude_special,
    )
