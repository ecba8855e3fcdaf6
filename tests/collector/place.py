"""A collector whose sources answer from a script, and what it leaves in its directories."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any

import orjson

from collector.clock import ClockReading
from collector.model import UnobservedCause
from collector.observations import Cluster, ClusterIdentity, Node, NodeMetrics, Pod, PodSpan, UsageReading
from collector.settings import Settings
from collector.store.store import Store
from collector.tick import Collector, TickReport
from kl_core.vocabulary import Source
from tests.support import observed
from tests.support.books import check_identity
from tests.support.datasets import validate

GIB = 2**30


@dataclass(frozen=True)
class Said:
    """What the sources say of an interval and of a moment in it."""

    cluster: Cluster | None = None
    usage: UsageReading | None = None
    date: ClockReading | None = None


SILENT = Said()


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


NOON = at("2026-11-21T12:00")


def answering(cores: float, *, labels: dict[str, str] | None = None, pods: Iterable[PodSpan] | None = None) -> Said:
    """A cluster of one node of 8 cores, of which 7.5 are allocatable, with the pod `web` of the namespace `shop`."""
    node = Node("n1", "uid-n1", 8.0, 7.5, 32.0 * GIB, 30.0 * GIB, True, 0.0, schedulable=True, excluded=False)
    web = Pod("shop", "web", "uid-web", "n1", {"cpu": 2.0, "memory": 4.0 * GIB}, 0.0, None, ("app",), (("app", 0.0),))
    items = [observed.item("shop", "web", containers=[observed.container(cores, 1.0 * GIB)])]
    node_items = [NodeMetrics("n1", observed.MOMENT, 3.0, 9.0 * GIB)]
    return Said(
        observed.cluster([web] if pods is None else pods, namespaces={"shop": labels or {}, "empty": {}}, nodes=[node]),
        observed.reading([web], items, nodes=[node], node_items=node_items),
    )


class Asked:
    """Sources that answer what was put last."""

    identity = ClusterIdentity("uid-kube-system")
    causes: Mapping[Source, UnobservedCause] = MappingProxyType({})
    now = SILENT

    @property
    def date(self) -> ClockReading | None:
        return self.now.date

    def read_usage(self) -> UsageReading | None:
        return self.now.usage

    def cluster(self, start: int, end: int) -> Cluster | None:
        return self.now.cluster


class Script(Asked):
    """Sources that answer one reading after the other, and of its interval the same."""

    def __init__(self, *said: Said) -> None:
        self._said = list(said)

    def read_usage(self) -> UsageReading | None:
        self.now = self._said.pop(0)
        return super().read_usage()


def take(collector: Collector, time: int, *, keep_unobserved: bool = True) -> TickReport:
    """A reading and its tick."""
    collector.read_usage(time)
    return collector.tick(time, keep_unobserved=keep_unobserved)


class Place:
    """A collector's directories, and what is in them."""

    def __init__(self, root: Path) -> None:
        self.settings = Settings(db_location=root / "db", data_dir=root / "data", cluster_name="prod")

    def run(self, *ticks: tuple[int, Said], **changed: Any) -> list[bool]:
        """Does the ticks in a collector of their own; whether each was observed."""
        settings = replace(self.settings, **changed)
        now = [float(ticks[0][0]) if ticks else float(NOON)]
        with Store.open(settings.db_location) as store:
            script = Script(*(said for _, said in ticks))
            collector = Collector(settings, script, store, lambda: now[0], boot=lambda: now[0])
            reports = []
            for time, _ in ticks:
                now[0] = time + 3.0
                reports.append(take(collector, time))
            return [report.observed for report in reports]

    def manifest(self) -> dict[str, Any]:
        document: dict[str, Any] = orjson.loads((self.settings.data_dir / "dataset.json").read_bytes())
        validate(document, "manifest")
        return document

    def read(self, name: str) -> dict[str, Any]:
        content = (self.settings.data_dir / self.manifest()["files"][name]["name"]).read_bytes()
        document: dict[str, Any] = orjson.loads(content)
        validate(document, "nodes" if name == "nodes" else "scale")
        if name != "nodes":
            check_identity(document)
        return document
