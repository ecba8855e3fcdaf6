"""get_efficiency."""

from typing import Annotated, Literal

from pydantic import Field

from kl_mcp.tools.arguments import (
    DateArg,
    ExcludeSystemArg,
    MetricArg,
    NamespaceArg,
    NamespacesArg,
    ScaleArg,
)
from kl_mcp.tools.tool import tool
from kl_query.answers import efficiency
from kl_query.dataset.model import Dataset
from kl_query.selection import select
from kl_query.view import knowing_the_past


@tool(
    title="Usage against requests",
    description=(
        "Usage ÷ requests per namespace, classified: over_provisioned (< 0.5), balanced, under_provisioned (> 1.0), "
        "no_requests, unknown; with unused amounts, totals and counts. Largest waste first. Use it for rightsizing "
        "questions and for namespaces without requests. Example: "
        '{"metric":"cpu","classification":"over_provisioned"}'
    ),
)
def get_efficiency(
    dataset: Dataset,
    *,
    scale: ScaleArg = "daily_14d",
    namespace: NamespaceArg = None,
    namespaces: NamespacesArg = None,
    metric: Annotated[
        MetricArg | None, Field(description="Default: all that can be requested", examples=["cpu"])
    ] = None,
    date: DateArg = "all",
    sort: Annotated[Literal["unused", "ratio", "usage", "requests", "namespace"], Field(examples=["ratio"])] = "unused",
    classification: Annotated[
        Literal["over_provisioned", "balanced", "under_provisioned", "no_requests", "unknown"] | None,
        Field(examples=["over_provisioned"]),
    ] = None,
    exclude_system: ExcludeSystemArg = False,
) -> efficiency.GetEfficiencyResult:
    """Answer a call."""
    known = knowing_the_past(dataset, scale, (date,)) if namespace or namespaces else dataset
    return efficiency.efficiency(
        dataset,
        scale=scale,
        selection=select(known, namespace, namespaces),
        metric=metric,
        date=date,
        sort=sort,
        classification=classification,
        exclude_system=exclude_system,
    )
