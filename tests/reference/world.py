"""A random cluster with faults, told twice: as snapshots for the product and as plain facts for the reference model.

Everything derives from a seed. Values are round numbers, so that a difference is a difference of rules, not of floats.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from collector.model import Cluster, GpuDevice, Node, NodeUsage, Pod, PodUsage, Snapshot, UsageListing
from kl_core.vocabulary import Metric

STEP, HOUR, DAY = 300, 3600, 86400
GIB = 2**30
GPU_MEM_TOTAL = 40 * GIB


@dataclass
class PodFact:
    """A bound, unfinished pod at a tick."""

    namespace: str
    name: str
    node: str
    running: bool
    cpu_requests: float
    mem_requests: float
    gpus: int
    gpus_unlabelled: int
    """How many of its GPUs the exporter reports without naming a pod."""
    cpu_usage: float | None
    """None: metrics-server does not list the pod."""
    mem_usage: float | None
    gpu_utilisation: float
    gpu_mem_used: float


@dataclass
class TickFact:
    """Everything true of one tick, and which sources answered."""

    time: int
    interval: int
    kubernetes: bool
    metrics: bool
    dcgm_configured: bool
    dcgm: bool
    dcgm_complete: bool
    nodes: dict[str, tuple[float, float, float, float, int]] = field(default_factory=dict)
    """name -> cpu capacity, cpu allocatable, memory capacity, memory allocatable, GPUs"""
    namespaces: list[str] = field(default_factory=list)
    pods: list[PodFact] = field(default_factory=list)


def snapshot(fact: TickFact) -> Snapshot:
    """The fact as the collector's sources would have read it."""
    cluster = usage = devices = None
    if fact.kubernetes:
        cluster = Cluster(
            namespaces={name: {"team": name[:3]} for name in fact.namespaces},
            nodes=tuple(_node(name, *values) for name, values in fact.nodes.items()),
            pods=iter([_pod(pod) for pod in fact.pods]),
        )
    if fact.metrics:
        known = [pod for pod in fact.pods if pod.cpu_usage is not None]
        listed = [PodUsage(pod.namespace, pod.name, pod.cpu_usage or 0.0, pod.mem_usage or 0.0) for pod in known]
        # A pod that finished a moment ago is still in the metrics answer; the pod listing does not know it.
        listed.append(PodUsage("alpha", "finished-a-moment-ago", 3.0, GIB))
        usage = UsageListing(nodes=tuple(NodeUsage(name, 1.0, GIB) for name in fact.nodes), pods=iter(listed))
    if fact.dcgm:
        seen = list(_devices(fact))
        devices = tuple(seen if fact.dcgm_complete else seen[:-1])
    return Snapshot(cluster=cluster, usage=usage, devices=devices, dcgm_configured=fact.dcgm_configured)


def _node(name: str, cpu: float, cpu_alloc: float, mem: float, mem_alloc: float, gpus: int) -> Node:
    capacity: dict[Metric, float | None] = {"cpu": cpu, "memory": mem}
    allocatable: dict[Metric, float | None] = {"cpu": cpu_alloc, "memory": mem_alloc}
    if gpus:
        capacity["gpu"] = allocatable["gpu"] = float(gpus)
    return Node(name=name, capacity=capacity, allocatable=allocatable, ready=True, schedulable=True, gpu_replicas=1)


def _pod(fact: PodFact) -> Pod:
    requests = {"cpu": fact.cpu_requests, "memory": fact.mem_requests}
    if fact.gpus:
        requests["nvidia.com/gpu"] = float(fact.gpus)
    return Pod(fact.namespace, fact.name, fact.node, "Running" if fact.running else "Pending", requests)


def _devices(fact: TickFact) -> Iterator[GpuDevice]:
    for node, values in fact.nodes.items():
        slots: list[tuple[PodFact, bool] | None] = []
        for pod in fact.pods:
            if pod.node == node:
                slots += [(pod, number >= pod.gpus_unlabelled) for number in range(pod.gpus)]
        slots += [None] * (values[4] - len(slots))
        for number, slot in enumerate(slots):
            used = slot[0].gpu_mem_used if slot else 0.0
            yield GpuDevice(
                node=node,
                uuid=f"GPU-{node}-{number}",
                instance=None,
                share=1.0,
                utilisation=slot[0].gpu_utilisation if slot else 0.0,
                memory_used=used,
                memory_free=GPU_MEM_TOTAL - used,
                holders=((slot[0].namespace, slot[0].name),) if slot and slot[1] else (),
            )


@dataclass
class Span:
    """A time (start, end] in which something is not as it should be."""

    what: str
    start: int
    end: int


class World:
    """`ticks()` yields the facts of every tick that took place after `schedule[0][0]` and up to `end`.

    `schedule` holds (from when, polling interval). Half of the faults fall into the time after `dense_from`, where
    ticks are fine; `faults` scales how many there are.
    """

    def __init__(
        self, seed: int, schedule: Sequence[tuple[int, int]], end: int, dense_from: int, faults: float = 1.0
    ) -> None:
        self._random = random.Random(seed)
        self._schedule = schedule
        self.start, self.end, self.dense_from = schedule[0][0], end, dense_from
        self._spans = list(self._plan_changes())
        self._spans += self._plan_faults(faults)
        self._lives = self._plan_lives()

    def ticks(self) -> Iterator[TickFact]:
        time = self.start
        while True:
            interval = [each for begin, each in self._schedule if begin <= time][-1]
            time += interval - time % interval
            if time > self.end:
                return
            if not self._in("collector", time):
                yield self._fact(time, interval)

    def _plan_changes(self) -> Iterator[Span]:
        """Settings and labels that change, most of them inside an hour."""
        hour = self.start - self.start % HOUR + HOUR
        yield Span("no dcgm setting", hour + 8 * DAY, hour + 15 * DAY)
        fine = self.dense_from - self.dense_from % HOUR
        yield Span("no dcgm setting", fine + 4 * DAY + 1200, fine + 4 * DAY + 3000)
        yield Span("no dcgm setting", fine + 9 * DAY + 1500, fine + 9 * DAY + 38 * HOUR + 900)
        for start, length in ((2 * DAY, 5 * DAY), (6 * DAY + 1500, 2100), (12 * DAY, 4500)):
            yield Span("one label missing", fine + start, fine + start + length)
        yield Span("one label missing", hour + 30 * DAY, hour + 36 * DAY)
        yield Span("no labels", fine + 7 * DAY + 900, fine + 8 * DAY)

    def _plan_faults(self, faults: float) -> Iterator[Span]:
        draw, length = self._random, self.end - self.start
        for what, count, lengths in (
            ("collector", 14, (600, 2400, 3600, 7200, DAY, 3 * DAY)),
            ("kubernetes", 25, (300, 1500, 1800, 2100, 3600, 90000)),
            ("metrics", 40, (300, 1500, 2100, 3600, 7200, DAY)),
            ("dcgm", 40, (300, 1500, 2100, 3600, DAY)),
            ("dcgm in part", 20, (300, 2100, 3600, DAY)),
        ):
            for number in range(round(count * faults)):
                low = self.dense_from if number % 2 else self.start
                begin = low + draw.randrange(0, max(self.end - low, 1)) // STEP * STEP
                yield Span(what, begin, begin + draw.choice(lengths))
        yield Span("metrics", self.end - 1200, self.end - 600)
        yield Span("collector", self.start + length // 3, self.start + length // 3 + round(3 * faults * DAY))

    def _plan_lives(self) -> dict[str, list[tuple[int, int]]]:
        draw, far = self._random, self.end + 1
        lives = {"alpha": [(0, far)], "kube-system": [(0, far)], "idle": [(0, far)], "gpu-team": [(0, far)]}
        length = self.end - self.start
        middle = self.start + length // 2 // STEP * STEP
        lives["born-late"] = [(middle + 1200, far)]
        lives["gone-early"] = [(0, middle + 2400)]
        back = max(self.dense_from, middle + length // 8) // STEP * STEP + 3 * DAY
        again = middle + length // 10 // STEP * STEP + 900
        lives["comes-back"] = [(0, middle), (again, back + 600), (back + 2 * DAY + 1800, far)]
        flickers = sorted(self.dense_from + draw.randrange(0, 13 * 288) * STEP for _ in range(40))
        lives["flickers"] = list(zip(flickers[::2], flickers[1::2], strict=True))
        return lives

    def _in(self, what: str, time: int) -> bool:
        return any(span.start < time <= span.end for span in self._spans if span.what == what)

    def _fact(self, time: int, interval: int) -> TickFact:
        configured = not self._in("no dcgm setting", time)
        fact = TickFact(
            time,
            interval,
            kubernetes=not self._in("kubernetes", time),
            metrics=not self._in("metrics", time),
            dcgm_configured=configured,
            dcgm=configured and not self._in("dcgm", time),
            dcgm_complete=not self._in("dcgm in part", time),
        )
        office = 8 <= time // HOUR % 24 < 18
        fact.nodes = {"n1": (8.0, 7.5, 64.0 * GIB, 60.0 * GIB, 0), "g1": (16.0, 15.0, 128.0 * GIB, 120.0 * GIB, 4)}
        if office:
            fact.nodes["n2"] = (48.0, 47.0, 192.0 * GIB, 184.0 * GIB, 0)
        # A namespace exists at a tick when it lives at the interval's end.
        fact.namespaces = [name for name, spans in self._lives.items() if any(a < time <= b for a, b in spans)]
        for name in fact.namespaces:
            fact.pods.extend(self._pods(name, time))
        return fact

    def _pods(self, namespace: str, time: int) -> Iterator[PodFact]:
        draw = random.Random(f"{namespace}/{time // 900}")
        for number in range(1 + draw.randrange(3)):
            running = draw.random() > 0.1
            listed = running and draw.random() > 0.15
            gpus = self._gpus(namespace, number, time)
            unlabelled = (
                gpus if self._in("no labels", time) else min(gpus, 1) if self._in("one label missing", time) else 0
            )
            yield PodFact(
                namespace=namespace,
                name=f"{namespace}-{number}",
                node="g1" if gpus else "n1",
                running=running,
                cpu_requests=draw.randrange(0, 9) / 4,
                mem_requests=draw.randrange(0, 9) * GIB / 2,
                gpus=gpus,
                gpus_unlabelled=unlabelled,
                cpu_usage=draw.randrange(1, 40) / 8 if listed else None,
                mem_usage=draw.randrange(1, 40) * GIB / 16 if listed else None,
                gpu_utilisation=draw.randrange(0, 101) / 100,
                gpu_mem_used=draw.randrange(0, 40) * GIB,
            )

    def _gpus(self, namespace: str, number: int, time: int) -> int:
        """The team holds two of the four, from some day on; a system pod that comes and goes holds a third."""
        if namespace == "gpu-team" and number == 0:
            return 2 if time > self.start + 5 * DAY + 1500 else 0
        return 1 if (namespace, number) == ("kube-system", 2) else 0
