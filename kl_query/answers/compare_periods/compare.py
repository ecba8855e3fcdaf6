"""compare_periods: 14 days, the monthly trajectory with its trend, and movers between two periods."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from kl_core.vocabulary import CostModel, ScaleName
from kl_query.answer_size import fill
from kl_query.answers.compare_periods.causes import what_changed
from kl_query.answers.compare_periods.movers import Periods, order
from kl_query.answers.compare_periods.periods import periods
from kl_query.answers.compare_periods.trend import between_months, monthly, trend
from kl_query.dataset.model import Dataset
from kl_query.date_windows import instant
from kl_query.measures.amounts_per_hour import KnownHours, Trajectory, trajectory
from kl_query.measures.by_layout import rules_of
from kl_query.measures.measure import Dimension, MetricOrTotal
from kl_query.metadata import metadata
from kl_query.paging import PageRequest
from kl_query.selection import Selection
from kl_query.view import Frame, frame
from kl_query.warnings.codes import Code
from kl_query.warnings.warning import DataWarning, Names, warning

DEFAULT_MOVERS = 20


@dataclass(frozen=True)
class Frames:
    """The same measure over the days, the months, and the scale of the two periods."""

    daily: Frame
    monthly: Frame
    compared: Frame

    @cached_property
    def hours(self) -> KnownHours:
        """Return for how many hours of each month rows are known."""
        return KnownHours(self.monthly)

    def trajectory(self, selection: Selection) -> Trajectory:
        """Return the amount per hour of a selection in each whole month."""
        names = selection.rows(self.monthly.scale)
        return trajectory(self.hours, names, cluster=selection.scope == "cluster")


def compare_periods(
    dataset: Dataset,
    now: float,
    page: PageRequest,
    *,
    selection: Selection,
    metric: MetricOrTotal,
    dimension: Dimension,
    cost_model: CostModel | None,
    scale: ScaleName,
    date: str | None,
    baseline: str | None,
    sort: str,
) -> dict[str, Any]:
    """Return blocks for the selection (at the top, or one each for several namespaces) and movers where asked for."""
    daily, months, compared = (
        frame(dataset, name, metric, cost_model, dimension=dimension) for name in ("daily_14d", "monthly_12m", scale)
    )
    frames = Frames(daily, months, compared)
    with_periods = selection.scope == "cluster" or date is not None or baseline is not None
    pair = periods(compared, date, baseline) if with_periods else None
    trajectory = frames.trajectory(selection) if selection.single else None
    answer: dict[str, Any] = {
        "namespace": selection.label,
        "scope": selection.scope,
        "matched_count": len(selection.names),
        "metric": metric,
        "dimension": dimension,
        **(_blocks(frames, selection, trajectory) if trajectory else dict.fromkeys(BLOCKS)),
        "comparisons": [],
        "comparison": _comparison(pair, selection) if pair else None,
        "movers": [],
        "metadata": metadata(
            dataset,
            now,
            window=compared.window,
            measure=compared.measure,
            warnings=_warnings(frames, selection, pair, trajectory, with_periods=with_periods),
        ),
    }
    _fill(answer, page, frames, selection, pair, sort=sort)
    return answer


BLOCKS = ("daily_14d", "monthly_12m", "trend", "what_changed")


def _blocks(frames: Frames, selection: Selection, levels: Trajectory) -> dict[str, Any]:
    """Return the blocks of a selection whose months are at `levels`."""
    daily, line = frames.daily, trend(frames.hours, levels)
    column = frames.monthly.column_of(selection)
    months = monthly(frames.hours, selection.rows(frames.monthly.scale), column, levels)
    return {
        "daily_14d": {
            "aggregate": daily.measure.shown(daily.value_of(selection)),
            "window_start": instant(daily.window.start),
            "window_end": instant(daily.window.end),
            "points": len(daily.window.indices),
            "partial": daily.window.partial,
        },
        "monthly_12m": {**months, "trend_direction": line["direction"]},
        "trend": line,
        "what_changed": between_months(frames.hours, levels),
    }


def _comparison(pair: Periods, selection: Selection) -> dict[str, Any]:
    names = selection.rows(pair.view.scale)
    causes = what_changed(pair.hours, names, pair.hours.levels(names, pair.before, pair.after), pair.before, pair.after)
    return {**pair.describe(names), "what_changed": causes}


def _fill(
    answer: dict[str, Any], page: PageRequest, frames: Frames, selection: Selection, pair: Periods | None, *, sort: str
) -> None:
    dataset = frames.daily.dataset
    moves = {}
    if pair is not None:
        listed = pair.named if selection.scope == "cluster" else selection.names
        moves = {name: pair.move(name) for name in listed}
    compared = {name: move.compared for name, move in moves.items()}
    additive = frames.compared.measure.additive
    names = order(compared, sort if additive else "namespace") if moves else list(selection.names)
    several = selection.scope == "namespaces"
    unit = frames.compared.measure.unit
    lists = (*(["comparisons"] if several else []), *(["movers"] if moves else []))
    if not lists:
        return

    def row(position: int) -> tuple[dict[str, Any], ...]:
        name = names[position]
        one = Selection("namespace", (name,), name)
        comparison = [{"namespace": name, **_blocks(frames, one, frames.trajectory(one))}] if several else []
        mover = [{"namespace": name, **moves[name].shown(unit)}] if moves else []
        return (*comparison, *mover)

    default_limit = DEFAULT_MOVERS if selection.scope == "cluster" else None
    fill(answer, page, len(names), row, tuple(lists), default_limit=default_limit, generation=dataset.generation)


def _warnings(
    frames: Frames, selection: Selection, pair: Periods | None, trajectory: Trajectory | None, *, with_periods: bool
) -> list[DataWarning]:
    months = frames.monthly.window
    warnings = [warning(Code.OPEN_MONTH_LEFT_OUT)] if months.partial else []
    warnings += rules_of(months.scale).begin_warnings(months)
    if not months.indices and frames.daily.window.indices:
        warnings.append(warning(Code.NO_MONTHS))
    if with_periods and pair is None:
        warnings.append(warning(Code.NO_PERIODS))
    if pair is not None:
        names = selection.rows(pair.view.scale)
        missing = len(names) - len(pair.known_in_both(names))
        warnings += pair.warnings(names)
        warnings += [warning(Code.CHANGE_UNKNOWN, namespaces=missing)] if missing else []
    outside = _outside_lifetimes(frames.monthly, selection)
    warnings += [warning(Code.TREND_OUTSIDE_LIFETIMES, names=Names.of(outside))] if outside else []
    if trajectory is not None and trajectory.left_out:
        left_out = trajectory.left_out
        warnings.append(warning(Code.TREND_LEAVES_OUT, count=len(left_out), names=Names.of(left_out)))
    for view in (frames.daily, frames.monthly):
        named = selection.names
        cluster = selection.scope == "cluster"
        warnings += view.cluster_warnings() if cluster else view.warnings(view.totals_of(named), named)
    return warnings


def _outside_lifetimes(months: Frame, selection: Selection) -> list[str]:
    """Return the namespaces that came or went within the whole months of their trend; of a sum, where it did."""
    window, rules = months.window.closed(), rules_of(months.scale)
    trends = [selection.names] if selection.single else [(name,) for name in selection.names]
    cut = (names for names in trends if names and rules.existing(months.dataset, names, window) != window)
    return [name for names in cut for name in names]
