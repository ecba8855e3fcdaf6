"""compare_periods: 14 days, the monthly trajectory with its trend, and movers between two periods."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Annotated

from kl_core.vocabulary import CostModel, ScaleName
from kl_query.answers.compare_periods.causes import WhatChanged
from kl_query.answers.compare_periods.movers import Comparison, Mover, Periods, order
from kl_query.answers.compare_periods.periods import periods
from kl_query.answers.compare_periods.trend import Monthly, Trend, between_months, monthly, trend
from kl_query.dataset.model import Dataset
from kl_query.date_windows import instant
from kl_query.fields import SCOPE, DimensionField, Instant, LazyRows, MetricField, Value, doc
from kl_query.measures.amounts_per_hour import KnownHours, Trajectory, trajectory
from kl_query.measures.by_layout import rules_of
from kl_query.measures.measure import Dimension, MetricOrTotal
from kl_query.metadata import Metadata, metadata
from kl_query.selection import Selection
from kl_query.view import Frame, frame
from kl_query.warnings.codes import Code
from kl_query.warnings.warning import DataWarning, Names, warning

DEFAULT_MOVERS = 20


@dataclass(frozen=True, slots=True)
class Daily:
    """All 14 days and today."""

    aggregate: Value
    window_start: Instant | None
    window_end: Instant | None
    points: Annotated[int, doc("Days")]
    partial: Annotated[bool, doc("Whether today is one of them")]


@dataclass(frozen=True, slots=True)
class NamespaceComparison:
    """The blocks of one of several namespaces."""

    namespace: str
    daily_14d: Daily
    monthly_12m: Monthly
    trend: Trend
    what_changed: WhatChanged | None


@dataclass(frozen=True, slots=True)
class ComparePeriodsResult:
    """Blocks at the top for one series; in `comparisons` for several namespaces."""

    namespace: Annotated[str, doc("What was asked for; * is the sum of all namespaces")]
    scope: Annotated[str, doc(SCOPE)]
    matched_count: int
    metric: MetricField
    dimension: DimensionField
    daily_14d: Daily | None
    monthly_12m: Monthly | None
    trend: Trend | None
    what_changed: Annotated[WhatChanged | None, doc("From the first to the last month of the trend")]
    comparisons: Sequence[NamespaceComparison]
    comparison: Annotated[Comparison | None, doc("null unless dates were given or no namespace was")]
    movers: Sequence[Mover]
    metadata: Metadata


def compare_periods(
    dataset: Dataset,
    *,
    selection: Selection,
    metric: MetricOrTotal,
    dimension: Dimension,
    cost_model: CostModel | None,
    scale: ScaleName,
    date: str | None,
    baseline: str | None,
    sort: str,
) -> ComparePeriodsResult:
    """Return blocks for the selection (at the top, or one each for several namespaces) and movers where asked for."""
    daily, months, compared = (
        frame(dataset, name, metric, cost_model, dimension=dimension) for name in ("daily_14d", "monthly_12m", scale)
    )
    hours, chosen, cluster = KnownHours(months), selection.names, selection.scope == "cluster"
    with_periods = cluster or date is not None or baseline is not None
    pair = periods(compared, date, baseline) if with_periods else None
    levels = trajectory(hours, selection.rows(months.scale), cluster=cluster) if selection.single else None
    blocks: tuple[Daily | None, Monthly | None, Trend | None, WhatChanged | None] = (
        _blocks(daily, hours, selection, levels) if levels else (None, None, None, None)
    )
    movers = _movers(pair, selection, sort if compared.measure.additive else "namespace") if pair else []
    names = chosen if selection.single or not pair else [mover.namespace for mover in movers]

    def comparison(place: int) -> NamespaceComparison:
        one = Selection("namespace", (names[place],), names[place])
        return NamespaceComparison(names[place], *_blocks(daily, hours, one, trajectory(hours, one.names)))

    return ComparePeriodsResult(
        selection.label,
        selection.scope,
        len(chosen),
        metric,
        dimension,
        *blocks,
        comparisons=[] if selection.single else LazyRows(len(names), comparison),
        comparison=pair.compared(selection.rows(pair.view.scale)) if pair else None,
        movers=movers,
        metadata=metadata(
            dataset,
            window=compared.window,
            measure=compared.measure,
            warnings=[
                *_month_warnings(daily, months),
                *([warning(Code.NO_PERIODS)] if with_periods and pair is None else []),
                *(_pair_warnings(pair, selection) if pair else []),
                *_trend_warnings(months, selection, levels),
                *chain.from_iterable(
                    view.cluster_warnings() if cluster else view.warnings(view.totals_of(chosen), chosen)
                    for view in (daily, months)
                ),
            ],
        ),
    )


def _blocks(
    daily: Frame, hours: KnownHours, selection: Selection, levels: Trajectory
) -> tuple[Daily, Monthly, Trend, WhatChanged | None]:
    """Return the blocks of a selection whose months are at `levels`."""
    months, window = hours.view, daily.window
    return (
        Daily(
            aggregate=daily.value_of(selection),
            window_start=instant(window.start),
            window_end=instant(window.end),
            points=len(window.indices),
            partial=window.partial,
        ),
        monthly(hours, selection.rows(months.scale), months.column_of(selection), levels),
        trend(hours, levels),
        between_months(hours, levels),
    )


def _movers(pair: Periods, selection: Selection, sort: str) -> LazyRows[Mover]:
    """Return all there are, or those selected."""
    cluster = selection.scope == "cluster"
    names = [pair.view.table.name(number) for number in pair.named] if cluster else selection.names
    moves = pair.moves(pair.named if cluster else pair.view.table.numbers(names))
    places = order(moves.compared, sort)
    return LazyRows(
        len(names),
        lambda place: Mover(names[places[place]], *moves.at(places[place])),
        brief=DEFAULT_MOVERS if cluster else None,
    )


def _month_warnings(daily: Frame, months: Frame) -> list[DataWarning]:
    """Say what the months leave out, and where there are none yet."""
    return [
        *([warning(Code.OPEN_MONTH_LEFT_OUT)] if months.window.partial else []),
        *rules_of(months.scale).begin_warnings(months.window),
        *([warning(Code.NO_MONTHS)] if daily.window.indices and not months.window.indices else []),
    ]


def _pair_warnings(pair: Periods, selection: Selection) -> list[DataWarning]:
    """Say how two periods are compared, and of how many namespaces the change is unknown."""
    names = selection.rows(pair.view.scale)
    missing = len(names) - len(pair.known_in_both(names))
    unknown = [warning(Code.CHANGE_UNKNOWN, namespaces=missing)] if missing else []
    return [*pair.warnings(names), *unknown]


def _trend_warnings(months: Frame, selection: Selection, levels: Trajectory | None) -> list[DataWarning]:
    """Name the namespaces that came or went within the whole months of their trend, and those a trend leaves out."""
    window, rules = months.window.closed(), rules_of(months.scale)
    trends = [selection.names] if selection.single else [(name,) for name in selection.names]
    cut = (names for names in trends if names and rules.existing(months.dataset, names, window) != window)
    outside, left_out = [*chain.from_iterable(cut)], levels.left_out if levels else ()
    return [
        *([warning(Code.TREND_OUTSIDE_LIFETIMES, names=Names.of(outside))] if outside else []),
        *([warning(Code.TREND_LEAVES_OUT, count=len(left_out), names=Names.of(left_out))] if left_out else []),
    ]
