"""Short ways to write down ticks for the ledger and the books."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, cast

from collector.model import Entry, MetricValues, NodeState, TickSample
from kl_core.vocabulary import Source

GIB = 2.0**30

Special = Literal["excluded", "unattributed"]


def entry(
    cpu: float | None = 0.0,
    gib: float | None = 0.0,
    *,
    asked_cpu: float = 0.0,
    asked_gib: float = 0.0,
    gpu: tuple[float | None, float] | None = None,
    gpu_gib: float | None = None,
    measured: float | None = 1.0,
    labels: Mapping[str, str] | None = None,
) -> Entry:
    """Usage and requests of a namespace; `gpu` is (usage, requests) of one that holds a GPU."""
    usage: dict[str, float | None] = {"cpu": cpu, "memory": None if gib is None else gib * GIB}
    requests: dict[str, float | None] = {"cpu": asked_cpu, "memory": asked_gib * GIB}
    if gpu is not None:
        usage |= {"gpu": gpu[0], "gpu_memory": None if gpu_gib is None else gpu_gib * GIB}
        requests["gpu"] = gpu[1]
    return Entry(cast("MetricValues", usage), cast("MetricValues", requests), measured, labels or {})


def tick(
    time: int,
    namespaces: Mapping[str, Entry],
    *,
    interval: int = 300,
    cpu: float = 10.0,
    gib: float = 40.0,
    reserved_cpu: float = 0.0,
    reserved_gib: float = 0.0,
    gpu: float | None = None,
    gpu_gib: float | None = None,
    special: Mapping[Special, Entry] | None = None,
    metrics: bool = True,
    dcgm: bool | None = None,
    nodes: tuple[NodeState, ...] = (),
) -> TickSample:
    """A tick whose listing succeeded. `reserved_*` of the capacity is not allocatable."""
    capacity: dict[str, float | None] = {"cpu": cpu, "memory": gib * GIB}
    allocatable: dict[str, float | None] = {"cpu": cpu - reserved_cpu, "memory": (gib - reserved_gib) * GIB}
    if gpu is not None:
        both = {"gpu": gpu, "gpu_memory": None if gpu_gib is None else gpu_gib * GIB}
        capacity, allocatable = capacity | both, allocatable | both
    observed: dict[Source, bool | None] = {"kubernetes": True, "metrics": metrics, "dcgm": dcgm}
    return TickSample(
        time,
        interval,
        observed,
        cast("MetricValues", capacity),
        cast("MetricValues", allocatable),
        namespaces,
        special or {},
        nodes,
    )


def failed(time: int, *, interval: int = 300, dcgm: bool | None = None) -> TickSample:
    """A tick in which the cluster did not answer."""
    observed: dict[Source, bool | None] = {
        "kubernetes": False,
        "metrics": False,
        "dcgm": None if dcgm is None else False,
    }
    return TickSample(time, interval, observed, {}, {}, {}, {})
