"""Plays a case on the real collector, over real HTTP and real databases, and asks the real tools what came of it.

A case holds scenes of a cluster (what the API, metrics-server and a DCGM page answer), one a tick; the last one
repeats. `right` is what the tools have to answer of the last whole hour, reckoned by hand from `expected`.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from collector.publish.publication_lock import PublicationLock
from collector.settings import load
from collector.snapshot import LiveSources
from collector.store.store import Store
from collector.tick import Collector
from kl_mcp.tools import TABLE
from kl_query.dataset import Dataset
from kl_query.dataset.load import load_dataset
from tests.cases.cluster import scene_server
from tests.kl_mcp.tools.conftest import check_schemas

START = datetime(2026, 6, 10, tzinfo=UTC)

Case = dict[str, Any]


def read(path: Path) -> Case:
    """Return a case."""
    case: Case = json.loads(path.read_text(encoding="utf-8"))
    return case


def play(case: Case, directory: Path) -> Dataset:
    """Do a tick a scene, each by a collector of its own as `kl-collector once` does, and load what is published."""
    interval, scenes = case.get("interval", 1800), case["scenes"]
    with scene_server() as server:
        given = {name: text.replace("PORT", str(server.port)) for name, text in case.get("env", {}).items()}
        settings = load(
            {
                "HOME": "/root",
                "KL_K8S_API_ENDPOINT": f"http://127.0.0.1:{server.port}",
                "KL_DB_LOCATION": str(directory / "db"),
                "KL_DATA_DIR": str(directory / "data"),
                "KL_POLLING_INTERVAL_SEC": str(interval),
                **given,
            }
        )
        for number in range(case.get("ticks", 3)):
            order = case.get("order")
            now = START + timedelta(seconds=interval * number)
            server.show(scenes[order[number] if order else min(number, len(scenes) - 1)], now)
            seconds = now.timestamp()

            def clock(seconds: float = seconds) -> float:
                return seconds + 1

            with (
                LiveSources(settings, boot=clock, clock=clock, watching=False) as sources,
                PublicationLock(settings) as place,
                Store.open(settings.db_location) as store,
            ):
                collector = Collector(settings, sources, store, clock, clock, place=place)
                collector.read_usage(int(seconds))
                report = collector.tick(int(seconds), keep_unobserved=False)
                assert report.stored or number or not case.get("observed", True), "the tick was not stored"
    return load_dataset(directory / "data")


def ask(dataset: Dataset, tool: str, **arguments: Any) -> dict[str, Any]:
    """Ask a tool right after the last tick."""
    answer = TABLE[tool].run(arguments, dataset, float(dataset.newest_sample or 0))
    check_schemas(tool, answer)
    return answer


def last_hour(case: Case) -> str:
    """Return the name of the hour that ends at the last tick."""
    end = START + timedelta(seconds=case.get("interval", 1800) * (case.get("ticks", 3) - 1))
    return (end - timedelta(hours=1)).strftime("%Y-%m-%dT%H:00:00Z")
