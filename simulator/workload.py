"""The workload of a simulated cluster as a closed formula of namespace and time.

Everything is constant within a 5-minute step, and a step is named by its end. The mean of the twelve steps of an hour
is the hourly function, so that an hourly tick may stand for the hour exactly. Replicas change at full hours only.
Units: cores, bytes, GPU equivalents, bytes of framebuffer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from typing import Literal
from zlib import crc32

import numpy as np

from simulator import catalogue
from simulator.pods import PodInstance, pod_name
from simulator.shapes import (
    ALWAYS,
    GIB,
    HOUR,
    MIB,
    STEP,
    Container,
    Curve,
    DeviceSpec,
    Floats,
    Ints,
    Moment,
    NamespaceSpec,
    NodeSpec,
    PodGroup,
    Pool,
    Replicas,
    daily,
)

Metric = Literal["cpu", "memory", "gpu", "gpu_memory"]
METRICS: tuple[Metric, ...] = ("cpu", "memory", "gpu", "gpu_memory")


def default_origin(now: int) -> int:
    """Start of the UTC month 13 months before the month of `now` (UNIX seconds)."""
    month = datetime.fromtimestamp(now, UTC)
    return _month_start(month.year * 12 + month.month - 1 - 13)


def _month_start(month: int) -> int:
    """UNIX time of the start of a month counted from year 0."""
    return int(datetime(month // 12, month % 12 + 1, 1, tzinfo=UTC).timestamp())


def months_of(times: Ints) -> Ints:
    """Calendar months since January 1970 of UNIX times."""
    return times.astype("datetime64[s]").astype("datetime64[M]").astype(np.int64)


def step_ends(start: int, end: int) -> Ints:
    """Ends of the 5-minute steps in (start, end]."""
    return np.arange(start + STEP, end + STEP, STEP, dtype=np.int64)


@dataclass(frozen=True)
class Workload:
    """A simulated cluster. `origin` (UNIX seconds) is where growth starts and months are counted from."""

    origin: int
    namespaces: tuple[NamespaceSpec, ...] = catalogue.NAMESPACES
    nodes: tuple[NodeSpec, ...] = catalogue.NODES
    devices: tuple[DeviceSpec, ...] = catalogue.DEVICES
    name: str = "simulated"
    _pod_lists: dict[bytes, tuple[PodInstance, ...]] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def synthetic(cls, origin: int, namespaces: int, pods_per_namespace: int = 1, nodes: int = 10) -> Workload:
        """A cluster of any size without GPUs: namespaces `team-00000` ..., whose use falls with their number."""
        width = max(5, len(str(namespaces)))
        specs = tuple(_synthetic_namespace(f"team-{i:0{width}d}", i, pods_per_namespace) for i in range(namespaces))
        pods_a_node = -(-namespaces * pods_per_namespace // nodes)
        cores = max(8, pods_a_node * 2)
        workers = tuple(NodeSpec(f"node-{i:04d}", "worker", cores, cores * 4, 500, 1024) for i in range(nodes))
        return cls(origin, specs, workers, (), "synthetic")

    def time_of(self, moment: Moment) -> int:
        """UNIX time of a moment."""
        start = datetime.fromtimestamp(self.origin, UTC)
        return _month_start(start.year * 12 + start.month - 1 + moment.month) + moment.seconds

    @cached_property
    def _by_name(self) -> Mapping[str, NamespaceSpec]:
        return {spec.name: spec for spec in self.namespaces}

    def namespace(self, name: str) -> NamespaceSpec:
        """The namespace of that name; KeyError if the cluster never has it."""
        return self._by_name[name]

    def life(self, name: str) -> tuple[int, int | None]:
        """When a namespace is created, and deleted (None: never)."""
        spec = self._by_name[name]
        return self.time_of(spec.since), None if spec.until is None else self.time_of(spec.until)

    def alive(self, name: str, ends: Ints) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
        """Whether the namespace exists in each step."""
        since, until = self.life(name)
        alive = ends > since
        return alive if until is None else alive & (ends <= until)

    def living(self, end: int) -> tuple[NamespaceSpec, ...]:
        """Namespaces that exist in the step that ends at `end`."""
        step = np.array([end])
        return tuple(spec for spec in self.namespaces if self.alive(spec.name, step)[0])

    def labels(self, name: str, end: int) -> Mapping[str, str]:
        """Labels of a namespace in the step that ends at `end`."""
        current: Mapping[str, str] = {}
        for since, labels in self._by_name[name].labels:
            if self.time_of(since) < end:
                current = labels
        return {"kubernetes.io/metadata.name": name, **current}

    def nodes_at(self, end: int) -> tuple[NodeSpec, ...]:
        """Nodes that exist in the step that ends at `end`."""
        return tuple(node for node in self.nodes if self.time_of(node.since) < end)

    # usage

    def step_values(self, name: str, metric: Metric, ends: Ints) -> Floats:
        """Usage of a namespace in each step that ends at `ends`; 0 outside its life."""
        spec = self._by_name[name]
        if metric in ("gpu", "gpu_memory"):
            values = self._gpu_values(name, metric, ends)
        else:
            curve = spec.cpu if metric == "cpu" else spec.memory
            values = curve.steps(ends, self.origin, crc32(f"{name}/{metric}".encode()) % 12)
        return np.where(self.alive(name, ends), values, 0.0)

    def usage(self, name: str, metric: Metric, end: int, interval: int = STEP) -> float:
        """Mean usage over the steps in (end - interval, end]."""
        return float(self.step_values(name, metric, step_ends(end - interval, end)).mean())

    def interval_means(self, name: str, metric: Metric, start: int, end: int, interval: int) -> Floats:
        """Mean usage in each interval of (start, end]."""
        values = self.step_values(name, metric, step_ends(start, end))
        means: Floats = values.reshape(-1, interval // STEP).mean(axis=1)
        return means

    def _gpu_values(self, name: str, metric: Metric, ends: Ints) -> Floats:
        total = np.zeros(ends.shape)
        for device in self.devices:
            mine = sum(holder.namespace == name for holder in device.holders)
            if mine:
                value = self.device_values(device, "utilisation" if metric == "gpu" else "framebuffer", ends)
                unit = 1 if metric == "gpu" else device.framebuffer_mib * MIB
                total += value * unit * mine / len(device.holders)
        return total

    def held(self, device: DeviceSpec, ends: Ints) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
        """Whether pods hold the device in each step."""
        held = (ends > self.time_of(device.since)) & bool(device.holders)
        for holder in device.holders:
            held &= self.alive(holder.namespace, ends)
        return held

    def device_values(self, device: DeviceSpec, what: Literal["utilisation", "framebuffer"], ends: Ints) -> Floats:
        """Fraction of the device that is busy, or of its framebuffer that is used, in each step; 0 without a holder."""
        curve = device.utilisation if what == "utilisation" else device.framebuffer_used
        phase = crc32(f"{device.node}/{device.index}/{what}".encode()) % 12
        return np.where(self.held(device, ends), curve.steps(ends, self.origin, phase), 0.0)

    # pods and requests

    def replicas(self, spec: NamespaceSpec, group: PodGroup, ends: Ints) -> Ints:
        """Pods of a group in each step."""
        if group.kind in ("DaemonSet", "Node"):
            count = np.zeros(ends.shape, dtype=np.int64)
            for node in self._pool(group.pool):
                count += ends > self.time_of(node.since)
        else:
            hours = (ends - STEP) // HOUR
            count = group.replicas.at(hours, months_of(ends - STEP) - int(months_of(np.array([self.origin]))[0]))
        return np.where(self.alive(spec.name, ends) & (ends > self.time_of(group.since)), count, 0)

    def requests(self, name: str, metric: Metric, ends: Ints) -> Floats:
        """What the namespace's pods hold in each step, by the scheduler's rule; `gpu_memory` is NaN: unknown."""
        spec = self._by_name[name]
        total = np.full(ends.shape, np.nan) if metric == "gpu_memory" else np.zeros(ends.shape)
        for group in spec.groups:
            if group.state in ("running", "pulling"):
                total += self.replicas(spec, group, ends) * self._held_by_pod(group, metric)
        return total

    def _held_by_pod(self, group: PodGroup, metric: Metric) -> float:
        if metric == "cpu":
            return group.held.millicores / 1000
        if metric == "memory":
            return float(group.held.mebibytes * MIB)
        if not group.gpus:
            return 0.0
        return group.gpus / next(node.gpu_replicas for node in self.nodes if node.name == group.node)

    def capacity(self, metric: Metric, ends: Ints) -> Floats:
        """Capacity of the cluster in each step."""
        return sum(
            (self._of_node(node, metric, allocatable=False) * self._exists(node, ends) for node in self.nodes),
            np.zeros(ends.shape),
        )

    def allocatable(self, metric: Metric, ends: Ints) -> Floats:
        """Allocatable of the cluster in each step; GPUs are allocatable in full."""
        return sum(
            (self._of_node(node, metric, allocatable=True) * self._exists(node, ends) for node in self.nodes),
            np.zeros(ends.shape),
        )

    def _exists(self, node: NodeSpec, ends: Ints) -> Floats:
        return (ends > self.time_of(node.since)).astype(np.float64)

    def _of_node(self, node: NodeSpec, metric: Metric, *, allocatable: bool) -> float:
        if metric == "cpu":
            return node.cores - node.reserved_millicores / 1000 * allocatable
        if metric == "memory":
            return float(node.gibibytes * GIB - node.reserved_mebibytes * MIB * allocatable)
        if metric == "gpu":
            return float(node.gpus)
        return float(sum(device.framebuffer_mib * MIB for device in self.devices if device.node == node.name))

    def _pool(self, pool: Pool) -> tuple[NodeSpec, ...]:
        there = (node for node in self.nodes if pool in ("every", node.pool))
        return tuple(sorted(there, key=lambda node: self.time_of(node.since)))

    @cached_property
    def _groups(self) -> tuple[tuple[NamespaceSpec, PodGroup], ...]:
        return tuple((spec, group) for spec in self.namespaces for group in spec.groups)

    def pod_counts(self, ends: Ints) -> Ints:
        """Pods in each step (rows) of each group (columns, in the order of the namespaces and their groups)."""
        if not self._groups:
            return np.zeros((len(ends), 0), dtype=np.int64)
        return np.stack([self.replicas(spec, group, ends) for spec, group in self._groups], axis=1)

    def pods(self, end: int) -> tuple[PodInstance, ...]:
        """Pods that exist in the step that ends at `end`, finished and unbound ones included."""
        return self.pods_of(self.pod_counts(np.array([end]))[0])

    def pods_of(self, counts: Ints) -> tuple[PodInstance, ...]:
        """Pods for one row of `pod_counts`; the same row gives the same tuple."""
        key = counts.tobytes()
        if key not in self._pod_lists:
            self._pod_lists[key] = tuple(
                self._instance(spec, group, ordinal)
                for (spec, group), count in zip(self._groups, counts.tolist(), strict=True)
                for ordinal in range(count)
            )
        return self._pod_lists[key]

    def _instance(self, spec: NamespaceSpec, group: PodGroup, ordinal: int) -> PodInstance:
        node = None if group.state == "unbound" else self._place(spec, group, ordinal)
        return PodInstance(spec.name, group, ordinal, pod_name(spec.name, group, ordinal, node), node)

    def joined(self, spec: NamespaceSpec, group: PodGroup, ordinal: int) -> int:
        """When the `ordinal`-th pod of a group first exists: UNIX time, not before the origin."""
        joined = ordinal - group.replicas.count
        moments = [group.since, spec.since]
        if group.kind in ("DaemonSet", "Node"):
            moments.append(self._pool(group.pool)[ordinal].since)
        elif 0 <= joined < len(group.replicas.joined):
            moments.append(Moment(group.replicas.joined[joined]))
        return max(self.origin, *map(self.time_of, moments))

    def _place(self, spec: NamespaceSpec, group: PodGroup, ordinal: int) -> str:
        pool = self._pool(group.pool)
        if group.kind in ("DaemonSet", "Node"):
            return pool[ordinal].name
        if group.node is not None:
            return group.node
        joined = self.joined(spec, group, ordinal)
        there = [node for node in pool if self.time_of(node.since) <= joined]
        return there[(crc32(f"{spec.name}/{group.name}".encode()) + ordinal) % len(there)].name


def _synthetic_namespace(name: str, number: int, pods: int) -> NamespaceSpec:
    cpu = 0.2 * pods / (1 + number / 50)
    group = PodGroup(
        "app",
        "Deployment",
        (Container("app", "registry.example.com/app:1.0.0", 100 + 10 * (number % 40), 256),),
        replicas=Replicas(pods),
    )
    memory = Curve(0.2 * GIB * pods, ripple=0.02)
    labels = ((ALWAYS, {"team": f"team-{number % 20}"}),)
    return NamespaceSpec(name, Curve(cpu, daily(0.3, number % 24)), memory, (group,) if pods else (), labels)
