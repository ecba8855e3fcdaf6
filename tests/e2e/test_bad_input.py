"""What goes wrong at an installation: one clear message each, and what was stored before is still there."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from simulator.processes import environment
from simulator.server import RunningSimulator, running_simulator
from simulator.workload import Workload, default_origin
from tests.e2e.standing_clock import HALF_A_MINUTE_PAST
from tests.support.mcp_clients import call, http_server
from tests.support.patience import LIMIT_SECONDS

ORIGIN = default_origin(1_790_000_000)
HOUR = 3600
THIS_HOUR = time.time() // HOUR * HOUR
EMPTY = Workload(ORIGIN, namespaces=(), nodes=(), devices=())


@pytest.fixture
def cluster() -> Iterator[RunningSimulator]:
    with running_simulator(token="good", restricted_token="may-list-nothing") as simulator:
        yield simulator


def once(root: Path, url: str, hour: float = THIS_HOUR, /, **settings: str) -> subprocess.CompletedProcess[str]:
    chosen = {
        "KL_DB_LOCATION": str(root / "db"),
        "KL_DATA_DIR": str(root / "data"),
        "KL_K8S_API_ENDPOINT": url,
        "KL_K8S_AUTH_TOKEN": "good",
        # A tick of a whole hour: one of five minutes would leave an hour that has just closed unknown.
        "KL_POLLING_INTERVAL_SEC": "3600",
        **settings,
    }
    command = [sys.executable, "-c", HALF_A_MINUTE_PAST, str(hour)]
    return subprocess.run(
        command, env=environment(chosen), capture_output=True, text=True, check=False, timeout=LIMIT_SECONDS
    )


def scale(root: Path, name: str = "hourly_7d") -> dict[str, Any]:
    manifest = orjson.loads((root / "data" / "dataset.json").read_bytes())
    document: dict[str, Any] = orjson.loads((root / "data" / manifest["files"][name]["name"]).read_bytes())
    return document


def ask(root: Path, tool: str, **arguments: object) -> dict[str, Any]:
    with http_server(root / "data") as server:
        answer = call(server.url, tool, arguments)
    assert not answer.is_error, answer.content
    assert isinstance(answer.structured_content, dict)
    return answer.structured_content


@pytest.mark.parametrize(
    ("token", "says"), [("wrong", ("401", "KL_K8S_AUTH_TOKEN")), ("may-list-nothing", ("403", "list", "namespaces"))]
)
def test_a_token_that_may_not_read_is_named_with_what_it_lacks(
    tmp_path: Path, cluster: RunningSimulator, token: str, says: tuple[str, ...]
) -> None:
    done = once(tmp_path, cluster.url, KL_K8S_AUTH_TOKEN=token)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert token not in done.stderr
    assert all(word in done.stderr for word in says), done.stderr
    assert "nothing is stored" in done.stderr
    assert not list((tmp_path / "data").glob("*.json"))
    # With the right token it is the same tick that is taken, as if nothing had been tried before.
    assert once(tmp_path, cluster.url).returncode == 0
    assert scale(tmp_path)["namespaces"]["registry"]["cpu"]["usage"][0] > 0


def test_without_metrics_server_requests_are_kept_and_usage_is_unknown(
    tmp_path: Path, cluster: RunningSimulator
) -> None:
    cluster.set_faults(metrics="absent")
    done = once(tmp_path, cluster.url)
    assert done.returncode == 0, done.stderr
    assert "metrics-server" in done.stderr
    hour = scale(tmp_path)
    assert hour["coverage"]["metrics"] == [0.0]
    assert hour["coverage"]["kubernetes"][0] > 0
    assert hour["namespaces"]["registry"]["cpu"]["usage"] == [None]
    assert hour["namespaces"]["registry"]["cpu"]["requests"][0] > 0
    answer = ask(tmp_path, "get_top_consumers", metric="cpu")
    assert all(row["value"] is None for row in answer["ranking"])
    assert any("metrics" in warning for warning in answer["metadata"]["warnings"]), answer["metadata"]["warnings"]


def test_an_empty_cluster_is_zero_and_answered_without_an_error(tmp_path: Path) -> None:
    with running_simulator(EMPTY) as cluster:
        done = once(tmp_path, cluster.url, KL_K8S_AUTH_TOKEN="")
    assert done.returncode == 0, done.stderr
    assert scale(tmp_path)["capacity"]["cpu"] == [0.0]
    assert ask(tmp_path, "get_top_consumers", metric="cpu")["ranking"] == []
    assert ask(tmp_path, "list_namespaces")["counts"]["application"] == 0


def test_a_failed_tick_loses_nothing_that_was_stored(tmp_path: Path, cluster: RunningSimulator) -> None:
    """The cluster answers, an hour later it does not, then it does again."""
    # The hour may have changed since this module was loaded.
    cluster.set_clock(at=int(THIS_HOUR) - HOUR + 30)
    assert once(tmp_path, cluster.url, THIS_HOUR - HOUR).returncode == 0
    before = scale(tmp_path)
    cluster.set_clock(at=int(THIS_HOUR) + 30)
    # What is refused is not asked for again, as what fails is.
    cluster.set_faults(paths=[{"prefix": "/api/v1/", "status": 403}])
    failed = once(tmp_path, cluster.url)
    assert failed.returncode == 1
    assert "Traceback" not in failed.stderr
    assert scale(tmp_path) == before
    cluster.set_faults()
    assert once(tmp_path, cluster.url).returncode == 0
    after = scale(tmp_path)
    assert len(before["buckets"]) + 1 == len(after["buckets"])
    usage = after["namespaces"]["registry"]["cpu"]["usage"]
    assert usage[:-1] == before["namespaces"]["registry"]["cpu"]["usage"]
    assert usage[-1] > 0


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"KL_POLLING_INTERVAL_SEC": "420"}, ("KL_POLLING_INTERVAL_SEC", "420", "300, 600, 900, 1200, 1800, 3600")),
        ({"KL_COST_MODEL": "FREE"}, ("KL_COST_MODEL", "FREE", "CHARGE_BACK")),
        ({"KL_COST_MODEL": "CHARGE_BACK"}, ("CHARGE_BACK", "KL_BILLING_HOURLY_RATE")),
        ({"KL_BILLING_HOURLY_RATE": "ten"}, ("KL_BILLING_HOURLY_RATE", "ten")),
        ({"KL_K8S_API_ENDPOINT": "not a url"}, ("KL_K8S_API_ENDPOINT", "not a url")),
    ],
)
def test_a_nonsense_setting_is_one_line_that_names_it_and_what_is_allowed(
    tmp_path: Path, settings: dict[str, str], says: tuple[str, ...]
) -> None:
    done = once(tmp_path, "http://127.0.0.1:9", THIS_HOUR, **settings)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert all(word in done.stderr for word in says), done.stderr
    assert not (tmp_path / "db").exists()


def test_a_published_file_that_was_cut_short_is_named_and_the_rest_is_answered(
    tmp_path: Path, cluster: RunningSimulator
) -> None:
    assert once(tmp_path, cluster.url).returncode == 0
    (victim,) = (tmp_path / "data").glob("daily_14d-*.json")
    victim.write_bytes(victim.read_bytes()[: victim.stat().st_size // 2])
    daily = ask(tmp_path, "get_top_consumers", metric="cpu", scale="daily_14d")
    assert daily["ranking"] == []
    assert any(victim.name in warning for warning in daily["metadata"]["warnings"]), daily["metadata"]["warnings"]
    assert ask(tmp_path, "get_top_consumers", metric="cpu", scale="hourly_7d")["ranking"]
