"""get_efficiency_timeseries."""

from __future__ import annotations

from pydantic import Field

from kl_mcp.tools.arguments import (
    AggregateArg,
    Arguments,
    CursorArg,
    DateArg,
    LimitArg,
    MetricArg,
    NamespaceArg,
    NamespacesArg,
)
from kl_mcp.tools.get_timeseries import SCOPE
from kl_mcp.tools.results import DateField, Dates, Metadata, MetricField, Number, Result, Stats
from kl_mcp.tools.tool import Answer, Tool
from kl_query.answers.efficiency_timeseries import efficiency_timeseries
from kl_query.dataset.model import Dataset
from kl_query.selection import select


class Args(Arguments):
    """Arguments of get_efficiency_timeseries."""

    metric: MetricArg = "cpu"
    namespace: NamespaceArg = None
    namespaces: NamespacesArg = None
    aggregate: AggregateArg = False
    date: DateArg = "all"
    limit: LimitArg = None
    cursor: CursorArg = None


class RatioSeries(Result):
    """A namespace, or several together, hour by hour."""

    namespace: str = Field(description="* is all namespaces together")
    values: list[Number] = Field(
        description="usage ÷ requests of the measured pods per hour; null: no requests in that hour, or usage unknown"
    )
    stats: Stats


class GetEfficiencyTimeseriesResult(Result):
    """Hourly ratios."""

    namespace: str = Field(description="What was asked for; * is every namespace")
    scope: str = Field(description=SCOPE)
    matched_count: int = Field(description="Namespaces selected")
    metric: MetricField
    date: DateField
    hours: Dates
    series: list[RatioSeries]
    overall_ratio: Number = Field(
        description="Σ usage ÷ Σ requests over the selection and window, not the mean of ratios"
    )
    overall_classification: str
    stats: Stats | None = Field(description="Of the one series; null where several were asked for: see each")
    metadata: Metadata


def answer(args: Args, dataset: Dataset, now: float) -> Answer:
    """Answer a call."""
    return efficiency_timeseries(
        dataset,
        now,
        args.page("get_efficiency_timeseries"),
        selection=select(dataset, args.namespace, args.namespaces, aggregate=args.aggregate),
        metric=args.metric,
        date=args.date,
    )


TOOL = Tool(
    name="get_efficiency_timeseries",
    title="Hourly efficiency",
    description=(
        "Usage ÷ requests hour by hour over the last 7 days, with statistics and the overall ratio: of one "
        "namespace, of several, or, without a namespace, of the cluster. Use it to see when requests are idle or "
        'exceeded. Example: {"metric":"cpu","namespace":"registry"}'
    ),
    arguments=Args,
    result=GetEfficiencyTimeseriesResult,
    answer=answer,
)
