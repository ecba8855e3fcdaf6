"""Stored means turned into amounts: what each entry used and requested in each cell, and what was left over.

A cell is a closed hour (hourly archive) or a 5-minute step of the open hour.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from collector.books.lifetimes import Lifetimes, Roster
from collector.books.page import (
    CPU,
    DCGM,
    GPU,
    GPU_MEMORY,
    KUBERNETES,
    MEMORY,
    METRICS_SERVER,
    Array,
    ClusterCells,
    EntryCells,
    Page,
)
from collector.model import STEP
from collector.store.paths import EntryKey
from collector.store.rows import ClusterRows, EntryRows
from collector.store.store import Store
from kl_core.calendar import HOUR, floor_hour
from kl_core.vocabulary import METRICS, SOURCES, Metric

_GIB = 2.0**30
_UNIT = np.array([1.0, _GIB, 1.0, _GIB])[:, np.newaxis]
"""Stored unit per published unit: cores, bytes, GPUs, bytes."""
_MAX_ROUNDING_HOURS = 1e-9
"""A step is 0.083."""
_OF_PODS: tuple[Metric, ...] = ("cpu", "memory")
_MIN_SHARE = 0.5
"""Of the pods that have to be measured for usage to be known: accounting's rule."""


@dataclass(frozen=True, slots=True)
class Stored:
    """One entry of the books as the store holds it."""

    key: EntryKey
    lifetimes: Lifetimes
    rows: EntryRows
    matched: Mapping[Metric, Array] = field(default_factory=dict)
    """Mean requests of measured pods over the steps in which usage is known; NaN where steps need not or cannot tell.
    """


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
    cluster = store.cluster(start, end, step)
    stored = []
    for key, lifetime in roster.items():
        if lifetime.touch(floor_hour(start), end):
            rows = store.entry(key.kind, key.name, start, end, step)
            matched = _matched_by_steps(store, key, cluster, rows) if step == HOUR else {}
            stored.append(Stored(key, lifetime, rows, matched))
    return amounts(cluster, stored)


def _matched_by_steps(store: Store, key: EntryKey, cluster: ClusterRows, rows: EntryRows) -> dict[Metric, Array]:
    """Read the steps of hours in which not all pods were measured, as an hour's share does not say of which steps."""
    lacking = np.flatnonzero(
        (rows.measured < cluster.observed_pods - _MAX_ROUNDING_HOURS) & ~np.isnan(rows.usage["cpu"])
    )
    if not len(lacking):
        return {}
    first, stop = int(lacking[0]), int(lacking[-1]) + 1
    start, end = cluster.start + HOUR * first, cluster.start + HOUR * stop
    steps = store.entry(key.kind, key.name, start, end, STEP)
    matched: dict[Metric, Array] = {}
    for metric in _OF_PODS:
        met = np.where(np.isnan(steps.usage[metric]), np.nan, steps.requests[metric] * steps.measured)
        by_hour = met.reshape(-1, HOUR // STEP)
        known = np.count_nonzero(~np.isnan(by_hour), axis=1)
        means = np.divide(np.nansum(by_hour, axis=1), known, out=np.full(len(known), np.nan), where=known > 0)
        matched[metric] = np.full(len(rows.measured), np.nan)
        matched[metric][lacking] = means[lacking - first]
    return matched


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
        alive = item.lifetimes.alive(starts)
        may_hold_gpu = alive & (starts >= item.lifetimes.gpu_since)
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
    matched = requests * _matched_share(measured, pods)
    for row, item in enumerate(stored):
        for metric, values in item.matched.items():
            is_known = ~np.isnan(values) & item.lifetimes.alive(starts)
            index = METRICS.index(metric)
            matched[row, index, is_known] = values[is_known] * (hours_per_cell / _UNIT[index, 0])
    return EntryCells(
        usage=usage,
        requests=requests,
        matched=np.where(unpaired, np.nan, matched),
        usage_matched=np.where(unpaired, np.nan, usage),
        matched_hours=np.where(unpaired, 0.0, hours_per_cell),
        cost=np.full(shape, np.nan),
        hours=np.where(unknown, 0.0, hours_per_cell),
        cost_hours=np.zeros(shape),
        measured=measured,
    )


def _matched_share(measured: Array, pods: Array) -> Array:
    """Return what of requests is that of measured pods, in cells in which usage is known (E x M x N).

    Where steps do not tell any more, those with unknown usage lower the share of their hour too; that of the others is
    at least what makes usage known.
    """
    known = np.divide(measured, pods, out=np.ones_like(measured), where=pods > 0)
    share = np.ones((len(measured), len(METRICS), len(pods)))
    share[:, (CPU, MEMORY)] = np.where(known < 1 - _MAX_ROUNDING_HOURS, np.maximum(known, _MIN_SHARE), 1.0)[
        :, np.newaxis
    ]
    return share


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
