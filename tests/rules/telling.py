"""A cluster as its APIs tell it, and the books that the collector keeps of it: everything in between is real."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any

import orjson

from collector.accounting.gpu_memory import GpuMemory, NodeMemory
from collector.accounting.observation import account_interval, observe
from collector.accounting.tick_sample import Charged
from collector.clock import ClockReading
from collector.dcgm.exposition import parse_exposition
from collector.kubernetes.metrics_server import read_node_metrics, read_pod_metrics
from collector.kubernetes.nodes import parse_node
from collector.kubernetes.objects import Decoder, NodeObject, PodObject
from collector.kubernetes.pods import Shared, parse_pod
from collector.model import TickSample, UnobservedCause
from collector.observations import (
    Cluster,
    ClusterIdentity,
    GpuDevice,
    MetricsListing,
    Node,
    NodeMetrics,
    NodeSpan,
    Pod,
    PodMetrics,
    PodSpan,
    UsageReading,
)
from collector.settings import Settings
from collector.store.rates import RateChange
from collector.store.store import Store
from collector.tick import Collector
from kl_core.labels import parse_selector
from kl_core.vocabulary import Source
from tests.support import kubernetes_objects as api
from tests.support.books import books_after, documents

HOUR, DAY = 3600, 86400
SCALES = ("hourly_7d", "daily_14d", "monthly_12m")

LATER = 4e9
"""A server's time that clamps nothing."""
NO_MACHINE = parse_selector("type=virtual-kubelet")

Object = dict[str, Any]
Column = list[float | None]


def at(text: str) -> int:
    """UNIX seconds of a UTC time such as `2026-11-21T13:05`."""
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


@dataclass(frozen=True)
class Work:
    """A pod, and what metrics-server lists of it (None: nothing)."""

    pod: Object
    usage: Object | None


def work(
    namespace: str,
    name: str = "web",
    *,
    cores: float | None = None,
    gib: float = 0.0,
    asked: str = "0",
    asked_memory: str = "0",
    phase: str = "Running",
    node: str | None = "n1",
    gpu: Mapping[str, str] | None = None,
    status: Object | None = None,
) -> Work:
    """A pod of one container that uses `cores` and `gib` (None: metrics-server does not list it)."""
    container = {"name": "app", "resources": {"requests": {"cpu": asked, "memory": asked_memory, **(gpu or {})}}}
    pod = api.pod(container, namespace=namespace, name=name, node=node, phase=phase, status=status)
    if cores is None:
        return Work(pod, None)
    # Nothing runs in 0 bytes.
    nanocores, kibibytes = f"{round(cores * 10**9)}n", f"{max(1, round(gib * 2**20))}Ki"
    return Work(pod, api.pod_metrics(namespace, name, (nanocores, kibibytes)))


def machine(
    name: str = "n1",
    *,
    cores: float = 10,
    gib: float = 40,
    reserved_cores: float = 0,
    reserved_gib: float = 0,
    labels: Mapping[str, str] | None = None,
    gpu: Mapping[str, str] | None = None,
) -> Object:
    """A node; what is reserved of it is not allocatable."""
    return api.node(
        name,
        cpu=f"{round(cores * 1000)}m",
        memory=f"{round(gib * 1024)}Mi",
        labels=dict(labels or {}),
        capacity=dict(gpu or {}),
        allocatable={
            "cpu": f"{round((cores - reserved_cores) * 1000)}m",
            "memory": f"{round((gib - reserved_gib) * 1024)}Mi",
        },
    )


@dataclass(frozen=True)
class Told:
    """What the sources answer at a tick."""

    works: Sequence[Work] = ()
    nodes: Sequence[Object] = field(default_factory=lambda: (machine(),))
    namespaces: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Labels of namespaces, beside those that the works name."""
    exporters: Sequence[str] | None = None
    """Pages of the DCGM exporters that answered; None when none did."""
    devices: tuple[GpuDevice, ...] | None = None
    """What they show, instead of pages."""
    kubernetes: bool = True
    metrics: bool = True
    dcgm: bool = False
    """Whether exporters are configured."""

    @cached_property
    def _names(self) -> dict[str, Mapping[str, str]]:
        names = [*self.namespaces, *(each.pod["metadata"]["namespace"] for each in self.works)]
        return {name: self.namespaces.get(name, {}) for name in names}

    @cached_property
    def _nodes(self) -> tuple[Node, ...]:
        page = Decoder(NodeObject).page(_page("NodeList", self.nodes))
        return tuple(parse_node(each, LATER, NO_MACHINE.matches)[0] for each in page.items)

    @cached_property
    def _pods(self) -> tuple[Pod, ...]:
        page = Decoder(PodObject).page(_page("PodList", [each.pod for each in self.works]))
        parsed = (parse_pod(each, LATER, Shared()) for each in page.items)
        return tuple(pod for pod in parsed if pod is not None and pod.ended is None)

    @cached_property
    def _node_metrics(self) -> tuple[NodeMetrics, ...]:
        items = [api.node_metrics(node["metadata"]["name"], "1", "1Gi") for node in self.nodes]
        return read_node_metrics(_page("NodeMetricsList", items))

    @cached_property
    def _pod_metrics(self) -> tuple[PodMetrics, ...]:
        items = [each.usage for each in self.works if each.usage is not None]
        return tuple(read_pod_metrics(_page("PodMetricsList", items)))

    @cached_property
    def _devices(self) -> tuple[GpuDevice, ...] | None:
        if self.exporters is None:
            return self.devices
        return tuple(device for page in self.exporters for device in parse_exposition(page))

    def cluster(self, interval: int) -> Cluster | None:
        """What was there for a whole interval, parsed as the collector parses it."""
        if not self.kubernetes:
            return None
        return Cluster(
            uid="uid-kube-system",
            namespaces=self._names,
            nodes=tuple(NodeSpan(node, interval) for node in self._nodes),
            present=self._nodes,
            pods=(PodSpan(pod, interval) for pod in self._pods),
        )

    def reading(self, moment: float) -> UsageReading:
        """What was in use, parsed as the collector parses it, and fresh."""
        metrics = MetricsListing(
            tuple(replace(each, timestamp=moment) for each in self._node_metrics),
            (replace(each, timestamp=moment) for each in self._pod_metrics),
        )
        return UsageReading(
            moment, self._pods, self._nodes, metrics if self.metrics else None, self._devices if self.dcgm else None
        )

    def accounted(
        self, time: int, interval: int, charged: Charged = lambda _: True, memory: GpuMemory = MappingProxyType({})
    ) -> tuple[TickSample, GpuMemory]:
        """The answers, accounted, with what is remembered of GPUs before and after."""
        return account_interval(
            self.cluster(interval),
            observe(self.reading(time), interval, charged),
            memory,
            time=time,
            interval=interval,
            charged=charged,
            dcgm_configured=self.dcgm,
        )

    def sample(self, time: int, interval: int) -> TickSample:
        """The answers, accounted by a collector that has just begun and charges everybody."""
        return self.accounted(time, interval)[0]


def _page(kind: str, items: Sequence[Any]) -> bytes:
    return orjson.dumps({"kind": kind, "items": items})


def ticks(
    told: Told,
    start: int | str,
    end: int | str,
    interval: int = 300,
    charged: Charged = lambda _: True,
    memory: dict[str, NodeMemory] | None = None,
) -> list[TickSample]:
    """The same answers at every tick in (start, end], accounted.

    `memory` is what is remembered of GPUs, before them and then after them.
    """
    memory = {} if memory is None else memory
    samples = []
    first, last = (at(time) if isinstance(time, str) else time for time in (start, end))
    times = range(first + interval - first % interval, last + 1, interval)
    for time in times:
        sample, after = told.accounted(time, interval, charged, memory)
        samples.append(sample)
        for key in memory.keys() - after.keys():
            del memory[key]
        memory.update(after)
    return samples


def published(directory: Path, samples: Sequence[TickSample], *rates: RateChange) -> dict[str, Any]:
    """The scale documents after these ticks, through real RRDs and JSON: valid, and in balance."""
    return documents(books_after(directory, samples, rates))


def collected(root: Path, told: Sequence[tuple[int, Told]], **settings: Any) -> Path:
    """Runs a collector for these ticks under `root`, to the published files; the directory they are in.

    It may be called again for later ticks, as a restart. `settings` are fields of the collector's settings.
    """
    endpoints = ("http://dcgm:9400",) if any(each.dcgm for _, each in told) else ()
    chosen = Settings(
        db_location=root / "db",
        data_dir=root / "data",
        cluster_name="prod",
        nvidia_dcgm_endpoints=endpoints,
        **settings,
    )
    clock = [float(told[0][0])]

    def now() -> float:
        return clock[0]

    with Store.open(chosen.db_location) as store:
        collector = Collector(chosen, _Script([each for _, each in told]), store, now, boot=now)
        for time, _ in told:
            clock[0] = time + 2.0
            collector.read_usage(time)
            collector.tick(time)
    return chosen.data_dir


def filed(root: Path, samples: Sequence[TickSample], **settings: Any) -> Path:
    """Files what a store holds after `samples` as a collector does; the directory it is published in."""
    chosen = Settings(db_location=root / "db", data_dir=root / "data", cluster_name="prod", **settings)
    with Store.open(chosen.db_location) as store:
        collector = Collector(chosen, _Script([]), store, lambda: float(samples[-1].time))
        # The first rate of an empty store is in force from the start of the hour it is set in.
        collector.record_rate(samples[0].time - samples[0].interval)
        store.append(samples)
        collector.publish()
    return chosen.data_dir


class _Script:
    """Sources that answer one reading after the other, and of its interval the same."""

    identity = ClusterIdentity("uid-kube-system")
    causes: Mapping[Source, UnobservedCause] = MappingProxyType({})
    date: ClockReading | None = None

    def __init__(self, answers: list[Told]) -> None:
        self._answers = answers

    def read_usage(self) -> UsageReading | None:
        self._now = self._answers.pop(0)
        return self._now.reading(0.0) if self._now.kubernetes else None

    def cluster(self, start: int, end: int) -> Cluster | None:
        return self._now.cluster(end - start)


def column(document: Mapping[str, Any], name: str, field: str = "usage", metric: str = "cpu") -> Column:
    """Of a namespace."""
    found: Column = document["namespaces"][name][metric][field]
    return found


def special(document: Mapping[str, Any], name: str, metric: str = "cpu", field: str = "usage") -> Column:
    """Of a special entry."""
    found: Column = document["special"][name][metric][field]
    return found
