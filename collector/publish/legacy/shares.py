"""What that layout's figures are made of: per entry and hour the per cent of the cluster's capacity, and rf.

Of GPUs it has something else: the mean over the GPUs that the namespace holds, and never an rf. GPUs held are the
requested ones; of their memory each has the cluster's mean.

Every hour is named by its end, so that the hour from 23 to 24 counts to the next day. Days that have ended are added up
once and kept; what a rolling window cuts is read again.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from collector.books.amounts import read_amounts
from collector.books.cost import by_hour
from collector.books.lifetimes import Roster, roster, stretches
from collector.books.page import CPU, GPU, GPU_MEMORY, Array, Page, sum_known
from collector.store.rates import RateChange
from collector.store.store import Store
from kl_core.calendar import DAY, HOUR, WEEK, floor_day, floor_hour
from kl_core.vocabulary import METRICS

NON_ALLOCATABLE = "non-allocatable"
DAILY_SECONDS = 1_209_600
MONTHLY_SECONDS = 31_968_000
"""370 days."""


@dataclass(frozen=True, slots=True)
class Shares:
    """Figures of consecutive hours, or their sums over days; E x M x N, NaN where there is none.

    Rows are namespaces by name, without an entry that did not live, and `non-allocatable`.
    """

    ends: NDArray[np.int64]
    """Ends of the hours, or starts of the days."""
    names: tuple[str, ...]
    usage: Array
    """Per cent of capacity, and of the GPUs held, summed over hours."""
    rf: Array
    """Usage ÷ requests, 1.0 where nothing is requested, summed over the hours in which these are known; of GPUs 0."""
    silent: Array
    """Hours of known usage and unknown requests, as imported history has them; NaN where there is none."""
    rates: Array
    """Hourly rate, summed over the hours in which the cluster was observed and had one (N)."""


@dataclass(frozen=True, slots=True)
class LegacyFigures:
    """What is published: the hours of a week, the days of both rolling windows."""

    trends: Shares
    windows: Mapping[int, Sequence[Shares]]
    """By the window's seconds: consecutive days, each of its own, oldest first."""
    gpu: bool
    """Whether there is or was a GPU in the larger window."""


class Keeper:
    """Keeps the sums of days that have ended. Not safe for several threads."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._history: tuple[RateChange, ...] = ()
        self._days: dict[int, Shares] = {}

    def figures(self, history: Sequence[RateChange]) -> LegacyFigures | None:
        """Return the figures up to the newest full hour; None before the first one. Raises what the store raises."""
        first, last = self._store.registry.first_tick, self._store.last_tick
        if first is None or last is None or floor_hour(last) <= floor_hour(first - 1):
            return None
        if tuple(history) != self._history:
            self._history, self._days = tuple(history), {}
        begin, newest = floor_hour(first - 1), floor_hour(last)
        namespaces = self._namespaces()
        self._close(namespaces, max(begin, newest - MONTHLY_SECONDS), newest)
        trends = self._read(namespaces, max(begin, newest - WEEK), newest)
        windows = {
            seconds: list(self._window(namespaces, max(begin, newest - seconds), newest))
            for seconds in (DAILY_SECONDS, MONTHLY_SECONDS)
        }
        gpu = any(bool(np.any(day.usage[:, GPU] > 0)) for day in windows[MONTHLY_SECONDS])
        return LegacyFigures(trends, windows, gpu)

    def _namespaces(self) -> Roster:
        # One that is called like the special entry cannot be told from it in this layout.
        return {
            key: lifetime
            for key, lifetime in roster(self._store).items()
            if key.kind == "namespace" and key.name != NON_ALLOCATABLE
        }

    def _close(self, namespaces: Roster, begin: int, newest: int) -> None:
        """Add up the days that have ended and lie wholly after `begin`."""
        self._days = {day: shares for day, shares in self._days.items() if day - HOUR >= begin}
        start = max([floor_day(begin + HOUR + DAY - 1), *(day + DAY for day in self._days)])
        stop = floor_day(newest + HOUR)
        for first, until in stretches(start, stop, namespaces):
            for day in _by_day(self._read(namespaces, first - HOUR, until - HOUR)):
                self._days[int(day.ends[0])] = day

    def _window(self, namespaces: Roster, begin: int, newest: int) -> Iterator[Shares]:
        """Return the days of the hours from `begin` to `newest`, the first and the last cut there."""
        start = begin
        while start < newest:
            day = floor_day(start + HOUR)
            end = min(newest, day + DAY - HOUR)
            closed = self._days.get(day) if end - start == DAY else None
            yield closed if closed is not None else next(_by_day(self._read(namespaces, start, end)))
            start = end

    def _read(self, namespaces: Roster, start: int, end: int) -> Shares:
        page = read_amounts(self._store, namespaces, start, end, HOUR)
        alive = np.array([namespaces[key].alive(page.starts) for key in page.keys], dtype=np.bool_)
        charged = (change.rate if change.rate > 0 else np.nan for change in self._history)
        rates = by_hour(self._history, charged, page.starts)
        return _shares(page, alive.reshape(len(page.keys), 1, len(page.starts)), rates)


def _shares(page: Page, alive: NDArray[np.bool_], rates: Array) -> Shares:
    capacity = page.cluster.capacity
    used = np.concatenate([np.where(alive, page.entries.usage, np.nan), page.cluster.non_allocatable[np.newaxis]])
    per_cent = 100 * used / np.where(capacity > 0, capacity, np.nan)
    requests = page.entries.requests
    per_cent[:, [GPU, GPU_MEMORY]] = np.nan
    per_cent[:-1, [GPU, GPU_MEMORY]] = 100 * used[:-1, [GPU, GPU_MEMORY]] / _held(requests[:, GPU], capacity)
    requesting = requests > 0
    rf = np.where(
        requesting, page.entries.usage / np.where(requesting, requests, 1.0), np.where(np.isnan(requests), np.nan, 1.0)
    )
    silent = np.where(np.isnan(requests) & alive, 1.0, np.nan)
    rf[:, [GPU, GPU_MEMORY]] = 0.0
    nothing = np.full((1, *capacity.shape), np.nan)
    return Shares(
        ends=page.starts + HOUR,
        names=(*(key.name for key in page.keys), NON_ALLOCATABLE),
        usage=per_cent,
        rf=np.where(np.isnan(per_cent), np.nan, np.concatenate([rf, nothing])),
        silent=np.where(np.isnan(per_cent), np.nan, np.concatenate([silent, nothing])),
        rates=np.where(np.isnan(capacity[CPU]), np.nan, rates),
    )


def _held(gpus: Array, capacity: Array) -> Array:
    """GPU-hours and GiB-hours of the GPUs held (E x 2 x N) from GPU-hours (E x N); NaN for none and for unknown."""
    there = capacity[GPU] > 0
    memory = np.where(there, capacity[GPU_MEMORY] / np.where(there, capacity[GPU], 1.0), np.nan)
    held = np.stack([gpus, gpus * memory], axis=1)
    return np.asarray(np.where(held > 0, held, np.nan))


def _by_day(shares: Shares) -> Iterator[Shares]:
    """Sum over the hours that end on one day."""
    days = shares.ends - shares.ends % DAY
    for day in np.unique(days):
        hours = days == day
        yield Shares(
            ends=np.array([day]),
            names=shares.names,
            usage=sum_known(shares.usage[..., hours], [0]),
            rf=sum_known(shares.rf[..., hours], [0]),
            silent=sum_known(shares.silent[..., hours], [0]),
            rates=sum_known(shares.rates[hours], [0]),
        )


def add_up(days: Sequence[Shares]) -> Shares:
    """Sum over consecutive days, named by the first."""
    names = tuple(sorted({name for day in days for name in day.names}))
    rows = {name: row for row, name in enumerate(names)}
    total = {item: np.full((len(names), len(METRICS), len(days)), np.nan) for item in ("usage", "rf", "silent")}
    for column, day in enumerate(days):
        places = [rows[name] for name in day.names]
        for item, values in total.items():
            values[places, :, column] = getattr(day, item)[..., 0]
    rates = sum_known(np.concatenate([day.rates for day in days]), [0])
    return Shares(days[0].ends, names, **{item: sum_known(values, [0]) for item, values in total.items()}, rates=rates)
