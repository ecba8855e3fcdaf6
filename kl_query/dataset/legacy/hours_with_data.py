"""For how many hours of a day or month a namespace has data, which its efficiency there has to be divided by.

A period file says Σ usage and Σ usage ÷ Σ rf, so that the one divided by the other is Σ rf: the sum of usage ÷ requests
over the hours the namespace has data for, and only over those. How many they are is not in that file. A finer file
tells, where it goes back far enough: the hours of the last 7 days tell it of days, days tell it of months. It is
believed where its own sum is that of the coarser file. Elsewhere a namespace that has data before and after a bucket is
taken to have been there throughout, unless its last week has gaps; of any other the hours are unknown.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import compress, pairwise

import numpy as np

from kl_core.calendar import HOUR, WEEK
from kl_core.vocabulary import METRICS, CostModel, Metric
from kl_query.dataset.legacy.dates import hours_inside
from kl_query.dataset.legacy.hourly_points import Hourly
from kl_query.dataset.legacy.table import BILLING_RATE
from kl_query.dataset.legacy.values import Instants, NamedLines, is_same
from kl_query.dataset.table import Column
from kl_query.numbers import UNKNOWN, Flags, known_sums, ratios

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
_MAX_DIFFERENCE_ROWS = 0.05
"""How far from a whole number of rows hours may be by which a bill was rounded."""


@dataclass(frozen=True, slots=True, eq=False)
class Finer:
    """What a finer scale tells of one metric. A bucket lies in a coarser one where its element of `at` does.

    `weights` are usage ÷ requests of each bucket added up (or usage), NaN where unknown, and `hours` how many it has
    data of: 0 without any. After `horizon` it knows of every hour; `earliest` is the first element that `at` can have.
    """

    at: Instants
    horizon: float
    earliest: float
    lengths: Column
    """The hours of each bucket."""
    weights: NamedLines
    hours: NamedLines
    by_usage: bool
    assumed: Flags
    """Which buckets have hours that are not certain."""
    row: float = 1.0
    """The hours of a row, in which a factor is a weight of as many."""
    erratic: frozenset[str] = frozenset()
    """Namespaces that last week were now and then not there, or without requests."""
    without_requests: frozenset[str] = frozenset()
    """Namespaces that request nothing as far as last week tells."""


_NOTHING = NamedLines((), np.empty((0, 0)))
UNTOLD = Finer(
    np.empty(0, np.int64), -np.inf, -np.inf, np.empty(0), _NOTHING, _NOTHING, by_usage=False, assumed=np.empty(0, bool)
)
"""What there is to know without a finer scale."""


@dataclass(frozen=True)
class Rolling:
    """The buckets of a file whose window, in seconds, ends at `newest`; values are sums over rows of `row` seconds.

    `bounds` are the starts of the buckets, and the end of the last.
    """

    bounds: tuple[int, ...]
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
        end = max(self.newest, self.bounds[-2])
        return np.array([hours_inside(*pair, end, self.window, self.row) for pair in pairwise(self.bounds)])

    @property
    def cut(self) -> bool:
        """Say whether the window begins inside the first bucket, at whatever hour, its first one included.

        Otherwise the first bucket is the one the data begin in, at an hour that may be any of it.
        """
        return self.bounds[0] <= self.newest - self.window + HOUR


@dataclass(frozen=True, slots=True, eq=False)
class HoursWithData:
    """Hours of each bucket, NaN where unknown, a line a namespace.

    `from_finer` are the buckets whose hours a finer file gives, or the bill, `assumed` those in which they may be
    fewer. `has_requests` is false for a namespace that seems to request nothing.
    """

    hours: Column
    from_finer: Flags
    assumed: Flags
    has_requests: Flags


def of_hours(hourly: Hourly, model: CostModel, lag: int = 0) -> dict[Metric, Finer]:
    """Return what the hourly points tell of each metric: by rf where they have it, else by usage in per cent.

    `lag` is by how many seconds their window ended after the newest of them.
    """
    if hourly.newest is None:
        return {}
    at = np.array([end for end in hourly.ends if end <= hourly.newest], dtype=np.int64)
    row = hourly.row / HOUR
    horizon = hourly.newest + lag - WEEK
    finer: dict[Metric, Finer] = {}
    for metric in METRICS:
        by_usage = metric in OWN_GPUS or (metric, "rf") not in hourly.lines
        lines = hourly.lines.get((metric, "usage" if by_usage else "rf"))
        if lines is None or (by_usage and model != "cumulative"):
            continue
        weights = lines.matrix[:, : len(at)]
        known = ~np.isnan(weights)
        ones = is_same(weights, row)
        only_ones = known.any(1) & (ones == known).all(1) & (not by_usage)
        erratic = _is_erratic(known) | (_is_mixed(weights, row) & (not by_usage))
        finer[metric] = Finer(
            at,
            horizon,
            horizon + hourly.row,
            np.full(len(at), row),
            NamedLines(lines.names, weights),
            NamedLines(lines.names, np.where(known, row, 0.0)),
            by_usage,
            np.zeros(len(at), bool),
            row,
            frozenset(compress(lines.names, erratic)),
            frozenset(compress(lines.names, only_ones)),
        )
    return finer


def billed_hours(costs: NamedLines, rolling: Rolling) -> float | None:
    """Return for how many hours of its first bucket an installation has data; None where its bill does not tell them.

    Under costs the values of a bucket, of all that used anything, add up to the hourly rates of the hours with data. So
    the bill divided by the rate is these hours, as long as the rate was the same then as it is now: it tells them where
    the next bucket was billed at today's rate in all of its hours, and the first in whole rows.
    """
    rate = rolling.rate
    if not rate or rolling.cut or len(rolling.bounds) < 3:
        return None
    row = rolling.row / HOUR
    charged = [name != BILLING_RATE for name in costs.names]
    first, second = (known_sums(costs.matrix[charged, :2], axis=0) / rate / row).tolist()
    if not (first > 0 and abs(second - rolling.inside[1] / row) <= _MAX_DIFFERENCE_ROWS):
        return None
    rows = round(first)
    is_plain = abs(first - rows) <= _MAX_DIFFERENCE_ROWS and 0 < rows * row <= rolling.inside[0]
    return rows * row if is_plain else None


def counted(names: Sequence[str], usage: Column, mean: Column, rolling: Rolling, finer: Finer) -> HoursWithData:
    """Return the hours of every bucket in which usage and requests of each of some namespaces are known."""
    with_data = present(names, usage, mean, rolling, finer)
    unrequested = np.array([name in finer.without_requests for name in names], bool)
    unrequested |= _seem_without_requests(usage, mean, with_data.hours, with_data.assumed)
    return replace(
        with_data,
        hours=np.where(unrequested[:, np.newaxis], UNKNOWN, with_data.hours),
        assumed=with_data.assumed & ~unrequested[:, np.newaxis],
        has_requests=~unrequested,
    )


def present(names: Sequence[str], usage: Column, mean: Column, rolling: Rolling, finer: Finer) -> HoursWithData:
    """Return the same, whether or not requests that equal usage may be none."""
    weights = weigh(usage, mean, by_usage=finer.by_usage)
    there = ~np.isnan(weights) & (mean > 0)
    gaps = np.pad(np.isnan(usage), ((0, 0), (1, 1)))
    interrupted = gaps[:, :-2] | gaps[:, 1:-1] | gaps[:, 2:]
    interrupted |= np.array([name in finer.erratic for name in names], bool)[:, np.newaxis]
    traces = finer.weights.of(names), finer.hours.of(names, finer.lengths)
    begun_after = _begun_after(finer, traces[0])
    hours = np.full(usage.shape, UNKNOWN)
    from_finer, assumed = np.zeros(usage.shape, bool), np.zeros(usage.shape, bool)
    for i, (start, end) in enumerate(pairwise(rolling.bounds)):
        part = slice(*np.searchsorted(finer.at, (start, min(end, rolling.newest + 1))))
        agreed, agreed_hours = _agreed(finer, traces[0][:, part], traces[1][:, part], weights[:, i])
        agreed &= there[:, i] & (begun_after | (start > finer.horizon))
        supposed = there[:, i] & ~agreed & ~interrupted[:, i]
        billed = rolling.begun_hours if i == 0 else None
        # Hours that contradict the day they are of tell nothing about it.
        partly = start <= finer.horizon
        missing = (finer.lengths[part] - traces[1][:, part]).sum(1) if partly else 0.0
        supposed_hours = rolling.inside[i] - missing if billed is None else billed
        hours[:, i] = np.where(agreed, agreed_hours, np.where(supposed, supposed_hours, UNKNOWN))
        from_finer[:, i] = agreed | (supposed & (billed is not None))
        doubtful = (~np.isnan(traces[0][:, part]) & finer.assumed[part]).any(1)
        assumed[:, i] = (agreed & doubtful) | (supposed & (i == 0 and billed is None and not rolling.cut))
    return HoursWithData(hours, from_finer, assumed, np.ones(len(names), bool))


def doubt(mean: Column) -> Column:
    """Return how near to 1 a usage ÷ requests may be that was 1, which files also write for no requests.

    Both numbers are rounded.
    """
    return np.clip(ratios(_ROUNDING, mean), _MIN_DOUBT_SHARE, _MAX_DOUBT_SHARE)


def weigh(usage: Column, mean: Column, *, by_usage: bool) -> Column:
    """Return Σ rf of each bucket, or its usage."""
    return usage if by_usage else np.where(mean > 0, ratios(usage, mean), UNKNOWN)


def _seem_without_requests(usage: Column, mean: Column, hours: Column, assumed: Flags) -> Flags:
    """Say of which usage ÷ requests is 1 in every bucket whose hours are certain, and there is one."""
    sure = (hours > 0) & ~assumed & (usage > 0)
    is_one = abs(ratios(usage, mean * hours) - 1) <= doubt(mean)
    seem: Flags = np.any(sure, axis=1) & np.all(is_one | ~sure, axis=1)
    return seem


def _agreed(finer: Finer, weights: Column, hours: Column, total: Column) -> tuple[Flags, Column]:
    """Return of which namespaces finer buckets have all the hours of a coarser one, and how many these are.

    Not a number where factors of 1 make them uncertain.
    """
    known = ~np.isnan(weights)
    count = known.sum(1)
    agrees = abs(weights.sum(1, where=known) - total) <= _AGREES * total + _HOURLY_ROUNDING * finer.row * count
    in_all = hours.sum(1, where=known)
    mixed = _is_mixed(weights, finer.row) & (not finer.by_usage)
    return (count > 0) & agrees & (mixed | ~np.isnan(in_all)), np.where(mixed, UNKNOWN, in_all)


def _begun_after(finer: Finer, weights: Column) -> Flags:
    """Say which namespaces were not there yet when a finer scale begins."""
    known = ~np.isnan(weights)
    after: Flags = np.any(known, axis=1) & ~np.any(known[:, finer.at <= finer.earliest], axis=1)
    return after


def _is_mixed(factors: Column, one: float) -> Flags:
    """Say where factors of exactly 1, which may mean that nothing is requested, change the mean of all of them."""
    known = ~np.isnan(factors)
    others = known & ~is_same(factors, one)
    mean, mean_of_others = (ratios(factors.sum(1, where=some), some.sum(1)) for some in (known, others))
    mixed: Flags = np.any(others != known, axis=1) & (abs(mean_of_others - mean) > TOLERATED * mean)
    return mixed


def _is_erratic(known: Flags) -> Flags:
    """Say which lines lack many of the buckets between their first and their last in which any line is known."""
    begun = np.logical_or.accumulate(known, axis=1)
    not_ended = np.logical_or.accumulate(known[:, ::-1], axis=1)[:, ::-1]
    expected = (begun & not_ended & known.any(0)).sum(1)
    erratic: Flags = known.sum(1) < (1 - TOLERATED) * expected
    return erratic
