"""Stored means turned into amounts: what each entry used and requested in each cell, and what was left over.

A cell is a closed hour (hourly archive) or a 5-minute step of the open hour.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from collector.books.lifetimes import Lives, Roster
from collector.books.page import (
    CPU,
    DCGM,
    GPU,
    GPU_MEMORY,
    KUBERNETES,
    METRICS_SERVER,
    Array,
    ClusterCells,
    EntryCells,
    Page,
)
from collector.store.paths import EntryKey
from collector.store.rows import ClusterRows, EntryRows
from collector.store.store import Store
from kl_core.calendar import HOUR, floor_hour
from kl_core.vocabulary import METRICS, SOURCES

_GIB = 2.0**30
_UNIT = np.array([1.0, _GIB, 1.0, _GIB])[:, np.newaxis]
"""Stored unit per published unit: cores, bytes, GPUs, bytes."""
_MAX_ROUNDING_HOURS = 1e-9
"""A step is 0.083."""


@dataclass(frozen=True, slots=True)
class Stored:
    """One entry of the books as the store holds it."""

    key: EntryKey
    lives: Lives
    rows: EntryRows


def amounts(cluster: ClusterRows, stored: Sequence[Stored]) -> Page:
    """Return the page of the cells that `cluster` covers, not priced yet.

    A cell is observed when CPU capacity is known; outside observed cells everything is unknown. Idle is what is
    allocatable and used by nobody; where some entry's usage is unknown, that difference is `unmeasured` instead.
    """
    hours_per_cell = np.float64(cluster.step / HOUR)
    starts = cluster.start + cluster.step * np.arange(len(cluster.observed_pods), dtype=np.int64)
    capacity = np.stack([cluster.capacity[metric] for metric in METRICS]) / _UNIT * hours_per_cell
    allocatable = np.stack([cluster.allocatable[metric] for metric in METRICS]) / _UNIT * hours_per_cell
    observed = ~np.isnan(capacity[CPU])
    _settle_gpu(capacity, observed)
    _settle_gpu(allocatable, observed)
    known = observed & ~np.isnan(capacity) & ~np.isnan(allocatable)
    sampled = np.nan_to_num([cluster.observed[name] for name in SOURCES]) * hours_per_cell
    with_dcgm = np.nan_to_num(cluster.configured_dcgm) * hours_per_cell
    pods = np.nan_to_num(cluster.observed_pods) * hours_per_cell
    entries = _entries(stored, starts, known, pods, hours_per_cell)
    return Page(
        starts=starts,
        observed=observed * hours_per_cell,
        sampled=sampled,
        pods=pods,
        stored=~np.isnan(cluster.configured_dcgm) * hours_per_cell,
        with_dcgm=with_dcgm,
        silent=_silent(sampled, pods, with_dcgm),
        capacity_known=known * hours_per_cell,
        priced=np.zeros(len(starts)),
        cluster=_cluster(
            np.where(known, capacity, np.nan), np.where(known, allocatable, np.nan), known, entries, hours_per_cell
        ),
        keys=tuple(item.key for item in stored),
        entries=entries,
    )


def read_amounts(store: Store, roster: Roster, start: int, end: int, step: int) -> Page:
    """Return the amounts of who lifetime between two times, not priced yet; raises what the store raises."""
    stored = [
        Stored(key, lifetime, store.entry(key.kind, key.name, start, end, step))
        for key, lifetime in roster.items()
        if lifetime.touch(floor_hour(start), end)
    ]
    return amounts(store.cluster(start, end, step), stored)


def _settle_gpu(values: Array, observed: NDArray[np.bool_]) -> None:
    """Make GPU capacity that no node advertises a known zero, and with it that of GPU memory; in place.

    Node status is read whole or not at all, so an observed cell without a figure had no GPU. The memory of GPUs that
    are there is known from DCGM only.
    """
    values[GPU][observed & np.isnan(values[GPU])] = 0.0
    values[GPU_MEMORY][observed & (values[GPU] == 0) & np.isnan(values[GPU_MEMORY])] = 0.0


def _entries(
    stored: Sequence[Stored],
    starts: NDArray[np.int64],
    known: NDArray[np.bool_],
    pods: Array,
    hours_per_cell: np.float64,
) -> EntryCells:
    shape = (len(stored), len(METRICS), len(starts))
    usage, requests, measured = np.zeros(shape), np.zeros(shape), np.repeat(pods[np.newaxis], shape[0], axis=0)
    for row, item in enumerate(stored):
        alive = item.lives.alive(starts)
        may_hold_gpu = alive & (starts >= item.lives.gpu_since)
        for index, metric in enumerate(METRICS):
            where = may_hold_gpu if index in (GPU, GPU_MEMORY) else alive
            _take(usage[row, index], item.rows.usage.get(metric), where)
            _take(requests[row, index], item.rows.requests.get(metric), where)
        _take(measured[row], np.nan_to_num(item.rows.measured) * hours_per_cell, alive)
    usage *= hours_per_cell / _UNIT
    requests *= hours_per_cell / _UNIT
    usage[:, :, ~known[CPU]] = np.nan
    requests[:, :, ~known[CPU]] = np.nan
    requests[:, GPU_MEMORY] = np.nan
    # GPU memory in use of a capacity that is not known could not be set against it; that none is in use is known.
    usage[~known & (usage != 0)] = np.nan
    unknown = np.isnan(usage)
    unpaired = unknown | np.isnan(requests)
    return EntryCells(
        usage=usage,
        requests=requests,
        matched=np.where(unpaired, np.nan, requests),
        usage_matched=np.where(unpaired, np.nan, usage),
        matched_hours=np.where(unpaired, 0.0, hours_per_cell),
        cost=np.full(shape, np.nan),
        hours=np.where(unknown, 0.0, hours_per_cell),
        cost_hours=np.zeros(shape),
        measured=measured,
    )


def _silent(sampled: Array, pods: Array, with_dcgm: Array) -> Array:
    """Hours in which the API answered and a source, though expected to, did not (S x N); of the API itself none."""
    kubernetes = sampled[KUBERNETES]
    silent = np.zeros_like(sampled)
    silent[METRICS_SERVER] = kubernetes - pods
    silent[DCGM] = np.minimum(kubernetes, with_dcgm) - sampled[DCGM]
    # Means of different steps can differ by rounding.
    return np.where(silent > _MAX_ROUNDING_HOURS, silent, 0.0)


def _take(target: Array, values: Array | None, where: NDArray[np.bool_]) -> None:
    if values is not None:
        target[where] = values[where]


def _cluster(
    capacity: Array, allocatable: Array, known: NDArray[np.bool_], entries: EntryCells, hours_per_cell: np.float64
) -> ClusterCells:
    left_over = allocatable - np.nansum(entries.usage, axis=0)
    complete = ~np.isnan(entries.usage).any(axis=0)
    unpriced = np.full(capacity.shape, np.nan)
    return ClusterCells(
        capacity=capacity,
        allocatable=allocatable,
        non_allocatable=capacity - allocatable,
        idle=np.where(complete, left_over, np.nan),
        unmeasured=np.where(complete & known, 0.0, left_over),
        unmeasured_hours=(known & ~complete) * hours_per_cell,
        bill=unpriced,
        non_allocatable_cost=unpriced,
        idle_cost=unpriced,
        unmeasured_cost=unpriced,
    )
