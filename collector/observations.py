"""What the sources saw: the types that pass from Kubernetes, metrics-server and DCGM to accounting.

Units: cores, bytes, units of a GPU resource, UNIX seconds. `None` was not told; it never means zero.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

HUGE_PAGES = "hugepages"
"""Key of `Pod.requests` for the bytes of huge pages of all sizes; they are in `memory` too."""

BlindSpotCode = Literal[
    "pods_not_watched",
    "resource_claims_unread",
    "odd_objects",
    "gpus_of_other_vendors",
    "gpus_without_use",
    "volume_claims_unread",
]


@dataclass(frozen=True, slots=True)
class BlindSpot:
    """Something that could not be seen, and what to do about it."""

    code: BlindSpotCode
    text: str
    """A message to people: subject, verb, what to do."""


@dataclass(frozen=True, slots=True)
class Node:
    """A node as the Kubernetes API describes it at a moment."""

    name: str
    uid: str
    cpu_capacity: float
    cpu_allocatable: float
    memory_capacity: float
    memory_allocatable: float
    """Bytes, allocatable huge pages included."""
    ready: bool
    ready_since: float
    """When `ready` took its value; 0.0 where the node does not tell: then it is old."""
    schedulable: bool
    excluded: bool
    """Whether it is no machine (`KL_EXCLUDED_NODES`): it is in no sum, nor are the pods on it."""
    gpu_capacity: Mapping[str, float] = field(default_factory=dict)
    """Advertised units of each GPU resource of any vendor, by resource name."""
    gpu_allocatable: Mapping[str, float] = field(default_factory=dict)
    gpu_hints: Mapping[str, str] = field(default_factory=dict)
    """Labels and annotations that tell which GPUs it has and how they are shared."""
    labels: Mapping[str, str] = field(default_factory=dict)
    """All of them."""


@dataclass(frozen=True, slots=True)
class Pod:
    """A pod that is or was bound to a node, as far as accounting reads it. Many pods share the inner objects."""

    namespace: str
    name: str
    uid: str
    node: str
    requests: Mapping[str, float]
    """Effective requests by resource name: `cpu` in cores, `memory` in bytes (huge pages included), `HUGE_PAGES` in
    bytes, GPU resources such as `nvidia.com/mig-1g.5gb` in units."""
    bound: float
    """From when it holds its requests; 0.0 where the object does not tell: then it is old."""
    ended: float | None
    """From when it holds nothing; None while it is not finished. A pod that never ran (rejected, evicted) ended when it
    was bound."""
    containers: tuple[str, ...]
    """Names of all its containers, init containers and sidecars included."""
    running: tuple[tuple[str, float], ...]
    """Its running containers: name, and since when (0.0 where the object does not tell: then it is old)."""
    claims: tuple[str, ...] = ()
    """Names of the ResourceClaims that its status names."""

    @property
    def key(self) -> tuple[str, str]:
        """Namespace and name."""
        return self.namespace, self.name

    @property
    def identity(self) -> str:
        """UID, or `NAMESPACE/NAME` where the object tells none."""
        return self.uid or f"{self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True)
class NodeSpan:
    """For how long within an interval a node was as `node` says; one that changed has several spans."""

    node: Node
    seconds: float


@dataclass(frozen=True, slots=True)
class PodSpan:
    """For how long within an interval a pod held what `pod.requests` says; a resized one has several spans."""

    pod: Pod
    seconds: float


@dataclass(frozen=True, slots=True)
class VolumeClaim:
    """A PersistentVolumeClaim at a moment."""

    namespace: str
    storage_class: str
    """Its name; empty for none."""
    held: float
    """Bytes: what its spec requests while it is bound, else 0.0."""


@dataclass(frozen=True, slots=True)
class VolumeClaimSpan:
    """For how long within an interval a claim was as `claim` says; one that was bound or grown has several spans."""

    claim: VolumeClaim
    seconds: float


@dataclass(frozen=True, slots=True)
class ClusterIdentity:
    """What tells a cluster from others, one that was made anew under its name included."""

    uid: str | None = None
    """UID of namespace `kube-system`; None where it is not listed."""
    created: float | None = None
    """When that namespace was created, UNIX seconds; None where nobody tells."""


@dataclass(frozen=True, slots=True)
class Cluster:
    """What the `kubernetes` source knows of one interval, to the second."""

    uid: str | None
    """UID of namespace `kube-system`; None where it is not listed."""
    namespaces: Mapping[str, Mapping[str, str]]
    """Labels by namespace name, at the end of the interval."""
    nodes: tuple[NodeSpan, ...]
    """All that were there within the interval, excluded ones too."""
    present: tuple[Node, ...]
    """The nodes at the end of the interval."""
    pods: Iterable[PodSpan]
    """Pods that held something within the interval, on whatever node."""
    claimed: Mapping[str, float | None] | None = field(default_factory=dict)
    """GPUs that pods hold by resource claims, by `Pod.identity`; None where claims, or a pod's, could not be read."""
    blind_spots: tuple[BlindSpot, ...] = ()
    created: float | None = None
    """When namespace `kube-system` was created; None where nobody tells."""
    volume_claims: tuple[VolumeClaimSpan, ...] | None = None
    """Those that were there within the interval; None where they could not be listed."""


@dataclass(frozen=True, slots=True)
class ContainerMetrics:
    """One container of a PodMetrics as it was answered, believed or not; None where a value is absent or no number."""

    name: str
    cpu: float | None
    memory: float | None


@dataclass(frozen=True, slots=True)
class PodMetrics:
    """One item of a `PodMetricsList`. `containers` is None where the item is odd."""

    namespace: str
    name: str
    timestamp: float | None
    window: float | None
    """Seconds; None where it is not told."""
    containers: tuple[ContainerMetrics, ...] | None


@dataclass(frozen=True, slots=True)
class NodeMetrics:
    """One item of a `NodeMetricsList`."""

    name: str
    timestamp: float | None
    cpu: float | None
    memory: float | None


@dataclass(frozen=True, slots=True)
class MetricsListing:
    """A successful answer of the `metrics` source. `pods` is consumed once, item by item as it arrives."""

    nodes: tuple[NodeMetrics, ...]
    pods: Iterable[PodMetrics]


@dataclass(frozen=True, slots=True)
class GpuDevice:
    """A GPU, or one MIG instance of it, as a DCGM exporter reports it."""

    node: str
    """Host name that the exporter tells."""
    uuid: str
    """Of the physical GPU."""
    instance: str | None
    """MIG instance id, None for a whole GPU."""
    share: float | None
    """What of a whole GPU this device is: 1.0, or slices of the instance ÷ slices of the GPU on MIG; None where the
    exporter tells no profile."""
    utilisation: float | None
    """0.0 to 1.0 of this device."""
    memory_used: float | None
    memory_free: float | None
    holders: tuple[tuple[str, str], ...]
    """(namespace, pod) pairs its labels name; empty when they name none."""


@dataclass(frozen=True, slots=True)
class UsageReading:
    """What was in use at one moment of an interval; None where a source failed or, for `devices`, is not configured."""

    moment: float
    """When it was read, UNIX seconds of the API server's time."""
    pods: tuple[Pod, ...]
    """The pods that held something at that moment."""
    nodes: tuple[Node, ...]
    """The nodes at that moment, excluded ones too."""
    metrics: MetricsListing | None
    devices: tuple[GpuDevice, ...] | None
    """None when no exporter answered; what is missing among them is for accounting to say."""
