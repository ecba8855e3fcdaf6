"""get_efficiency."""

from typing import Annotated, Literal

from pydantic import Field

from kl_mcp.tools.arguments import (
    DateArg,
    ExcludeSystemArg,
    MetricArg,
    NamespaceArg,
    NamespacesArg,
    PageArg,
    ScaleArg,
)
from kl_mcp.tools.results import DateField, Metadata, Number, Result, ScaleField
from kl_mcp.tools.tool import Answer, tool
from kl_query.answers.efficiency import efficiency
from kl_query.dataset.model import Dataset
from kl_query.selection import select


class ClassCounts(Result):
    """Rows per classification."""

    over_provisioned: int
    balanced: int
    under_provisioned: int
    no_requests: int
    unknown: int


class EfficiencyRow(Result):
    """A namespace and metric."""

    namespace: str
    metric: str
    usage: Number = Field(description="Sum over the whole window, in units[metric]")
    requests: Number = Field(description="Sum over the whole window, in units[metric]")
    usage_mean: Number = Field(description="usage per hour it is known for, in mean_units[metric]")
    requests_mean: Number = Field(description="requests per hour they are known for, in mean_units[metric]")
    efficiency_ratio: Number = Field(
        description="usage ÷ requests of the measured pods in the hours in which both are known, so not of this row's "
        "requests where pods were not measured; null: see reason"
    )
    classification: str = Field(
        description="over_provisioned < 0.5 <= balanced <= 1.0 < under_provisioned; no_requests; unknown"
    )
    unused: Number = Field(
        description="requests - usage of what is compared, in units[metric]; negative: overused; null: no requests"
    )
    hours_compared: Number = Field(description="Hours in which usage and requests are both known")
    reason: str | None = Field(description="Why there is no ratio")


class EfficiencyTotal(Result):
    """Over every selected namespace, listed or not."""

    usage: Number
    usage_without_requests: Number = Field(description="Part of usage by namespaces that request nothing: in no ratio")
    requests: Number
    usage_mean: Number = Field(description="Sum of the rows' means, in mean_units[metric]")
    requests_mean: Number
    efficiency_ratio: Number
    unused: Number = Field(description="Over the rows that use less than they request; overused is not taken off")
    overused: Number = Field(description="usage - requests over the rows that use more than they request")
    counts: ClassCounts


class GetEfficiencyResult(Result):
    """Rows as sorted, by metric first where that is by amounts.

    `totals` and `counts` are of the selection, not of the classification filter.
    """

    scale: ScaleField
    namespace: str = Field(description="What was asked for; * is every namespace")
    metric: str | None = Field(description="null: all that can be requested")
    date: DateField
    efficiency: list[EfficiencyRow]
    units: dict[str, str] = Field(description="Unit of usage, requests and unused, per metric")
    mean_units: dict[str, str] = Field(description="Unit of usage_mean and requests_mean, per metric")
    totals: dict[str, EfficiencyTotal] = Field(description="Per metric")
    counts: ClassCounts
    metadata: Metadata


@tool(
    title="Usage against requests",
    description=(
        "Usage ÷ requests per namespace, classified: over_provisioned (< 0.5), balanced, under_provisioned (> 1.0), "
        "no_requests, unknown; with unused amounts, totals and counts. Largest waste first. Use it for rightsizing "
        "questions and for namespaces without requests. Example: "
        '{"metric":"cpu","classification":"over_provisioned"}'
    ),
    result=GetEfficiencyResult,
)
def get_efficiency(
    dataset: Dataset,
    now: float,
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
    page: PageArg,
) -> Answer:
    """Answer a call."""
    return efficiency(
        dataset,
        now,
        page,
        scale=scale,
        selection=select(dataset, namespace, namespaces),
        metric=metric,
        date=date,
        sort=sort,
        classification=classification,
        exclude_system=exclude_system,
    )
