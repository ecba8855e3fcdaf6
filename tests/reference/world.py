"""A random cluster with faults, told twice: to the product as its sources see it, and as facts to the reference model.

Everything derives from a seed. Values are round numbers, so that a difference is a difference of rules, not of floats.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from collector.observations import (
    Cluster,
    ContainerMetrics,
    GpuDevice,
    MetricsListing,
    Node,
    NodeSpan,
    Pod,
    PodMetrics,
    PodSpan,
    UsageReading,
)

STEP, HOUR, DAY = 300, 3600, 86400
GIB = 2**30
GPU_MEM_TOTAL = 40 * GIB
UID = "0d2a1b34-7c1f-4d0e-9f53-2f8e6c0a9b11"
LONG_AGO = 100_000


SAID = ("absent", "stale", "incomplete", "negative", "impossible", "odd")
WINDOW = 15
"""Seconds between two scrapes of metrics-server."""


@dataclass
class PodFact:
    """A pod that was bound in an interval, for some of it at least; times in UNIX seconds."""

    namespace: str
    name: str
    node: str
    bound: int
    ended: int | None
    since: int | None
    """When its container began to run; None while it does not."""
    cpu_requests: float
    mem_requests: float
    gpus: int
    gpus_unlabelled: int
    """How many of its GPUs the exporter reports without naming a pod."""
    said: str
    """What metrics-server says of it: `right`, or why that is not to be believed."""
    cpu_usage: float
    mem_usage: float
    gpu_utilisation: float
    gpu_mem_used: float

    def is_there(self, moment: int) -> bool:
        return self.bound <= moment and (self.ended is None or self.ended > moment)

    def runs(self, moment: int) -> bool:
        return self.is_there(moment) and self.since is not None and self.since <= moment


@dataclass
class NodeFact:
    """A node that was there in an interval, for some of it at least."""

    cpu: float
    cpu_allocatable: float
    memory: float
    memory_allocatable: float
    gpus: int
    created: int
    deleted: int
    dead_since: int | None
    """Since when it is not Ready; None while it is."""

    def is_there(self, moment: int) -> bool:
        return self.created <= moment < self.deleted


@dataclass
class TickFact:
    """Everything true of one interval, and which sources answered."""

    time: int
    interval: int
    moment: int
    """When usage was read."""
    kubernetes: bool
    metrics: bool
    dcgm_configured: bool
    dcgm: bool
    dcgm_complete: bool
    """Whether the exporter shows all GPUs; else the first is missing."""
    nodes: dict[str, NodeFact] = field(default_factory=dict)
    namespaces: list[str] = field(default_factory=list)
    pods: list[PodFact] = field(default_factory=list)

    def seconds(self, begin: int, end: int | None) -> int:
        """How much of the interval lies between two times."""
        over = self.time if end is None else min(end, self.time)
        return max(0, over - max(begin, self.time - self.interval))


def moment_of(time: int, interval: int) -> int:
    """When usage is read for the interval that ends at `time`."""
    return time - interval + int(hashlib.sha256(f"{UID}/{time}".encode()).hexdigest(), 16) % interval


def cluster(fact: TickFact) -> Cluster | None:
    """What the collector's sources would have known of the interval."""
    if not fact.kubernetes:
        return None
    nodes = [(_node(name, each), fact.seconds(each.created, each.deleted)) for name, each in fact.nodes.items()]
    return Cluster(
        uid=UID,
        namespaces={name: {"team": name[:3]} for name in fact.namespaces},
        nodes=tuple(NodeSpan(node, seconds) for node, seconds in nodes if seconds),
        present=tuple(_node(name, each) for name, each in fact.nodes.items() if each.is_there(fact.time)),
        pods=iter([PodSpan(_pod(pod, fact.time), fact.seconds(pod.bound, pod.ended)) for pod in fact.pods]),
    )


def reading(fact: TickFact) -> UsageReading:
    """What they would have read at its moment."""
    moment = fact.moment
    there = [pod for pod in fact.pods if pod.is_there(moment)]
    devices = None
    if fact.dcgm:
        seen = list(_devices(fact))
        devices = tuple(seen if fact.dcgm_complete else seen[1:])
    return UsageReading(
        moment=float(moment),
        pods=tuple(_pod(pod, moment) for pod in there),
        nodes=tuple(_node(name, each) for name, each in fact.nodes.items() if each.is_there(moment)),
        metrics=MetricsListing((), _items(there, moment)) if fact.metrics else None,
        devices=devices,
    )


def _items(there: Sequence[PodFact], moment: int) -> Iterator[PodMetrics]:
    # A pod that finished a moment ago is still in the answer.
    finished = (ContainerMetrics("app", 3.0, float(GIB)),)
    yield PodMetrics("alpha", "finished-a-moment-ago", float(moment - 4), float(WINDOW), finished)
    for pod in there:
        if not pod.runs(moment) or pod.said == "absent":
            continue
        cpu = {"negative": -0.25, "impossible": 1e6}.get(pod.said, pod.cpu_usage)
        name = "another" if pod.said == "incomplete" else "app"
        containers = (ContainerMetrics(name, cpu, pod.mem_usage),)
        age = 2 * HOUR if pod.said == "stale" else 4
        yield PodMetrics(
            pod.namespace, pod.name, float(moment - age), float(WINDOW), None if pod.said == "odd" else containers
        )


def _node(name: str, fact: NodeFact) -> Node:
    gpus = {"nvidia.com/gpu": float(fact.gpus)} if fact.gpus else {}
    return Node(
        name,
        f"uid-{name}",
        fact.cpu,
        fact.cpu_allocatable,
        fact.memory,
        fact.memory_allocatable,
        ready=fact.dead_since is None,
        ready_since=float(fact.dead_since or 0),
        schedulable=True,
        excluded=False,
        gpu_capacity=gpus,
        gpu_allocatable=gpus,
    )


def _pod(fact: PodFact, moment: int) -> Pod:
    requests = {"cpu": fact.cpu_requests, "memory": fact.mem_requests}
    if fact.gpus:
        requests["nvidia.com/gpu"] = float(fact.gpus)
    return Pod(
        fact.namespace,
        fact.name,
        f"uid-{fact.namespace}-{fact.name}",
        fact.node,
        requests,
        float(fact.bound),
        None if fact.ended is None or fact.ended > moment else float(fact.ended),
        ("app",),
        (("app", float(fact.since or 0)),) if fact.runs(moment) else (),
    )


def _devices(fact: TickFact) -> Iterator[GpuDevice]:
    for node, values in fact.nodes.items():
        slots: list[tuple[PodFact, bool] | None] = []
        for pod in fact.pods:
            if pod.node == node and pod.is_there(fact.moment):
                slots += [(pod, number >= pod.gpus_unlabelled) for number in range(pod.gpus)]
        slots += [None] * (values.gpus - len(slots))
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
            ("dead node", 20, (600, 1500, 3600, DAY)),
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
            moment_of(time, interval),
            kubernetes=not self._in("kubernetes", time),
            metrics=not self._in("metrics", time),
            dcgm_configured=configured,
            dcgm=configured and not self._in("dcgm", time),
            dcgm_complete=not self._in("dcgm in part", time),
        )
        fact.nodes = {
            name: node for name, node in self._nodes(time).items() if fact.seconds(node.created, node.deleted)
        }
        # A namespace exists at a tick when it lives at the interval's end.
        fact.namespaces = [name for name, spans in self._lives.items() if any(a < time <= b for a, b in spans)]
        for name in fact.namespaces:
            fact.pods.extend(self._pods(name, fact))
        return fact

    def _nodes(self, time: int) -> dict[str, NodeFact]:
        """A small one that may die, one with GPUs, and one that is there in the hours of the office."""
        dead = [span.start for span in self._spans if span.what == "dead node" and span.start < time <= span.end]
        always = (time - LONG_AGO, time + LONG_AGO)
        found = {
            "n1": NodeFact(8.0, 7.5, 64.0 * GIB, 60.0 * GIB, 0, *always, dead_since=dead[0] if dead else None),
            "g1": NodeFact(16.0, 15.0, 128.0 * GIB, 120.0 * GIB, 4, *always, dead_since=None),
        }
        midnight = (time - 1) // DAY * DAY
        draw = random.Random(f"n2/{midnight}")
        opened, closed = midnight + 8 * HOUR + draw.randrange(HOUR), midnight + 18 * HOUR + draw.randrange(HOUR)
        found["n2"] = NodeFact(48.0, 47.0, 192.0 * GIB, 184.0 * GIB, 0, opened, closed, dead_since=None)
        return found

    def _pods(self, namespace: str, fact: TickFact) -> Iterator[PodFact]:
        time = fact.time
        draw = random.Random(f"{namespace}/{time // 900}")
        for number in range(1 + draw.randrange(3)):
            running = draw.random() > 0.1
            said = "right" if draw.random() > 0.2 else draw.choice(SAID)
            gpus = self._gpus(namespace, number, time)
            unlabelled = (
                gpus if self._in("no labels", time) else min(gpus, 1) if self._in("one label missing", time) else 0
            )
            bound, ended = (time - LONG_AGO, None) if gpus else _life(namespace, number, fact)
            yield PodFact(
                namespace=namespace,
                name=f"{namespace}-{number}",
                node="g1" if gpus else "n1",
                bound=bound,
                ended=ended,
                since=bound + draw.randrange(90) if running else None,
                cpu_requests=draw.randrange(0, 9) / 4,
                mem_requests=draw.randrange(0, 9) * GIB / 2,
                gpus=gpus,
                gpus_unlabelled=unlabelled,
                said=said,
                cpu_usage=draw.randrange(1, 40) / 8,
                mem_usage=draw.randrange(1, 40) * GIB / 16,
                gpu_utilisation=draw.randrange(0, 101) / 100,
                gpu_mem_used=draw.randrange(0, 40) * GIB,
            )

    def _gpus(self, namespace: str, number: int, time: int) -> int:
        """The team holds two of the four, from some day on; a system pod that comes and goes holds a third."""
        if namespace == "gpu-team" and number == 0:
            return 2 if time > self.start + 5 * DAY + 1500 else 0
        return 1 if (namespace, number) == ("kube-system", 2) else 0


def _life(namespace: str, number: int, fact: TickFact) -> tuple[int, int | None]:
    """When a pod is bound and when it ends: within the interval, or before and after it."""
    draw = random.Random(f"{namespace}/{number}/{fact.time}")
    first, second = sorted(draw.sample(range(fact.time - fact.interval + 1, fact.time), 2))
    before = fact.time - LONG_AGO
    return draw.choice([(first, None), (before, second), (first, second), *[(before, None)] * 5])
