"""From what the sources saw at one tick to what is stored of it.

Rules: who is charged (a bound pod until it is finished), requests, usage, GPUs, and that a sample is whole or absent:
what a failed source feeds is None for this tick, never zero.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from collector.accounting.gpu_attribution import GpuAttribution, GpuUse, attribute, framebuffer, seen_in_full
from collector.accounting.node_states import node_states
from collector.accounting.pod_totals import (
    MIN_MEASURED_SHARE,
    Held,
    PodFold,
    Used,
    fold_pods,
    fold_usage,
    measured_share,
)
from collector.errors import SourceError
from collector.model import Cluster, Entry, GpuDevice, MetricValues, Snapshot, TickSample, UsageListing
from kl_core.vocabulary import Metric, Source

log = logging.getLogger(__name__)

Special = Literal["excluded", "unattributed"]


@dataclass(frozen=True, slots=True)
class _Tick:
    """What the sources told, consumed: None where one did not answer in full."""

    cluster: Cluster
    pods: PodFold
    used: Mapping[str | None, Used] | None
    devices: Sequence[GpuDevice] | None
    gpus: GpuAttribution | None


def account(snapshot: Snapshot, *, time: int, interval: int, charged: Callable[[str], bool]) -> TickSample:
    """Accounts one tick; consumes the listings of `snapshot`.

    `time` is the nominal end of the tick in UNIX seconds, `interval` its seconds. `charged` tells by name whether a
    namespace is charged; the others are summed into the special entry `excluded`. A `SourceError` raised by a listing
    makes its source unobserved in this tick and is logged. A pod of a namespace that the listing of namespaces does
    not name (it came in between) is counted all the same.
    """
    cluster, pods = _consume_pods(snapshot.cluster, charged)
    used = _consume_usage(snapshot.usage, pods, charged)
    devices = snapshot.devices
    if cluster is not None and devices is not None and not seen_in_full(devices, cluster.nodes):
        log.warning(
            "dcgm: the exporters report fewer GPUs than the nodes advertise, so GPU usage is unknown for this tick. "
            "Check that an exporter runs on every node with GPUs."
        )
        devices = None
    dcgm = devices is not None if snapshot.dcgm_configured else None
    observed: dict[Source, bool | None] = {"kubernetes": cluster is not None, "metrics": used is not None, "dcgm": dcgm}
    if cluster is None or pods is None:
        return TickSample(time, interval, observed, {}, {}, {}, {})
    gpus = attribute(devices, pods.gpu_pods, pods) if devices is not None else None
    node_usage = snapshot.usage.nodes if snapshot.usage is not None and used is not None else None
    tick = _Tick(cluster, pods, used, devices, gpus)
    return TickSample(
        time=time,
        interval=interval,
        observed=observed,
        capacity=_cluster_total(tick, [node.capacity for node in cluster.nodes]),
        allocatable=_cluster_total(tick, [node.allocatable for node in cluster.nodes]),
        namespaces=_namespaces(tick, charged),
        special=_special(tick, charged, snapshot.dcgm_configured),
        nodes=node_states(cluster.nodes, pods.nodes, node_usage or (), devices or ()),
    )


def _consume_pods(cluster: Cluster | None, charged: Callable[[str], bool]) -> tuple[Cluster | None, PodFold | None]:
    if cluster is None:
        return None, None
    try:
        return cluster, fold_pods(cluster.pods, {node.name: node for node in cluster.nodes}, charged)
    except SourceError as error:
        log.warning("%s; nothing is known of this tick", error)
        return None, None


def _consume_usage(
    usage: UsageListing | None, pods: PodFold | None, charged: Callable[[str], bool]
) -> Mapping[str | None, Used] | None:
    if usage is None:
        return None
    try:
        return fold_usage(usage.pods, pods if pods is not None else PodFold(), charged)
    except SourceError as error:
        log.warning("%s; cpu and memory usage are unknown for this tick", error)
        return None


def _cluster_total(tick: _Tick, nodes: Sequence[MetricValues]) -> MetricValues:
    """Sum over nodes; GPUs only where any is advertised, their memory as far as the exporters told."""
    total: dict[Metric, float | None] = {
        "cpu": sum(node.get("cpu") or 0.0 for node in nodes),
        "memory": sum(node.get("memory") or 0.0 for node in nodes),
    }
    if any("gpu" in node.capacity for node in tick.cluster.nodes):
        total["gpu"] = sum(node.get("gpu") or 0.0 for node in nodes)
        total["gpu_memory"] = None if tick.devices is None else framebuffer(tick.devices)
    return total


def _namespaces(tick: _Tick, charged: Callable[[str], bool]) -> dict[str, Entry]:
    listed = tick.cluster.namespaces
    names = dict.fromkeys(name for name in listed if charged(name))
    names.update(dict.fromkeys(name for name in tick.pods.entries if name is not None))
    by_namespace: Mapping[str, GpuUse] = tick.gpus.by_namespace if tick.gpus else {}
    return {name: _entry(tick, name, by_namespace.get(name), listed.get(name, {})) for name in names}


def _entry(tick: _Tick, key: str | None, gpu_use: GpuUse | None, labels: Mapping[str, str]) -> Entry:
    held = tick.pods.entries.get(key) or Held()
    requests: dict[Metric, float | None] = {"cpu": held.cpu, "memory": held.memory}
    usage, measured = _measured_usage(tick, key, held)
    if held.gpu or gpu_use is not None:
        requests["gpu"] = held.gpu
        usage |= _gpu_usage(tick, gpu_use)
    return Entry(usage, requests, measured, labels)


def _measured_usage(tick: _Tick, key: str | None, held: Held) -> tuple[dict[Metric, float | None], float | None]:
    if tick.used is None:
        return {"cpu": None, "memory": None}, None
    used = tick.used.get(key) or Used()
    share = measured_share(held, used)
    if share < MIN_MEASURED_SHARE:
        return {"cpu": None, "memory": None}, share
    return {"cpu": used.cpu, "memory": used.memory}, share


def _gpu_usage(tick: _Tick, use: GpuUse | None) -> dict[Metric, float | None]:
    if tick.gpus is None:
        return {"gpu": None, "gpu_memory": None}
    use = use or GpuUse()
    return {"gpu": use.gpu, "gpu_memory": use.gpu_memory}


def _special(tick: _Tick, charged: Callable[[str], bool], dcgm_configured: bool) -> dict[Special, Entry]:
    special: dict[Special, Entry] = {}
    gpu_uses = tick.gpus.by_namespace if tick.gpus else {}
    excluded = [name for name in tick.cluster.namespaces if not charged(name)]
    if excluded or None in tick.pods.entries:
        special["excluded"] = _entry(
            tick, None, GpuUse.total(use for name, use in gpu_uses.items() if not charged(name)), {}
        )
    unattributed = tick.gpus.unattributed if tick.gpus else None
    unknown = tick.gpus is None and dcgm_configured and bool(tick.pods.gpu_pods)
    if unattributed is not None or unknown:
        usage: dict[Metric, float | None] = {"cpu": 0.0, "memory": 0.0, **_gpu_usage(tick, unattributed)}
        special["unattributed"] = Entry(usage, {"cpu": 0.0, "memory": 0.0, "gpu": 0.0}, 1.0)
    return special
