"""The direction of a monthly trajectory.

The trend is a least-squares line through the whole months, each as amount per hour it is known for, so that neither the
length of a month nor a gap in it, nor a rate that starts in it, counts as growth. A month known for less than half of
its hours takes no part, nor does the open one, nor one before a namespace was born or after it ended, in whole or in
part. The rise of the line from the first to the last month, over their mean, decides: above +10 % growing, below -10 %
decreasing, else stable. Fewer than two months are insufficient data.
"""

import math
from collections.abc import Mapping, Sequence
from statistics import fmean, linear_regression
from typing import Any

from kl_core.calendar import HOUR
from kl_query.answers.compare_periods.causes import what_changed
from kl_query.dataset.model import Column
from kl_query.date_windows import Window, bucket_name
from kl_query.measures.amounts_per_hour import NOISE_PCT, KnownHours, Trajectory, change_pct
from kl_query.measures.by_layout import rules_of
from kl_query.numbers import UNKNOWN, known_sum, ratio, rounded
from kl_query.warnings.warning import RowId

THRESHOLD_PCT = 10.0
METHOD = (
    "least squares through the amounts per known hour of whole months in which it existed, each at least half known; "
    "rise_pct: rise of the line from first to last month ÷ the mean; growing above +10, decreasing below -10"
)


def monthly(hours: KnownHours, names: Sequence[RowId], column: Column, trajectory: Trajectory) -> dict[str, Any]:
    """Return the months of a sum over namespaces with what changed from each to the next, and the open one.

    As billed between whole months, per hour between those of the trajectory; the open one is scaled to its length.
    """
    view, rules = hours.view, rules_of(hours.view.scale)
    values = dict(zip(view.window.indices, view.measure.series(column, view.window), strict=True))
    billed = {i: value for i, value in values.items() if rules.is_complete(i)}
    levels = {i: _in_unit(hours, i, level) for i, level in trajectory.levels.items()}
    months = [
        {
            "date": bucket_name(view.scale.name, view.scale.starts[i]),
            "value": view.measure.shown(value),
            "complete": i in billed,
            "billed_change_pct": _change_pct(billed, i),
            "change_pct_per_hour": _change_pct(levels, i),
        }
        for i, value in values.items()
    ]
    last = view.window.stop - 1
    return {
        "series": months,
        "open_month": _open_month(hours, names, column, values[last]) if view.window.partial else None,
    }


def _change_pct(values: Mapping[int, float], month: int) -> float | None:
    """Return the change from the month before; None where either is unknown."""
    return change_pct(values.get(month - 1, UNKNOWN), values.get(month, UNKNOWN))


def _open_month(hours: KnownHours, names: Sequence[RowId], column: Column, value: float) -> dict[str, Any]:
    scale, last = hours.view.scale, hours.view.window.stop - 1
    length = (scale.ends[last] - scale.starts[last]) / HOUR
    level = (
        UNKNOWN
        if not hours.view.measure.additive and len(names) > 1
        else known_sum(ratio(hours.view.column(name)[last], hours.of(name)[last]) for name in names)
        if names
        else ratio(column[last], hours.all_rows[last])
    )
    measure = hours.view.measure
    return {
        "date": bucket_name(scale.name, scale.starts[last]),
        "value": measure.shown(value),
        "observed_hours": rounded(scale.observed_hours[last]),
        "month_hours": length,
        "value_scaled_to_month": measure.shown(_in_unit(hours, last, level) if measure.per_cent else level * length),
    }


def _in_unit(hours: KnownHours, bucket: int, level: float) -> float:
    """Return an amount per hour as what a trend is of: itself, or per cent of the capacity per hour."""
    if not hours.view.measure.per_cent:
        return level
    base = hours.view.measure.base
    return 100 * ratio(
        level, ratio((hours.view.measure.capacity_or_bill if base is None else base)[bucket], hours.base[bucket])
    )


def trend(hours: KnownHours, trajectory: Trajectory) -> dict[str, Any]:
    """Return direction, rise of the line in per cent and the months it rests on."""
    scale = hours.view.scale
    in_unit = {i: _in_unit(hours, i, level) for i, level in trajectory.levels.items()}
    points = [(i, level) for i, level in in_unit.items() if not math.isnan(level)]
    used = [i for i, _ in points]
    rise = _rise_pct(points)
    return {
        "direction": _direction(rise),
        "rise_pct": rounded(rise),
        "threshold_pct": THRESHOLD_PCT,
        "months": len(points),
        "first_month": bucket_name(scale.name, scale.starts[used[0]]) if used else None,
        "last_month": bucket_name(scale.name, scale.starts[used[-1]]) if used else None,
        "months_left_out": [
            bucket_name(scale.name, scale.starts[i]) for i in hours.view.window.closed().indices if i not in used
        ],
        "method": METHOD,
    }


def between_months(hours: KnownHours, trajectory: Trajectory) -> dict[str, Any] | None:
    """Return what changed from the first to the last month of a trajectory; None when there are fewer than two."""
    if len(trajectory.levels) < 2:
        return None
    first, last = min(trajectory.levels), max(trajectory.levels)
    before, after = (Window(hours.view.scale, i, i + 1) for i in (first, last))
    return what_changed(hours, trajectory.names, (trajectory.levels[first], trajectory.levels[last]), before, after)


def _rise_pct(points: list[tuple[int, float]]) -> float | None:
    if len(points) < 2:
        return None
    months, levels = zip(*points, strict=True)
    mean = fmean(levels)
    if mean == 0:
        return 0.0
    rise = 100 * linear_regression(months, levels).slope * (months[-1] - months[0]) / mean
    return 0.0 if abs(rise) < NOISE_PCT else rise


def _direction(rise: float | None) -> str:
    if rise is None:
        return "insufficient_data"
    if rise > THRESHOLD_PCT:
        return "growing"
    return "decreasing" if rise < -THRESHOLD_PCT else "stable"
