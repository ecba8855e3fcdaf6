"""Which pods the GPUs of a tick worked for.

A device's use goes in equal parts to the pods its labels name. A device whose labels name no pod is idle, unless its
node has pods whose requested GPUs no device accounts for: as many of its unnamed devices as those pods need, the
busiest first, were used by pods that cannot be told, and go to the special entry `unattributed`.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass

from collector.model import GpuDevice, Node

PodName = tuple[str, str]
"""Namespace and name."""

_TOLERANCE = 1e-6


@dataclass(slots=True)
class GpuUse:
    """GPU equivalents in use, and framebuffer bytes; None once a part of it is unknown."""

    gpu: float | None = 0.0
    gpu_memory: float | None = 0.0

    def add(self, device: GpuDevice, part: float) -> None:
        """Adds a part (0.0 to 1.0) of what a device did; a value the device does not report makes the sum unknown."""
        busy = None if device.utilisation is None else device.utilisation * device.share
        self.gpu = _plus(self.gpu, busy, part)
        self.gpu_memory = _plus(self.gpu_memory, device.memory_used, part)

    @classmethod
    def total(cls, uses: Iterable[GpuUse]) -> GpuUse | None:
        """Sum of several; None of none."""
        several = list(uses)
        if not several:
            return None
        return cls(_sum([use.gpu for use in several]), _sum([use.gpu_memory for use in several]))


def _sum(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return math.fsum(known) if len(known) == len(values) else None


def framebuffer(devices: Iterable[GpuDevice]) -> float | None:
    """Bytes of GPU memory, used and free; None when a device does not tell both."""
    return _sum([size for device in devices for size in (device.memory_used, device.memory_free)])


def _plus(total: float | None, value: float | None, part: float) -> float | None:
    return None if total is None or value is None else total + value * part


@dataclass(frozen=True, slots=True)
class GpuPod:
    """A pod that requests GPUs: its node, and GPU equivalents."""

    node: str
    requested: float


@dataclass(frozen=True, slots=True)
class GpuAttribution:
    """GPU use by namespace, and of pods that cannot be told (None when there is none)."""

    by_namespace: Mapping[str, GpuUse]
    unattributed: GpuUse | None


def seen_in_full(devices: Sequence[GpuDevice], nodes: Iterable[Node]) -> bool:
    """Whether the devices add up to the GPUs that nodes advertise as allocatable.

    Node by node where exporters name nodes of the cluster; over all nodes where one reports a host name of its own.
    """
    advertised = {node.name: node.allocatable.get("gpu") or 0.0 for node in nodes}
    seen = dict.fromkeys(advertised, 0.0)
    for device in devices:
        if device.node not in seen:
            return math.fsum(item.share for item in devices) >= sum(advertised.values()) - _TOLERANCE
        seen[device.node] += device.share
    return all(seen[name] >= count - _TOLERANCE for name, count in advertised.items())


def attribute(
    devices: Iterable[GpuDevice], gpu_pods: Mapping[PodName, GpuPod], bound: Container[PodName]
) -> GpuAttribution:
    """Splits what the devices did over namespaces.

    `gpu_pods` are the bound, unfinished pods that request GPUs; `bound` tells by `in` whether any pod is one of the
    bound and unfinished: a pod that is not holds nothing, whatever the labels say.
    """
    by_namespace: dict[str, GpuUse] = {}
    received: dict[PodName, float] = {}
    unnamed: dict[str, list[GpuDevice]] = {}
    for device in devices:
        holders = [pod for pod in device.holders if pod in gpu_pods or pod in bound]
        for pod in holders:
            by_namespace.setdefault(pod[0], GpuUse()).add(device, 1 / len(holders))
            received[pod] = received.get(pod, 0.0) + device.share / len(holders)
        if not holders:
            unnamed.setdefault(device.node, []).append(device)
    return GpuAttribution(by_namespace, _unattributed(unnamed, _missing(gpu_pods, received, set(unnamed))))


def _missing(
    gpu_pods: Mapping[PodName, GpuPod], received: Mapping[PodName, float], hosts: Collection[str]
) -> dict[str, float]:
    """Per host with unnamed devices, GPU equivalents its pods request and no device accounts for.

    Pods of nodes that no such host is named after are kept under "": an exporter may report a host name of its own.
    """
    missing: dict[str, float] = {}
    for pod, holding in gpu_pods.items():
        lacking = holding.requested - received.get(pod, 0.0)
        if lacking > _TOLERANCE:
            host = holding.node if holding.node in hosts else ""
            missing[host] = missing.get(host, 0.0) + lacking
    return missing


def _unattributed(unnamed: Mapping[str, list[GpuDevice]], missing: Mapping[str, float]) -> GpuUse | None:
    left = dict(missing)
    use: GpuUse | None = None
    for host, devices in unnamed.items():
        pool = host if host in left else ""
        for device in sorted(devices, key=_busyness, reverse=True):
            if left.get(pool, 0.0) <= _TOLERANCE:
                break
            left[pool] -= device.share
            use = use or GpuUse()
            use.add(device, 1.0)
    return use


def _busyness(device: GpuDevice) -> tuple[float, float]:
    busy = math.inf if device.utilisation is None else device.utilisation * device.share
    return busy, device.memory_used or 0.0
