"""For how many hours of a day or month a namespace has data, which its efficiency there has to be divided by.

A period file says Σ usage and Σ usage ÷ Σ rf, so that the one divided by the other is Σ rf: the sum of usage ÷ requests
over the hours the namespace has data for, and only over those. How many they are is not in that file. A finer file
tells, where it goes back far enough: the hours of the last 7 days tell it of days, days tell it of months. It is
believed where its own sum is that of the coarser file. Elsewhere a namespace that has data before and after a bucket is
taken to have been there throughout, unless its last week has gaps; of any other the hours are unknown.
"""

import math
from array import array
from bisect import bisect_left
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from kl_core.calendar import HOUR, WEEK
from kl_core.vocabulary import CostModel, Metric
from kl_query.dataset.legacy.buckets import Buckets
from kl_query.dataset.legacy.dates import hours_inside
from kl_query.dataset.legacy.hourly_points import Hourly
from kl_query.dataset.model import Column

OWN_GPUS: tuple[Metric, ...] = ("gpu", "gpu_memory")
"""Their values are means over the GPUs of each namespace, whose number is in no file."""
TOLERATED = 0.05
"""How much of an efficiency may be in doubt before it is unknown."""
_AGREES = 0.02
_HOURLY_ROUNDING = 0.005
"""Hourly points have two decimals."""
_ROUNDING = 0.0005
"""Half a unit of the last digit that is certain to be there."""
_MIN_DOUBT_SHARE, _MAX_DOUBT_SHARE = 1e-5, 0.01


@dataclass(frozen=True, slots=True)
class Trace:
    """A namespace in finer buckets: usage ÷ requests of each added up (or usage), and its hours.

    NaN is unknown; a bucket without data has 0 hours.
    """

    weights: Column
    hours: Column


@dataclass(frozen=True, slots=True)
class Finer:
    """What a finer scale tells of one metric. A bucket lies in a coarser one where its element of `at` does.

    After `horizon` it knows of every hour; `earliest` is the first element that `at` can have.
    """

    at: Sequence[int]
    horizon: int
    earliest: int
    lengths: Column
    """The hours of each bucket."""
    traces: Mapping[str, Trace]
    by_usage: bool
    row: float = 1.0
    """The hours of a row, in which a factor is a weight of as many."""
    assumed: frozenset[int] = frozenset()
    """Positions whose hours are not certain."""
    erratic: frozenset[str] = frozenset()
    """Namespaces that last week were now and then not there, or without requests."""
    without_requests: frozenset[str] = frozenset()
    """Namespaces that request nothing as far as last week tells."""

    def missing(self, name: str, start: int, end: int) -> float:
        """Return in how many of the hours between two instants a namespace has no data."""
        trace = self.traces.get(name)
        if trace is None:
            return 0.0
        first, stop = bisect_left(self.at, start), bisect_left(self.at, end)
        return sum(self.lengths[i] - trace.hours[i] for i in range(first, stop))


@dataclass(frozen=True)
class Rolling:
    """The buckets of a file whose window, in seconds, ends at `newest`; values are sums over rows of `row` seconds."""

    buckets: Buckets
    newest: int
    window: int
    row: int
    rate: float | None = None
    """The newest price of an hour; None where values are no money."""
    begun_hours: float | None = None
    """The hours of the first bucket, where the data begin in it and a bill tells; None otherwise."""

    @cached_property
    def inside(self) -> Column:
        """Return how many hours of each bucket are inside the window."""
        end = max(self.newest, self.buckets.starts[-1])
        pairs = zip(self.buckets.starts, self.buckets.ends, strict=True)
        return array("d", [hours_inside(*pair, end, self.window, self.row) for pair in pairs])

    @property
    def cut(self) -> bool:
        """Say whether the window begins inside the first bucket, at whatever hour, its first one included.

        Otherwise the first bucket is the one the data begin in, at an hour that may be any of it.
        """
        return self.buckets.starts[0] <= self.newest - self.window + HOUR


@dataclass(frozen=True, slots=True)
class HoursWithData:
    """Hours of each bucket, NaN where unknown.

    `from_finer` are the buckets whose hours a finer file gives, or the bill, `assumed` those in which they may be
    fewer.
    `has_requests` is false for a namespace that seems to request nothing.
    """

    hours: Column
    from_finer: frozenset[int]
    assumed: frozenset[int]
    has_requests: bool = True


def of_hours(hourly: Hourly, model: CostModel, lag: int = 0) -> dict[Metric, Finer]:
    """Return what the hourly points tell of each metric: by rf where they have it, else by usage in per cent.

    `lag` is by how many seconds their window ended after the newest of them.
    """
    if hourly.newest is None:
        return {}
    closed = [i for i, end in enumerate(hourly.ends) if end <= hourly.newest]
    at = [hourly.ends[i] for i in closed]
    row = hourly.row / HOUR
    horizon = hourly.newest + lag - WEEK
    finer: dict[Metric, Finer] = {}
    for metric in ("cpu", "memory", "gpu", "gpu_memory"):
        by_usage = metric in OWN_GPUS or (metric, "rf") not in hourly.columns
        named = hourly.columns.get((metric, "usage" if by_usage else "rf"))
        if named is None or (by_usage and model != "cumulative"):
            continue
        weights = {name: array("d", [column[i] for i in closed]) for name, column in named.items()}
        traces = {
            name: Trace(each, array("d", [0.0 if math.isnan(weight) else row for weight in each]))
            for name, each in weights.items()
        }
        hours = array("d", [row]) * len(at)
        erratic = _erratic(weights, by_usage=by_usage, row=row)
        without_requests = frozenset(name for name, each in weights.items() if not by_usage and _only_ones(each, row))
        finer[metric] = Finer(
            at,
            horizon,
            horizon + hourly.row,
            hours,
            traces,
            by_usage,
            row=row,
            erratic=erratic,
            without_requests=without_requests,
        )
    return finer


def count(name: str, usage: Column, mean: Column, rolling: Rolling, finer: Finer | None) -> HoursWithData:
    """Return the hours of every bucket in which usage and requests of a namespace are known."""
    with_data = present(name, usage, mean, rolling, finer)
    if (finer and name in finer.without_requests) or _seems_without_requests(
        usage, mean, with_data.hours, with_data.assumed
    ):
        return replace(with_data, hours=rolling.buckets.unknown, assumed=frozenset(), has_requests=False)
    return with_data


def present(name: str, usage: Column, mean: Column, rolling: Rolling, finer: Finer | None) -> HoursWithData:
    """Return the same, whether or not requests that equal usage may be none."""
    buckets = rolling.buckets
    weights = weigh(usage, mean, by_usage=finer is not None and finer.by_usage)
    hours, from_finer, assumed = buckets.unknown, set[int](), set[int]()
    for i, weight in enumerate(weights):
        if math.isnan(weight) or not mean[i] > 0:
            continue
        start, end = buckets.starts[i], min(buckets.ends[i], rolling.newest + 1)
        hours_and_doubt = _hours_from_finer(finer, name, weight, start, end) if finer else None
        if hours_and_doubt is not None:
            hours[i], doubtful = hours_and_doubt
            from_finer.add(i)
        elif any(map(math.isnan, usage[max(0, i - 1) : i + 2])) or (finer and name in finer.erratic):
            continue
        elif i == 0 and rolling.begun_hours is not None:
            hours[i], doubtful = rolling.begun_hours, False
            from_finer.add(i)
        else:
            # Hours that contradict the day they are of tell nothing about it.
            partly = finer is not None and start <= finer.horizon
            hours[i] = rolling.inside[i] - (finer.missing(name, start, end) if finer and partly else 0.0)
            doubtful = i == 0 and not rolling.cut
        if doubtful:
            assumed.add(i)
    return HoursWithData(hours, frozenset(from_finer), frozenset(assumed))


def doubt(mean: float) -> float:
    """Return how near to 1 a usage ÷ requests may be that was 1, which files also write for no requests.

    Both numbers are rounded.
    """
    return min(_MAX_DOUBT_SHARE, max(_MIN_DOUBT_SHARE, _ROUNDING / mean))


def _seems_without_requests(usage: Column, mean: Column, hours: Column, assumed: Collection[int]) -> bool:
    """Say whether usage ÷ requests is 1 in every bucket whose hours are certain, and there is one."""
    sure = [i for i, count in enumerate(hours) if count > 0 and i not in assumed and usage[i] > 0]
    return bool(sure) and all(abs(usage[i] / (mean[i] * hours[i]) - 1) <= doubt(mean[i]) for i in sure)


def weigh(usage: Column, mean: Column, *, by_usage: bool) -> Column:
    """Return Σ rf of each bucket, or its usage."""
    if by_usage:
        return usage
    return array("d", [u / m if m > 0 else math.nan for u, m in zip(usage, mean, strict=True)])


def _hours_from_finer(finer: Finer, name: str, weight: float, start: int, end: int) -> tuple[float, bool] | None:
    """Return what finer buckets say of the hours between two instants, and whether they may be fewer.

    None where the finer buckets do not have all of them.
    """
    trace = finer.traces.get(name)
    if trace is None:
        return None
    first, stop = bisect_left(finer.at, start), bisect_left(finer.at, end)
    known = [i for i in range(first, stop) if not math.isnan(trace.weights[i])]
    if not known or not (start > finer.horizon or _began_after(finer, trace)):
        return None
    weights = [trace.weights[i] for i in known]
    if abs(sum(weights) - weight) > _AGREES * weight + _HOURLY_ROUNDING * finer.row * len(known):
        return None
    hours = sum(trace.hours[i] for i in known)
    mixed = not finer.by_usage and _mixed(weights, finer.row)
    if math.isnan(hours) and not mixed:
        return None
    return math.nan if mixed else hours, not finer.assumed.isdisjoint(known)


def _began_after(finer: Finer, trace: Trace) -> bool:
    """Say whether a namespace was not there yet when a finer scale begins."""
    known = (at for at, weight in zip(finer.at, trace.weights, strict=True) if not math.isnan(weight))
    return next(known) > finer.earliest


def _only_ones(factors: Column, one: float) -> bool:
    known = [factor for factor in factors if not math.isnan(factor)]
    return bool(known) and all(math.isclose(factor, one, rel_tol=1e-9) for factor in known)


def _mixed(factors: Sequence[float], one: float) -> bool:
    """Say whether factors of exactly 1, which may mean that nothing is requested, change the mean of all of them."""
    others = [factor for factor in factors if not math.isclose(factor, one, rel_tol=1e-9)]
    if not others or len(others) == len(factors):
        return False
    mean = sum(factors) / len(factors)
    return abs(sum(others) / len(others) - mean) > TOLERATED * mean


def _erratic(weights: Mapping[str, Column], *, by_usage: bool, row: float) -> frozenset[str]:
    some = [not all(map(math.isnan, hour)) for hour in zip(*weights.values(), strict=True)]
    return frozenset(name for name, each in weights.items() if _is_erratic(each, some, row, by_usage=by_usage))


def _is_erratic(weights: Column, some: Sequence[bool], row: float, *, by_usage: bool) -> bool:
    known = [i for i, weight in enumerate(weights) if not math.isnan(weight)]
    if not known:
        return False
    expected = sum(some[known[0] : known[-1] + 1])
    return len(known) < (1 - TOLERATED) * expected or (not by_usage and _mixed([weights[i] for i in known], row))
