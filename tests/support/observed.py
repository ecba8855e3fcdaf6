"""Short ways to write down what the sources saw, for accounting."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from collector.observations import (
    Cluster,
    ContainerMetrics,
    GpuDevice,
    MetricsListing,
    Node,
    NodeMetrics,
    NodeSpan,
    Pod,
    PodMetrics,
    PodSpan,
    UsageReading,
)

GIB = 2.0**30
MOMENT = 1_795_212_000.0
OLD = 0.0


def node(
    name: str = "n1",
    *,
    cpu: float = 8.0,
    gib: float = 32.0,
    ready: bool = True,
    ready_since: float = OLD,
    excluded: bool = False,
    gpus: Mapping[str, float] | None = None,
    usable_gpus: Mapping[str, float] | None = None,
) -> Node:
    """A node whose allocatable is 0.5 cores and 1 GiB below its capacity, as far as it has them."""
    return Node(
        name,
        f"uid-{name}",
        cpu,
        max(0.0, cpu - 0.5),
        gib * GIB,
        max(0.0, (gib - 1) * GIB),
        ready,
        ready_since,
        schedulable=True,
        excluded=excluded,
        gpu_capacity=gpus or {},
        gpu_allocatable=gpus or {} if usable_gpus is None else usable_gpus,
    )


def pod(
    namespace: str = "shop",
    name: str = "web",
    cpu: float = 1.0,
    *,
    on: str = "n1",
    containers: tuple[str, ...] = ("app",),
    running: tuple[str, ...] | None = None,
    since: float = OLD,
    ended: float | None = None,
    more: Mapping[str, float] | None = None,
) -> Pod:
    """A pod that requests `cpu` cores, as many GiB, and `more`; its containers run, or those of `running`."""
    return Pod(
        namespace,
        name,
        f"uid-{namespace}-{name}",
        on,
        {"cpu": cpu, "memory": cpu * GIB, **(more or {})},
        OLD,
        ended,
        containers,
        tuple((each, since) for each in (containers if running is None else running)),
    )


def container(cpu: float | None = 0.5, memory: float | None = -1.0, name: str = "app") -> ContainerMetrics:
    """A container that uses `cpu` cores and `memory` bytes (-1.0: as many GiB as cores)."""
    return ContainerMetrics(name, cpu, (cpu or 1.0) * GIB if memory == -1.0 else memory)


def item(
    namespace: str = "shop",
    name: str = "web",
    cpu: float | None = 0.5,
    *,
    at: float | None = MOMENT,
    window: float | None = 15.0,
    containers: Iterable[ContainerMetrics] | None = None,
) -> PodMetrics:
    """Metrics of a pod whose container `app` uses `cpu` cores and as many GiB."""
    return PodMetrics(namespace, name, at, window, (container(cpu),) if containers is None else tuple(containers))


def odd(namespace: str = "shop", name: str = "web") -> PodMetrics:
    """An item that could not be read."""
    return PodMetrics(namespace, name, None, None, None)


def reading(
    pods: Iterable[Pod] = (),
    items: Iterable[PodMetrics] | None = (),
    *,
    nodes: Iterable[Node] | None = None,
    node_items: Iterable[NodeMetrics] = (),
    devices: tuple[GpuDevice, ...] | None = None,
    moment: float = MOMENT,
) -> UsageReading:
    """A reading at a moment; without `items` metrics-server did not answer."""
    metrics = None if items is None else MetricsListing(tuple(node_items), items)
    return UsageReading(moment, tuple(pods), (node(),) if nodes is None else tuple(nodes), metrics, devices)


def cluster(
    pods: Iterable[Pod | PodSpan] = (),
    *,
    interval: float = 300.0,
    namespaces: Iterable[str] | Mapping[str, Mapping[str, str]] = (),
    nodes: Iterable[Node | NodeSpan] | None = None,
) -> Cluster:
    """What was there in an interval: for the whole of it where no span is given."""
    node_spans = [each if isinstance(each, NodeSpan) else NodeSpan(each, interval) for each in nodes or (node(),)]
    labels = namespaces if isinstance(namespaces, Mapping) else {name: {} for name in namespaces}
    return Cluster(
        uid="uid-kube-system",
        namespaces=labels,
        nodes=tuple(node_spans),
        present=tuple({span.node.name: span.node for span in node_spans}.values()),
        pods=(each if isinstance(each, PodSpan) else PodSpan(each, interval) for each in pods),
    )
