"""What one tick came to: the types that pass from accounting to the store.

Units: `cpu` in cores, `memory` and `gpu_memory` in bytes, `gpu` in GPU equivalents. A value of `None` was not
measured; it never means zero.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from collector.observations import BlindSpot
from kl_core.vocabulary import Metric, Source

MetricValues = Mapping[Metric, float | None]
"""A value per metric; a metric that is absent does not apply (a namespace that holds no GPU), `None` is unknown."""

StoredSpecial = Literal["excluded", "unattributed"]
"""The special entries that are stored; the others are derived."""

STEP = 300
"""Seconds of the shortest interval; the others are multiples of it."""

UnmeasuredReason = Literal["absent", "stale", "incomplete", "negative", "impossible", "odd", "gpu_not_seen"]
"""Why an expected pod was not measured: metrics-server does not list it; what it lists is not of this interval, lacks a
running container or a value, is below zero, is above the node's capacity, cannot be read or contradicts itself. Of its
GPUs: no exporter shows them."""


UnobservedCause = Literal[
    "collector_down",
    "clock",
    "unreachable",
    "timeout",
    "forbidden",
    "unauthorized",
    "not_served",
    "error",
    "empty",
    "stale",
    "unread",
]
"""Why a source told nothing of an interval: the collector did not run; the time was not believed; it could not be
connected to; it did not answer in time; it refused with 403; with 401; it has no such API (404); it answered with
another error; with nothing; with nothing that is of this interval; it was not asked, for another had failed."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What one namespace, or one stored special entry, used and requested at a tick."""

    usage: MetricValues
    requests: MetricValues = field(default_factory=dict)
    measured: float | None = None
    """Share of what was expected to be measured that was, 0.0 to 1.0; 1.0 when nothing was expected; None when
    metrics-server failed, and where nobody told (imported history)."""
    labels: Mapping[str, str] | None = field(default_factory=dict)
    """None for a namespace that was not listed, so that nobody told."""
    charged: MetricValues = field(default_factory=dict)
    """Σ over pods of the part of the interval held × max(usage rate where measured, request rate); never below
    `requests`. Metrics that can be requested; absent where nobody told (imported history)."""
    usage_matched: MetricValues = field(default_factory=dict)
    """What the measured pods used when usage was read; None where `usage` is unknown. Absent: nobody told."""
    requests_matched: MetricValues = field(default_factory=dict)
    """What the same pods requested at that moment."""
    gpu_measured: float | None = None
    """Share of the GPUs it holds that exporters showed, 0.0 to 1.0; None where it holds none, or no exporter is
    configured."""
    storage: Mapping[str, float | None] = field(default_factory=dict)
    """Bytes requested by its PersistentVolumeClaims by storage class, mean over the interval; None where unknown."""

    @property
    def holds_gpu(self) -> bool:
        """Whether it requests or uses a GPU, or it is not known how much."""
        return "gpu" in self.requests or "gpu" in self.usage or "gpu_memory" in self.usage


CapacityType = Literal["on-demand", "spot"]


@dataclass(frozen=True, slots=True)
class NodeFacts:
    """What a node is, as its labels say it; None where they do not."""

    instance_type: str | None = None
    zone: str | None = None
    pool: str | None = None
    capacity_type: CapacityType | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    """All of them."""


@dataclass(frozen=True, slots=True)
class NodeState:
    """A node at a tick: for the hours, and of the latest tick for the published `nodes` file."""

    name: str
    capacity: MetricValues
    allocatable: MetricValues
    usage: MetricValues
    requests: MetricValues
    pods: int
    ready: bool
    schedulable: bool
    present: float = 1.0
    """Part of the interval for which it was there, 0.0 to 1.0."""
    facts: NodeFacts = field(default_factory=NodeFacts)
    has_left: bool = False
    """Whether it was not there any more at the end of the interval: then it is as it was last, and not published."""


@dataclass(frozen=True, slots=True)
class TickSample:
    """One accounted tick: stands for the interval that ends at `time`.

    When `observed["kubernetes"]` is false, `capacity`, `allocatable`, `namespaces` and `special` are empty and every
    namespace is unknown for this interval. A namespace that a successful listing does not name is zero.
    """

    time: int
    """Nominal end of the interval, UNIX seconds, a multiple of `interval`."""
    interval: int
    """Seconds: 300, 600, 900, 1200, 1800 or 3600."""
    observed: Mapping[Source, bool | None]
    """None for a source that is not configured."""
    capacity: MetricValues
    allocatable: MetricValues
    namespaces: Mapping[str, Entry]
    special: Mapping[StoredSpecial, Entry]
    nodes: tuple[NodeState, ...] = ()
    unmeasured: Mapping[str, Mapping[UnmeasuredReason, int]] = field(default_factory=dict)
    """Expected pods that were not measured, by namespace and reason."""
    blind_spots: tuple[BlindSpot, ...] = ()
    """What could not be seen."""
    causes: Mapping[Source, UnobservedCause] = field(default_factory=dict)
    """Why a source that is not `observed` was not."""
    storage_observed: bool | None = None
    """Whether claims were listed; None where nobody asked for them."""
