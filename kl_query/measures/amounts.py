"""What amounts are: how those of a scale are measured, added and compared, and what is to be known of them.

One interface, with what holds for amounts in core-hours and the like; a layout with others overrides what differs.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from kl_core.calendar import GRANULARITY
from kl_core.vocabulary import AMOUNT_UNITS, BILLED_METRICS, RATE_UNITS, CostModel, Metric, ScaleName
from kl_query.dataset.model import Dataset, Scale
from kl_query.dataset.table import Column, Numbers
from kl_query.date_windows import Window, bucket_name, instant
from kl_query.measures.efficiency import UNDIVIDED, Compared, Divisors, compare
from kl_query.measures.measure import (
    Dimension,
    Measure,
    MetricOrTotal,
    Money,
    PerCent,
    TotalMoney,
    check_combination,
    check_metric,
)
from kl_query.numbers import MONEY, Flags
from kl_query.warnings.codes import Code
from kl_query.warnings.warning import DataWarning, Names, Plain, RowId, duration, text, warning

PER_HOUR = "currency_per_hour"
"""The unit of the mean level of money."""
_MAX_AGE_TICKS = 3
_DEFAULT_INTERVAL_SECONDS = 300


@dataclass(frozen=True)
class AmountRules:
    """The rules of the amounts of one scale. Windows and buckets that are passed are of that scale."""

    scale: Scale
    unknown_code: ClassVar[Code] = Code.BUCKETS_UNKNOWN
    only_shares: ClassVar[bool] = False
    """Whether usage in cores, GiB or GPUs is unknown."""

    def is_complete(self, bucket: int) -> bool:
        """Say whether a bucket is closed and holds data from its first hour on."""
        return self.scale.complete[bucket]

    def existing(self, dataset: Dataset, names: Iterable[RowId], window: Window) -> Window:
        """Return the buckets of a window from the birth of the first of some namespaces to the end of the last.

        Without those in which they come or go: an amount of a part of a bucket is no level.
        """
        born, ended = dataset.lifetime(names)
        first = bisect_left(self.scale.starts, born, window.first, window.stop)
        return Window(self.scale, first, bisect_right(self.scale.ends, ended, first, window.stop))

    def all_there(self, columns: Column) -> Flags:
        """Say in which buckets an amount is known to be that of the hours it is said to be of."""
        return ~np.isnan(columns)

    def observed_hours(self, window: Window) -> float | None:
        """Return the hours of a window with known capacity; None where no capacity is held."""
        return window.observed_hours

    def unit(self, metric: Metric) -> str:
        """Return the unit in which amounts are held."""
        return AMOUNT_UNITS[metric]

    def mean_unit(self, unit: str, metric: MetricOrTotal) -> str:
        """Return the unit of the mean level of amounts that an answer has in `unit`."""
        return PER_HOUR if unit == MONEY or metric == "total" else RATE_UNITS[metric]

    def adds_up(self, metric: Metric) -> bool:
        """Say whether amounts of namespaces can be added and compared."""
        return True

    def measure(
        self, dataset: Dataset, metric: MetricOrTotal, cost_model: CostModel | None, dimension: Dimension = "usage"
    ) -> Measure:
        """Return how to measure. Raises ToolArgumentError for a combination that has no meaning or no data."""
        model = cost_model or ("costs" if metric == "total" else dataset.cost_model)
        check_metric(dataset, metric)
        check_combination(dataset, metric, model, dimension)
        if model == "costs":
            kind = TotalMoney if metric == "total" else Money
            return kind(self.scale, metric, dimension, model, MONEY, multiplier=dataset.sharing.multiplier)
        assert metric != "total"  # noqa: S101 -- refused above for every model but costs
        if model == "normalized":
            return PerCent(self.scale, metric, dimension, model, "percent_of_cluster_capacity")
        return Measure(self.scale, metric, dimension, model, self.unit(metric))

    def compare(self, metric: Metric, numbers: Numbers, window: Window) -> Compared:
        """Return rows' sums of usage and requests."""
        return compare(metric, numbers, window)

    def divisors(self, metric: Metric, numbers: Numbers, window: Window, *, together: bool = False) -> Divisors:
        """Return what divides the sums of rows, each or together, so that they are in the unit of an answer."""
        return UNDIVIDED

    def reason(self, sums: Compared, row: int, metric: Metric, uncounted: Sequence[Plain] = ()) -> str | None:
        """Return why there is no ratio for a row; None where there is one."""
        return sums.reason(row, metric)

    def window_warnings(self, dataset: Dataset, window: Window, *, of_gpus: bool) -> list[DataWarning]:
        """Return what any answer over a window says of its buckets."""
        scale, last = self.scale, window.stop - 1
        if not scale.starts and scale.name in dataset.scales:
            return [warning(Code.NO_SAMPLE_YET, scale=Plain(scale.name))]
        if not window.partial:
            return []
        name, hours = bucket_name(scale.name, scale.starts[last]), scale.elapsed_hours[last]
        return [warning(Code.PARTIAL_BUCKET, bucket=name, hours=hours, length=scale.lengths[last])]

    def begin_warnings(self, window: Window) -> list[DataWarning]:
        """Return the warning for a bucket that may hold fewer hours than are counted."""
        return []

    def metric_warnings(self, metrics: Iterable[str | None]) -> list[DataWarning]:
        """Return what is to be known of the amounts of some metrics."""
        return []

    def gap_warnings(self, window: Window) -> list[DataWarning]:
        """Return the warning for efficiency over hours whose gaps are unknown."""
        return []

    def unknown_warning(self, names: Sequence[RowId], buckets: int) -> DataWarning:
        """Return the warning for namespaces whose sums leave out so many buckets."""
        granularity = Plain(GRANULARITY[self.scale.name])
        return warning(
            self.unknown_code, count=len(names), buckets=buckets, granularity=granularity, names=Names.of(names)
        )


class Layout:
    """The layout that the collector publishes; others override what differs."""

    depth: ClassVar[Mapping[ScaleName, str]] = {
        "hourly_7d": "7 days (168 whole hours and the open one)",
        "daily_14d": "14 days (14 whole days and today)",
        "monthly_12m": "12 months (12 whole months and the open one)",
    }
    idle_note: ClassVar[str] = ""
    """What to add where the costs of idle are to be shared."""

    def cost_models(self, dataset: Dataset) -> list[CostModel]:
        """Return the cost models that can be asked for."""
        priced = any(dataset.priced(metric) for metric in BILLED_METRICS)
        return ["cumulative", "normalized", "costs"] if priced else ["cumulative", "normalized"]

    def last_seen_warnings(self, dataset: Dataset, seen: Iterable[int | None]) -> list[DataWarning]:
        """Return what to know of the instants at which namespaces were last seen."""
        return []

    def max_age_seconds(self, dataset: Dataset) -> int:
        """Return how old the newest sample may be before answers are stale."""
        return _MAX_AGE_TICKS * (dataset.polling_interval_seconds or _DEFAULT_INTERVAL_SECONDS)

    def stale_warning(self, dataset: Dataset, newest: int, now: float) -> DataWarning:
        """Return the warning for a newest sample that is too old."""
        published, ago = dataset.generated_at, duration(now - newest)
        if published is not None and abs(now - published) <= self.max_age_seconds(dataset):
            return warning(Code.NO_SOURCE_ANSWERS, since=instant(newest), ago=ago)
        return warning(Code.STALE, last=instant(newest), ago=ago, runs=text("the collector runs"))

    def unsampled_warnings(self, dataset: Dataset, now: float) -> list[DataWarning]:
        """Return the warning for a dataset without any sample of a known time."""
        return [warning(Code.NO_SOURCE_YET)]


class NothingLoaded(Layout):
    """What a server answers from before it has loaded anything."""

    def unsampled_warnings(self, dataset: Dataset, now: float) -> list[DataWarning]:
        """Return nothing: why nothing is loaded is said already."""
        return []
