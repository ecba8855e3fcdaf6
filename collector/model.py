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
    """Seconds: 300, 600, 900, 1200, 1800 or 3600."""
    observed: Mapping[Source, bool | None]
    """None for a source that is not configured."""
    capacity: MetricValues
    allocatable: MetricValues
    namespaces: Mapping[str, Entry]
    special: Mapping[StoredSpecial, Entry]
    nodes: tuple[NodeState, ...] = ()
    unmeasured: Mapping[str, Mapping[UnmeasuredReason, int]] = field(default_factory=dict)
    """Expected pods that were not measured, by namespace and reason; nobody stores this."""
    blind_spots: tuple[BlindSpot, ...] = ()
    """What could not be seen; nobody stores this."""
