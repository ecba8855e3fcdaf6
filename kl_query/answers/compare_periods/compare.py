"""compare_periods: 14 days, the monthly trajectory with its trend, and movers between two periods."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from kl_core.vocabulary import CostModel, ScaleName
from kl_query.answer_size import fill
from kl_query.answers.compare_periods.causes import what_changed
from kl_query.answers.compare_periods.movers import Periods, moved, order, periods
from kl_query.answers.compare_periods.trend import between_months, monthly, trend
from kl_query.dataset.model import Column, Dataset
from kl_query.measures.amounts_per_hour import KnownHours, Trajectory, trajectory
from kl_query.measures.by_layout import rules_of
from kl_query.measures.measure import Dimension, MetricOrTotal
from kl_query.metadata import metadata
from kl_query.numbers import UNKNOWN
from kl_query.paging import PageRequest
from kl_query.selection import Selection
from kl_query.view import Frame, frame
from kl_query.warnings.codes import Code
from kl_query.warnings.warning import DataWarning, Names, RowId, warning
from kl_query.windows import instant

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
        key = selection.scope, selection.label
        if key not in self._trajectories:
            names = self.names(selection)
            self._trajectories[key] = trajectory(self.hours, names, cluster=selection.scope == "cluster")
        return self._trajectories[key]

    @cached_property
    def _trajectories(self) -> dict[tuple[str, str], Trajectory]:
        return {}

    def names(self, selection: Selection) -> list[RowId]:
        """Return whose amounts a selection adds up; over the cluster also those that may not be named."""
        return self.monthly.scale.rows if selection.scope == "cluster" else [*selection.names]


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
    answer: dict[str, Any] = {
        "namespace": selection.label,
        "scope": selection.scope,
        "matched_count": len(selection.names),
        "metric": metric,
        "dimension": dimension,
        **(_blocks(frames, selection) if selection.single else dict.fromkeys(BLOCKS)),
        "comparisons": [],
        "comparison": _comparison(pair, selection) if pair else None,
        "movers": [],
        "metadata": metadata(
            dataset,
            now,
            window=compared.window,
            measure=compared.measure,
            warnings=_warnings(frames, selection, pair, with_periods),
        ),
    }
    _fill(answer, page, frames, selection, pair, sort=sort)
    return answer


BLOCKS = ("daily_14d", "monthly_12m", "trend", "what_changed")


def _blocks(frames: Frames, selection: Selection, name: str | None = None) -> dict[str, Any]:
    """Return the blocks of one namespace, or of the whole selection."""
    chosen = Selection("namespace", (name,), name) if name is not None else selection
    months = _column(frames.monthly, chosen)
    levels = frames.trajectory(chosen)
    line = trend(frames.hours, levels)
    return {
        "daily_14d": {
            "aggregate": frames.daily.measure.shown(_aggregate(frames.daily, chosen)),
            "window_start": instant(frames.daily.window.start),
            "window_end": instant(frames.daily.window.end),
            "points": len(frames.daily.window.indices),
            "partial": frames.daily.window.partial,
        },
        "monthly_12m": {**monthly(frames.hours, frames.names(chosen), months), "trend_direction": line["direction"]},
        "trend": line,
        "what_changed": between_months(frames.hours, levels),
    }


def _column(view: Frame, selection: Selection) -> Column:
    if selection.scope == "cluster":
        return view.cluster_column()
    if len(selection.names) == 1:
        return view.column(selection.names[0])
    return view.together(selection.names)


def _aggregate(view: Frame, selection: Selection) -> float:
    if selection.scope == "cluster":
        return view.all_namespaces
    return view.sum_of(selection.names) if selection.names else UNKNOWN


def _names(pair: Periods, selection: Selection) -> list[RowId]:
    """Return whose amounts the comparison adds up; over the cluster also those that may not be named."""
    return pair.view.scale.rows if selection.scope == "cluster" else [*selection.names]


def _comparison(pair: Periods, selection: Selection) -> dict[str, Any]:
    names = _names(pair, selection)
    causes = what_changed(pair.hours, names, pair.levels(names), pair.before, pair.after)
    return {**pair.describe(names), "what_changed": causes}


def _fill(
    answer: dict[str, Any], page: PageRequest, frames: Frames, selection: Selection, pair: Periods | None, *, sort: str
) -> None:
    dataset = frames.daily.dataset
    pairs = {}
    if pair is not None:
        listed = pair.named if selection.scope == "cluster" else selection.names
        pairs = {name: pair.pair(name) for name in listed}
    additive = frames.compared.measure.additive
    names = order(pairs, sort if additive else "namespace") if pairs else list(selection.names)
    several = selection.scope == "namespaces"
    unit = frames.compared.measure.unit
    lists = (*(["comparisons"] if several else []), *(["movers"] if pairs else []))
    if not lists:
        return

    def row(position: int) -> tuple[dict[str, Any], ...]:
        name = names[position]
        comparison = [{"namespace": name, **_blocks(frames, selection, name)}] if several else []
        moves = [{"namespace": name, **moved(pairs[name], unit)}] if pairs else []
        return (*comparison, *moves)

    default_limit = DEFAULT_MOVERS if selection.scope == "cluster" else None
    fill(answer, page, len(names), row, tuple(lists), default_limit=default_limit, generation=dataset.generation)


def _left_out(pair: Periods, selection: Selection) -> list[DataWarning]:
    names = _names(pair, selection)
    missing = len(names) - len(pair.known_in_both(names))
    return [warning(Code.CHANGE_UNKNOWN, namespaces=missing)] if missing else []


def _warnings(frames: Frames, selection: Selection, pair: Periods | None, with_periods: bool) -> list[DataWarning]:
    warnings: list[DataWarning] = []
    if frames.monthly.window.partial:
        warnings.append(warning(Code.OPEN_MONTH_LEFT_OUT))
    warnings += rules_of(frames.monthly.scale).begin_warnings(frames.monthly.window)
    if not frames.monthly.window.indices and frames.daily.window.indices:
        warnings.append(warning(Code.NO_MONTHS))
    if with_periods and pair is None:
        warnings.append(warning(Code.NO_PERIODS))
    if pair is not None:
        warnings += [*pair.warnings(_names(pair, selection)), *_left_out(pair, selection)]
    warnings += _left_out_of_trend(frames, selection)
    for view in (frames.daily, frames.monthly):
        warnings += view.cluster_warnings() if selection.scope == "cluster" else view.warnings(selection.names)
    return warnings


def _left_out_of_trend(frames: Frames, selection: Selection) -> list[DataWarning]:
    if not selection.single or len(frames.names(selection)) < 2:
        return []
    missing = frames.trajectory(selection).left_out
    return [warning(Code.TREND_LEAVES_OUT, count=len(missing), names=Names.of(missing))] if missing else []
