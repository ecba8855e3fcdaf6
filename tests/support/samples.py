"""Small builders of TickSamples: one cluster of 100 cores, with only what a test is about spelled out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from collector.model import Entry, MetricValues, NodeState, TickSample

NOON = 1793620800
"""2026-11-02T12:00:00Z"""
STEP, HOUR, DAY = 300, 3600, 86400
GIB = 2.0**30

CAPACITY: MetricValues = {"cpu": 100.0, "memory": 400 * GIB}
ALLOCATABLE: MetricValues = {"cpu": 90.0, "memory": 380 * GIB}

Special = Mapping[Literal["excluded", "unattributed"], Entry]


def entry(
    cpu: float | None = 0.0,
    memory: float | None = 0.0,
    *,
    cpu_requests: float = 0.0,
    memory_requests: float = 0.0,
    measured: float | None = 1.0,
    labels: Mapping[str, str] | None = None,
) -> Entry:
    """An entry without GPUs, in cores and bytes; `cpu=None` is a tick whose metrics failed."""
    return Entry(
        usage={"cpu": cpu, "memory": memory},
        requests={"cpu": cpu_requests, "memory": memory_requests},
        measured=measured,
        labels=labels or {},
    )


def gpu_entry(gpu: float | None, gpu_requests: float, gpu_memory: float | None, cpu: float = 0.0) -> Entry:
    """An entry that holds GPUs, in GPU equivalents and bytes."""
    return Entry(
        usage={"cpu": cpu, "memory": 0.0, "gpu": gpu, "gpu_memory": gpu_memory},
        requests={"cpu": 0.0, "memory": 0.0, "gpu": gpu_requests},
        measured=1.0,
    )


def tick(
    time: int,
    namespaces: Mapping[str, Entry] | None = None,
    *,
    interval: int = STEP,
    special: Special | None = None,
    metrics: bool = True,
    dcgm: bool | None = None,
    capacity: MetricValues = CAPACITY,
    allocatable: MetricValues = ALLOCATABLE,
    nodes: tuple[NodeState, ...] = (),
) -> TickSample:
    """A tick whose Kubernetes listing succeeded."""
    return TickSample(
        time=time,
        interval=interval,
        observed={"kubernetes": True, "metrics": metrics, "dcgm": dcgm},
        capacity=capacity,
        allocatable=allocatable,
        namespaces=namespaces or {},
        special=special or {},
        nodes=nodes,
    )


def failed_tick(time: int, *, interval: int = STEP, metrics: bool = False, dcgm: bool | None = None) -> TickSample:
    """A tick at which the Kubernetes API did not answer."""
    return TickSample(
        time=time,
        interval=interval,
        observed={"kubernetes": False, "metrics": metrics, "dcgm": dcgm},
        capacity={},
        allocatable={},
        namespaces={},
        special={},
    )


def ticks(
    start: int, end: int, namespaces: Mapping[str, Entry] | None = None, *, interval: int = STEP
) -> list[TickSample]:
    """A tick with the same entries at every multiple of the interval in (start, end]."""
    return [tick(time, namespaces, interval=interval) for time in range(start + interval, end + 1, interval)]
