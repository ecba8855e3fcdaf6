"""get_timeseries."""

from kl_mcp.tools.arguments import (
    AggregateArg,
    CostModelArg,
    DateArg,
    DimensionArg,
    MetricOrTotalArg,
    NamespaceArg,
    NamespacesArg,
)
from kl_mcp.tools.tool import tool
from kl_query.answers import timeseries
from kl_query.dataset.model import Dataset
from kl_query.selection import select


@tool(
    title="Hourly series",
    description=(
        "Hourly series over the last 7 days with min, max, mean, p50, p95, stdev and peak hour: of one namespace, "
        "of several, or, without a namespace, of the sum of all namespaces (peak hour of the cluster). `latest`: the "
        "level now, in cores. Example: "
        '{"metric":"memory","namespace":"registry"}'
    ),
)
def get_timeseries(
    dataset: Dataset,
    *,
    metric: MetricOrTotalArg = "cpu",
    namespace: NamespaceArg = None,
    namespaces: NamespacesArg = None,
    aggregate: AggregateArg = False,
    date: DateArg = "all",
    dimension: DimensionArg = "usage",
    cost_model: CostModelArg = None,
) -> timeseries.GetTimeseriesResult:
    """Answer a call."""
    return timeseries.timeseries(
        dataset,
        selection=select(dataset, namespace, namespaces, aggregate=aggregate),
        metric=metric,
        dimension=dimension,
        cost_model=cost_model,
        date=date,
    )
