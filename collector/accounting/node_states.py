"""Every node of an interval as it is at its end, or was when it left."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from collector.accounting.believed_metrics import NodeUsage
from collector.accounting.gpu_attribution import GpuUsage, GpuUse
from collector.accounting.gpu_units import NodeGpus
from collector.accounting.node_facts import node_facts
from collector.accounting.pod_totals import Held
from collector.model import NodeState
from collector.observations import Node
from kl_core.vocabulary import Metric


def node_states(
    nodes: Iterable[Node],
    held: Mapping[str, Held],
    usage: Mapping[str, NodeUsage],
    gpus: Mapping[str, NodeGpus],
    gpu_usage: GpuUsage | None,
    *,
    present: Mapping[str, float],
    left: Collection[str] = (),
) -> tuple[NodeState, ...]:
    """One state a node that is a machine; usage is None where metrics-server, or the exporters, tell nothing of it.

    `held`, `usage` and `gpus` are what pods held, what was in use and what there is of GPUs, by node. `usage` is empty
    and `gpu_usage` None when their source was not observed. `present` is the part of the interval for which each node
    was there, 0.0 to 1.0; `left` names those that were not any more at its end.
    """
    return tuple(
        _node_state(
            node,
            held.get(node.name) or Held(),
            usage.get(node.name, (None, None)),
            gpus.get(node.name),
            gpu_usage.nodes.get(node.name) if gpu_usage else None,
            present=present.get(node.name, 0.0),
            has_left=node.name in left,
        )
        for node in nodes
        if not node.excluded
    )


def _node_state(
    node: Node,
    held: Held,
    usage: NodeUsage,
    gpus: NodeGpus | None,
    gpu_use: GpuUse | None,
    *,
    present: float,
    has_left: bool,
) -> NodeState:
    capacity: dict[Metric, float | None] = {"cpu": node.cpu_capacity, "memory": node.memory_capacity}
    allocatable: dict[Metric, float | None] = {"cpu": node.cpu_allocatable, "memory": node.memory_allocatable}
    requests: dict[Metric, float | None] = {"cpu": held.cpu, "memory": held.memory}
    used: dict[Metric, float | None] = {"cpu": usage[0], "memory": usage[1]}
    if gpus:
        capacity |= {"gpu": gpus.capacity, "gpu_memory": gpus.memory}
        allocatable |= {"gpu": gpus.allocatable, "gpu_memory": gpus.memory}
        requests["gpu"] = None if held.claims_unread else held.gpu
        used |= {
            "gpu": gpu_use.gpu if gpu_use else None,
            "gpu_memory": gpu_use.gpu_memory if gpu_use else None,
        }
    return NodeState(
        name=node.name,
        capacity=capacity,
        allocatable=allocatable,
        usage=used,
        requests=requests,
        # What is on a node that is gone holds nothing, whether or not it has ended.
        pods=0 if has_left else held.pods,
        present=min(present, 1.0),
        ready=node.ready,
        schedulable=node.schedulable,
        facts=node_facts(node.labels),
        has_left=has_left,
    )
