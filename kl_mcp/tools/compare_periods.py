"""compare_periods."""

from typing import Annotated, Literal

from pydantic import Field

from kl_mcp.tools.arguments import (
    AggregateArg,
    CostModelArg,
    DimensionArg,
    MetricOrTotalArg,
    NamespaceArg,
    NamespacesArg,
    ScaleArg,
)
from kl_mcp.tools.tool import tool
from kl_query.answers.compare_periods import compare
from kl_query.dataset.model import Dataset
from kl_query.selection import select
from kl_query.view import knowing_the_past


@tool(
    title="Compare periods and trends",
    description=(
        "14-day sum, monthly trajectory and trend of one namespace, of several side by side, or of the cluster; "
        "without a namespace, or with dates, also the movers between two periods (default: last 7 whole days "
        "against the 7 before) and what changed: usage, cluster, rate. Example: "
        '{"metric":"cpu","namespaces":["openshift-monitoring","kube-system"]}'
    ),
)
def compare_periods(
    dataset: Dataset,
    *,
    metric: MetricOrTotalArg = "cpu",
    namespace: NamespaceArg = None,
    namespaces: NamespacesArg = None,
    aggregate: AggregateArg = False,
    scale: Annotated[ScaleArg, Field(description="Of date and baseline")] = "daily_14d",
    date: Annotated[
        str | None,
        Field(
            max_length=64,
            description="Default: last 24 hours, 7 days or 1 month, whole ones; with baseline, latest",
            examples=["2026-11-08..2026-11-14"],
        ),
    ] = None,
    baseline: Annotated[
        str | None, Field(max_length=64, description="Default: as many buckets before date", examples=["2026-10"])
    ] = None,
    sort: Annotated[
        Literal["change", "increase", "decrease", "change_pct", "value", "namespace"], Field(examples=["increase"])
    ] = "change",
    dimension: DimensionArg = "usage",
    cost_model: CostModelArg = None,
) -> compare.ComparePeriodsResult:
    """Answer a call."""
    dates = (date,) if baseline is None else (date, baseline)
    known = dataset
    if namespace or namespaces:
        known = knowing_the_past(dataset, scale, dates, and_before=baseline is None)
    return compare.compare_periods(
        dataset,
        selection=select(known, namespace, namespaces, aggregate=aggregate),
        metric=metric,
        dimension=dimension,
        cost_model=cost_model,
        scale=scale,
        date=date,
        baseline=baseline,
        sort=sort,
    )
