"""What one tick saw: the types that pass between sources, accounting and the store.

Units: `cpu` in cores, `memory` and `gpu_memory` in bytes, `gpu` in GPU equivalents. A value of `None` was not
measured; it never means zero.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from collector.clock import Reading
from collector.observations import BlindSpot
from kl_core.vocabulary import Metric, Source

MetricValues = Mapping[Metric, float | None]
"""A value per metric; a metric that is absent does not apply (a namespace that holds no GPU), `None` is unknown."""

STEP = 300
"""Seconds of the shortest interval; the others are multiples of it."""

PodPhase = Literal["Pending", "Running", "Succeeded", "Failed", "Unknown"]


@dataclass(frozen=True, slots=True)
class Node:
    """A node as the Kubernetes API describes it."""

    name: str
    capacity: MetricValues
    allocatable: MetricValues
    ready: bool
    schedulable: bool
    gpu_replicas: int
    """Time-slicing replicas a physical GPU is advertised as (`nvidia.com/gpu.replicas`), 1 without sharing."""
    gpu_units: Mapping[str, float] = field(default_factory=dict)
    """GPU equivalents one unit of each advertised GPU resource stands for, MIG slices and replicas accounted for."""


@dataclass(frozen=True, slots=True)
class Pod:
    """A pod as the Kubernetes API describes it."""

    namespace: str
    name: str
    node: str
    """Empty while it is bound to none."""
    phase: PodPhase
    requests: Mapping[str, float]
    """Effective requests by resource name: `cpu` in cores, `memory` in bytes, GPU resources such as
    `nvidia.com/mig-1g.5gb` in units; the node tells what one of these is worth."""


@dataclass(frozen=True, slots=True)
class PodUsage:
    """One item of `PodMetricsList`: the sum over the pod's containers."""

    namespace: str
    name: str
    cpu: float
    memory: float


@dataclass(frozen=True, slots=True)
class NodeUsage:
    """One item of `NodeMetricsList`."""

    name: str
    cpu: float
    memory: float


@dataclass(frozen=True, slots=True)
class GpuDevice:
    """A GPU, or one MIG instance of it, as a DCGM exporter reports it."""

    node: str
    uuid: str
    instance: str | None
    """MIG instance id, None for a whole GPU."""
    share: float
    """What of a whole GPU this device is: 1.0, or slices of the instance ÷ slices of the GPU on MIG."""
    utilisation: float | None
    """0.0 to 1.0 of this device."""
    memory_used: float | None
    memory_free: float | None
    holders: tuple[tuple[str, str], ...]
    """(namespace, pod) pairs its labels name; empty when they name none."""


@dataclass(frozen=True, slots=True)
class Cluster:
    """A successful listing of the `kubernetes` source. `pods` is consumed once, page by page as it arrives."""

    namespaces: Mapping[str, Mapping[str, str]]
    """Labels by namespace name."""
    nodes: tuple[Node, ...]
    pods: Iterable[Pod]


@dataclass(frozen=True, slots=True)
class UsageListing:
    """A successful answer of the `metrics` source. `pods` is consumed once, item by item as it arrives."""

    nodes: tuple[NodeUsage, ...]
    pods: Iterable[PodUsage]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What the sources answered for one tick; None where a source failed or, for `dcgm`, is not configured."""

    cluster: Cluster | None
    usage: UsageListing | None
    devices: tuple[GpuDevice, ...] | None
    dcgm_configured: bool
    date: Reading | None = None
    """The time that the API server told; None where it told none."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What one namespace, or one stored special entry, used and requested at a tick."""

    usage: MetricValues
    requests: MetricValues = field(default_factory=dict)
    measured: float | None = None
    """Share of the running pods that metrics-server knew, 0.0 to 1.0; 1.0 when none runs; None when it failed,
    and where nobody told (imported history)."""
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class NodeState:
    """A node at the latest tick, for the published `nodes` file."""

    name: str
    capacity: MetricValues
    allocatable: MetricValues
    usage: MetricValues
    requests: MetricValues
    pods: int
    ready: bool
    schedulable: bool


@dataclass(frozen=True, slots=True)
class TickSample:
    """One accounted tick: stands for the interval that ends at `time`.

    When `observed["kubernetes"]` is false, `capacity`, `allocatable`, `namespaces` and `special` are empty and every
    namespace is unknown for this interval. A namespace that a successful listing does not name is zero.
    """

    time: int
    """Nominal end of the interval, UNIX seconds, a multiple of `interval`."""
    interval: int
    """Seconds: 300, 600, 900, 1800 or 3600."""
    observed: Mapping[Source, bool | None]
    """None for a source that is not configured."""
    capacity: MetricValues
    allocatable: MetricValues
    namespaces: Mapping[str, Entry]
    special: Mapping[Literal["excluded", "unattributed"], Entry]
    nodes: tuple[NodeState, ...] = ()
    unmeasured: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    """Pods of the reading that were expected to be measured and were not: namespace, reason, pods."""
    blind_spots: tuple[BlindSpot, ...] = ()
