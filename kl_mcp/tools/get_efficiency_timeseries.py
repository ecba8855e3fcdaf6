"""get_efficiency_timeseries."""

from kl_mcp.tools.arguments import (
    AggregateArg,
    DateArg,
    MetricArg,
    NamespaceArg,
    NamespacesArg,
)
from kl_mcp.tools.tool import tool
from kl_query.answers import efficiency_timeseries
from kl_query.dataset.model import Dataset
from kl_query.selection import select


@tool(
    title="Hourly efficiency",
    description=(
        "Usage ÷ requests hour by hour over the last 7 days, with statistics and the overall ratio: of one "
        "namespace, of several, or, without a namespace, of the cluster. Use it to see when requests are idle or "
        'exceeded. Example: {"metric":"cpu","namespace":"registry"}'
    ),
)
def get_efficiency_timeseries(
    dataset: Dataset,
    *,
    metric: MetricArg = "cpu",
    namespace: NamespaceArg = None,
    namespaces: NamespacesArg = None,
    aggregate: AggregateArg = False,
    date: DateArg = "all",
) -> efficiency_timeseries.GetEfficiencyTimeseriesResult:
    """Answer a call."""
    return efficiency_timeseries.efficiency_timeseries(
        dataset,
        selection=select(dataset, namespace, namespaces, aggregate=aggregate),
        metric=metric,
        date=date,
    )
