"""Whether what metrics-server says of a pod or a node can be true.

A pod is measured when every running container of it is there under its own name, with both values, fresh, not negative
and together not above what its node has. With one value lacking neither counts: one share of measured pods stands for
cpu and memory, and would be wrong for one of them.
"""

from __future__ import annotations

from math import inf

from collector.model import UnmeasuredReason
from collector.observations import HUGE_PAGES, Node, NodeMetrics, Pod, PodMetrics

Usage = tuple[float, float]
"""Cores and bytes."""
NodeUsage = tuple[float | None, float | None]
"""The same of a node, each None where it is unknown."""


def is_fresh(timestamp: float | None, moment: float, interval: float) -> bool:
    """Say whether a sample is of within one interval of the moment it was read at; one without a time is not."""
    return timestamp is not None and abs(moment - timestamp) <= interval


def pod_usage(pod: Pod, node: Node, item: PodMetrics, moment: float, interval: float) -> Usage | UnmeasuredReason:
    """Return what a pod uses, huge pages that it requests included, or why it is not measured."""
    containers = _containers(pod, item)
    if containers is None:
        return "odd"
    if not is_fresh(item.timestamp, moment, interval):
        return "stale"
    for name, _ in pod.running:
        if name not in containers:
            return "incomplete"
    cpu = memory = 0.0
    for its_cpu, its_memory in containers.values():
        if its_cpu < 0 or its_memory < 0:
            return "negative"
        cpu += its_cpu
        memory += its_memory
    if _possible(cpu, node.cpu_capacity) is None or _possible(memory, node.memory_capacity) is None:
        return "impossible"
    return cpu, memory + pod.requests.get(HUGE_PAGES, 0.0)


def _containers(pod: Pod, item: PodMetrics) -> dict[str, Usage] | None:
    """Return the usage of the pod's containers that tell both values, by name; None for an odd item.

    What has another name, or none, is no container of it but a sum or an error of whoever answers. One that is there
    twice with different values was read twice, before and after it was made anew: which is true nobody knows.
    """
    usages: dict[str, Usage] = {}
    for container in item.containers or ():
        name, cpu, memory = container.name, container.cpu, container.memory
        # Nothing runs in 0 bytes: some kubelets say so of what they cannot read.
        if cpu is None or not memory or name not in pod.containers:
            continue
        if usages.setdefault(name, (cpu, memory)) != (cpu, memory):
            return None
    return None if item.containers is None else usages


def node_usage(node: Node, item: NodeMetrics, moment: float, interval: float) -> NodeUsage:
    """Return the cores and bytes in use on a node, each None where it cannot be true."""
    if not is_fresh(item.timestamp, moment, interval):
        return None, None
    return _possible(item.cpu, node.cpu_capacity), _possible(item.memory, node.memory_capacity)


def _possible(value: float | None, capacity: float) -> float | None:
    """Return what is in use, None where it cannot be so much; a node that tells no capacity limits nothing."""
    return None if value is None or not 0 <= value <= (capacity or inf) else value
