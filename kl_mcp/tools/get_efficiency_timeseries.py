"""get_efficiency_timeseries."""

from pydantic import Field

from kl_mcp.tools.arguments import (
    AggregateArg,
    DateArg,
    MetricArg,
    NamespaceArg,
    NamespacesArg,
    PageArg,
)
from kl_mcp.tools.results import DateField, Dates, HourlyResult, Metadata, Number, Result, Stats
from kl_mcp.tools.tool import Answer, tool
from kl_query.answers.efficiency_timeseries import efficiency_timeseries
from kl_query.dataset.model import Dataset
from kl_query.selection import select


class RatioSeries(Result):
    """A namespace, or several together, hour by hour."""

    namespace: str = Field(description="* is all namespaces together")
    values: list[Number] = Field(
        description="usage ÷ requests of the measured pods per hour; null: no requests in that hour, or usage unknown"
    )
    stats: Stats


class GetEfficiencyTimeseriesResult(HourlyResult):
    """Hourly ratios."""

    date: DateField
    hours: Dates
    series: list[RatioSeries]
    overall_ratio: Number = Field(
        description="Σ usage ÷ Σ requests over the selection and window, not the mean of ratios"
    )
    overall_classification: str
    stats: Stats | None = Field(description="Of the one series; null where several were asked for: see each")
    metadata: Metadata


@tool(
    title="Hourly efficiency",
    description=(
        "Usage ÷ requests hour by hour over the last 7 days, with statistics and the overall ratio: of one "
        "namespace, of several, or, without a namespace, of the cluster. Use it to see when requests are idle or "
        'exceeded. Example: {"metric":"cpu","namespace":"registry"}'
    ),
    result=GetEfficiencyTimeseriesResult,
)
def get_efficiency_timeseries(
    dataset: Dataset,
    now: float,
    *,
    metric: MetricArg = "cpu",
    namespace: NamespaceArg = None,
    namespaces: NamespacesArg = None,
    aggregate: AggregateArg = False,
    date: DateArg = "all",
    page: PageArg,
) -> Answer:
    """Answer a call."""
    return efficiency_timeseries(
        dataset,
        now,
        page,
        selection=select(dataset, namespace, namespaces, aggregate=aggregate),
        metric=metric,
        date=date,
    )
