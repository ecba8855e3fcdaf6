"""A collector whose sources answer from a script, and what it leaves in its directories."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from collector.model import Cluster, Node, NodeUsage, Pod, PodUsage, Snapshot, UsageListing
from collector.settings import Settings
from collector.store.store import Store
from collector.tick import Collector
from tests.support.books import check_identity
from tests.support.datasets import validate

GIB = 2**30
SILENT = Snapshot(cluster=None, usage=None, devices=None, dcgm_configured=False)


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


NOON = at("2026-11-21T12:00")


def answering(cores: float, *, labels: dict[str, str] | None = None, pods: Iterator[Pod] | None = None) -> Snapshot:
    """A cluster of one node of 8 cores, of which 7.5 are allocatable, with the pod `web` of the namespace `shop`."""
    node = Node("n1", {"cpu": 8.0, "memory": 32.0 * GIB}, {"cpu": 7.5, "memory": 30.0 * GIB}, True, True, 1)
    web = Pod("shop", "web", "n1", "Running", {"cpu": 2.0, "memory": 4.0 * GIB})
    return Snapshot(
        cluster=Cluster({"shop": labels or {}, "empty": {}}, (node,), iter([web]) if pods is None else pods),
        usage=UsageListing((NodeUsage("n1", 3.0, 9.0 * GIB),), iter([PodUsage("shop", "web", cores, 1.0 * GIB)])),
        devices=None,
        dcgm_configured=False,
    )


class Script:
    """Sources that answer one snapshot after the other."""

    def __init__(self, *snapshots: Snapshot) -> None:
        self._snapshots = list(snapshots)

    def snapshot(self) -> Snapshot:
        return self._snapshots.pop(0)


class Place:
    """A collector's directories, and what is in them."""

    def __init__(self, root: Path) -> None:
        self.settings = Settings(db_location=root / "db", data_dir=root / "data", cluster_name="prod")

    def run(self, *ticks: tuple[int, Snapshot], **changed: Any) -> list[bool]:
        """Does the ticks in a collector of their own; whether each was observed."""
        settings = replace(self.settings, **changed)
        now = [float(ticks[0][0]) if ticks else float(NOON)]
        with Store.open(settings.db_location) as store:
            script = Script(*(snapshot for _, snapshot in ticks))
            collector = Collector(settings, script, store, lambda: now[0], boot=lambda: now[0])
            reports = []
            for time, _ in ticks:
                now[0] = time + 3.0
                reports.append(collector.tick(time))
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
