"""The direction of a monthly trajectory, and what was behind it: the amount, the cluster's size, or the rate.

The trend is a least-squares line through the whole months, each as amount per hour it is known for, so that neither the
length of a month nor a gap in it, nor a rate that starts in it, counts as growth. A month known for less than half of
its hours takes no part, nor does the open one. The rise of the line from the first to the last month, over their mean,
decides: above +10 % growing, below -10 % decreasing, else stable. Fewer than two months are insufficient data.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from kl_mcp.dataset.model import Column
from kl_mcp.queries.dates import HOUR, Window, bucket_name
from kl_mcp.queries.levels import KnownHours, Trajectory, change_pct
from kl_mcp.queries.numbers import UNKNOWN, known_sum, ratio, rounded

THRESHOLD_PCT = 10.0
METHOD = (
    "least squares over whole months, at least half of each known, of the amount per hour it is known for; change_pct "
    "is the rise of that line from first to last month over the mean; growing above +10, decreasing below -10"
)
INSUFFICIENT = "insufficient_data"
_NOISE_PCT = 1e-6


def monthly(hours: KnownHours, names: Sequence[str], column: Column) -> dict[str, Any]:
    """Return the months of a sum over namespaces, and the open one scaled to its whole length."""
    view = hours.view
    values = view.measure.series(column, view.window)
    months = [
        {"date": date, "value": rounded(value), "complete": view.scale.complete[i]}
        for date, value, i in zip(view.window.dates, values, view.window.indices, strict=True)
    ]
    return {
        "series": months,
        "open_month": _open_month(hours, names, column, values[-1]) if view.window.partial else None,
    }


def _open_month(hours: KnownHours, names: Sequence[str], column: Column, value: float) -> dict[str, Any]:
    scale, last = hours.view.scale, hours.view.window.stop - 1
    length = (scale.ends[last] - scale.starts[last]) / HOUR
    level = (
        known_sum(ratio(hours.view.column(name)[last], hours.of(name)[last]) for name in names)
        if names
        else ratio(column[last], hours.all_rows[last])
    )
    normalized = hours.view.measure.cost_model == "normalized"
    return {
        "date": bucket_name(scale.name, scale.starts[last]),
        "value": rounded(value),
        "observed_hours": rounded(scale.observed_hours[last]),
        "month_hours": length,
        "value_scaled_to_month": rounded(_in_unit(hours, last, level) if normalized else level * length),
    }


def _in_unit(hours: KnownHours, bucket: int, level: float) -> float:
    """Return an amount per hour as what a trend is of: itself, or per cent of the capacity per hour."""
    if hours.view.measure.cost_model != "normalized":
        return level
    base = hours.view.measure.base
    return 100 * ratio(level, ratio((hours.view.measure.whole if base is None else base)[bucket], hours.base[bucket]))


def trend(hours: KnownHours, found: Trajectory) -> dict[str, Any]:
    """Return direction, change in per cent and the months it rests on."""
    scale = hours.view.scale
    in_unit = {i: _in_unit(hours, i, level) for i, level in found.levels.items()}
    points = [(i, level) for i, level in in_unit.items() if not math.isnan(level)]
    used = [i for i, _ in points]
    rise = _rise_pct(points)
    return {
        "direction": _direction(rise),
        "change_pct": rounded(rise),
        "threshold_pct": THRESHOLD_PCT,
        "months": len(points),
        "first_month": bucket_name(scale.name, scale.starts[used[0]]) if used else None,
        "last_month": bucket_name(scale.name, scale.starts[used[-1]]) if used else None,
        "months_left_out": [
            bucket_name(scale.name, scale.starts[i]) for i in hours.view.window.closed().indices if i not in used
        ],
        "method": METHOD,
    }


def between_months(hours: KnownHours, found: Trajectory) -> dict[str, Any] | None:
    """Return what changed from the first to the last month of a trajectory; None when there are fewer than two."""
    if len(found.levels) < 2:
        return None
    first, last = min(found.levels), max(found.levels)
    before, after = (Window(hours.view.scale, i, i + 1) for i in (first, last))
    return what_changed(hours, (found.levels[first], found.levels[last]), before, after)


def what_changed(hours: KnownHours, levels: tuple[float, float], before: Window, after: Window) -> dict[str, Any]:
    """Separate the causes of a change between two windows; everything per hour it is known for.

    `levels` are the row's amounts per hour, before they are related to capacity.

    `amount_per_hour` is the row's own (cores, GiB, GPUs; money under costs), `capacity_per_hour` the cluster's,
    `cluster_share_pct` their ratio. `rate_per_hour` is the cluster's price, `metric_rate_per_hour` the part of it that
    is for the metric, which moves with the weights too.
    """
    measure, scale = hours.view.measure, hours.view.scale
    metric, pair = measure.metric, (before, after)
    capacity = [scale.capacity[metric]] if metric != "total" and metric in scale.capacity else []
    bills = list(scale.bill.values())
    own = bills if metric == "total" else [scale.bill[metric]] if metric in scale.bill else []
    raised = hours.view.dataset.sharing.multiplier if measure.cost_model == "costs" else 1.0
    wholes = [_per_hour([measure.whole], hours.whole, window) for window in pair]
    return {
        "before": before.label,
        "after": after.label,
        "amount_per_hour": _change(*levels),
        "capacity_per_hour": _change(*(_per_hour(capacity, hours.capacity, window) for window in pair)),
        "cluster_share_pct": _change(*(100 * ratio(level, whole) for level, whole in zip(levels, wholes, strict=True))),
        "rate_per_hour": _change(*(raised * _per_hour(bills, hours.priced, window) for window in pair)),
        "metric_rate_per_hour": _change(*(raised * _per_hour(own, hours.priced, window) for window in pair)),
    }


def _per_hour(columns: Sequence[Column], hours: Column, window: Window) -> float:
    if not columns:
        return UNKNOWN
    amount = known_sum(known_sum(column[window.first : window.stop]) for column in columns)
    return ratio(amount, sum(hours[window.first : window.stop]))


def _change(before: float, after: float) -> dict[str, Any]:
    return {"before": rounded(before), "after": rounded(after), "change_pct": change_pct(before, after)}


def _rise_pct(points: list[tuple[int, float]]) -> float | None:
    if len(points) < 2:
        return None
    count = len(points)
    mean_x = sum(x for x, _ in points) / count
    mean_y = math.fsum(y for _, y in points) / count
    slope = math.fsum((x - mean_x) * (y - mean_y) for x, y in points) / sum((x - mean_x) ** 2 for x, _ in points)
    if mean_y == 0:
        return 0.0
    rise = 100 * slope * (points[-1][0] - points[0][0]) / mean_y
    return 0.0 if abs(rise) < _NOISE_PCT else rise


def _direction(rise: float | None) -> str:
    if rise is None:
        return INSUFFICIENT
    if rise > THRESHOLD_PCT:
        return "growing"
    return "decreasing" if rise < -THRESHOLD_PCT else "stable"
