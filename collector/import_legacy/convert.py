"""Rows of the source, in per cent of capacity, turned into ticks in cores and bytes. Pure.

Requests are usage ÷ rf (the source's usage ÷ requests). The source writes an rf of 1.0 also where nothing is
requested, so that requests behind an rf of exactly 1.0 are unknown. A namespace requests the GPUs that it holds, whose
number is given, where the source has no rf of them (it never writes one). What it used of GPUs that it held while the
source knows nothing of them is unknown.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from collector.import_legacy.capacity_history import CLUSTER, Steps
from collector.import_legacy.source import Array
from collector.model import Entry, TickSample
from kl_core.vocabulary import Metric, Source

MAX_DISTANCE_FROM_ONE = 1e-9
"""How far from 1.0 librrd's interpolation may take an rf of exactly 1.0."""

CPU_AND_MEMORY: tuple[Metric, Metric] = ("cpu", "memory")
GPU_AND_MEMORY: tuple[Metric, Metric] = ("gpu", "gpu_memory")


@dataclass(frozen=True, slots=True)
class Rows:
    """What the source has for some ticks: 2 x N arrays, `cpu_usage` and `mem_usage` at every tick; NaN is unknown."""

    usage: Mapping[str, Array]
    rf: Mapping[str, Array]
    gpu: Mapping[str, Array]
    gpu_rf: Mapping[str, Array]
    reserved: Array
    """Per cent of capacity that is not allocatable, known throughout."""


def requested(usage: Array, rf: Array | None) -> Array:
    """Return requests in the unit of `usage`; NaN where rf is unknown, zero or exactly 1.0."""
    if rf is None:
        return np.full_like(usage, np.nan)
    # The source divides usage by requests and writes the quotient alone, with 1.0 where nothing is requested. Of an rf
    # that is exactly 1.0 nobody can tell whether the requests equalled the usage or were none.
    useful = (rf > 0) & (np.abs(rf - 1) > MAX_DISTANCE_FROM_ONE)
    return np.where(useful, usage / np.where(useful, rf, 1.0), np.nan)


def carried_forward(values: Array, before: Array) -> Array:
    """`values` (2 x N) with every unknown replaced by the newest known one before it, at first by `before` (2 x 1)."""
    # What the nodes keep for themselves changes seldom, and an hour without it would make all of the capacity
    # allocatable: the newest known share is nearer to the truth. Per place, the index of the newest known value.
    both = np.concatenate([before, values], axis=1)
    newest = np.maximum.accumulate(np.where(np.isnan(both), 0, np.arange(both.shape[1])), axis=1)
    return np.take_along_axis(both, newest, axis=1)[:, 1:]


def samples(
    ticks: Sequence[int],
    intervals: Sequence[int],
    rows: Rows,
    capacity: Steps,
    gpus: Mapping[str, Steps] | None,
) -> list[TickSample]:
    """One sample a tick. `capacity` has to reach back to the first; a namespace unknown in a row is not named in it."""
    begins = [tick - interval for tick, interval in zip(ticks, intervals, strict=True)]
    # Per cent are of the capacity at the time: the one in force when the interval began, for a change inside it cannot
    # be told from the source's one mean.
    size = _table(capacity, begins)
    tables = {name: _table(steps, begins) for name, steps in (gpus or {}).items()}
    shares = {name: _amounts(usage, rows.rf.get(name), size) for name, usage in rows.usage.items()}
    gpu_shares = {
        name: _gpu_amounts(usage, rows.gpu_rf.get(name), tables[name])
        for name, usage in rows.gpu.items()
        if name in tables
    }
    holds = {name: _holds(tables.get(name), rows.gpu.get(name), len(ticks)) for name in rows.usage}
    allocatable = size * (1 - np.clip(rows.reserved, 0, 100) / 100)
    observed: dict[Source, bool | None] = {"kubernetes": True, "metrics": True, "dcgm": True if gpus else None}
    result = []
    for place, (tick, interval) in enumerate(zip(ticks, intervals, strict=True)):
        gpu = _named(GPU_AND_MEMORY, tables[CLUSTER][:, place]) if gpus else {}
        result.append(
            TickSample(
                time=tick,
                interval=interval,
                observed=observed,
                capacity=_named(CPU_AND_MEMORY, size[:, place]) | gpu,
                allocatable=_named(CPU_AND_MEMORY, allocatable[:, place]) | gpu,
                namespaces={
                    name: _entry(both, gpu_shares.get(name) if holds[name][place] else None, place)
                    for name, both in shares.items()
                    if not np.isnan(both[0][:, place]).all()
                },
                special={},
            )
        )
    return result


def _amounts(per_cent: Array, rf: Array | None, size: Array) -> tuple[Array, Array]:
    usage = per_cent / 100 * size
    return usage, requested(usage, rf)


def _gpu_amounts(per_cent: Array, rf: Array | None, held: Array) -> tuple[Array, Array]:
    usage, requests = _amounts(per_cent, rf, held)
    return usage, held if rf is None else np.where(np.isnan(rf), held, requests)


def _holds(held: Array | None, per_cent: Array | None, ticks: int) -> NDArray[np.bool_]:
    """Whether a namespace holds GPUs at each tick, by what is given of their number, or by what the source tells."""
    if held is None or per_cent is None:
        return np.zeros(ticks, dtype=np.bool_)
    return np.where(np.isnan(held[0]), ~np.isnan(per_cent).all(axis=0), held[0] > 0)


def _table(steps: Steps, times: Sequence[int]) -> Array:
    return np.array([steps.at(time) or (np.nan, np.nan) for time in times], dtype=np.float64).reshape(-1, 2).T


def _entry(both: tuple[Array, Array], gpu: tuple[Array, Array] | None, place: int) -> Entry:
    usage = _named(CPU_AND_MEMORY, both[0][:, place])
    requests = _named(CPU_AND_MEMORY, both[1][:, place])
    if gpu is not None:
        usage |= _named(GPU_AND_MEMORY, gpu[0][:, place])
        # Nobody requests GPU memory.
        requests |= _named(("gpu",), gpu[1][:1, place])
    return Entry(usage, requests, measured=None)


def _named(metrics: Sequence[Metric], values: Array) -> dict[Metric, float | None]:
    return {
        metric: None if np.isnan(value) else float(value)
        for metric, value in zip(metrics, values.tolist(), strict=True)
    }
