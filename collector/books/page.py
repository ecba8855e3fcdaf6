"""Pages of the books: amounts of all entries over consecutive cells (hours, days or months), added up null-aware.

Shapes: `E` entries, `M` metrics in the order of `METRICS`, `S` sources in the order of `SOURCES`, `N` cells. Amounts
are core-hours, GiB-hours (memory, gpu_memory) and GPU-hours, costs are money. NaN is unknown: a sum of cells is the sum
of the known ones, and unknown only when none is known.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from collector.store.paths import EntryKey
from kl_core.vocabulary import METRICS, SOURCES

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
    """Requests of the hours in which usage is known too."""
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


Group = TypeVar("Group", ClusterCells, EntryCells)

_HOURS = ("observed", "sampled", "pods", "stored", "with_dcgm", "silent", "capacity_known", "priced")
"""The fields of a page that count hours of its cells; never NaN."""


def sum_known(values: Array, offsets: Sequence[int]) -> Array:
    """Sum over the last axis of the cells from each offset to the next; NaN where no cell is known."""
    known = ~np.isnan(values)
    total = np.add.reduceat(np.where(known, values, 0.0), offsets, axis=-1)
    total[~np.logical_or.reduceat(known, offsets, axis=-1)] = np.nan
    return total


def fold(page: Page, offsets: Sequence[int]) -> Page:
    """Return the page with coarser cells.

    One for the cells from each offset to the next, named by the first of them.
    """

    def folded(group: Group) -> Group:
        return replace(group, **{item.name: sum_known(getattr(group, item.name), offsets) for item in fields(group)})

    return Page(
        starts=page.starts[list(offsets)],
        cluster=folded(page.cluster),
        keys=page.keys,
        entries=folded(page.entries),
        **{name: sum_known(getattr(page, name), offsets) for name in _HOURS},
    )


def cut(page: Page, start: int, stop: int) -> Page:
    """Return the cells from index `start` to `stop`, copied, so that the larger page can be freed."""

    def part(group: Group) -> Group:
        return replace(
            group, **{item.name: getattr(group, item.name)[..., start:stop].copy() for item in fields(group)}
        )

    return Page(
        starts=page.starts[start:stop].copy(),
        cluster=part(page.cluster),
        keys=page.keys,
        entries=part(page.entries),
        **{name: getattr(page, name)[..., start:stop].copy() for name in _HOURS},
    )


def join(pages: Sequence[Page], keys: Sequence[EntryKey]) -> Page:
    """Return the pages one after the other, with a row for each of `keys`.

    An entry a page does not hold was zero there.
    """
    rows = {key: row for row, key in enumerate(keys)}
    aligned = [_align(page, rows) for page in pages]

    def joined(groups: Sequence[Group]) -> Group:
        names = [item.name for item in fields(groups[0])]
        return replace(
            groups[0], **{name: np.concatenate([getattr(group, name) for group in groups], axis=-1) for name in names}
        )

    return Page(
        starts=np.concatenate([page.starts for page in pages]),
        cluster=joined([page.cluster for page in pages]),
        keys=tuple(keys),
        entries=joined(aligned),
        **{name: np.concatenate([getattr(page, name) for page in pages], axis=-1) for name in _HOURS},
    )


def _align(page: Page, rows: Mapping[EntryKey, int]) -> EntryCells:
    if page.keys == tuple(rows):
        return page.entries
    pairs = [(rows[key], source) for source, key in enumerate(page.keys) if key in rows]
    targets, sources = [target for target, _ in pairs], [source for _, source in pairs]
    nothing = _nothing(page)

    def placed(default: Array, values: Array) -> Array:
        out = np.repeat(default[np.newaxis], len(rows), axis=0)
        if targets:
            out[targets] = values[sources]
        return out

    return EntryCells(
        **{item.name: placed(nothing[item.name], getattr(page.entries, item.name)) for item in fields(EntryCells)}
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
