"""The whole road as processes: a simulated cluster, its history in real RRDs, one live tick, the server."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from collector.settings import load
from simulator.history import fill, first_history
from simulator.processes import child, environment
from simulator.truth import Truth
from simulator.workload import Workload, default_origin
from tests.e2e.standing_clock import HALF_A_MINUTE_PAST
from tests.support.mcp_clients import HttpServer, http_server
from tests.support.patience import LIMIT_SECONDS

STEP = 300
HOURLY_RATE = 25.0


@dataclass(frozen=True)
class Road:
    """A running cluster and server, what the collector published, and the formula's truth about it."""

    server: HttpServer
    data_dir: Path
    truth: Truth
    collector_log: str


@pytest.fixture(scope="session")
def road(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Road]:
    directory = tmp_path_factory.mktemp("road")
    origin = default_origin(int(time.time()))
    files = ["--port-file", str(directory / "port"), "--kubeconfig", str(directory / "kubeconfig")]
    arguments = ["simulator", "serve", "--origin", str(origin), "--token", "of-the-simulator", *files]
    with child("simulator", arguments, directory / "simulator.log") as cluster:
        cluster.wait_until((directory / "port").exists, "starting", LIMIT_SECONDS)
        settings = {
            "KL_DB_LOCATION": str(directory / "db"),
            "KL_DATA_DIR": str(directory / "data"),
            "KL_CLUSTER_NAME": "e2e",
            "KL_BILLING_HOURLY_RATE": str(HOURLY_RATE),
            "KL_NVIDIA_DCGM_ENDPOINT": f"http://127.0.0.1:{(directory / 'port').read_text().strip()}/dcgm/metrics",
            "KUBECONFIG": str(directory / "kubeconfig"),
        }
        start = first_history(int(time.time()))
        due = fill_up_to_the_tick_that_is_due(Workload(origin), settings, start)
        freeze(int((directory / "port").read_text()), due)
        once = subprocess.run(
            [sys.executable, "-c", HALF_A_MINUTE_PAST, str(due)],
            env=environment(settings),
            capture_output=True,
            text=True,
            timeout=LIMIT_SECONDS,
            check=False,
        )
        assert once.returncode == 0, once.stderr
        with http_server(directory / "data") as server:
            yield Road(server, directory / "data", Truth(Workload(origin), start, due), once.stderr)


def fill_up_to_the_tick_that_is_due(workload: Workload, settings: dict[str, str], start: int) -> int:
    """Leaves exactly one tick to be taken live; returns its nominal time."""
    parsed = load(settings)
    fill(workload, parsed, start=start, now=int(time.time()) - STEP)
    due = int(time.time()) // STEP * STEP
    fill(workload, parsed, start=start, now=due - STEP)
    return due


def freeze(port: int, time: int) -> None:
    """Let the cluster show this time's tick for as long as it takes to read it."""
    order = json.dumps({"at": time}).encode()
    request = urllib.request.Request(f"http://127.0.0.1:{port}/simulator/clock", order, method="POST")
    with urllib.request.urlopen(request, timeout=LIMIT_SECONDS) as answer:
        assert answer.status == 200
