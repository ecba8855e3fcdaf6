"""get_timeseries."""

from __future__ import annotations

from pydantic import Field

from kl_mcp.tools.arguments import (
    AggregateArg,
    Arguments,
    CostModelArg,
    CursorArg,
    DateArg,
    DimensionArg,
    LimitArg,
    MetricOrTotalArg,
    NamespaceArg,
    NamespacesArg,
)
from kl_mcp.tools.results import DateField, Dates, DimensionField, Metadata, MetricField, Number, Result, Stats
from kl_mcp.tools.tool import Answer, Tool
from kl_query.answers.timeseries import timeseries
from kl_query.dataset.model import Dataset
from kl_query.selection import select

SCOPE = "cluster (sum of all namespaces), namespace, namespaces (one series each), aggregate (one sum)"


class Args(Arguments):
    """Arguments of get_timeseries."""

    metric: MetricOrTotalArg = "cpu"
    namespace: NamespaceArg = None
    namespaces: NamespacesArg = None
    aggregate: AggregateArg = False
    date: DateArg = "all"
    dimension: DimensionArg = "usage"
    cost_model: CostModelArg = None
    limit: LimitArg = None
    cursor: CursorArg = None


class HourlySeries(Result):
    """A namespace, or a sum over several, hour by hour."""

    namespace: str = Field(description="* is the sum of all namespaces")
    values: list[Number] = Field(
        description="One per hour, in metadata.unit: of a whole hour, core_hours are mean cores, gib_hours mean GiB"
    )
    stats: Stats


class GetTimeseriesResult(Result):
    """Hourly series, largest first."""

    namespace: str = Field(description="What was asked for; * is every namespace")
    scope: str = Field(description=SCOPE)
    matched_count: int = Field(description="Namespaces selected")
    metric: MetricField
    dimension: DimensionField
    date: DateField
    hours: Dates
    series: list[HourlySeries]
    stats: Stats | None = Field(description="Of the one series; null where several were asked for: see each")
    metadata: Metadata


def answer(args: Args, dataset: Dataset, now: float) -> Answer:
    """Answer a call."""
    return timeseries(
        dataset,
        now,
        args.page("get_timeseries"),
        selection=select(dataset, args.namespace, args.namespaces, aggregate=args.aggregate),
        metric=args.metric,
        dimension=args.dimension,
        cost_model=args.cost_model,
        date=args.date,
    )


TOOL = Tool(
    name="get_timeseries",
    title="Hourly series",
    description=(
        "Hourly series over the last 7 days with min, max, mean, p50, p95, stdev and peak hour: of one namespace, "
        "of several, or, without a namespace, of the sum of all namespaces (peak hour of the cluster). Example: "
        '{"metric":"memory","namespace":"registry"}'
    ),
    arguments=Args,
    result=GetTimeseriesResult,
    answer=answer,
)
