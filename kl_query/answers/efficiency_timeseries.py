"""get_efficiency_timeseries: usage ÷ requests hour by hour."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Annotated

import numpy as np

from kl_core.vocabulary import Metric
from kl_query.answers.timeseries import HourlyResult, StatsOfOne, open_hour_warning
from kl_query.dataset.model import Dataset
from kl_query.fields import DateField, Dates, LazyRows, Number, PerBucket, doc
from kl_query.measures.by_layout import rules_of
from kl_query.measures.efficiency import UNCOMPARED, add, comparable_metrics, hourly_ratio
from kl_query.measures.statistics import Stats, stats
from kl_query.metadata import Metadata, metadata, unmeasured_warnings
from kl_query.selection import Selection
from kl_query.view import window_of
from kl_query.warnings.codes import Code
from kl_query.warnings.warning import warning


@dataclass(frozen=True, slots=True)
class RatioSeries:
    """A namespace, or several together, hour by hour."""

    namespace: Annotated[str, doc("* is all namespaces together")]
    values: Annotated[
        PerBucket,
        doc("usage ÷ requests of the measured pods per hour; null: no requests in that hour, or usage unknown"),
    ]
    stats: Stats


@dataclass(frozen=True, slots=True)
class GetEfficiencyTimeseriesResult(HourlyResult):
    """Hourly ratios."""

    date: DateField
    hours: Dates
    series: Sequence[RatioSeries]
    overall_ratio: Annotated[Number, doc("Σ usage ÷ Σ requests over the selection and window, not the mean of ratios")]
    overall_classification: str
    stats: StatsOfOne
    metadata: Metadata


def efficiency_timeseries(
    dataset: Dataset, *, selection: Selection, metric: Metric, date: str
) -> GetEfficiencyTimeseriesResult:
    """Return hourly ratios per namespace, or of Σ usage ÷ Σ requests over the whole selection."""
    comparable_metrics(dataset, metric)
    window = window_of(dataset, "hourly_7d", date)
    scale = window.scale
    names, rules, table = selection.rows(scale), rules_of(scale), scale.namespaces
    numbers = selection.numbers(table)
    addable = len(names) < 2 or rules.adds_up(metric)
    overall = add(rules.compare(metric, numbers, window)) if addable and names else UNCOMPARED
    labels = [selection.label] if selection.single else selection.names
    groups = [numbers if addable else numbers[:0]] if selection.single else numbers[:, np.newaxis]

    def row(place: int) -> RatioSeries:
        values = hourly_ratio(metric, groups[place], window)
        return RatioSeries(namespace=labels[place], values=values, stats=stats(values, window))

    one = row(0) if selection.single else None

    def warned(answer: GetEfficiencyTimeseriesResult, rows: Sequence[RatioSeries]) -> GetEfficiencyTimeseriesResult:
        unknown = np.isnan([series.values for series in rows])
        if not unknown.any():
            return answer
        nulls = warning(Code.RATIOS_NULL, without=int(unknown.sum()), hours=unknown.size)
        return replace(answer, metadata=replace(answer.metadata, warnings=[*answer.metadata.warnings, nulls]))

    return GetEfficiencyTimeseriesResult(
        namespace=selection.label,
        scope=selection.scope,
        matched_count=len(selection.names),
        metric=metric,
        date=window.label,
        hours=window.dates,
        series=LazyRows(len(labels), lambda place: one or row(place), then=warned),
        overall_ratio=overall.ratio[0],
        overall_classification=str(overall.classification[0]),
        stats=one.stats if one else None,
        metadata=metadata(
            dataset,
            window=window,
            unit="efficiency_ratio",
            metric=metric,
            warnings=[*open_hour_warning(window), *unmeasured_warnings(dataset, names, window, (metric,))],
        ),
    )
