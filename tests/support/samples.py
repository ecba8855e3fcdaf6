"""Short ways to write down TickSamples, for the store, the books and what is published: only what a test is about."""

from __future__ import annotations

from collections.abc import Mapping

from collector.model import Entry, MetricValues, NodeState, StoredSpecial, TickSample
from kl_core.vocabulary import Metric

NOON = 1793620800
"""2026-11-02T12:00:00Z"""
STEP, HOUR, DAY = 300, 3600, 86400
GIB = 2.0**30


def entry(
    cpu: float | None = 0.0,
    gib: float | None = 0.0,
    *,
    cpu_requests: float = 0.0,
    gib_requests: float = 0.0,
    gpu: tuple[float | None, float] | None = None,
    gpu_gib: float | None = None,
    measured: float | None = 1.0,
    labels: Mapping[str, str] | None = None,
) -> Entry:
    """Usage and requests of a namespace, None where metrics failed; `gpu` is (usage, requests) of one with a GPU."""
    usage: dict[Metric, float | None] = {"cpu": cpu, "memory": _bytes(gib)}
    requests: dict[Metric, float | None] = {"cpu": cpu_requests, "memory": gib_requests * GIB}
    if gpu is not None:
        usage |= {"gpu": gpu[0], "gpu_memory": _bytes(gpu_gib)}
        requests["gpu"] = gpu[1]
    return Entry(usage, requests, measured, labels or {})


def gpu_entry(gpu: float | None, gpu_requests: float, gpu_gib: float | None, cpu: float = 0.0) -> Entry:
    """An entry that holds GPUs, in GPU equivalents and GiB."""
    return entry(cpu, gpu=(gpu, gpu_requests), gpu_gib=gpu_gib)


def tick(
    time: int,
    namespaces: Mapping[str, Entry] | None = None,
    *,
    interval: int = STEP,
    cpu: float = 10.0,
    gib: float = 40.0,
    reserved_cpu: float = 0.0,
    reserved_gib: float = 0.0,
    gpu: float | None = None,
    gpu_gib: float | None = None,
    special: Mapping[StoredSpecial, Entry] | None = None,
    metrics: bool = True,
    dcgm: bool | None = None,
    nodes: tuple[NodeState, ...] = (),
) -> TickSample:
    """A tick whose listing succeeded. `reserved_*` of the capacity is not allocatable."""
    gpus: MetricValues = {} if gpu is None else {"gpu": gpu, "gpu_memory": _bytes(gpu_gib)}
    return TickSample(
        time=time,
        interval=interval,
        observed={"kubernetes": True, "metrics": metrics, "dcgm": dcgm},
        capacity={"cpu": cpu, "memory": gib * GIB, **gpus},
        allocatable={"cpu": cpu - reserved_cpu, "memory": (gib - reserved_gib) * GIB, **gpus},
        namespaces=namespaces or {},
        special=special or {},
        nodes=nodes,
    )


def failed_tick(time: int, *, interval: int = STEP, metrics: bool = False, dcgm: bool | None = None) -> TickSample:
    """A tick at which the Kubernetes API did not answer."""
    observed = {"kubernetes": False, "metrics": metrics, "dcgm": dcgm}
    return TickSample(time, interval, observed, capacity={}, allocatable={}, namespaces={}, special={})  # type: ignore[arg-type]


def ticks(
    start: int, end: int, namespaces: Mapping[str, Entry] | None = None, *, interval: int = STEP
) -> list[TickSample]:
    """A tick with the same entries at every multiple of the interval in (start, end]."""
    return [tick(time, namespaces, interval=interval) for time in range(start + interval, end + 1, interval)]


def _bytes(gib: float | None) -> float | None:
    return None if gib is None else gib * GIB
