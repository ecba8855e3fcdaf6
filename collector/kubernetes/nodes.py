"""Nodes as accounting reads them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from sys import intern

from collector.kubernetes.gpu_resources import gpu_hints, is_gpu_resource
from collector.kubernetes.objects import NodeObject, NodeSpec, NodeStatus, ResourceList
from collector.kubernetes.pod_requests import HUGE_PAGES_PREFIX
from collector.kubernetes.pods import DATE_RESOLUTION_SEC, condition_since, seconds
from collector.kubernetes.quantity import quantity
from collector.observations import Node

Selector = Callable[[Mapping[str, str]], bool]
"""Whether it selects an object with these labels."""


def parse_node(node: NodeObject, now: float, is_excluded: Selector) -> tuple[Node, float]:
    """Return the Node and since when it is there (0.0 where it does not tell); `now` is the API server's time.

    Raises `ValueError` for a quantity outside the grammar.
    """
    metadata, status = node.metadata, node.status or NodeStatus()
    capacity = status.capacity or {}
    allocatable = capacity if status.allocatable is None else status.allocatable
    labels, annotations = metadata.labels or {}, metadata.annotations or {}
    latest = now + DATE_RESOLUTION_SEC
    ready = _is_ready(status)
    # Some webhooks let a scheduler allocate more than there is; nobody can use it.
    cpu, memory = _amount(capacity, "cpu"), _amount(capacity, "memory")
    parsed = Node(
        name=metadata.name,
        uid=metadata.uid or "",
        cpu_capacity=cpu,
        cpu_allocatable=min(_amount(allocatable, "cpu"), cpu),
        memory_capacity=memory,
        memory_allocatable=min(_amount(allocatable, "memory") + _huge_pages(allocatable), memory),
        ready=ready,
        ready_since=min(_ready_since(status), latest),
        schedulable=not (node.spec or NodeSpec()).unschedulable,
        excluded=is_excluded(labels),
        gpu_capacity=_gpus(capacity),
        gpu_allocatable=_gpus(allocatable),
        gpu_hints=gpu_hints(labels, annotations),
        # Most of them are those of many nodes.
        labels={intern(name): intern(text) for name, text in labels.items()},
    )
    return parsed, min(seconds(metadata.creation_timestamp), latest)


def _is_ready(status: NodeStatus) -> bool:
    conditions = [each.status == "True" for each in status.conditions or () if each.type == "Ready"]
    return all(conditions)


def _ready_since(status: NodeStatus) -> float:
    statuses = [each.status for each in status.conditions or () if each.type == "Ready"]
    return condition_since(status.conditions, "Ready", statuses[0] or "") if statuses else 0.0


def _amount(resources: ResourceList, name: str) -> float:
    return quantity(resources.get(name, "0"))


def _huge_pages(allocatable: ResourceList) -> float:
    return sum(_amount(allocatable, name) for name in allocatable if name.startswith(HUGE_PAGES_PREFIX))


def _gpus(resources: ResourceList) -> dict[str, float]:
    return {name: quantity(text) for name, text in resources.items() if is_gpu_resource(name)}
