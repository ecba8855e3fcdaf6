"""Pages of the books: amounts of all entries over consecutive cells (hours, days or months), added up null-aware.

And the buckets that each scale lists, of which the cells of its page are the amounts.

Shapes: `E` entries, `M` metrics in the order of `METRICS`, `S` sources in the order of `SOURCES`, `N` cells. Amounts
are core-hours, GiB-hours (memory, gpu_memory) and GPU-hours, costs are money. NaN is unknown: a sum of cells is the sum
of the known ones, and unknown only when none is known.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from collector.store.paths import EntryKey
from kl_core.calendar import HOUR, boundaries, bucket_start, next_bucket
from kl_core.vocabulary import METRICS, SOURCES, ScaleName

Array = NDArray[np.float64]

CPU, MEMORY, GPU, GPU_MEMORY = range(len(METRICS))
KUBERNETES, METRICS_SERVER, DCGM = range(len(SOURCES))


@dataclass(frozen=True, slots=True)
class ClusterCells:
    """What is known of the cluster as a whole; every array is M x N."""

    capacity: Array
    allocatable: Array
    non_allocatable: Array
    idle: Array
    """Allocatable - usage, over the hours in which every entry's usage is known; may be negative."""
    unmeasured: Array
    """The same difference over the known entries, over the other hours; 0 in hours that are known in full."""
    unmeasured_hours: Array
    """Observed hours in which capacity is known and some entry's usage is not; never NaN."""
    bill: Array
    """Σ rate x weight; NaN without a rated hour."""
    non_allocatable_cost: Array
    idle_cost: Array
    unmeasured_cost: Array


@dataclass(frozen=True, slots=True)
class EntryCells:
    """Amounts per entry; E x M x N, `measured` E x N."""

    usage: Array
    requests: Array
    matched: Array
    """Requests of measured pods in the hours in which usage is known: requests x the share of them measured."""
    usage_matched: Array
    """Usage of the hours in which requests are known too: imported history can lack them."""
    matched_hours: Array
    """Hours in which both are known; never NaN."""
    cost: Array
    hours: Array
    """Observed hours in which usage is known; never NaN."""
    cost_hours: Array
    """Those of them in which a rate was in force; never NaN."""
    measured: Array
    """Hours' worth of pod samples that were measured; never NaN."""


@dataclass(frozen=True, slots=True)
class Page:
    """Consecutive cells with all that is known of them."""

    starts: NDArray[np.int64]
    observed: Array
    """Hours of each cell with known capacity (N)."""
    sampled: Array
    """Hours of each cell that a source was observed in (S x N)."""
    pods: Array
    """Hours of each cell in which the pods and their usage were both known (N)."""
    stored: Array
    """Hours of each cell that the store has steps of, observed or not (N)."""
    with_dcgm: Array
    """Hours of those in which an exporter was configured (N)."""
    silent: Array
    """Hours in which the API answered and a source, though expected to, did not (S x N)."""
    capacity_known: Array
    """Hours of `observed` in which the capacity of a metric is known (M x N)."""
    priced: Array
    """Hours of `observed` in which a rate was in force (N)."""
    cluster: ClusterCells
    keys: tuple[EntryKey, ...]
    entries: EntryCells


CLOSED_BUCKETS: Mapping[ScaleName, int] = {"hourly_7d": 168, "daily_14d": 14, "monthly_12m": 12}
"""Whole buckets a scale lists before the open one."""


@dataclass(frozen=True, slots=True)
class Buckets:
    """What a scale lists: consecutive buckets, oldest first, of which only the last can be open."""

    scale: ScaleName
    starts: tuple[int, ...]
    ends: tuple[int, ...]
    last_tick: int

    @property
    def complete(self) -> tuple[bool, ...]:
        """False for the bucket that the last tick lies inside of."""
        return tuple(end <= self.last_tick for end in self.ends)

    @property
    def elapsed_hours(self) -> tuple[float, ...]:
        """Length of each bucket, of the open one up to the last tick."""
        return tuple(
            (min(end, self.last_tick) - start) / HOUR for start, end in zip(self.starts, self.ends, strict=True)
        )


Group = TypeVar("Group", ClusterCells, EntryCells)

_HOURS = ("observed", "sampled", "pods", "stored", "with_dcgm", "silent", "capacity_known", "priced")
"""The fields of a page that count hours of its cells; never NaN."""


def sum_known(values: Array, offsets: Sequence[int]) -> Array:
    """Sum over the last axis of the cells from each offset to the next; NaN where no cell is known."""
    known = ~np.isnan(values)
    total = np.add.reduceat(np.where(known, values, 0.0), offsets, axis=-1)
    total[~np.logical_or.reduceat(known, offsets, axis=-1)] = np.nan
    return total


def combined(pages: Sequence[Page], combine: Callable[..., Array], starts: NDArray[np.int64]) -> Page:
    """Return the page whose every array is what `combine` makes of that of each page; the keys are those of the first.

    `combine` leaves the rows and their order as they are.
    """

    def of(groups: Sequence[Group]) -> Group:
        names = [item.name for item in fields(groups[0])]
        return replace(groups[0], **{name: combine(*(getattr(group, name) for group in groups)) for name in names})

    return Page(
        starts=starts,
        cluster=of([page.cluster for page in pages]),
        keys=pages[0].keys,
        entries=of([page.entries for page in pages]),
        **{name: combine(*(getattr(page, name) for page in pages)) for name in _HOURS},
    )


def fold(page: Page, offsets: Sequence[int]) -> Page:
    """Return the page with coarser cells.

    One for the cells from each offset to the next, named by the first of them.
    """
    return combined([page], lambda cells: sum_known(cells, offsets), page.starts[list(offsets)])


def cut(page: Page, start: int, stop: int) -> Page:
    """Return the cells from index `start` to `stop`, copied, so that the larger page can be freed."""
    return combined([page], lambda cells: cells[..., start:stop].copy(), page.starts[start:stop].copy())


def join(pages: Sequence[Page], keys: Sequence[EntryKey]) -> Page:
    """Return the pages one after the other, with a row for each of `keys`.

    An entry a page does not hold was zero there.
    """
    aligned = [replace(page, keys=tuple(keys), entries=_aligned(page, keys)) for page in pages]
    starts = np.concatenate([page.starts for page in pages])
    return combined(aligned, lambda *cells: np.concatenate(cells, axis=-1), starts)


def _aligned(page: Page, keys: Sequence[EntryKey]) -> EntryCells:
    if page.keys == tuple(keys):
        return page.entries
    rows = {key: row for row, key in enumerate(page.keys)}
    # The last row is what an entry that the page does not hold had.
    wanted = [rows.get(key, -1) for key in keys]
    return EntryCells(
        **{
            name: np.concatenate([getattr(page.entries, name), cells[np.newaxis]])[wanted]
            for name, cells in _nothing(page).items()
        }
    )


def _nothing(page: Page) -> dict[str, Array]:
    """Return what an entry that did not exist had in each cell: a known zero wherever the cluster was observed."""
    observed = np.broadcast_to(page.observed, page.cluster.capacity.shape)
    usage = np.where(observed > 0, 0.0, np.nan)
    requests = usage.copy()
    requests[GPU_MEMORY] = np.nan
    return {
        "usage": usage,
        "requests": requests,
        "matched": requests,
        "usage_matched": requests,
        "matched_hours": np.where(np.isnan(requests), 0.0, observed),
        "cost": np.where(np.isnan(page.cluster.bill), np.nan, 0.0),
        "hours": observed,
        "cost_hours": np.broadcast_to(page.priced, observed.shape),
        "measured": page.pods,
    }


def buckets(scale: ScaleName, first_tick: int, last_tick: int) -> Buckets:
    """Return the buckets of `scale` after `last_tick`.

    The whole ones it holds and the open one, none before the first sample.

    A last tick exactly on a boundary leaves no open bucket: nothing of the next one has elapsed.
    """
    newest = bucket_start(scale, last_tick - 1)
    is_open = next_bucket(scale, newest) > last_tick
    oldest = next_bucket(scale, newest, -CLOSED_BUCKETS[scale] + (0 if is_open else 1))
    bounds = boundaries(scale, max(oldest, bucket_start(scale, first_tick - 1)), newest)
    return Buckets(scale, bounds[:-1], bounds[1:], last_tick)
