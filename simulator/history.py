"""The past of a simulated cluster, through the collector's own accounting, store and books.

What changes rarely (pods, nodes, namespaces, which pod holds which GPU) is built as API objects and read by the
collector's parsers once per change; what changes with every tick is set to the numbers that the API would have written,
rounded as there. Ticks are hourly up to 14 days and an hour before the end, and of 5 minutes after that.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from types import MappingProxyType

import msgspec
import numpy as np

from collector.accounting.observation import account_interval, observe
from collector.accounting.who_is_charged import charged_by
from collector.clock import ClockReading
from collector.dcgm.exposition import parse_exposition
from collector.kubernetes.nodes import parse_node
from collector.kubernetes.objects import NodeObject, PodObject
from collector.kubernetes.pods import Shared, parse_pod
from collector.kubernetes.volume_claims import VolumeClaimObject, parse_volume_claim
from collector.model import UnobservedCause
from collector.observations import (
    Cluster,
    ClusterIdentity,
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
    VolumeClaim,
    VolumeClaimSpan,
)
from collector.opening import opened
from collector.settings import Settings
from collector.store import gpu_memory
from collector.tick import Collector
from kl_core.vocabulary import Source
from simulator.dcgm import device_uuid, exposition, readings
from simulator.objects import KUBELET_KIBIBYTES, KUBELET_NANOCORES, measured_containers, namespace_object, node_object
from simulator.pod_objects import pod_object
from simulator.pods import PodInstance, pod_units
from simulator.shapes import DAY, HOUR, KIB, MIB, STEP, Floats, Moment
from simulator.truth import month_after
from simulator.volume_claims import claims_at, volume_claim_object
from simulator.workload import Workload

FINE_SECONDS = 14 * DAY + HOUR
HOURS_A_BATCH = 240
STEPS_A_BATCH = DAY // STEP

Progress = Callable[[int, int], None]
"""Told how many ticks have just been stored, and how many are due in all."""


@dataclass(frozen=True, slots=True)
class Tick:
    """A tick to take: nominal time and the interval that ends there, in seconds."""

    time: int
    interval: int


def first_history(now: int) -> int:
    """Where history starts: twelve whole months before the month of `now`."""
    return month_after(now, -12)


def missing_ticks(after: int, now: int) -> list[Tick]:
    """Ticks due in (after, now]; both are UNIX seconds, `after` a multiple of 300."""
    last = now // STEP * STEP
    fine_from = (last - FINE_SECONDS) // HOUR * HOUR
    ticks, time = [], after
    while time < last:
        interval = HOUR if time % HOUR == 0 and time + HOUR <= fine_from else STEP
        time += interval
        ticks.append(Tick(time, interval))
    return ticks


@dataclass(frozen=True, slots=True)
class Seen:
    """What the collector's sources would have told of an interval, and of its end."""

    cluster: Cluster
    reading: UsageReading


class Past:
    """A simulated cluster as the collector's sources would have seen it."""

    def __init__(self, workload: Workload) -> None:
        self._workload = workload
        self._events = sorted(_events(workload))
        self._epoch = -1
        self._namespaces: dict[str, dict[str, str]] = {}
        self._nodes: tuple[Node, ...] = ()
        self._devices: tuple[GpuDevice, ...] = ()
        self._claims: tuple[VolumeClaim, ...] = ()
        self._shared = Shared()
        self._pods: dict[tuple[str, str], Pod | None] = {}
        self._charged: dict[int, tuple[Pod, ...]] = {}

    def seen(self, ticks: Sequence[Tick]) -> Iterator[Seen]:
        """Return what is seen at each of some consecutive ticks of the same interval."""
        workload, interval = self._workload, ticks[0].interval
        start, end = ticks[0].time - interval, ticks[-1].time
        usage = {
            spec.name: (
                workload.interval_means(spec.name, "cpu", start, end, interval),
                workload.interval_means(spec.name, "memory", start, end, interval),
            )
            for spec in workload.namespaces
        }
        devices = _device_values(workload, start, end, interval)
        counts = workload.pod_counts(np.array([tick.time for tick in ticks]))
        for index, tick in enumerate(ticks):
            totals = {name: (float(cpu[index]), float(memory[index])) for name, (cpu, memory) in usage.items()}
            pods = workload.pods_of(counts[index])
            self._enter(tick.time)
            bound = self._bound(pods, tick.time)
            measured = tuple(_measured(device, devices, index) for device in self._devices)
            yield Seen(
                Cluster(
                    uid=None,
                    namespaces=self._namespaces,
                    nodes=tuple(NodeSpan(node, interval) for node in self._nodes),
                    present=self._nodes,
                    pods=tuple(PodSpan(pod, interval) for pod in bound),
                    volume_claims=tuple(VolumeClaimSpan(claim, interval) for claim in self._claims),
                ),
                UsageReading(
                    moment=tick.time,
                    pods=bound,
                    nodes=self._nodes,
                    metrics=_listing(self._nodes, pods, pod_units(pods, totals), tick.time),
                    devices=measured if workload.devices else None,
                ),
            )

    def _enter(self, end: int) -> None:
        """Builds namespaces, nodes and devices anew if anything about them changed since the last tick."""
        epoch = bisect_left(self._events, end)
        if epoch == self._epoch:
            return
        self._epoch, workload = epoch, self._workload
        namespaces = (namespace_object(workload, spec, end)["metadata"] for spec in workload.living(end))
        self._namespaces = {metadata["name"]: metadata["labels"] for metadata in namespaces}
        objects = (msgspec.convert(node_object(workload, node, end), NodeObject) for node in workload.nodes_at(end))
        self._nodes = tuple(parse_node(each, end, lambda _: False)[0] for each in objects)
        self._devices = parse_exposition(exposition(workload, end)) if workload.devices else ()
        claims = (
            msgspec.convert(volume_claim_object(workload, each), VolumeClaimObject) for each in claims_at(workload, end)
        )
        self._claims = tuple(parse_volume_claim(each, end, self._shared).claim for each in claims)

    def _bound(self, pods: tuple[PodInstance, ...], end: int) -> tuple[Pod, ...]:
        """The bound, unfinished ones as the collector reads them."""
        if id(pods) not in self._charged:
            parsed = (self._read(pod, end) for pod in pods)
            self._charged[id(pods)] = tuple(pod for pod in parsed if pod is not None and pod.ended is None)
        return self._charged[id(pods)]

    def _read(self, pod: PodInstance, end: int) -> Pod | None:
        key = (pod.namespace, pod.name)
        if key not in self._pods:
            converted = msgspec.convert(pod_object(self._workload, pod, end), PodObject)
            self._pods[key] = parse_pod(converted, end, self._shared)
        return self._pods[key]


def _events(workload: Workload) -> set[int]:
    """Times at which namespaces, labels, nodes or the holders of devices change."""
    moments: set[Moment] = {node.since for node in workload.nodes} | {device.since for device in workload.devices}
    for spec in workload.namespaces:
        moments |= {spec.since, *(since for since, _ in spec.labels)} | ({spec.until} if spec.until else set())
    return {workload.time_of(moment) for moment in moments}


def _device_values(workload: Workload, start: int, end: int, interval: int) -> dict[str, tuple[Floats, Floats, Floats]]:
    """Fraction busy, used and free bytes in each interval, by UUID."""
    values = {}
    for device in workload.devices:
        busy, used = readings(workload, device, start, end, interval)
        values[device_uuid(device)] = (busy, used * MIB, (device.framebuffer_mib - used) * MIB)
    return values


def _measured(device: GpuDevice, values: dict[str, tuple[Floats, Floats, Floats]], index: int) -> GpuDevice:
    busy, used, free = (float(column[index]) for column in values[device.uuid])
    return replace(device, utilisation=busy, memory_used=used, memory_free=free)


def _listing(
    nodes: Sequence[Node], pods: Sequence[PodInstance], units: Sequence[tuple[int, int]], scraped: float
) -> MetricsListing:
    """What metrics-server answers, without the detour over text; all but a KiB each is told of the first container."""
    on_nodes = {node.name: (KUBELET_NANOCORES, KUBELET_KIBIBYTES) for node in nodes}
    items = []
    for pod, (nanocores, kibibytes) in zip(pods, units, strict=True):
        if pod.running and pod.node is not None:
            first, *others = (container.name for container in measured_containers(pod.group))
            used = ContainerMetrics(first, nanocores / 1e9, float((kibibytes - len(others)) * KIB))
            containers = (used, *(ContainerMetrics(name, 0.0, float(KIB)) for name in others))
            items.append(PodMetrics(pod.namespace, pod.name, scraped, None, containers))
            cpu, memory = on_nodes[pod.node]
            on_nodes[pod.node] = (cpu + nanocores, memory + kibibytes)
    usage = (NodeMetrics(name, scraped, cpu / 1e9, float(memory * KIB)) for name, (cpu, memory) in on_nodes.items())
    return MetricsListing(tuple(usage), items)


class _NoSources:
    """History asks no cluster; only its books are published."""

    identity = ClusterIdentity()
    causes: Mapping[Source, UnobservedCause] = MappingProxyType({})
    date: ClockReading | None = None

    def read_usage(self) -> UsageReading | None:
        raise RuntimeError("history is taken from the formula")

    def cluster(self, start: int, end: int) -> Cluster | None:
        raise RuntimeError(f"history is taken from the formula, from {start} to {end} too")


def fill(workload: Workload, settings: Settings, *, start: int, now: int, progress: Progress | None = None) -> int:
    """Stores every tick that is missing up to `now` and publishes the books; returns how many were stored.

    An empty database begins at `start` (a full hour), and its rate holds from there; otherwise history goes on after
    the last stored tick. Raises the collector's errors.
    """
    charged = charged_by(settings.included_namespaces, settings.excluded_namespaces)
    past, stored = Past(workload), 0
    with opened(settings.db_location, settings.cluster_name) as store:
        after = start if store.last_tick is None else store.last_tick
        collector = Collector(settings, _NoSources(), store, lambda: max(after, store.last_tick or 0))
        collector.record_rate(after)
        memory = gpu_memory.load(settings.db_location)
        due = missing_ticks(after, now)
        for batch in _batches(due):
            samples = []
            for tick, seen in zip(batch, past.seen(batch), strict=True):
                sample, memory = account_interval(
                    seen.cluster,
                    observe(seen.reading, tick.interval, charged),
                    memory,
                    time=tick.time,
                    interval=tick.interval,
                    charged=charged,
                    dcgm_configured=bool(workload.devices),
                )
                samples.append(sample)
            stored += store.append(samples).stored
            gpu_memory.save(settings.db_location, memory)
            if progress is not None:
                progress(len(batch), len(due))
        collector.publish()
    return stored


def _batches(ticks: Sequence[Tick]) -> Iterator[list[Tick]]:
    """Consecutive ticks of the same interval, as many as are stored at once."""
    for interval, group in groupby(ticks, key=lambda tick: tick.interval):
        alike = list(group)
        size = HOURS_A_BATCH if interval == HOUR else STEPS_A_BATCH
        for first in range(0, len(alike), size):
            yield alike[first : first + size]
