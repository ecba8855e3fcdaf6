"""get_usage: series per namespace at any scale, largest first."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Annotated

import numpy as np

from kl_core.vocabulary import SPECIAL_ENTRIES
from kl_query.answers.shares import Latest, LatestMean, RestOfSeries, in_last_bucket
from kl_query.fields import (
    Amount,
    DateField,
    Dates,
    DimensionField,
    LazyRows,
    MetricField,
    PerBucket,
    ScaleField,
    Value,
    Values,
    doc,
)
from kl_query.measures.means import means_of_last_bucket
from kl_query.measures.unmeasured import idle_warnings
from kl_query.metadata import Metadata, metadata
from kl_query.numbers import largest_first
from kl_query.selection import Selection
from kl_query.view import Frame


@dataclass(frozen=True, slots=True)
class Series:
    """A namespace over the window."""

    namespace: str
    values: Values
    total: Value
    latest_mean: LatestMean


@dataclass(frozen=True, slots=True)
class SpecialSeries:
    """A special entry over the window: not a namespace, and in no total of namespaces."""

    entry: str
    values: Values
    total: Value


@dataclass(frozen=True, slots=True)
class GetUsageResult:
    """Series per namespace, largest total first."""

    metric: MetricField
    dimension: DimensionField
    scale: ScaleField
    namespace: Annotated[str, doc("What was asked for; * is every namespace")]
    matched_count: Annotated[int, doc("Namespaces selected")]
    date: DateField
    dates: Dates
    series: Sequence[Series]
    special: Sequence[SpecialSeries]
    totals: Annotated[
        PerBucket,
        doc("Sum of all selected namespaces per bucket, in metadata.unit"),
        Amount.IN_UNIT,
    ]
    total: Value
    latest: Latest
    rest: RestOfSeries
    metadata: Metadata


def usage(view: Frame, *, selection: Selection, exclude_special: bool) -> GetUsageResult:
    """Return one series per selected namespace (or their sum), and the totals over all selected ones."""
    cluster, aggregate = selection.scope == "cluster", selection.scope == "aggregate"
    names = _of_cluster(view) if cluster else selection.names
    numbers, means = view.table.numbers(names), means_of_last_bucket(view)
    sums = view.totals.at(numbers) if cluster else view.sums(names)
    together, total = view.column_of(selection), view.value_of(selection)
    latest = in_last_bucket(means, selection.numbers(view.table))
    order = largest_first(sums.value) if view.measure.additive else np.arange(len(names))
    series, levels = view.measure.series(view.columns(numbers), view.window), means.of(numbers)
    totals = view.measure.series(together, view.window)

    def row(place: int) -> Series:
        if aggregate:
            return Series(namespace=selection.label, values=totals, total=total, latest_mean=latest.mean)
        i = order[place]
        return Series(namespace=names[i], values=series[i], total=sums.value[i], latest_mean=levels[i])

    def rest(shown: Iterable[str]) -> RestOfSeries:
        known = frozenset(shown)
        left = numbers[[name not in known and not aggregate for name in names]]
        left = np.concatenate([left, view.withheld]) if cluster else left
        return RestOfSeries(count=len(left), value=view.sum_of(left))

    return GetUsageResult(
        metric=view.measure.metric,
        dimension=view.measure.dimension,
        scale=view.scale.name,
        namespace=selection.label,
        matched_count=len({*selection.names, *names}),
        date=view.window.label,
        dates=view.window.dates,
        series=LazyRows(
            1 if aggregate else len(names),
            row,
            then=lambda answer, rows: replace(answer, rest=rest(series.namespace for series in rows)),
        ),
        special=[] if exclude_special else _special(view),
        totals=totals,
        total=total,
        latest=latest,
        rest=rest(names),
        metadata=metadata(
            view.dataset,
            window=view.window,
            measure=view.measure,
            warnings=[
                *(view.cluster_warnings() if cluster else view.warnings(sums, names)),
                *([] if exclude_special else idle_warnings(view.dataset, view.measure, view.window)),
            ],
        ),
    )


def _of_cluster(view: Frame) -> list[str]:
    """Return the namespaces that have amounts here; of those whose costs others bear, only with a point left."""
    numbers = view.table.by_name
    inside = [view.table.name(number) for number in numbers.tolist()]
    if not view.absorbed.any():
        return inside
    left = ~view.absorbed[numbers] | (view.window.of(view.columns(numbers)) > 0).any(axis=-1)
    return [inside[i] for i in np.flatnonzero(left)]


def _special(view: Frame) -> list[SpecialSeries]:
    return [
        SpecialSeries(entry=entry, values=view.measure.series(special[0], view.window), total=special[1].value)
        for entry in SPECIAL_ENTRIES
        if (special := view.special(entry)) is not None
    ]
