"""get_timeseries: hourly series with statistics."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import numpy as np

from kl_core.vocabulary import CostModel
from kl_query.answers.shares import Latest, LatestMean, in_last_bucket
from kl_query.dataset.model import Dataset
from kl_query.date_windows import Window
from kl_query.fields import SCOPE, Amount, DateField, Dates, DimensionField, LazyRows, MetricField, PerBucket, doc
from kl_query.measures.means import means_of_last_bucket
from kl_query.measures.measure import Dimension, MetricOrTotal
from kl_query.measures.statistics import Stats, stats
from kl_query.metadata import Metadata, metadata
from kl_query.numbers import largest_first
from kl_query.selection import Selection
from kl_query.view import frame
from kl_query.warnings.codes import Code
from kl_query.warnings.warning import DataWarning, warning

StatsOfOne = Annotated[Stats | None, doc("Of the one series; null where several were asked for: see each")]


@dataclass(frozen=True, slots=True)
class HourlyResult:
    """Series by the hour."""

    namespace: Annotated[str, doc("What was asked for; * is every namespace")]
    scope: Annotated[str, doc(SCOPE)]
    matched_count: Annotated[int, doc("Namespaces selected")]
    metric: MetricField


@dataclass(frozen=True, slots=True)
class HourlySeries:
    """A namespace, or a sum over several, hour by hour."""

    namespace: Annotated[str, doc("* is the sum of all namespaces")]
    values: Annotated[
        PerBucket,
        doc("One per hour, in metadata.unit: of a whole hour, core_hours are mean cores, gib_hours mean GiB"),
        Amount.IN_UNIT,
    ]
    stats: Stats
    latest_mean: LatestMean


@dataclass(frozen=True, slots=True)
class GetTimeseriesResult(HourlyResult):
    """Hourly series, largest first."""

    dimension: DimensionField
    date: DateField
    hours: Dates
    series: Sequence[HourlySeries]
    stats: StatsOfOne
    latest: Latest
    metadata: Metadata


def timeseries(
    dataset: Dataset,
    *,
    selection: Selection,
    metric: MetricOrTotal,
    dimension: Dimension,
    cost_model: CostModel | None,
    date: str,
) -> GetTimeseriesResult:
    """Return one series per namespace, or one over the whole selection, of hourly amounts."""
    view = frame(dataset, "hourly_7d", metric, cost_model, date=date, dimension=dimension)
    sums = view.totals if selection.scope == "cluster" else view.sums(selection.names)
    names, means = selection.names, means_of_last_bucket(view)
    latest = in_last_bucket(means, selection.numbers(view.table))
    if selection.single:
        names, columns, levels = (selection.label,), view.column_of(selection)[np.newaxis], np.array([latest.mean])
    else:
        names = tuple(names[i] for i in largest_first(sums.value)) if view.measure.additive else names
        numbers = view.table.numbers(names)
        columns, levels = view.columns(numbers), means.of(numbers)

    def row(place: int) -> HourlySeries:
        values = view.measure.series(columns[place], view.window)
        return HourlySeries(names[place], values, stats(values, view.window), levels[place])

    one = row(0) if selection.single else None
    return GetTimeseriesResult(
        namespace=selection.label,
        scope=selection.scope,
        matched_count=len(selection.names),
        metric=metric,
        dimension=dimension,
        date=view.window.label,
        hours=view.window.dates,
        series=LazyRows(len(names), lambda place: one or row(place)),
        stats=one.stats if one else None,
        latest=latest,
        metadata=metadata(
            dataset,
            window=view.window,
            measure=view.measure,
            warnings=[
                *(view.cluster_warnings() if selection.scope == "cluster" else view.warnings(sums, selection.names)),
                *open_hour_warning(view.window),
            ],
        ),
    )


def open_hour_warning(window: Window) -> list[DataWarning]:
    """Say that statistics leave out the open hour, where they do."""
    return [warning(Code.OPEN_HOUR_LEFT_OUT)] if window.partial else []
