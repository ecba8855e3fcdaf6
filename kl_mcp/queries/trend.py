"""The direction of a monthly trajectory, and what was behind it: the amount, the cluster's size, or the rate.

The trend is a least-squares line through the whole months, each as amount per observed hour so that neither the length
of a month nor a gap in it counts as growth (a percentage is taken as it is). Its rise from the first to the last of
them, over their mean, decides: above +10 % growing, below -10 % decreasing, else stable. The open month takes no part.
Fewer than two whole months are insufficient data.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from kl_mcp.dataset.model import Column
from kl_mcp.queries.dates import HOUR, Window, bucket_name
from kl_mcp.queries.frame import Frame
from kl_mcp.queries.numbers import known, percent, ratio, rounded

THRESHOLD_PCT = 10.0
METHOD = (
    "least squares over whole months of the amount per observed hour; change_pct is the rise of that line from "
    "first to last month over the mean; growing above +10, decreasing below -10"
)
INSUFFICIENT = "insufficient_data"


def monthly(view: Frame, column: Column) -> dict[str, Any]:
    """Return a row's months, and the open one scaled to its whole length."""
    values = view.measure.series(column, view.window)
    months = [
        {"date": date, "value": rounded(value), "complete": view.scale.complete[i]}
        for date, value, i in zip(view.window.dates, values, view.window.indices, strict=True)
    ]
    return {"series": months, "open_month": _open_month(view, values[-1]) if view.window.partial else None}


def _open_month(view: Frame, value: float) -> dict[str, Any]:
    last = view.window.stop - 1
    hours = (view.scale.ends[last] - view.scale.starts[last]) / HOUR
    observed = view.scale.observed_hours[last]
    scaled = value if view.measure.cost_model == "normalized" else value * ratio(hours, observed)
    return {
        "date": bucket_name(view.scale.name, view.scale.starts[last]),
        "value": rounded(value),
        "observed_hours": rounded(observed),
        "month_hours": hours,
        "value_scaled_to_month": rounded(scaled),
    }


def trend(view: Frame, column: Column, known_hours: Column | None) -> dict[str, Any]:
    """Return direction, change in per cent and the months it rests on."""
    whole = view.window.closed()
    hours = known_hours if known_hours is not None else view.scale.observed_hours
    values = view.measure.series(column, whole)
    points = []
    for place, i in enumerate(whole.indices):
        level = values[place] if view.measure.cost_model == "normalized" else ratio(values[place], hours[i])
        if not math.isnan(level):
            points.append((i, level))
    change = _rise_pct(points)
    return {
        "direction": _direction(change),
        "change_pct": rounded(change),
        "threshold_pct": THRESHOLD_PCT,
        "months": len(points),
        "first_month": bucket_name(view.scale.name, view.scale.starts[points[0][0]]) if points else None,
        "last_month": bucket_name(view.scale.name, view.scale.starts[points[-1][0]]) if points else None,
        "method": METHOD,
    }


def whole_months_apart(view: Frame) -> tuple[Window, Window] | None:
    """Return the first and the last observed whole month as windows; None when there are fewer than two."""
    whole = [i for i in view.window.closed().indices if view.scale.observed_hours[i] > 0]
    if len(whole) < 2:
        return None
    return Window(view.scale, whole[0], whole[0] + 1), Window(view.scale, whole[-1], whole[-1] + 1)


def what_changed(view: Frame, amounts: Sequence[float], before: Window, after: Window) -> dict[str, Any]:
    """Separate the causes of a change between two windows; everything per observed hour.

    `amounts` are the row's sums over them, before they are related to capacity.

    `amount_per_hour` is the row's own (cores, GiB, GPUs; money under costs), `capacity_per_hour` the cluster's,
    `cluster_share_pct` their ratio, `rate_per_hour` the price of the whole capacity.
    """
    measure, scale = view.measure, view.scale
    pair = (before, after)
    wholes = [measure.whole_amount(window) for window in pair]
    metric = measure.metric
    raised = view.dataset.sharing.multiplier if measure.cost_model == "costs" else 1.0
    capacity = scale.capacity.get(metric) if metric != "total" else None
    bills = (
        [scale.bill[m] for m in scale.bill]
        if metric == "total"
        else [scale.bill[metric]]
        if metric in scale.bill
        else []
    )
    return {
        "before": before.label,
        "after": after.label,
        "amount_per_hour": _change([ratio(a, w.observed_hours) for a, w in zip(amounts, pair, strict=True)]),
        "capacity_per_hour": _change([_per_hour(view, [capacity] if capacity is not None else [], w) for w in pair]),
        "cluster_share_pct": _change([100 * ratio(a, whole) for a, whole in zip(amounts, wholes, strict=True)]),
        "rate_per_hour": _change([raised * _per_hour(view, bills, window) for window in pair]),
    }


def _per_hour(view: Frame, columns: list[Column], window: Window) -> float:
    sums = [view.measure.amount(column, window).value for column in columns]
    return ratio(sum(value for value in sums if known(value)) if any(map(known, sums)) else None, window.observed_hours)


def _change(pair: list[float]) -> dict[str, Any]:
    before, after = pair
    return {"before": rounded(before), "after": rounded(after), "change_pct": percent(after - before, before)}


def _rise_pct(points: list[tuple[int, float]]) -> float | None:
    if len(points) < 2:
        return None
    count = len(points)
    mean_x = sum(x for x, _ in points) / count
    mean_y = math.fsum(y for _, y in points) / count
    slope = math.fsum((x - mean_x) * (y - mean_y) for x, y in points) / sum((x - mean_x) ** 2 for x, _ in points)
    if mean_y == 0:
        return 0.0
    return 100 * slope * (points[-1][0] - points[0][0]) / mean_y


def _direction(change: float | None) -> str:
    if change is None:
        return INSUFFICIENT
    if change > THRESHOLD_PCT:
        return "growing"
    return "decreasing" if change < -THRESHOLD_PCT else "stable"
