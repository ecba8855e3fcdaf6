"""What the amounts in files of an existing KubeLedger are: percentages and money, of windows that roll.

They know neither core-hours nor capacity, and each scale has one cost model only.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np

from kl_core.calendar import HOUR, WEEK
from kl_core.vocabulary import CostModel, Metric, ScaleName
from kl_query.dataset import derived
from kl_query.dataset.model import Dataset, LegacyFacts
from kl_query.dataset.table import Column, Numbers
from kl_query.date_windows import Window, bucket_name, instant
from kl_query.measures.amounts import PER_HOUR, AmountRules, Layout
from kl_query.measures.efficiency import UNDIVIDED, Compared, Divisors, in_window
from kl_query.measures.measure import (
    Dimension,
    Measure,
    MetricOrTotal,
    PerCent,
    check_metric,
    check_requestable,
    invalid_combination,
)
from kl_query.numbers import MONEY, UNKNOWN, Array, Flags, known_sums, ratios
from kl_query.warnings.codes import Code
from kl_query.warnings.warning import DataWarning, Plain, duration, some, text, warning

_MAX_AGE_SECONDS = 2 * HOUR
"""Hourly points are an hour apart, and files are written some minutes after them."""
_OWN_GPUS = ("gpu", "gpu_memory")
"""Metrics whose values are means over each namespace's own GPUs, whose number nobody knows: nothing adds them up."""
_UNIT: Mapping[CostModel, str] = {
    "cumulative": "cluster_percent_hours",
    "normalized": "percent_of_total_usage",
    "costs": MONEY,
}


@dataclass(frozen=True)
class LegacyAmounts(AmountRules):
    """The rules of a scale that was read from files of KubeLedger."""

    facts: LegacyFacts
    unknown_code: ClassVar[Code] = Code.VALUES_ABSENT
    only_shares: ClassVar[bool] = True

    def is_complete(self, bucket: int) -> bool:
        """Say whether a bucket is closed, neither cut by the rolling window nor one that the data begin in."""
        return super().is_complete(bucket) and bucket != self.scale.begins_in and not self._is_cut(bucket)

    def all_there(self, columns: Column) -> Flags:
        """Say which buckets have values, as those beside them do.

        A namespace may have come or gone inside a bucket beside one without a value: at which hour is in no file.
        """
        there = ~np.isnan(columns)
        beside = np.pad(there, [(0, 0)] * (there.ndim - 1) + [(1, 1)], constant_values=True)
        with_both: Flags = there & beside[..., :-2] & beside[..., 2:]
        return with_both

    def observed_hours(self, window: Window) -> float | None:
        """Return None: capacity is in no file."""
        return None

    def unit(self, metric: Metric) -> str:
        """Return the unit of amounts that know neither core-hours nor capacity."""
        return _UNIT[self.scale.cost_model] if self.adds_up(metric) else "percent_of_own_gpus"

    def mean_unit(self, unit: str, metric: MetricOrTotal) -> str:
        """Return the unit of the mean level: what is per cent of something already is so in the mean."""
        return {MONEY: PER_HOUR, _UNIT["cumulative"]: "percent_of_cluster_capacity"}.get(unit, unit)

    def adds_up(self, metric: Metric) -> bool:
        """Say whether values are of the cluster; those of GPUs are means over each namespace's own."""
        return metric not in _OWN_GPUS

    def measure(
        self, dataset: Dataset, metric: MetricOrTotal, cost_model: CostModel | None, dimension: Dimension = "usage"
    ) -> Measure:
        """Return how to measure what files of KubeLedger hold: no whole to set amounts against."""
        if metric == "total":
            raise invalid_combination(
                "metric",
                "metric=total needs costs per metric that add up; here each metric is charged the whole bill.",
                list(dataset.metrics),
                {"metric": "cpu"},
            )
        check_metric(dataset, metric)
        check_requestable(metric, dimension)
        scale, model, unit = self.scale, self.scale.cost_model, self.unit(metric)
        if cost_model is not None and cost_model != model:
            raise invalid_combination(
                "cost_model",
                f"KubeLedger's files hold {scale.name} as {unit} and nothing to convert it with: leave cost_model out.",
                [model],
                {"cost_model": None},
            )
        kind = Averages if self._is_averaged(metric) else Measure
        return kind(scale, metric, dimension, model, unit, additive=self.adds_up(metric))

    def divisors(self, metric: Metric, numbers: Numbers, window: Window, *, together: bool = False) -> Divisors:
        """Return the hours of the buckets in which rows are known, where sums are per cent times hours.

        A percentage over several buckets is the mean over those it is known in, so that a gap does not count as 0.
        """
        if not self._is_averaged(metric):
            return UNDIVIDED
        usage = ~np.isnan(in_window(derived.usage_matched, metric, numbers, window))
        wanted = ~np.isnan(in_window(derived.requests_matched, metric, numbers, window))
        known = [each.any(0, keepdims=True) if together else each for each in (usage, wanted, usage & wanted)]
        return Divisors(*((each * window.of(self.scale.observed_hours)).sum(-1) for each in known))

    def reason(self, sums: Compared, row: int, metric: Metric, uncounted: Sequence[Plain] = ()) -> str | None:
        if sums.classification[row] != "unknown":
            return sums.reason(row, metric)
        if uncounted:
            return f"KubeLedger's files do not say for how many hours of {some(uncounted)} it had requests"
        return "KubeLedger's files contain no requests of it, or requests that equal usage, as they do without any"

    def window_warnings(self, dataset: Dataset, window: Window, *, of_gpus: bool) -> list[DataWarning]:
        """Say what the files are short of: another cost model for hours, and the whole of the first and last bucket."""
        scale, first = self.scale, window.first
        if not window.indices:
            return []
        warnings = super().window_warnings(dataset, window, of_gpus=of_gpus)
        if warnings and not self.facts.counted:
            warnings = [warning(Code.PARTIAL_UNCOUNTED, bucket=self._bucket(window.stop - 1))]
        if scale.cost_model != dataset.cost_model and not of_gpus:
            warnings.append(warning(Code.HOURS_PER_CENT))
        elif (of_gpus or scale.cost_model == "normalized") and len(window.indices) > 1:
            warnings.append(warning(Code.MEANS_OF_PERCENTAGES))
        warnings += self.begin_warnings(window)
        if scale.complete[first] and self._is_cut(first):
            bucket, hours, length = self._bucket(first), scale.elapsed_hours[first], scale.lengths[first]
            warnings.append(warning(Code.WINDOW_ROLLS, bucket=bucket, hours=hours, length=length))
        return warnings

    def begin_warnings(self, window: Window) -> list[DataWarning]:
        """Return the warning for the first bucket of a young KubeLedger, which may hold fewer hours than counted."""
        scale, begun = self.scale, self.scale.begins_in
        if begun is None or begun not in window.indices:
            return []
        hours = scale.observed_hours[begun]
        return [warning(Code.DATA_BEGIN_UNKNOWN, scale=Plain(scale.name), bucket=self._bucket(begun), hours=hours)]

    def metric_warnings(self, metrics: Iterable[str | None]) -> list[DataWarning]:
        """Return what to know of GPUs; nothing where an answer is not about them."""
        if not any(metric in _OWN_GPUS for metric in metrics):
            return []
        known = text(
            ""
            if self.scale.cost_model == "cumulative"
            else " Under this cost model its days and months hold only the share of a sum of such means, from which "
            "nothing follows: they are null; hours are known."
        )
        return [warning(Code.OWN_GPUS, known=known)]

    def gap_warnings(self, window: Window) -> list[DataWarning]:
        """Return the warning for efficiency over hours that no file holds one by one."""
        if not self.facts.counted or window.start is None:
            return []
        hours_begin = (self.scale.newest_sample or 0) + self.facts.lag - WEEK
        young = window.stop == len(self.scale.starts) and window.observed_hours * HOUR <= WEEK
        if window.start >= hours_begin or young:
            return []
        return [warning(Code.GAPS_UNTOLD, since=instant(hours_begin))]

    def _is_averaged(self, metric: Metric) -> bool:
        """Say whether amounts are per cent times hours, which answers show as per cent."""
        return self.scale.cost_model == "normalized" or not self.adds_up(metric)

    def _is_cut(self, bucket: int) -> bool:
        """Say whether the rolling window has left only a part of a bucket, or it is still open."""
        return bool(self.scale.elapsed_hours[bucket] <= self.scale.lengths[bucket] - 1e-6)

    def _bucket(self, bucket: int) -> Plain:
        return bucket_name(self.scale.name, self.scale.starts[bucket])


class Averages(PerCent):
    """Amounts that are per cent times hours, shown as per cent: what they are per cent of, no file knows."""

    averaged = True

    @cached_property
    def base(self) -> Column:
        """Return 100 times the hours of each bucket."""
        return 100 * self.scale.observed_hours

    def values(self, columns: Column, window: Window) -> Array:
        """Return sums as the mean over the buckets in which they are known."""
        base = np.where(np.isnan(window.of(columns)), UNKNOWN, window.of(self.base))
        return 100 * ratios(known_sums(window.of(columns)), known_sums(base))


class LegacyLayout(Layout):
    """What holds for the whole of such files, which KubeLedger writes whether or not it polls."""

    depth: ClassVar[Mapping[ScaleName, str]] = {
        "hourly_7d": "7 days, up to the newest point",
        "daily_14d": "14 times 24 hours, up to the newest point",
        "monthly_12m": "370 times 24 hours, up to the newest point",
    }
    idle_note = " What idle costs is not in KubeLedger's files: nothing of it is shared."

    def cost_models(self, dataset: Dataset) -> list[CostModel]:
        """Return the one cost model of the installation."""
        return [dataset.cost_model]

    def last_seen_warnings(self, dataset: Dataset, seen: Iterable[int | None]) -> list[DataWarning]:
        """Return the warning for namespaces last seen before the hours that the files hold one by one."""
        scale = dataset.scales.get("hourly_7d")
        if scale is None or not scale.starts:
            return []
        earlier = sum(1 for at in seen if at is not None and at <= scale.starts[0])
        return [warning(Code.LAST_SEEN_COARSE, namespaces=earlier)] if earlier else []

    def unsampled_warnings(self, dataset: Dataset, now: float) -> list[DataWarning]:
        """Return the warning for files without any hourly point whose newest day (or month) is over."""
        scales = (dataset.scales[name] for name in ("daily_14d", "monthly_12m") if name in dataset.scales)
        newest = next((scale for scale in scales if scale.starts), None)
        if newest is None or newest.newest_sample is None or now - newest.newest_sample <= _MAX_AGE_SECONDS:
            return []
        last = bucket_name(newest.name, newest.starts[-1])
        return [warning(Code.STALE_DAYS, bucket=last, ended=instant(newest.newest_sample))]

    def max_age_seconds(self, dataset: Dataset) -> int:
        return _MAX_AGE_SECONDS

    def stale_warning(self, dataset: Dataset, newest: int, now: float) -> DataWarning:
        """Return the warning for a newest hourly point that is too old; when files were written says nothing."""
        runs = text("KubeLedger polls the cluster")
        return warning(Code.STALE, last=instant(newest), ago=duration(now - newest), runs=runs)
