"""What is behind a change between two windows: usage, the size of the cluster, or the rate.

Each is given per hour it is known for, and under every cost model, so that a change of money can be told from one of
usage. Money over all metrics has no usage of its own: its causes are told metric by metric.
"""

from collections.abc import Sequence
from typing import Any

from kl_core.vocabulary import RATE_UNITS
from kl_query.dataset.model import Column
from kl_query.date_windows import Window
from kl_query.measures.amounts_per_hour import KnownHours, Pair, change_pct
from kl_query.numbers import MONEY, known_sum, ratio, rounded
from kl_query.warnings.warning import RowId

Block = dict[str, Any]


def what_changed(hours: KnownHours, names: Sequence[RowId], levels: Pair, before: Window, after: Window) -> Block:
    """Separate the causes of a change of some namespaces between two windows.

    `levels` are their amounts per hour together, before they are related to capacity.

    `usage_per_hour` is what they used (cores, GiB, GPUs), also where the amount is money, a percentage, or requests;
    null for a total. `amount_per_hour` is in the answer's own terms: money under costs. `capacity_per_hour` is that of
    the cluster, `cluster_share_pct` the amount as a part of it (of the bill under costs). `rate_per_hour` is the
    cluster's price, `metric_rate_per_hour` the part of it that is for the metric, which moves with the weights too.
    `by_metric` holds these for each metric of a total of which anything was paid.
    """
    bills = list(hours.view.scale.bill.values())
    metrics = [
        {"metric": metric, **_causes(each, names, each.levels(names, before, after), before, after)}
        for metric, each in hours.by_metric.items()
    ]
    return {
        "before": before.label,
        "after": after.label,
        **_causes(hours, names, levels, before, after),
        "rate_per_hour": _rates(hours, bills, before, after),
        "by_metric": [row for row in metrics if any(row["amount_per_hour"][when] != 0 for when in ("before", "after"))],
    }


def _causes(hours: KnownHours, names: Sequence[RowId], levels: Pair, before: Window, after: Window) -> Block:
    measure, scale = hours.view.measure, hours.view.scale
    metric, pair = measure.metric, (before, after)
    capacity = [scale.capacity[metric]] if metric != "total" and metric in scale.capacity else []
    own = [*scale.bill.values()] if metric == "total" else [scale.bill[metric]] if metric in scale.bill else []
    sizes = _per_hour(capacity, hours.capacity, pair)
    totals = _per_hour([measure.capacity_or_bill], hours.capacity_or_bill, pair)
    shares = 100 * ratio(levels[0], totals[0]), 100 * ratio(levels[1], totals[1])
    return {
        "usage_per_hour": _usage(hours, names, before, after),
        "amount_per_hour": _change(levels, measure.unit),
        "capacity_per_hour": _change(sizes),
        "cluster_share_pct": _change(shares),
        "metric_rate_per_hour": _rates(hours, own, before, after),
    }


def _usage(hours: KnownHours, names: Sequence[RowId], before: Window, after: Window) -> Block | None:
    metric = hours.view.measure.metric
    if metric == "total" or hours.usage is None:
        return None
    return {"unit": RATE_UNITS[metric], **_change(hours.usage.levels(names, before, after))}


def _rates(hours: KnownHours, bills: Sequence[Column], before: Window, after: Window) -> Block:
    raised = hours.view.dataset.sharing.multiplier if hours.view.measure.cost_model == "costs" else 1.0
    rates = _per_hour(bills, hours.priced, (before, after))
    return _change((raised * rates[0], raised * rates[1]), MONEY)


def _per_hour(columns: Sequence[Column], hours: Column, pair: tuple[Window, Window]) -> Pair:
    before, after = (
        ratio(known_sum(known_sum(window.of(column)) for column in columns), sum(window.of(hours))) for window in pair
    )
    return before, after


def _change(levels: Pair, unit: str | None = None) -> Block:
    before, after = levels
    return {"before": rounded(before, unit), "after": rounded(after, unit), "change_pct": change_pct(before, after)}
