"""get_timeseries."""

from pydantic import Field

from kl_mcp.tools.arguments import (
    AggregateArg,
    CostModelArg,
    DateArg,
    DimensionArg,
    MetricOrTotalArg,
    NamespaceArg,
    NamespacesArg,
    PageArg,
)
from kl_mcp.tools.results import (
    DateField,
    Dates,
    DimensionField,
    HourlyResult,
    Latest,
    LatestMean,
    Metadata,
    Number,
    Result,
    Stats,
)
from kl_mcp.tools.tool import Answer, tool
from kl_query.answers.timeseries import timeseries
from kl_query.dataset.model import Dataset
from kl_query.selection import select


class HourlySeries(Result):
    """A namespace, or a sum over several, hour by hour."""

    namespace: str = Field(description="* is the sum of all namespaces")
    values: list[Number] = Field(
        description="One per hour, in metadata.unit: of a whole hour, core_hours are mean cores, gib_hours mean GiB"
    )
    stats: Stats
    latest_mean: LatestMean


class GetTimeseriesResult(HourlyResult):
    """Hourly series, largest first."""

    dimension: DimensionField
    date: DateField
    hours: Dates
    series: list[HourlySeries]
    stats: Stats | None = Field(description="Of the one series; null where several were asked for: see each")
    latest: Latest
    metadata: Metadata


@tool(
    title="Hourly series",
    description=(
        "Hourly series over the last 7 days with min, max, mean, p50, p95, stdev and peak hour: of one namespace, "
        "of several, or, without a namespace, of the sum of all namespaces (peak hour of the cluster). `latest`: the "
        "level now, in cores. Example: "
        '{"metric":"memory","namespace":"registry"}'
    ),
    result=GetTimeseriesResult,
)
def get_timeseries(
    dataset: Dataset,
    now: float,
    *,
    metric: MetricOrTotalArg = "cpu",
    namespace: NamespaceArg = None,
    namespaces: NamespacesArg = None,
    aggregate: AggregateArg = False,
    date: DateArg = "all",
    dimension: DimensionArg = "usage",
    cost_model: CostModelArg = None,
    page: PageArg,
) -> Answer:
    """Answer a call."""
    return timeseries(
        dataset,
        now,
        page,
        selection=select(dataset, namespace, namespaces, aggregate=aggregate),
        metric=metric,
        dimension=dimension,
        cost_model=cost_model,
        date=date,
    )
