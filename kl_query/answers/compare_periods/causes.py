"""What is behind a change between two windows: usage, the size of the cluster, or the rate.

Each is given per hour it is known for, and under every cost model, so that a change of money can be told from one of
usage. Money over all metrics has no usage of its own: its causes are told metric by metric.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from kl_core.vocabulary import RATE_UNITS
from kl_query.dataset.table import Column
from kl_query.date_windows import Window
from kl_query.fields import Amount, InUnit, Number, doc
from kl_query.measures.amounts_per_hour import KnownHours, Pair, change_pct
from kl_query.numbers import known_sum, known_sums, percent, ratio
from kl_query.warnings.warning import RowId


@dataclass(frozen=True, slots=True)
class Change:
    """A quantity in two periods."""

    before: InUnit
    after: InUnit
    change_pct: Annotated[Number, doc("From before to after, in per cent of before")]


@dataclass(frozen=True, slots=True)
class UsageChange(Change):
    """Usage on average in two periods."""

    unit: Annotated[str, doc("cores, GiB or GPUs")]


@dataclass(frozen=True, slots=True)
class Causes:
    """What an amount follows from; everything per hour it is known for."""

    usage_per_hour: Annotated[
        UsageChange | None,
        Amount.OTHER,
        doc(
            "What was used on average, under every cost model, also where the amount is money or requests; "
            "null for total, and of the kubeledger layout"
        ),
    ]
    amount_per_hour: Annotated[Change, doc("The amount that was asked for: cores, GiB or GPUs; money under costs")]
    capacity_per_hour: Annotated[Change, Amount.OTHER, doc("The cluster's capacity; null for total")]
    cluster_share_pct: Annotated[
        Change,
        Amount.OTHER,
        doc("The amount as per cent of the cluster, which itself may have changed; of the bill under costs"),
    ]
    metric_rate_per_hour: Annotated[
        Change,
        Amount.MONEY,
        doc("The part of the cluster's price that is for the metric; moves with its weight too"),
    ]


@dataclass(frozen=True)
class OfMetric:
    """Of which metric something is."""

    metric: str


@dataclass(frozen=True)
class MetricCauses(Causes, OfMetric):
    """What one metric had to do with a change of total."""


@dataclass(frozen=True)
class Between:
    """Two periods."""

    before: Annotated[str | None, doc("Earlier period")]
    after: Annotated[str | None, doc("Later period")]


@dataclass(frozen=True)
class WhatChanged(Causes, Between):
    """What is behind a change: usage, the size of the cluster, or the rate."""

    rate_per_hour: Annotated[Change, Amount.MONEY, doc("Price of the whole cluster; null without a rate")]
    by_metric: Annotated[Sequence[MetricCauses], doc("For total: each metric of which anything was paid; else empty")]


def what_changed(hours: KnownHours, names: Sequence[RowId], levels: Pair, before: Window, after: Window) -> WhatChanged:
    """Separate the causes of a change of some namespaces between two windows.

    `levels` are their amounts per hour together, before they are related to capacity.
    """
    metrics = [
        MetricCauses(metric, *_causes(each, names, each.summed(names, before, after), before, after))
        for metric, each in hours.by_metric.items()
    ]
    return WhatChanged(
        before.label,
        after.label,
        *_causes(hours, names, levels, before, after),
        rate_per_hour=_rates(hours, [*hours.view.scale.bill.values()], before, after),
        by_metric=[row for row in metrics if row.amount_per_hour.before != 0 or row.amount_per_hour.after != 0],
    )


def _causes(
    hours: KnownHours, names: Sequence[RowId], levels: Pair, before: Window, after: Window
) -> tuple[UsageChange | None, Change, Change, Change, Change]:
    """Return the fields of `Causes`."""
    measure, scale, metric = hours.view.measure, hours.view.scale, hours.view.measure.metric
    used = hours.usage.summed(names, before, after) if hours.usage else None
    sizes = [column for each, column in scale.capacity.items() if each == metric]
    bills = [column for each, column in scale.bill.items() if metric in (each, "total")]
    totals = _per_hour([measure.capacity_or_bill], measure.base_hours, before, after)
    return (
        UsageChange(*used, change_pct(*used), RATE_UNITS[metric]) if used and metric != "total" else None,
        _change(levels),
        _change(_per_hour(sizes, hours.capacity, before, after)),
        _change((percent(levels[0], totals[0]), percent(levels[1], totals[1]))),
        _rates(hours, bills, before, after),
    )


def _rates(hours: KnownHours, bills: Sequence[Column], before: Window, after: Window) -> Change:
    raised = hours.view.dataset.sharing.multiplier if hours.view.measure.cost_model == "costs" else 1.0
    first, last = _per_hour(bills, hours.view.scale.priced, before, after)
    return _change((raised * first, raised * last))


def _per_hour(columns: Sequence[Column], hours: Column, *windows: Window) -> Pair:
    before, after = (
        ratio(known_sum(float(known_sums(window.of(column))) for column in columns), float(window.of(hours).sum()))
        for window in windows
    )
    return before, after


def _change(levels: Pair) -> Change:
    return Change(*levels, change_pct(*levels))
