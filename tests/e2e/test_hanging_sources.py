"""Whatever hangs or refuses in the cluster: the collector's processes say so, go on, and end when they are told to."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from email.utils import formatdate
from itertools import count
from pathlib import Path
from typing import Any

import orjson
import pytest

from simulator.processes import Child, environment
from tests.collector import commands
from tests.support import kubernetes_objects as kube
from tests.support.decoded import at
from tests.support.patience import LIMIT_SECONDS, eventually
from tests.support.scripted_http import Answer, Request, json_answer, serving, status_answer

pytestmark = pytest.mark.faults

HOUR = 3600
THIS_HOUR = int(time.time()) // HOUR * HOUR
NOW = THIS_HOUR + 30
"""By the clocks of the collector and of the cluster: a tick is due, and no hour ends beneath a test."""

COLLECTOR = """
import sys
from collector import cli, snapshot
snapshot.FIRST_LOOK_SEC = snapshot.MIN_READING_SEC = float(sys.argv[2])
sys.exit(cli.main(sys.argv[3:], clock=lambda: float(sys.argv[1])))
"""
"""`kl-collector` at a time, with so many seconds for a reading: of a second's silence at most."""

READING_SECONDS = 4.0
AN_AGE = 2 * LIMIT_SECONDS
"""No test waits so long."""


@dataclass(frozen=True)
class Place:
    """A collector's directories and settings."""

    root: Path
    settings: dict[str, str]

    def command(self, *arguments: str, reading_seconds: float = READING_SECONDS) -> dict[str, Any]:
        """What starts it."""
        return {
            "args": [sys.executable, "-c", COLLECTOR, str(NOW), str(reading_seconds), *arguments],
            "env": environment(self.settings),
        }

    def do(self, *arguments: str, reading_seconds: float = READING_SECONDS) -> subprocess.CompletedProcess[str]:
        command = self.command(*arguments, reading_seconds=reading_seconds)
        return subprocess.run(**command, capture_output=True, text=True, check=False, timeout=LIMIT_SECONDS)

    @contextmanager
    def running(self, *, reading_seconds: float = READING_SECONDS) -> Iterator[Child]:
        log = self.root / "log"
        with log.open("wb") as output:
            process = subprocess.Popen(**self.command("run", reading_seconds=reading_seconds), stderr=output)
        try:
            yield Child("kl-collector", process, log)
        finally:
            process.kill()
            process.wait()

    def says(self) -> str:
        return (self.root / "log").read_text()

    def manifest(self) -> dict[str, Any]:
        document: dict[str, Any] = orjson.loads((self.root / "data" / "dataset.json").read_bytes())
        return document

    def hour(self) -> dict[str, Any]:
        document: dict[str, Any] = orjson.loads(
            (self.root / "data" / self.manifest()["files"]["hourly_7d"]["name"]).read_bytes()
        )
        return document

    def is_alive(self) -> None:
        """Heartbeats go on, and a kubelet would let it live."""
        heartbeat = self.root / "db" / "heartbeat"
        eventually(heartbeat.exists)
        before = heartbeat.stat().st_mtime_ns
        eventually(lambda: heartbeat.stat().st_mtime_ns > before)
        live = self.do("health", "--live")
        assert live.returncode == 0, live.stderr

    def ends(self, collector: Child) -> None:
        """It does what it is told, and nothing is left behind."""
        collector.check()
        collector.process.send_signal(signal.SIGTERM)
        assert collector.process.wait(LIMIT_SECONDS) == 0
        assert self.says().splitlines()[-1].endswith("stopped")
        assert "Traceback" not in self.says()


def place(root: Path, **settings: str) -> Place:
    chosen = {
        "HOME": str(root),
        "KL_DB_LOCATION": str(root / "db"),
        "KL_DATA_DIR": str(root / "data"),
        "KL_POLLING_INTERVAL_SEC": str(HOUR),
        "KL_REQUEST_TIMEOUT_SEC": "1",
        "KL_METRICS_PORT": "0",
        **settings,
    }
    return Place(root, chosen)


def of_cluster(root: Path, url: str, **settings: str) -> Place:
    return place(root, KL_K8S_API_ENDPOINT=url, KL_K8S_AUTH_TOKEN="good", **settings)


def cluster(request: Request) -> Answer:
    """A small cluster at NOW, in which nothing may be watched."""
    answer = status_answer(403, "pods is forbidden") if "watch" in request.query else commands.cluster(request, NOW)
    return replace(answer, headers={**answer.headers, "Date": formatdate(NOW, usegmt=True)})


class Plugin:
    """A credential plugin that starts another program and never answers."""

    def __init__(self, root: Path) -> None:
        self._noted = root / "started"
        program = root / "plugin"
        program.write_text(f"#!/bin/sh\nsleep 3600 &\necho $$ $! >>{self._noted}\nwait\n")
        program.chmod(0o755)
        run = {"apiVersion": "client.authentication.k8s.io/v1", "command": str(program), "interactiveMode": "Never"}
        config = {
            "apiVersion": "v1", "kind": "Config", "current-context": "c",
            "clusters": [{"name": "c", "cluster": {"server": "http://127.0.0.1:9"}}],
            "users": [{"name": "u", "user": {"exec": run}}],
            "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
        }  # fmt: skip
        self.kubeconfig = root / "kubeconfig"
        self.kubeconfig.write_text(json.dumps(config))

    def starts(self) -> list[list[int]]:
        """Processes of each start."""
        lines = self._noted.read_text().splitlines() if self._noted.exists() else []
        return [[int(word) for word in line.split()] for line in lines]

    def running(self) -> list[int]:
        return [process for processes in self.starts() for process in processes if _runs(process)]


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
        return "Z" not in Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except (ProcessLookupError, FileNotFoundError):
        return False


def test_a_credential_plugin_that_hangs_is_ended_and_told_while_the_heart_beats(tmp_path: Path) -> None:
    plugin = Plugin(tmp_path)
    here = place(tmp_path, KUBECONFIG=str(plugin.kubeconfig))
    with here.running() as collector:
        eventually(lambda: len(plugin.starts()) >= 3)
        assert "the credential plugin of the kubeconfig did not answer within 4 s and was ended" in here.says()
        assert "Run it by hand, and correct it or the network that it needs." in here.says()
        here.is_alive()
        eventually(lambda: len(plugin.starts()) >= 5)
        # Those before have ended with all that they had started.
        eventually(lambda: len(plugin.running()) <= 2)
        here.ends(collector)
    eventually(lambda: not plugin.running())


@pytest.mark.parametrize("first_look", [True, False], ids=["at the start", "later"])
def test_a_stop_does_not_wait_for_a_credential_plugin(tmp_path: Path, first_look: bool) -> None:
    plugin = Plugin(tmp_path)
    here = place(tmp_path, KUBECONFIG=str(plugin.kubeconfig), KL_REQUEST_TIMEOUT_SEC="300")
    with here.running(reading_seconds=AN_AGE if first_look else 1.0) as collector:
        eventually(lambda: len(plugin.starts()) >= (1 if first_look else 2))
        if not first_look:
            here.is_alive()
        here.ends(collector)
    eventually(lambda: not plugin.running())


def test_once_ends_with_a_hanging_plugin_and_says_what_to_do(tmp_path: Path) -> None:
    plugin = Plugin(tmp_path)
    done = place(tmp_path, KUBECONFIG=str(plugin.kubeconfig)).do("once")
    assert done.returncode == 1
    assert "Run it by hand, and correct it or the network that it needs." in done.stderr
    assert "nothing is stored" in done.stderr
    eventually(lambda: not plugin.running())


def endless(page: bytes) -> Answer:
    """A page that is never the last."""
    document = orjson.loads(page)
    document["metadata"] = {**document.get("metadata", {}), "continue": str(next(TOKENS))}
    return json_answer(document, Date=formatdate(NOW, usegmt=True))


TOKENS = count(1)


def test_a_listing_without_end_is_ended_and_told_while_the_heart_beats(tmp_path: Path) -> None:
    def script(request: Request) -> Answer:
        answer = cluster(request)
        return endless(answer.body) if request.path == "/api/v1/pods" and answer.status == 200 else answer

    with serving(script) as server:
        here = of_cluster(tmp_path, server.url)
        with here.running() as collector:
            eventually(lambda: "pages of up to 500 objects came, and that was not all" in here.says())
            here.is_alive()
            here.ends(collector)
        done = here.do("once")
    assert done.returncode == 1
    assert re.search(
        r"/api/v1/pods was not read within 4 s: \d+ pages of up to 500 objects came, and that was not all", done.stderr
    )
    assert "If not, check what answers for the API server." in done.stderr
    assert "nothing is stored" in done.stderr


def test_what_passes_is_tried_again_within_the_interval_and_the_tick_is_whole(tmp_path: Path) -> None:
    asked: Counter[str] = Counter()
    silent = Answer(200, b"{", delay_sec=LIMIT_SECONDS)
    troubles = {
        "/api/v1/namespaces": [status_answer(500, "no"), Answer(502)],
        "/api/v1/nodes": [replace(status_answer(429, "too many"), headers={"Retry-After": "1"}), Answer(503)],
        "/api/v1/pods": [Answer(200, b'{"kind"', length=500), silent],
        "/api/v1/persistentvolumeclaims": [Answer(503)],
        "/apis/metrics.k8s.io/v1beta1/nodes": [Answer(504)],
        "/apis/metrics.k8s.io/v1beta1/pods": [replace(Answer(429), headers={"Retry-After": "1"}), silent],
    }

    def script(request: Request) -> Answer:
        asked[request.path] += 1
        left = troubles[request.path][asked[request.path] - 1 :]
        return left[0] if left else cluster(request)

    with serving(script) as server:
        done = of_cluster(tmp_path, server.url).do("once", reading_seconds=AN_AGE)
    assert done.returncode == 0, done.stderr
    assert asked == {path: len(answers) + 1 for path, answers in troubles.items()}
    shop = of_cluster(tmp_path, "").hour()["namespaces"]["shop"]["cpu"]
    assert (shop["requests"], shop["usage"]) == ([1.0], [0.5])


def test_where_watching_is_refused_finished_pods_count_and_the_manifest_says_what_is_not_seen(tmp_path: Path) -> None:
    told = {
        "conditions": [{"type": "PodScheduled", "status": "True", "lastTransitionTime": at(THIS_HOUR - 1800)}],
        "containerStatuses": [{"name": "app", "state": {"terminated": {"finishedAt": at(THIS_HOUR - 900)}}}],
    }
    job = kube.pod(kube.container(cpu="4"), name="job", phase="Succeeded", status=told)

    def script(request: Request) -> Answer:
        answer = cluster(request)
        if request.path != "/api/v1/pods" or answer.status != 200:
            return answer
        document = orjson.loads(answer.body)
        return replace(answer, body=orjson.dumps({**document, "items": [*document["items"], job]}))

    with serving(script) as server:
        here = of_cluster(tmp_path, server.url)
        with here.running() as collector:
            eventually((tmp_path / "data" / "dataset.json").exists)
            here.ends(collector)
    (spot,) = here.manifest()["blind_spots"]
    assert spot["code"] == "pods_not_watched"
    assert "Pods cannot be watched, so they are listed once a minute" in spot["text"]
    assert "Grant the verbs list and watch on namespaces, nodes, pods and persistentvolumeclaims with" in spot["text"]
    # 1 core for an hour, and 4 for a quarter of it
    assert here.hour()["namespaces"]["shop"]["cpu"]["requests"] == [2.0]


@pytest.mark.parametrize(
    ("path", "code", "known"),
    [
        ("/api/v1/namespaces", 0, (1.0, 0.5, 1.0)),
        ("/api/v1/nodes", 1, None),
        ("/api/v1/pods", 1, None),
        ("/api/v1/persistentvolumeclaims", 0, (1.0, 0.5, 1.0)),
        ("/apis/metrics.k8s.io/v1beta1/nodes", 0, (1.0, 0.5, 1.0)),
        ("/apis/metrics.k8s.io/v1beta1/pods", 0, (1.0, None, 0.0)),
    ],
)
def test_what_is_forbidden_costs_what_it_feeds(
    tmp_path: Path, path: str, code: int, known: tuple[float | None, ...] | None
) -> None:
    forbidden = status_answer(403, "forbidden", Date=formatdate(NOW, usegmt=True))
    with serving(lambda request: forbidden if request.path == path else cluster(request)) as server:
        here = of_cluster(tmp_path, server.url)
        done = here.do("once")
    assert done.returncode == code, done.stderr
    of_storage = path.endswith("persistentvolumeclaims")
    advice = "Add this rule to its ClusterRole" if of_storage else "(403). Grant that with a ClusterRole and"
    assert advice in done.stderr or path.endswith("v1beta1/nodes")
    if known is None:
        assert "nothing is stored" in done.stderr
        assert not (tmp_path / "data" / "dataset.json").exists()
        return
    hour = here.hour()
    shop = hour["namespaces"]["shop"]["cpu"]
    assert (shop["requests"][0], shop["usage"][0], hour["coverage"]["metrics"][0]) == known
    assert [spot["code"] for spot in here.manifest()["blind_spots"]] == ["volume_claims_unread"] * of_storage
