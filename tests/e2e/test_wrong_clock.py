"""A clock that jumps beneath real processes, by libfaketime. The simulated API server's is right."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from simulator.processes import Child, child, environment
from simulator.server import running_simulator
from tests.support.mcp_clients import HttpServer, call, http_server, payload
from tests.support.patience import LIMIT_SECONDS, eventually

pytestmark = pytest.mark.faults


@pytest.fixture(scope="module")
def library() -> Path:
    found = next(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"), None)
    if found is None:
        pytest.skip("faketime is not installed")
    return found


class Clock:
    """The clock of the processes that have its settings; the boot-time clock stays as it is."""

    def __init__(self, file: Path, library: Path) -> None:
        self._file = file
        self.settings = {
            "LD_PRELOAD": str(library),
            "FAKETIME_TIMESTAMP_FILE": str(file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }
        self.set("+0")

    def set(self, offset: str) -> None:
        """Sets it ahead or back, such as `+401d`."""
        written = self._file.with_suffix(".new")
        written.write_text(offset + "\n")
        written.replace(self._file)


@pytest.fixture
def clock(tmp_path: Path, library: Path) -> Clock:
    return Clock(tmp_path / "offset", library)


@pytest.fixture
def settings(tmp_path: Path, clock: Clock) -> Iterator[dict[str, str]]:
    with running_simulator() as cluster:
        yield {
            "KL_DB_LOCATION": str(tmp_path / "db"),
            "KL_DATA_DIR": str(tmp_path / "data"),
            "KL_K8S_API_ENDPOINT": cluster.url,
            "KL_METRICS_PORT": "0",
            **clock.settings,
        }


def kl_collector(settings: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "collector", *arguments]
    return subprocess.run(
        command, env=environment(settings), capture_output=True, text=True, check=False, timeout=LIMIT_SECONDS
    )


def databases(root: Path) -> dict[str, str]:
    """What is in the round-robin databases, by path."""
    return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted((root / "db").rglob("*.rrd"))}


class Volume:
    """What a collector that runs publishes."""

    def __init__(self, root: Path, collector: Child) -> None:
        self._file = root / "data" / "dataset.json"
        self._collector = collector

    def wait_for(self, expected: Callable[[dict[str, Any]], bool], what: str) -> dict[str, Any]:
        self._collector.wait_until(lambda: self._file.exists() and expected(self._manifest()), what, LIMIT_SECONDS)
        return self._manifest()

    def _manifest(self) -> dict[str, Any]:
        document: dict[str, Any] = json.loads(self._file.read_text())
        return document


def ahead(manifest: dict[str, Any]) -> int:
    """By how much the clock is ahead as it is published; 0 while nothing contradicts it."""
    seconds: int = manifest.get("clock_disagrees", {}).get("ahead_seconds", 0)
    return seconds


def page(server: HttpServer, path: str) -> str:
    with urllib.request.urlopen(f"{server.url.removesuffix('/mcp')}{path}", timeout=LIMIT_SECONDS) as answer:
        text: str = answer.read().decode()
        return text


@pytest.mark.timeout(600)
def test_a_clock_that_jumps_while_the_collector_runs(tmp_path: Path, clock: Clock, settings: dict[str, str]) -> None:
    with (
        child("kl-collector", ["collector", "run"], tmp_path / "collector.log", settings) as collector,
        http_server(tmp_path / "data") as server,
    ):
        volume = Volume(tmp_path, collector)
        sampled = volume.wait_for(lambda _: True, "publishing")["last_sample_at"]
        stored = databases(tmp_path)
        assert len(stored) > 1

        clock.set("+401d")
        manifest = volume.wait_for(lambda found: ahead(found) > 0, "noticing that the clock is ahead")
        assert abs(ahead(manifest) - 401 * 86400) < 60
        assert manifest["last_sample_at"] == sampled
        assert manifest["generated_at"] < time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 60))
        eventually(lambda: json.loads(page(server, "/readyz"))["clocks_agree"] is False)
        assert "kubeledger_mcp_clocks_disagree 1.0" in page(server, "/metrics")
        warnings = payload(call(server.url, "get_top_consumers"))["metadata"]["warnings"]
        assert any("the collector's clock is 40" in warning for warning in warnings)
        eventually(lambda: kl_collector(settings, "health").returncode == 1)
        assert "no tick is taken" in kl_collector(settings, "health").stderr
        assert kl_collector(settings, "health", "--live").returncode == 0

        clock.set("-700d")
        volume.wait_for(lambda found: ahead(found) < 0, "noticing that the clock is behind")
        assert databases(tmp_path) == stored

        # Five minutes off is no disagreement, and the next tick is due.
        clock.set("+5m")
        manifest = volume.wait_for(lambda found: found["last_sample_at"] != sampled, "going on")
        assert "clock_disagrees" not in manifest
        eventually(lambda: kl_collector(settings, "health").returncode == 0)
        assert databases(tmp_path).keys() == stored.keys()


def test_once_at_a_time_that_the_api_server_contradicts(tmp_path: Path, clock: Clock, settings: dict[str, str]) -> None:
    assert kl_collector(settings, "once").returncode == 0
    stored = databases(tmp_path)
    clock.set("+401d")
    refused = kl_collector(settings, "once")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "kl-collector: nothing is stored: the clock says " in refused.stderr
    assert databases(tmp_path) == stored
    clock.set("+5m")
    assert kl_collector(settings, "once").returncode == 0
