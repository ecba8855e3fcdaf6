"""What a simulated cluster is made of: load curves, pods, namespaces, nodes and GPUs, as plain data.

Units: CPU in cores (curves) or millicores (requests), memory in bytes (curves) or MiB (requests), GPU utilisation as
a fraction of one device, framebuffer in MiB. Times are `Moment`s, relative to the cluster's origin.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from math import cos, pi
from typing import Literal

import numpy as np
from numpy.typing import NDArray

STEP = 300
HOUR = 3600
DAY = 86400
STEPS_PER_HOUR = HOUR // STEP
GIB = 2**30
MIB = 2**20
KIB = 2**10

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

Shape = tuple[float, ...]
"""24 factors, one for each UTC hour of the day."""

FLAT: Shape = (1.0,) * 24

Pool = Literal["control-plane", "worker", "gpu", "every"]
OwnerKind = Literal["Deployment", "StatefulSet", "DaemonSet", "Job", "Node"]
State = Literal["running", "succeeded", "unbound", "pulling"]
"""`pulling` is bound and Pending (its image is being pulled), `unbound` is Pending without a node."""


def daily(amplitude: float, peak_hour: int) -> Shape:
    """A cosine over the day with mean 1, highest in `peak_hour`."""
    return tuple(1.0 + amplitude * cos(2 * pi * (hour - peak_hour) / 24) for hour in range(24))


def between(first: int, last: int, low: float) -> Shape:
    """Mean 1 over the day: `low` outside the hours `first`..`last` (over midnight if `first` > `last`)."""
    inside = active_hours(first, last)
    high = (24 - low * (24 - len(inside))) / len(inside)
    return tuple(high if hour in inside else low for hour in range(24))


def active_hours(first: int, last: int) -> frozenset[int]:
    """UTC hours from `first` to `last`, both included, over midnight if `first` > `last`."""
    return frozenset((first + offset) % 24 for offset in range((last - first) % 24 + 1))


def is_weekend(hours: Ints) -> NDArray[np.bool_]:
    """Saturday or Sunday, for hours since 1970-01-01T00:00Z (a Thursday)."""
    return (hours // 24 + 3) % 7 >= 5


@lru_cache(maxsize=64)
def ripple(phase: int) -> Floats:
    """Twelve deviations with sum zero, one for each 5-minute step of an hour; amplitude 1."""
    return np.array([cos(2 * pi * (step + phase) / STEPS_PER_HOUR) for step in range(STEPS_PER_HOUR)])


@dataclass(frozen=True, slots=True)
class Moment:
    """The start of the n-th calendar month after the origin's month, plus seconds (a multiple of 300)."""

    month: int = 0
    seconds: int = 0


ALWAYS = Moment(-1200)


@dataclass(frozen=True, slots=True)
class Curve:
    """A load as a function of time: a function of the UTC hour times a ripple over its twelve steps."""

    base: float
    shape: Shape = FLAT
    weekend: float = 1.0
    """Factor on Saturdays and Sundays."""
    growth: float = 0.0
    """Share of `base` gained in 365 days, linearly."""
    ripple: float = 0.08
    """Largest deviation of a step from the mean of its hour, as a share of that mean."""

    def hourly(self, hours: Ints, origin: int) -> Floats:
        """Mean over each of `hours` (hours since 1970)."""
        by_hour = np.array(self.shape)[hours % 24]
        week = np.where(is_weekend(hours), self.weekend, 1.0)
        age = (hours * HOUR - origin) / (365 * DAY)
        return self.base * by_hour * week * (1.0 + self.growth * age)

    def steps(self, ends: Ints, origin: int, phase: int) -> Floats:
        """Value in each 5-minute step that ends at `ends` (UNIX seconds, multiples of 300)."""
        inside = ends - STEP
        deviation = self.ripple * ripple(phase)[(inside % HOUR) // STEP]
        return self.hourly(inside // HOUR, origin) * (1.0 + deviation)


@dataclass(frozen=True, slots=True)
class Replicas:
    """How many pods a group has; constant within an hour."""

    count: int = 1
    extra: int = 0
    extra_hours: frozenset[int] = frozenset()
    weekends: bool = False
    """Whether the extra pods run on Saturdays and Sundays too."""
    joined: tuple[int, ...] = ()
    """Months after the origin at whose start one more pod joins for good."""

    def at(self, hours: Ints, months: Ints) -> Ints:
        """Pods in each of `hours`, of which `months` tells the calendar months since the origin's."""
        busy = np.isin(hours % 24, list(self.extra_hours))
        if not self.weekends:
            busy &= ~is_weekend(hours)
        grown = sum(((months >= month).astype(np.int64) for month in self.joined), np.zeros_like(hours))
        return self.count + grown + self.extra * busy.astype(np.int64)


@dataclass(frozen=True, slots=True)
class Container:
    """A container with its requests; None where it states none."""

    name: str
    image: str
    millicores: int | None = None
    mebibytes: int | None = None
    share: float = 1.0
    """Its part of the pod's usage, relative to the other containers."""
    gpus: int = 0
    """`nvidia.com/gpu` it asks for, in the unit the node advertises (time-slicing replicas included)."""
    sidecar: bool = False
    """For init containers: `restartPolicy: Always`."""


@dataclass(frozen=True, slots=True)
class Charged:
    """What a pod holds according to the scheduler's rule, written down by hand."""

    millicores: int
    mebibytes: int


@dataclass(frozen=True, slots=True)
class PodGroup:
    """Pods of one owner: a Deployment, a StatefulSet, a DaemonSet, a Job, or static pods (`Node`)."""

    name: str
    kind: OwnerKind
    containers: tuple[Container, ...]
    init: tuple[Container, ...] = ()
    replicas: Replicas = field(default_factory=Replicas)
    """Ignored for DaemonSets and static pods: one on each node of the pool."""
    pool: Pool = "worker"
    node: str | None = None
    """Where all of its pods run, whatever the pool."""
    weight: float = 1.0
    """Part of the namespace's usage a pod takes, relative to pods of other groups."""
    state: State = "running"
    charged: Charged | None = None
    """None: the sum over `containers`, which is the scheduler's answer without init containers."""
    since: Moment = ALWAYS

    @property
    def held(self) -> Charged:
        """CPU and memory a pod of this group holds while it is bound and unfinished."""
        return self.charged or Charged(
            sum(container.millicores or 0 for container in self.containers),
            sum(container.mebibytes or 0 for container in self.containers),
        )

    @property
    def gpus(self) -> int:
        """`nvidia.com/gpu` a pod of this group holds, in the unit its node advertises."""
        return sum(container.gpus for container in self.containers)


@dataclass(frozen=True, slots=True)
class NamespaceSpec:
    """A namespace: its life, its labels over time, its load and its pods."""

    name: str
    cpu: Curve
    memory: Curve
    groups: tuple[PodGroup, ...] = ()
    labels: tuple[tuple[Moment, Mapping[str, str]], ...] = ()
    """Label sets with the time from which each holds, oldest first."""
    since: Moment = ALWAYS
    until: Moment | None = None


@dataclass(frozen=True, slots=True)
class NodeSpec:
    """A node; `gpus` are physical, each advertised `gpu_replicas` times."""

    name: str
    pool: Pool
    cores: int
    gibibytes: int
    reserved_millicores: int
    reserved_mebibytes: int
    gpus: int = 0
    gpu_replicas: int = 1
    since: Moment = ALWAYS
    spot: bool = False
    """Whether it is spare capacity that the cloud may take back."""


@dataclass(frozen=True, slots=True)
class Holder:
    """A pod that holds a GPU: the `ordinal`-th of a group."""

    namespace: str
    group: str
    ordinal: int = 0


@dataclass(frozen=True, slots=True)
class DeviceSpec:
    """A GPU of a node; without holders it is idle."""

    node: str
    index: int
    framebuffer_mib: int
    utilisation: Curve = field(default_factory=lambda: Curve(0.0))
    """Fraction of the device, 0 to 1."""
    framebuffer_used: Curve = field(default_factory=lambda: Curve(0.0))
    """Fraction of the framebuffer, 0 to 1."""
    holders: tuple[Holder, ...] = ()
    since: Moment = ALWAYS
    """When the holders appear; idle before."""
