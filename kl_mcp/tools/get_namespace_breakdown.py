"""get_namespace_breakdown."""

from kl_mcp.tools.arguments import (
    CostModelArg,
    DateArg,
    DimensionArg,
    ExcludeSystemArg,
    MetricOrTotalArg,
    ScaleArg,
)
from kl_mcp.tools.tool import tool
from kl_query.answers import namespace_breakdown
from kl_query.dataset.model import Dataset
from kl_query.view import frame


@tool(
    title="Breakdown by namespace",
    description=(
        "How a period divides: every namespace's share, concentration, and the cluster's overhead (idle, "
        "non-allocatable, share of allocatable used or requested). With cost_model=costs and metric=total it is the "
        "bill (capacity_value). Example: "
        '{"metric":"total","scale":"monthly_12m","cost_model":"costs"}'
    ),
)
def get_namespace_breakdown(
    dataset: Dataset,
    *,
    metric: MetricOrTotalArg = "cpu",
    scale: ScaleArg = "daily_14d",
    date: DateArg = "latest",
    exclude_system: ExcludeSystemArg = True,
    dimension: DimensionArg = "usage",
    cost_model: CostModelArg = None,
) -> namespace_breakdown.GetNamespaceBreakdownResult:
    """Answer a call."""
    return namespace_breakdown.breakdown(
        frame(dataset, scale, metric, cost_model, date=date, dimension=dimension),
        exclude_system=exclude_system,
    )
