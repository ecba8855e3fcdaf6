"""Efficiency: usage ÷ requests over the hours in which both are known.

No requests: the ratio is null and the class is `no_requests`. Nothing to compare: `unknown`. Otherwise below 0.5
over-provisioned, 0.5 to 1.0 balanced, above 1.0 under-provisioned.

Usage of GPUs whose holder the exporters did not name is in nobody's row. Any of the namespaces that request GPUs may be
the one it is missing from, so a ratio that it could raise by more than `TOLERATED_DOUBT` is unknown as well.
"""

from __future__ import annotations

import math
from array import array
from dataclasses import dataclass, replace
from itertools import compress, filterfalse
from math import isnan

from kl_core.vocabulary import Metric
from kl_query.dataset.model import Amounts, Column, Dataset, Scale
from kl_query.date_windows import Window
from kl_query.errors import ToolArgumentError
from kl_query.measures.measure import absence
from kl_query.numbers import UNKNOWN, known_sum, ratio, rounded

OVER_PROVISIONED_BELOW = 0.5
UNDER_PROVISIONED_ABOVE = 1.0
TOLERATED_DOUBT = 0.05
CLASSES = ("over_provisioned", "balanced", "under_provisioned", "no_requests", "unknown")


@dataclass(frozen=True, slots=True)
class Divisors:
    """What divides sums of usage, of requests, and of both where both are known."""

    usage: float
    requests: float
    both: float


UNDIVIDED = Divisors(1.0, 1.0, 1.0)


@dataclass(frozen=True, slots=True)
class Compared:
    """Sums of a row over a window.

    `usage` and `requests` are of all known buckets, `compared_*` of the common hours. `unattributed` is usage that may
    be the row's and is not in it.
    """

    usage: float
    requests: float
    compared_usage: float
    compared_requests: float
    hours: float
    unattributed: float = 0.0
    usage_alone: float = 0.0
    """Hours in which usage is known and requests are not."""
    usage_mean: float = UNKNOWN
    """Usage per hour it is known for."""
    requests_mean: float = UNKNOWN
    """Requests per hour they are known for."""

    @property
    def in_doubt(self) -> bool:
        """Return whether usage that is in nobody's row could raise the ratio by more than is tolerated."""
        return self.compared_requests > 0 and self.unattributed > TOLERATED_DOUBT * self.compared_requests

    @property
    def ratio(self) -> float:
        """Return usage ÷ requests; unknown without requests, without a common hour, or in doubt."""
        return UNKNOWN if self.in_doubt else ratio(self.compared_usage, self.compared_requests)

    @property
    def unused(self) -> float:
        """Return requests - usage over the common hours: negative where usage exceeds requests; unknown in doubt."""
        known = self.hours and self.compared_requests and not self.in_doubt
        return self.compared_requests - self.compared_usage if known else UNKNOWN

    def per(self, divisors: Divisors) -> Compared:
        """Return the same, each sum divided by its own hours."""
        if divisors == UNDIVIDED:
            return self
        return replace(
            self,
            usage=ratio(self.usage, divisors.usage),
            requests=ratio(self.requests, divisors.requests),
            compared_usage=ratio(self.compared_usage, divisors.both),
            compared_requests=ratio(self.compared_requests, divisors.both),
        )

    @property
    def classification(self) -> str:
        """Return one of CLASSES."""
        if self.hours and self.compared_requests == 0 and self.requests == 0:
            return "no_requests"
        # As it is shown: a ratio of 0.5 must not read as below 0.5 for the sake of its twelfth digit.
        shown = rounded(self.ratio)
        if shown is None:
            return "unknown"
        if shown < OVER_PROVISIONED_BELOW:
            return "over_provisioned"
        return "balanced" if shown <= UNDER_PROVISIONED_ABOVE else "under_provisioned"

    def reason(self, metric: str) -> str | None:
        """Return why there is no ratio; None where there is one."""
        kind = self.classification
        if kind == "no_requests":
            return f"its pods request no {metric}" if self.usage else f"it neither used nor requested any {metric}"
        if kind != "unknown":
            return None
        if self.in_doubt:
            return f"{rounded(self.unattributed):g} hours of {metric} usage name no holder and may be its own"
        return (
            "it requests only in hours in which its usage is unknown"
            if self.hours
            else "usage and requests are never both known"
        )


UNCOMPARED = Compared(UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, 0.0)
"""The sums of what is unknown, or cannot be added."""


def unattributed_usage(scale: Scale, metric: Metric) -> Column | None:
    """Return per bucket the usage of a metric that is in nobody's row; None where there is none."""
    amounts = scale.special.get("unattributed", {}).get(metric)
    return amounts.usage if amounts else None


def nothing_in(window: Window) -> Compared:
    """Return the sums of what was zero in every observed bucket."""
    nothing = 0.0 if window.observed_hours else UNKNOWN
    return Compared(
        nothing, nothing, nothing, nothing, window.observed_hours, usage_mean=nothing, requests_mean=nothing
    )


def compare(scale: Scale, amounts: Amounts, window: Window, unattributed: Column | None = None) -> Compared:
    """Return a row's sums."""
    matched = matched_requests(amounts)
    counted = next((known for known in (amounts.matched_hours, amounts.usage_hours) if known is not None), None)
    columns = (matched_usage(amounts), matched, scale.observed_hours if counted is None else counted)
    usage, wanted, hours = (window.of(column) for column in columns)
    both = [not isnan(either) for either in map(float.__add__, usage, wanted)]
    requests = amounts.requests if amounts.requests is not None else matched
    return Compared(
        known_sum(window.of(amounts.usage)),
        known_sum(window.of(requests)),
        known_sum(compress(usage, both)),
        known_sum(compress(wanted, both)),
        math.fsum(filterfalse(isnan, compress(hours, both))),
        math.fsum(filterfalse(isnan, window.of(unattributed))) if unattributed is not None else 0.0,
        _usage_alone(scale, amounts, window),
        _mean(amounts.usage, _usage_hours(scale, amounts), window),
        _mean(requests, requested_hours(scale, amounts), window),
    )


def _usage_hours(scale: Scale, amounts: Amounts) -> Column:
    return amounts.usage_hours if amounts.usage_hours is not None else scale.observed_hours


def _usage_alone(scale: Scale, amounts: Amounts, window: Window) -> float:
    if amounts.matched_hours is None:
        return 0.0
    known = _usage_hours(scale, amounts)
    return math.fsum(known[i] - amounts.matched_hours[i] for i in window.indices)


def requested_hours(scale: Scale, amounts: Amounts) -> Column:
    """Return the hours of each bucket that requests cover: the observed ones without those of usage alone."""
    if amounts.matched_hours is None:
        return scale.observed_hours
    columns = zip(scale.observed_hours, _usage_hours(scale, amounts), amounts.matched_hours, strict=True)
    return array("d", [observed - (used - matched) for observed, used, matched in columns])


def _mean(amounts: Column, hours: Column, window: Window) -> float:
    parts, lengths = window.of(amounts), window.of(hours)
    if isnan(sum(parts)):
        known = [not isnan(part) for part in parts]
        parts, lengths = (array("d", compress(column, known)) for column in (parts, lengths))
    return ratio(sum(parts), sum(lengths))


def matched_usage(amounts: Amounts) -> Column:
    """Return the usage of the hours in which requests are known too."""
    return amounts.usage if amounts.usage_matched is None else amounts.usage_matched


def matched_requests(amounts: Amounts) -> Column:
    """Return the requests of the hours in which usage is known too."""
    if amounts.requests_matched is not None:
        return amounts.requests_matched
    if amounts.requests is None:
        return array("d", [UNKNOWN]) * len(amounts.usage)
    return amounts.requests  # on hours: equal to requests wherever usage is known


def add(rows: list[Compared]) -> Compared:
    """Return the sums over several namespaces; `hours` is the longest, what is unattributed common to all.

    Usage of a namespace that requests nothing has nothing to be compared with: it is in `usage` and in no ratio.
    """
    asking = [row for row in rows if row.compared_requests > 0]
    return Compared(
        known_sum(row.usage for row in rows),
        known_sum(row.requests for row in rows),
        known_sum(row.compared_usage for row in asking or rows),
        known_sum(row.compared_requests for row in asking or rows),
        max((row.hours for row in rows), default=0.0),
        max((row.unattributed for row in rows), default=0.0),
        usage_mean=known_sum(row.usage_mean for row in rows),
        requests_mean=known_sum(row.requests_mean for row in rows),
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
