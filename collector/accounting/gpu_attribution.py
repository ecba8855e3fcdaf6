"""Which pods the GPUs of a tick worked for.

A device's use goes in equal parts to the pods its labels name. A device whose labels name no pod is idle, unless its
node has pods whose requested GPUs no device accounts for: as many of its unnamed devices as those pods need, the
busiest first, were used by pods that cannot be told, and go to the special entry `unattributed`.

Under time-slicing an exporter without `--kubernetes-virtual-gpus` names one pod of a device, whichever it met last
(NVIDIA/dcgm-exporter#307, #340). Where pods that share GPUs are named nowhere, the only device of their node
is theirs as well; of several devices none can be told, and what the named ones did is `unattributed`.
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
        """Add a part (0.0 to 1.0) of what a device did; a value the device does not report makes the sum unknown."""
        busy = None if device.utilisation is None else device.utilisation * (device.share or 0.0)
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
    shares: bool = False
    """Whether its node lets several pods hold one GPU (time-slicing, MPS)."""


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
            return math.fsum((item.share or 0.0) for item in devices) >= sum(advertised.values()) - _TOLERANCE
        seen[device.node] += device.share or 0.0
    return all(seen[name] >= count - _TOLERANCE for name, count in advertised.items())


def attribute(
    devices: Sequence[GpuDevice], gpu_pods: Mapping[PodName, GpuPod], bound: Container[PodName]
) -> GpuAttribution:
    """Split what the devices did over namespaces.

    `gpu_pods` are the bound, unfinished pods that request GPUs; `bound` tells by `in` whether any pod is one of the
    bound and unfinished: a pod that is not holds nothing, whatever the labels say.
    """
    by_namespace: dict[str, GpuUse] = {}
    received: dict[PodName, float] = {}
    unnamed: dict[str, list[GpuDevice]] = {}
    blurred: list[GpuDevice] = []
    sharers = _unnamed_sharers(devices, gpu_pods)
    for device in devices:
        # A pod that was named but has finished, or was never bound, holds nothing: exporters keep a name for a while.
        # One that is bound is believed even without a request: containers can be given devices by other ways.
        holders = [pod for pod in device.holders if pod in gpu_pods or pod in bound]
        if not holders:
            unnamed.setdefault(device.node, []).append(device)
            continue
        # Where unnamed pods share the node's GPUs too, a label names one of several holders. With a single device all
        # of them hold it. With more, nobody can say which pod ran on which, and charging the named one alone would bill
        # the work of its neighbours to it.
        more, theirs = sharers.get(device.node, ((), True))
        holders += more if theirs else ()
        for pod in holders:
            received[pod] = received.get(pod, 0.0) + (device.share or 0.0) / len(holders)
            if theirs:
                by_namespace.setdefault(pod[0], GpuUse()).add(device, 1 / len(holders))
        if not theirs:
            blurred.append(device)
    return GpuAttribution(by_namespace, _unattributed(unnamed, blurred, _missing(gpu_pods, received, set(unnamed))))


def _unnamed_sharers(
    devices: Sequence[GpuDevice], gpu_pods: Mapping[PodName, GpuPod]
) -> dict[str, tuple[list[PodName], bool]]:
    """Per host, pods that share its GPUs and that no label names, and whether its only device is theirs as well.

    A host with a device that names several pods has an exporter that names them all. Hosts with a name of their own
    have the pods of the nodes that no host is named after.
    """
    named = {pod for device in devices for pod in device.holders}
    pods: dict[str, list[PodName]] = {}
    nodes = {device.node for device in devices}
    for pod, holding in gpu_pods.items():
        if holding.shares and pod not in named:
            pods.setdefault(holding.node if holding.node in nodes else "", []).append(pod)
    if not pods:
        return {}
    known = {holding.node for holding in gpu_pods.values()}
    hosts: dict[str, list[GpuDevice]] = {}
    for device in devices:
        hosts.setdefault(device.node if device.node in known else "", []).append(device)
    return {
        device.node: (pods[host], len(several) == 1)
        for host, several in hosts.items()
        for device in several
        if host in pods and all(len(item.holders) < 2 for item in several)
    }


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


def _unattributed(
    unnamed: Mapping[str, list[GpuDevice]], blurred: Iterable[GpuDevice], missing: Mapping[str, float]
) -> GpuUse | None:
    # Requests without a device mean that somebody held an unnamed device. Whose it was cannot be told, and how many
    # there were can: the busiest are taken, for a device that worked was held, and an idle one may not have been.
    left = dict(missing)
    taken = list(blurred)
    for host, devices in unnamed.items():
        pool = host if host in left else ""
        for device in sorted(devices, key=_busyness, reverse=True):
            if left.get(pool, 0.0) <= _TOLERANCE:
                break
            left[pool] -= device.share or 0.0
            taken.append(device)
    use = GpuUse()
    for device in taken:
        use.add(device, 1.0)
    return use if taken else None


def _busyness(device: GpuDevice) -> tuple[float, float]:
    # Unknown use comes first: it must make the sum unknown rather than be left out of it as if it were idle.
    busy = math.inf if device.utilisation is None else device.utilisation * (device.share or 0.0)
    return busy, device.memory_used or 0.0
