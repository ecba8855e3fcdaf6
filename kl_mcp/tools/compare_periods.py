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
    PageArg,
    ScaleArg,
)
from kl_mcp.tools.results import SCOPE, DimensionField, Instant, Metadata, MetricField, Number, Result, Value
from kl_mcp.tools.tool import Answer, tool
from kl_query.answers.compare_periods import compare
from kl_query.dataset.model import Dataset
from kl_query.selection import select


class Daily(Result):
    """All 14 days and today."""

    aggregate: Value
    window_start: Instant | None
    window_end: Instant | None
    points: int = Field(description="Days")
    partial: bool = Field(description="Whether today is one of them")


class Month(Result):
    """A month of the trajectory."""

    date: str
    value: Value
    complete: bool
    billed_change_pct: Number = Field(description="From the month before, as billed; null unless both are whole")
    change_pct_per_hour: Number = Field(description="The same per hour: months differ in length")


class OpenMonth(Result):
    """The open month, brought to its full length by the hours it is known for."""

    date: str
    value: Value
    observed_hours: Number
    month_hours: float
    value_scaled_to_month: Number


class Monthly(Result):
    """The monthly trajectory."""

    series: list[Month]
    open_month: OpenMonth | None
    trend_direction: str = Field(description="growing, stable, decreasing or insufficient_data, of the whole months")


class Trend(Result):
    """Direction over whole months."""

    direction: str
    rise_pct: Number = Field(
        description="Rise of the line through all months, from the first to the last, over their mean: it decides the "
        "direction. What changed from the first month to the last is in what_changed"
    )
    threshold_pct: float
    months: int = Field(description="Whole months it rests on")
    first_month: str | None
    last_month: str | None
    months_left_out: list[str] = Field(
        description="Closed months that are too little known, or in which it did not exist from beginning to end"
    )
    method: str


class Change(Result):
    """A quantity in two periods."""

    before: Number
    after: Number
    change_pct: Number = Field(description="From before to after, in per cent of before")


class UsageChange(Change):
    """Usage on average in two periods."""

    unit: str = Field(description="cores, GiB or GPUs")


class Causes(Result):
    """What an amount follows from; everything per hour it is known for."""

    usage_per_hour: UsageChange | None = Field(
        description="What was used on average, under every cost model, also where the amount is money or requests; "
        "null for total, and of the kubeledger layout"
    )
    amount_per_hour: Change = Field(description="The amount that was asked for: cores, GiB or GPUs; money under costs")
    capacity_per_hour: Change = Field(description="The cluster's capacity; null for total")
    cluster_share_pct: Change = Field(
        description="The amount as per cent of the cluster, which itself may have changed; of the bill under costs"
    )
    metric_rate_per_hour: Change = Field(
        description="The part of the cluster's price that is for the metric; moves with its weight too"
    )


class MetricCauses(Causes):
    """What one metric had to do with a change of total."""

    metric: str


class WhatChanged(Causes):
    """What is behind a change: usage, the size of the cluster, or the rate."""

    before: str | None = Field(description="Earlier period")
    after: str | None = Field(description="Later period")
    rate_per_hour: Change = Field(description="Price of the whole cluster; null without a rate")
    by_metric: list[MetricCauses] = Field(description="For total: each metric of which anything was paid; else empty")


class Moved(Result):
    """An amount in both periods, as compared, as billed, and per hour."""

    baseline_value: Value
    value: Value
    change: Number = Field(description="value - baseline_value")
    change_pct: Number = Field(description="null: nothing before, or unknown")
    billed_change: Number = Field(description="Of the amounts as they are billed, unscaled; null unless both are over")
    billed_change_pct: Number
    change_per_hour: Number = Field(description="Of the amounts per hour they are known for: months differ in length")
    change_pct_per_hour: Number


class Comparison(Moved):
    """Two periods, over all selected namespaces."""

    scale: str
    date: str | None
    baseline: str | None
    hours: Number = Field(description="Observed hours of date, as far as compared")
    baseline_hours: Number
    same_hours: bool = Field(
        description="Whether a period is open, so that only the whole hours it has had are compared, with the same "
        "hours of the other; what_changed names them"
    )
    scaled: bool = Field(description="Whether baseline values are scaled to the hours known in date")
    what_changed: WhatChanged


class NamespaceComparison(Result):
    """The blocks of one of several namespaces."""

    namespace: str
    daily_14d: Daily
    monthly_12m: Monthly
    trend: Trend
    what_changed: WhatChanged | None


class Mover(Moved):
    """A namespace in both periods."""

    namespace: str


class ComparePeriodsResult(Result):
    """Blocks at the top for one series; in `comparisons` for several namespaces."""

    namespace: str = Field(description="What was asked for; * is the sum of all namespaces")
    scope: str = Field(description=SCOPE)
    matched_count: int
    metric: MetricField
    dimension: DimensionField
    daily_14d: Daily | None
    monthly_12m: Monthly | None
    trend: Trend | None
    what_changed: WhatChanged | None = Field(description="From the first to the last month of the trend")
    comparisons: list[NamespaceComparison]
    comparison: Comparison | None = Field(description="null unless dates were given or no namespace was")
    movers: list[Mover]
    metadata: Metadata


@tool(
    title="Compare periods and trends",
    description=(
        "14-day sum, monthly trajectory and trend of one namespace, of several side by side, or of the cluster; "
        "without a namespace, or with dates, also the movers between two periods (default: last 7 whole days "
        "against the 7 before) and what changed: usage, cluster, rate. Example: "
        '{"metric":"cpu","namespaces":["openshift-monitoring","kube-system"]}'
    ),
    result=ComparePeriodsResult,
)
def compare_periods(
    dataset: Dataset,
    now: float,
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
    page: PageArg,
) -> Answer:
    """Answer a call."""
    return compare.compare_periods(
        dataset,
        now,
        page,
        selection=select(dataset, namespace, namespaces, aggregate=aggregate),
        metric=metric,
        dimension=dimension,
        cost_model=cost_model,
        scale=scale,
        date=date,
        baseline=baseline,
        sort=sort,
    )
