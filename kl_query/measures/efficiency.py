"""Efficiency: usage ÷ requests over the hours in which both are known.

No requests: the ratio is null and the class is `no_requests`. Nothing to compare: `unknown`. Otherwise below 0.5
over-provisioned, 0.5 to 1.0 balanced, above 1.0 under-provisioned.

Usage of GPUs whose holder the exporters did not name is in nobody's row. Any of the namespaces that request GPUs may be
the one it is missing from, so a ratio that it could raise by more than `TOLERATED_DOUBT` is unknown as well.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property, partial

import numpy as np
from numpy.typing import NDArray

from kl_core.vocabulary import Metric
from kl_query.dataset import derived
from kl_query.dataset.model import Dataset, Scale
from kl_query.dataset.table import Amounts, Column, Numbers
from kl_query.date_windows import Window
from kl_query.errors import ToolArgumentError
from kl_query.measures.measure import absence
from kl_query.numbers import UNKNOWN, Array, known_sums, ratios, rounded

OVER_PROVISIONED_BELOW = 0.5
UNDER_PROVISIONED_ABOVE = 1.0
TOLERATED_DOUBT = 0.05
CLASSES = ("over_provisioned", "balanced", "under_provisioned", "no_requests", "unknown")


@dataclass(frozen=True, slots=True)
class Divisors:
    """What divides sums of usage, of requests, and of both where both are known."""

    usage: Array
    requests: Array
    both: Array


UNDIVIDED = Divisors(*(np.ones(1) for _ in range(3)))


@dataclass(frozen=True, eq=False)
class Compared:
    """Sums of rows over a window, one element a row.

    `usage` and `requests` are of all known buckets, `compared_*` of the common hours. `unattributed` is usage that may
    be a row's and is in none.
    """

    usage: Array
    requests: Array
    compared_usage: Array
    compared_requests: Array
    hours: Array
    usage_mean: Array
    """Usage per hour it is known for."""
    requests_mean: Array
    """Requests per hour they are known for."""
    usage_alone: Array
    """Hours in which usage is known and requests are not."""
    unattributed: float

    @cached_property
    def in_doubt(self) -> NDArray[np.bool_]:
        """Return whether usage that is in nobody's row could raise the ratio by more than is tolerated."""
        wanted = self.compared_requests
        return (wanted > 0) & (self.unattributed > TOLERATED_DOUBT * wanted)

    @cached_property
    def ratio(self) -> Array:
        """Return usage ÷ requests; unknown without requests, without a common hour, or in doubt."""
        return np.where(self.in_doubt, UNKNOWN, ratios(self.compared_usage, self.compared_requests))

    @cached_property
    def unused(self) -> Array:
        """Return requests - usage over the common hours: negative where usage exceeds requests; unknown in doubt."""
        known = (self.hours != 0) & (self.compared_requests != 0) & ~self.in_doubt
        return np.where(known, self.compared_requests - self.compared_usage, UNKNOWN)

    def per(self, divisors: Divisors) -> Compared:
        """Return the same, each sum divided by its own hours."""
        return replace(
            self,
            usage=ratios(self.usage, divisors.usage),
            requests=ratios(self.requests, divisors.requests),
            compared_usage=ratios(self.compared_usage, divisors.both),
            compared_requests=ratios(self.compared_requests, divisors.both),
        )

    @cached_property
    def classification(self) -> NDArray[np.str_]:
        """Return one of CLASSES a row."""
        shown = self.ratio.copy()
        # As it is shown: a ratio of 0.5 must not read as below 0.5 for the sake of its twelfth digit.
        for limit in (OVER_PROVISIONED_BELOW, UNDER_PROVISIONED_ABOVE):
            for near in np.flatnonzero(np.abs(shown - limit) < _NEAR):
                shown[near] = rounded(shown[near])
        nothing = (self.hours != 0) & (self.compared_requests == 0) & (self.requests == 0)
        over, balanced = shown < OVER_PROVISIONED_BELOW, shown <= UNDER_PROVISIONED_ABOVE
        conditions = [nothing, np.isnan(shown), over, balanced]
        return np.select(conditions, ["no_requests", "unknown", *CLASSES[:2]], CLASSES[2])

    def reason(self, row: int, metric: str) -> str | None:
        """Return why there is no ratio for a row; None where there is one."""
        if self.classification[row] == "no_requests":
            return f"its pods request no {metric}" if self.usage[row] else f"it neither used nor requested any {metric}"
        if self.classification[row] != "unknown":
            return None
        if self.in_doubt[row]:
            return f"{rounded(self.unattributed):g} hours of {metric} usage name no holder and may be its own"
        asks = "it requests only in hours in which its usage is unknown"
        return asks if self.hours[row] else "usage and requests are never both known"


_UNKNOWN, _NONE = np.full(1, UNKNOWN), np.zeros(1)
UNCOMPARED = Compared(_UNKNOWN, _UNKNOWN, _UNKNOWN, _UNKNOWN, _NONE, _UNKNOWN, _UNKNOWN, _NONE, 0.0)
"""The sums of what is unknown, or cannot be added."""
_NEAR = 1e-5
"""How far a ratio can be from the one that is shown."""


def unattributed_usage(metric: Metric, window: Window) -> Column:
    """Return per bucket of a window the usage of a metric that is in nobody's row."""
    amounts = window.scale.special.get("unattributed", {}).get(metric)
    return window.of(amounts.usage if amounts else np.zeros(len(window.scale.starts)))


def in_window(
    rule: derived.Rule, metric: Metric, numbers: Numbers, window: Window, absent: Column | None = None
) -> Column:
    """Return a column of rows in a window; of one that lacks the metric, `absent` or what it then was."""
    scale = window.scale
    lacking = scale.zero if absent is None else absent
    return window.of(scale.namespaces.matrix(metric, numbers, partial(rule, scale, metric), lacking))


def compare(metric: Metric, numbers: Numbers, window: Window) -> Compared:
    """Return the sums of rows."""
    of, observed = (metric, numbers, window), window.scale.observed_hours
    usage, requests = in_window(_usage, *of), in_window(derived.requests, *of)
    matched, wanted = in_window(derived.usage_matched, *of), in_window(derived.requests_matched, *of)
    used_hours = in_window(derived.usage_hours, *of, observed)
    hours = in_window(derived.matched_hours, *of, observed)
    requested_hours = in_window(derived.requested_hours, *of, observed)
    both = ~np.isnan(matched + wanted)
    common = both.any(-1)
    sums = known_sums(usage), known_sums(requests)
    return Compared(
        *sums,
        np.where(common, np.where(both, matched, 0.0).sum(-1), UNKNOWN),
        np.where(common, np.where(both, wanted, 0.0).sum(-1), UNKNOWN),
        np.where(both, np.nan_to_num(hours), 0.0).sum(-1),
        ratios(sums[0], np.where(np.isnan(usage), 0.0, used_hours).sum(-1)),
        ratios(sums[1], np.where(np.isnan(requests), 0.0, requested_hours).sum(-1)),
        (used_hours - hours).sum(-1),
        float(np.nansum(unattributed_usage(metric, window))),
    )


def _usage(_scale: Scale, _metric: Metric, amounts: Amounts) -> Column:
    return amounts.usage


def hourly_ratio(metric: Metric, numbers: Numbers, window: Window) -> Column:
    """Return Σ usage ÷ Σ requests per bucket over the rows that know both.

    Unknown where nothing is requested, and where unattributed usage could raise the ratio by more than is tolerated.
    """
    used = in_window(derived.usage_matched, metric, numbers, window)
    wanted = in_window(derived.requests_matched, metric, numbers, window)
    # One that requests nothing has nothing to be compared with.
    known = (wanted > 0) & ~np.isnan(used)
    usage, requests = np.where(known, used, 0.0).sum(0), np.where(known, wanted, 0.0).sum(0)
    in_doubt = unattributed_usage(metric, window) > TOLERATED_DOUBT * requests
    return np.where(in_doubt, UNKNOWN, ratios(usage, requests))


def add(rows: Compared) -> Compared:
    """Return the sums over several namespaces; `hours` is the longest, what is unattributed common to all.

    Usage of a namespace that requests nothing has nothing to be compared with: it is in `usage` and in no ratio.
    """
    asking = rows.compared_requests > 0
    kept = asking if asking.any() else np.ones(len(asking), bool)

    def total(sums: Array) -> Array:
        return known_sums(sums)[np.newaxis]

    return Compared(
        total(rows.usage),
        total(rows.requests),
        total(rows.compared_usage[kept]),
        total(rows.compared_requests[kept]),
        np.max(rows.hours, initial=0.0, keepdims=True),
        total(rows.usage_mean),
        total(rows.requests_mean),
        _NONE,
        rows.unattributed,
    )


def comparable_metrics(dataset: Dataset, metric: Metric | None) -> tuple[Metric, ...]:
    """Return the metrics a call is about; all that can be requested by default. Raises ToolArgumentError."""
    published = tuple(m for m in dataset.metrics if m != "gpu_memory")
    if metric is None:
        return published
    if metric == "gpu_memory":
        raise ToolArgumentError(
            "metric_not_available",
            "metric",
            "gpu_memory cannot be requested in Kubernetes, so it has no efficiency; use metric=gpu.",
            allowed=published or ("cpu", "memory", "gpu"),
            nearest=["gpu"],
            corrections=[{"metric": "gpu"}],
        )
    if dataset.metrics and metric not in published:
        raise ToolArgumentError(
            "metric_not_available",
            "metric",
            absence(dataset, metric),
            allowed=published,
            nearest=published,
        )
    return (metric,)
