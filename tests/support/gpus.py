"""Nodes, pods and devices with GPUs, as the sources tell them."""

from __future__ import annotations

from collections.abc import Mapping

from collector.observations import GpuDevice, Node, NodeSpan, Pod, UsageReading

GIB = 2**30
GPU = "nvidia.com/gpu"
INTERVAL = 300


def node(
    name: str = "g1",
    gpus: Mapping[str, float] | float = 1.0,
    *,
    allocatable: Mapping[str, float] | float | None = None,
    hints: Mapping[str, str] | None = None,
    uid: str = "",
    ready_since: float = 0.0,
    ready: bool = True,
    excluded: bool = False,
) -> Node:
    """A node that advertises these units; a number is one of `nvidia.com/gpu`."""
    capacity = gpus if isinstance(gpus, Mapping) else {GPU: gpus}
    free = capacity if allocatable is None else allocatable
    free = free if isinstance(free, Mapping) else {GPU: free}
    return Node(name, uid, 8.0, 8.0, 0.0, 0.0, ready, ready_since, True, excluded, capacity, free, hints or {})


def spans(*nodes: Node, seconds: float = INTERVAL) -> tuple[NodeSpan, ...]:
    """All of these for so long."""
    return tuple(NodeSpan(each, seconds) for each in nodes)


def pod(
    name: str,
    gpus: Mapping[str, float] | float = 1.0,
    *,
    on: str = "g1",
    uid: str = "",
    claims: tuple[str, ...] = (),
    running: bool = True,
) -> Pod:
    """A pod `NAMESPACE/NAME` that requests these units; a number is one of `nvidia.com/gpu`."""
    namespace, _, short = name.partition("/")
    requests = gpus if isinstance(gpus, Mapping) else {GPU: gpus}
    return Pod(
        namespace, short, uid, on, requests, 0.0, None, ("app",), (("app", 0.0),) if running else (), claims=claims
    )


def device(
    uuid: str = "GPU-1",
    *holders: str,
    on: str = "g1",
    busy: float | None = 0.5,
    used: float | None = 8.0,
    free: float | None = 8.0,
    share: float | None = 1.0,
    instance: str | None = None,
) -> GpuDevice:
    """A device of 16 GiB that names the pods `NAMESPACE/NAME`; memory in GiB."""
    memory = [None if size is None else size * GIB for size in (used, free)]
    named = tuple((namespace, name) for namespace, _, name in (holder.partition("/") for holder in holders))
    return GpuDevice(on, uuid, instance, share, busy, memory[0], memory[1], named)


def reading(
    devices: tuple[GpuDevice, ...] | None, nodes: tuple[Node, ...], pods: tuple[Pod, ...] = (), moment: float = 10_000.0
) -> UsageReading:
    """What was read at a moment, without metrics."""
    return UsageReading(moment, pods, nodes, None, devices)
