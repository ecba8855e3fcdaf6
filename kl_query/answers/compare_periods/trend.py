"""The direction of a monthly trajectory.

The trend is a least-squares line through the whole months, each as amount per hour it is known for, so that neither the
length of a month nor a gap in it, nor a rate that starts in it, counts as growth. A month known for less than half of
its hours takes no part, nor does the open one, nor one before a namespace was born or after it ended, in whole or in
part. The rise of the line from the first to the last month, over their mean, decides: above +10 % growing, below -10 %
decreasing, else stable. Fewer than two months are insufficient data.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, linear_regression
from typing import Annotated

from kl_core.calendar import HOUR
from kl_query.answers.compare_periods.causes import WhatChanged, what_changed
from kl_query.dataset.table import Column
from kl_query.date_windows import Window
from kl_query.fields import InUnit, Number, Value, doc
from kl_query.measures.amounts_per_hour import NOISE_PCT, KnownHours, Trajectory, change_pct
from kl_query.measures.by_layout import rules_of
from kl_query.numbers import UNKNOWN, known_sums, ratio, ratios
from kl_query.warnings.warning import RowId

THRESHOLD_PCT = 10.0
METHOD = (
    "least squares through the amounts per known hour of whole months in which it existed, each at least half known; "
    "rise_pct: rise of the line from first to last month ÷ the mean; growing above +10, decreasing below -10"
)


@dataclass(frozen=True, slots=True)
class Month:
    """A month of the trajectory."""

    date: str
    value: Value
    complete: bool
    billed_change_pct: Annotated[Number, doc("From the month before, as billed; null unless both are whole")]
    change_pct_per_hour: Annotated[Number, doc("The same per hour: months differ in length")]


@dataclass(frozen=True, slots=True)
class OpenMonth:
    """The open month, brought to its full length by the hours it is known for."""

    date: str
    value: Value
    observed_hours: Number
    month_hours: float
    value_scaled_to_month: InUnit


@dataclass(frozen=True, slots=True)
class Monthly:
    """The monthly trajectory."""

    series: Sequence[Month]
    open_month: OpenMonth | None
    trend_direction: Annotated[str, doc("growing, stable, decreasing or insufficient_data, of the whole months")]


@dataclass(frozen=True, slots=True)
class Trend:
    """Direction over whole months."""

    direction: str
    rise_pct: Annotated[
        Number,
        doc(
            "Rise of the line through all months, from the first to the last, over their mean: it decides the "
            "direction. What changed from the first month to the last is in what_changed"
        ),
    ]
    threshold_pct: float
    months: Annotated[int, doc("Whole months it rests on")]
    first_month: str | None
    last_month: str | None
    months_left_out: Annotated[
        Sequence[str],
        doc("Closed months that are too little known, or in which it did not exist from beginning to end"),
    ]
    method: str


def monthly(hours: KnownHours, names: Sequence[RowId], column: Column, trajectory: Trajectory) -> Monthly:
    """Return the months of a sum over namespaces with what changed from each to the next, and the open one.

    As billed between whole months, per hour between those of the trajectory; the open one is scaled to its length.
    """
    view, rules = hours.view, rules_of(hours.view.scale)
    values = dict(zip(view.window.indices, view.measure.series(column, view.window).tolist(), strict=True))
    billed = {i: value for i, value in values.items() if rules.is_complete(i)}
    levels = _in_unit(hours, trajectory.levels)
    return Monthly(
        series=[
            Month(
                date=date,
                value=values[i],
                complete=i in billed,
                billed_change_pct=_change_pct(billed, i),
                change_pct_per_hour=_change_pct(levels, i),
            )
            for i, date in zip(values, view.window.dates, strict=True)
        ],
        open_month=_open_month(hours, names, column) if view.window.partial else None,
        trend_direction=trend(hours, trajectory).direction,
    )


def _change_pct(values: Mapping[int, float], month: int) -> float:
    """Return the change from the month before; unknown where either is."""
    return change_pct(values.get(month - 1, UNKNOWN), values.get(month, UNKNOWN))


def _open_month(hours: KnownHours, names: Sequence[RowId], column: Column) -> OpenMonth:
    measure, scale, last = hours.view.measure, hours.view.scale, hours.view.window.stop - 1
    opened, length = Window(scale, last, last + 1), (scale.ends[last] - scale.starts[last]) / HOUR
    level = UNKNOWN
    if not names:
        level = ratio(column[last], measure.all_hours[last])
    elif measure.additive or len(names) == 1:
        numbers = hours.view.table.numbers(names)
        level = float(known_sums(ratios(hours.view.columns(numbers)[:, last], hours.of(numbers)[:, last])))
    return OpenMonth(
        date=opened.dates[0],
        value=float(measure.series(column, opened)[0]),
        observed_hours=scale.observed_hours[last],
        month_hours=length,
        value_scaled_to_month=_in_unit(hours, {last: level})[last] if measure.per_cent else level * length,
    )


def _in_unit(hours: KnownHours, levels: Mapping[int, float]) -> Mapping[int, float]:
    """Return amounts per hour as what a trend is of: themselves, or per cent of the capacity per hour."""
    measure = hours.view.measure
    if not measure.per_cent:
        return levels
    return {i: 100 * ratio(x, ratio(float(measure.base[i]), float(measure.base_hours[i]))) for i, x in levels.items()}


def trend(hours: KnownHours, trajectory: Trajectory) -> Trend:
    """Return direction, rise of the line in per cent and the months it rests on."""
    points = {i: level for i, level in _in_unit(hours, trajectory.levels).items() if not math.isnan(level)}
    window, rise = hours.view.window, _rise_pct(points)
    dates = dict(zip(window.indices, window.dates, strict=True))
    used = [dates[i] for i in points]
    return Trend(
        direction=_direction(rise),
        rise_pct=rise,
        threshold_pct=THRESHOLD_PCT,
        months=len(used),
        first_month=used[0] if used else None,
        last_month=used[-1] if used else None,
        months_left_out=[dates[i] for i in window.closed().indices if i not in points],
        method=METHOD,
    )


def between_months(hours: KnownHours, trajectory: Trajectory) -> WhatChanged | None:
    """Return what changed from the first to the last month of a trajectory; None when there are fewer than two."""
    levels = trajectory.levels
    if len(levels) < 2:
        return None
    first, last = min(levels), max(levels)
    before, after = (Window(hours.view.scale, i, i + 1) for i in (first, last))
    return what_changed(hours, trajectory.names, (levels[first], levels[last]), before, after)


def _rise_pct(levels: Mapping[int, float]) -> float | None:
    if len(levels) < 2:
        return None
    mean = fmean(levels.values())
    line = linear_regression([*levels], [*levels.values()])
    rise = 100 * line.slope * (max(levels) - min(levels)) / mean if mean else 0.0
    return 0.0 if abs(rise) < NOISE_PCT else rise


def _direction(rise: float | None) -> str:
    if rise is None:
        return "insufficient_data"
    if rise > THRESHOLD_PCT:
        return "growing"
    return "decreasing" if rise < -THRESHOLD_PCT else "stable"
