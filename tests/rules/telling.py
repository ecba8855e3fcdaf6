"""A cluster as its APIs tell it, and the books that the collector keeps of it: everything in between is real."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from collector.accounting.tick_sample import account
from collector.dcgm.exposition import merge, parse_exposition
from collector.kubernetes.listings import parse_namespace, parse_node, parse_pod
from collector.kubernetes.metrics_server import parse_node_usage, parse_pod_usage
from collector.model import Cluster, GpuDevice, Node, NodeUsage, Pod, PodUsage, Snapshot, TickSample, UsageListing
from collector.settings import Settings
from collector.store.rates import RateChange
from collector.store.store import Store
from collector.tick import Collector
from tests.support import kubernetes_objects as api
from tests.support.books import books_after, documents

HOUR, DAY = 3600, 86400
SCALES = ("hourly_7d", "daily_14d", "monthly_12m")

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
    nanocores, kibibytes = f"{round(cores * 10**9)}n", f"{round(gib * 2**20)}Ki"
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
    kubernetes: bool = True
    metrics: bool = True
    dcgm: bool = False
    """Whether exporters are configured."""

    @cached_property
    def _cluster(self) -> tuple[dict[str, dict[str, str]], tuple[Node, ...], list[Pod]]:
        names = dict.fromkeys([*self.namespaces, *(each.pod["metadata"]["namespace"] for each in self.works)])
        items = [{"metadata": {"name": name, "labels": dict(self.namespaces.get(name, {}))}} for name in names]
        bound = [pod for each in self.works if (pod := parse_pod(each.pod)) is not None]
        return dict(map(parse_namespace, items)), tuple(map(parse_node, self.nodes)), bound

    @cached_property
    def _usage(self) -> tuple[tuple[NodeUsage, ...], list[PodUsage]]:
        nodes = [parse_node_usage(api.node_metrics(node["metadata"]["name"], "1", "1Gi")) for node in self.nodes]
        return tuple(nodes), [parse_pod_usage(each.usage) for each in self.works if each.usage is not None]

    @cached_property
    def _devices(self) -> tuple[GpuDevice, ...] | None:
        if self.exporters is None:
            return None
        return merge(device for page in self.exporters for device in parse_exposition(page))

    def snapshot(self) -> Snapshot:
        """The answers, parsed as the collector parses them."""
        names, nodes, pods = self._cluster
        node_usage, usage = self._usage
        return Snapshot(
            cluster=Cluster(names, nodes, iter(pods)) if self.kubernetes else None,
            usage=UsageListing(node_usage, iter(usage)) if self.metrics else None,
            devices=self._devices if self.dcgm else None,
            dcgm_configured=self.dcgm,
        )


def ticks(
    told: Told, start: int | str, end: int | str, interval: int = 300, charged: Callable[[str], bool] | None = None
) -> list[TickSample]:
    """The same answers at every tick in (start, end], accounted."""
    first, last = (at(time) if isinstance(time, str) else time for time in (start, end))
    times = range(first + interval - first % interval, last + 1, interval)
    return [
        account(told.snapshot(), time=time, interval=interval, charged=charged or (lambda _: True)) for time in times
    ]


def published(directory: Path, samples: Sequence[TickSample], *rates: RateChange) -> dict[str, Any]:
    """The scale documents after these ticks, through real RRDs and JSON: valid, and in balance."""
    return documents(books_after(directory, samples, rates))


def collected(root: Path, told: Sequence[tuple[int, Told]], **settings: Any) -> Path:
    """Runs a collector for these ticks under `root`, to the published files; the directory they are in.

    It may be called again for later ticks, as a restart. `settings` are fields of the collector's settings.
    """
    chosen = Settings(db_location=root / "db", data_dir=root / "data", cluster_name="prod", **settings)
    clock = [float(told[0][0])]

    def now() -> float:
        return clock[0]

    with Store.open(chosen.db_location) as store:
        collector = Collector(chosen, _Script([each for _, each in told]), store, now, boot=now)
        for time, _ in told:
            clock[0] = time + 2.0
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
    def __init__(self, answers: list[Told]) -> None:
        self._answers = answers

    def snapshot(self) -> Snapshot:
        return self._answers.pop(0).snapshot()


def column(document: Mapping[str, Any], name: str, field: str = "usage", metric: str = "cpu") -> Column:
    """Of a namespace."""
    found: Column = document["namespaces"][name][metric][field]
    return found


def special(document: Mapping[str, Any], name: str, metric: str = "cpu", field: str = "usage") -> Column:
    """Of a special entry."""
    found: Column = document["special"][name][metric][field]
    return found
