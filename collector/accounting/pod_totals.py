"""Sums of pods and their usage per entry and node, taken pod by pod as a listing arrives."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from collector.accounting.gpu_attribution import GpuPod, PodName
from collector.accounting.who_is_charged import is_holding
from collector.kubernetes.gpu_resources import resource_share
from collector.kubernetes.pod_keys import PodKeys
from collector.model import Node, Pod, PodUsage

MIN_MEASURED_SHARE = 0.5
"""Share of its running pods that metrics-server has to know for an entry's usage to count as known."""

_WITHOUT_GPU = frozenset({"cpu", "memory"})


@dataclass(slots=True)
class Held:
    """Requests of bound pods: cores, bytes, GPU equivalents; and how many pods, and how many of them run."""

    cpu: float = 0.0
    memory: float = 0.0
    gpu: float = 0.0
    pods: int = 0
    running: int = 0


@dataclass(slots=True)
class Used:
    """Usage of an entry's pods, in cores and bytes, and how many of its running pods were measured."""

    cpu: float = 0.0
    memory: float = 0.0
    measured: int = 0


@dataclass(slots=True)
class PodFold:
    """What a pod listing adds up to. A few bytes are kept per pod, and more only for pods with GPUs.

    `entries` is keyed by namespace, or by None for everything that is not charged.
    """

    entries: dict[str | None, Held] = field(default_factory=dict)
    nodes: dict[str, Held] = field(default_factory=dict)
    running: PodKeys = field(default_factory=PodKeys)
    waiting: PodKeys = field(default_factory=PodKeys)
    gpu_pods: dict[PodName, GpuPod] = field(default_factory=dict)

    def __contains__(self, pod: object) -> bool:
        return pod in self.running or pod in self.waiting


def fold_pods(pods: Iterable[Pod], nodes: Mapping[str, Node], charged: Callable[[str], bool]) -> PodFold:
    """Consume a listing of pods and add up those that hold something; errors of the listing pass through."""
    fold = PodFold()
    for pod in filter(is_holding, pods):
        namespace, requests = pod.namespace, pod.requests
        runs = pod.phase == "Running"
        (fold.running if runs else fold.waiting).add(namespace, pod.name)
        node = nodes.get(pod.node)
        gpu = 0.0 if requests.keys() <= _WITHOUT_GPU else _gpu_request(requests, node)
        if gpu:
            fold.gpu_pods[namespace, pod.name] = GpuPod(pod.node, gpu, node is not None and node.gpu_replicas > 1)
        key = namespace if charged(namespace) else None
        for held in (_at(fold.entries, key), _at(fold.nodes, pod.node)):
            held.cpu += requests.get("cpu", 0.0)
            held.memory += requests.get("memory", 0.0)
            held.gpu += gpu
            held.pods += 1
            held.running += runs
    return fold


def _at(table: dict[Any, Held], key: Any) -> Held:
    held = table.get(key)
    if held is None:
        held = table[key] = Held()
    return held


def _gpu_request(requests: Mapping[str, float], node: Node | None) -> float:
    """GPU equivalents of what a pod requests, as its node's product and replicas make of the units it asked for."""
    units, replicas = (node.gpu_units, node.gpu_replicas) if node else ({}, 1)
    return sum(
        count * (units[name] if name in units else resource_share(name) / replicas)
        for name, count in requests.items()
        if name not in _WITHOUT_GPU
    )


def fold_usage(usage: Iterable[PodUsage], pods: PodFold, charged: Callable[[str], bool]) -> dict[str | None, Used]:
    """Consumes a usage listing, keeping only pods that the pod listing holds; errors of the listing pass through."""
    entries: dict[str | None, Used] = {}
    for item in usage:
        pod = (item.namespace, item.name)
        runs = pod in pods.running
        if not runs and pod not in pods.waiting:
            continue
        key = item.namespace if charged(item.namespace) else None
        used = entries.get(key)
        if used is None:
            used = entries[key] = Used()
        used.cpu += item.cpu
        used.memory += item.memory
        used.measured += runs
    return entries


def measured_share(held: Held, used: Used) -> float:
    """Measured pods ÷ running pods; 1.0 when none runs."""
    return used.measured / held.running if held.running else 1.0
