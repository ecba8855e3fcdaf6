"""Every node as it is at a tick, for the published `nodes` file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from collector.accounting.gpu_attribution import GpuUse, framebuffer
from collector.accounting.pod_totals import Held
from collector.model import GpuDevice, Node, NodeState, NodeUsage
from kl_core.vocabulary import Metric


def node_states(
    nodes: Iterable[Node], held: Mapping[str, Held], usage: Iterable[NodeUsage], devices: Iterable[GpuDevice]
) -> tuple[NodeState, ...]:
    """One state a node; usage is None where metrics-server, or an exporter that names the node, tells nothing of it.

    `held` is what bound pods hold, by node; `usage` and `devices` are empty when their source was not observed.
    """
    usage_by_node = {item.name: item for item in usage}
    devices_by_node: dict[str, list[GpuDevice]] = {}
    for device in devices:
        devices_by_node.setdefault(device.node, []).append(device)
    return tuple(
        _node_state(node, held.get(node.name) or Held(), usage_by_node.get(node.name), devices_by_node.get(node.name))
        for node in nodes
    )


def _node_state(node: Node, held: Held, usage: NodeUsage | None, devices: Sequence[GpuDevice] | None) -> NodeState:
    capacity, allocatable = dict(node.capacity), dict(node.allocatable)
    requests: dict[Metric, float | None] = {"cpu": held.cpu, "memory": held.memory}
    used: dict[Metric, float | None] = {
        "cpu": usage.cpu if usage else None,
        "memory": usage.memory if usage else None,
    }
    if "gpu" in capacity:
        capacity["gpu_memory"] = allocatable["gpu_memory"] = framebuffer(devices) if devices else None
        requests["gpu"] = held.gpu
        used |= _device_usage(devices)
    return NodeState(
        name=node.name,
        capacity=capacity,
        allocatable=allocatable,
        usage=used,
        requests=requests,
        pods=held.pods,
        ready=node.ready,
        schedulable=node.schedulable,
    )


def _device_usage(devices: Sequence[GpuDevice] | None) -> dict[Metric, float | None]:
    if not devices:
        return {"gpu": None, "gpu_memory": None}
    use = GpuUse()
    for device in devices:
        use.add(device, 1.0)
    return {"gpu": use.gpu, "gpu_memory": use.gpu_memory}
