"""What the sources of a small real cluster say, watched or listed, and what is left of it when one of them fails."""

from __future__ import annotations

import json
import logging
import os
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from email.utils import formatdate
from pathlib import Path
from threading import Event, Thread, Timer
from typing import Any

import pytest

from collector.clock import boot_time
from collector.errors import SourceError
from collector.kubernetes.watch import Timing
from collector.observations import Cluster
from collector.settings import load
from collector.snapshot import LiveSources
from kl_core.errors import SettingsError
from tests.support.decoded import at
from tests.support.kubernetes_api import KubernetesApi, serving_cluster
from tests.support.kubernetes_objects import container, listing, node, node_metrics, pod, pod_metrics
from tests.support.no_thread_left import no_thread_left
from tests.support.patience import LIMIT_SECONDS, eventually
from tests.support.scripted_http import Answer, Request, closed_port, json_answer, serving, status_answer

DATA = Path(__file__).parent / "dcgm" / "data"
METRICS = "/apis/metrics.k8s.io/v1beta1"
GIB = 2.0**30
PAGES: dict[str, Answer] = {
    "/api/v1/namespaces": json_answer(
        listing(
            "NamespaceList",
            [
                {"metadata": {"name": "kube-system", "uid": "the-cluster"}},
                {"metadata": {"name": "ml", "labels": {"team": "research"}}},
            ],
        )
    ),
    "/api/v1/nodes": json_answer(
        listing(
            "NodeList",
            [
                node("gpu-node-1", cpu="16", capacity={"nvidia.com/gpu": "2"}),
                node("v", labels={"type": "virtual-kubelet"}),
            ],
        )
    ),
    "/api/v1/pods": json_answer(
        listing(
            "PodList",
            [
                pod(container(cpu="4", memory="8Gi", gpu="1"), namespace="ml", name="train-0", node="gpu-node-1"),
                pod(container(cpu="1", gpu="1"), namespace="vision", name="serve-5c9d-x2x", node="gpu-node-1"),
            ],
        )
    ),
    f"{METRICS}/nodes": json_answer(listing("NodeMetricsList", [node_metrics("gpu-node-1", "5", "9Gi")])),
    f"{METRICS}/pods": json_answer(listing("PodMetricsList", [pod_metrics("ml", "train-0", ("3", "6Gi"))])),
    "/metrics": Answer(200, (DATA / "labelled.prom").read_bytes()),
}
QUICK = Timing(short_watch=3, pauses=(0.01, 0.05))


@contextmanager
def live(changed: dict[str, Answer] | None = None, **environ: str) -> Iterator[LiveSources]:
    """Sources that list what a server with PAGES has, some of them changed."""
    pages = {**PAGES, **(changed or {})}
    with serving(lambda request: pages.get(request.path, Answer(404))) as server:
        settings = load({"HOME": "/nonexistent", "KL_K8S_API_ENDPOINT": server.url,
                         "KL_NVIDIA_DCGM_ENDPOINT": server.url, **environ})  # fmt: skip
        with LiveSources(settings, watching=False) as sources:
            yield sources


def cluster_of(sources: LiveSources) -> Cluster | None:
    now = time.time()
    return sources.cluster(now - 300, now)


def test_an_interval_of_a_cluster_is_listed() -> None:
    with live() as sources:
        found = cluster_of(sources)
        told = (sources.uid, sources.date is not None)
    assert told == ("the-cluster", True)
    assert found is not None
    assert found.uid == "the-cluster"
    assert found.namespaces == {"kube-system": {}, "ml": {"team": "research"}}
    assert [(span.node.name, span.node.cpu_capacity, span.node.excluded) for span in found.nodes] == [
        ("gpu-node-1", 16.0, False),
        ("v", 4.0, True),
    ]
    assert [(span.pod.key, dict(span.pod.requests), round(span.seconds)) for span in found.pods] == [
        (("ml", "train-0"), {"cpu": 4.0, "memory": 8 * GIB, "nvidia.com/gpu": 1.0}, 300),
        (("vision", "serve-5c9d-x2x"), {"cpu": 1.0, "nvidia.com/gpu": 1.0}, 300),
    ]
    assert found.blind_spots == ()


def test_usage_is_read_with_the_pods_and_nodes_of_that_moment() -> None:
    with live() as sources:
        reading = sources.read_usage()
        assert reading is not None
        assert reading.metrics is not None
        (measured,) = reading.metrics.pods
        assert sources.date is not None
        assert reading.moment >= sources.date.time
    assert [pod.name for pod in reading.pods] == ["train-0", "serve-5c9d-x2x"]
    assert [node.name for node in reading.nodes] == ["gpu-node-1", "v"]
    assert (measured.namespace, measured.name) == ("ml", "train-0")
    assert [node.cpu for node in reading.metrics.nodes] == [5.0]
    assert reading.devices is not None
    assert len(reading.devices) > 1


def test_what_was_listed_after_the_end_of_an_interval_is_not_listed_again() -> None:
    asked: list[str] = []

    def script(request: Request) -> Answer:
        asked.append(request.path)
        return PAGES[request.path]

    with serving(script) as server:
        settings = load({"HOME": "/nonexistent", "KL_K8S_API_ENDPOINT": server.url})
        with LiveSources(settings, watching=False) as sources:
            end = time.time()
            assert sources.read_usage() is not None
            assert sources.cluster(end - 300, end) is not None
            assert asked.count("/api/v1/pods") == 1
            assert sources.cluster(end, time.time() + 1) is not None
            assert asked.count("/api/v1/pods") == 2


FORBIDDEN = status_answer(403, "no")


@pytest.mark.parametrize(
    ("changed", "known", "logged"),
    [
        ({"/api/v1/nodes": FORBIDDEN}, (False, False, False), "does not allow to list nodes"),
        ({"/api/v1/pods": status_answer(501, "no")}, (False, False, False), "/api/v1/pods answered 501"),
        ({"/api/v1/pods": json_answer({})}, (False, False, False), "pods did not answer with a list"),
        ({"/api/v1/namespaces": FORBIDDEN}, (True, True, True), "does not allow to list namespaces"),
        ({f"{METRICS}/pods": Answer(404)}, (True, False, True), "metrics-server is not installed"),
        ({f"{METRICS}/pods": FORBIDDEN}, (True, False, True), "does not allow to list pods in"),
        ({f"{METRICS}/nodes": FORBIDDEN}, (True, True, True), "does not allow to list nodes in"),
        ({"/metrics": Answer(500)}, (True, True, False), "answered 500"),
    ],
    ids=["nodes forbidden", "pods failing", "pods no list", "namespaces forbidden", "no metrics-server",
         "pod metrics forbidden", "node metrics forbidden", "exporter failing"],
)  # fmt: skip
def test_what_fails_costs_what_it_feeds(
    changed: dict[str, Answer],
    known: tuple[bool, bool, bool],
    logged: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.WARNING), live(changed) as sources:
        reading = sources.read_usage()
        found = cluster_of(sources) if reading is None else sources.cluster(0, time.time() - 60)
        measured, reason = None, ""
        try:
            measured = list(reading.metrics.pods) if reading and reading.metrics else None
        except SourceError as error:
            reason = error.message
    assert (found is not None, bool(measured), bool(reading and reading.devices)) == known
    assert logged in caplog.text + reason


def test_without_namespaces_pods_are_known_all_the_same() -> None:
    with live({"/api/v1/namespaces": FORBIDDEN}) as sources:
        found = cluster_of(sources)
    assert found is not None
    assert (found.uid, found.namespaces) == (None, {})
    assert [span.pod.namespace for span in found.pods] == ["ml", "vision"]


def test_namespaces_that_are_none_stop_no_other_listing() -> None:
    with live({"/api/v1/namespaces": json_answer({})}) as sources:
        assert cluster_of(sources) is not None


def test_a_failure_passes() -> None:
    answers = iter([FORBIDDEN, PAGES["/api/v1/pods"]])

    def script(request: Request) -> Answer:
        return next(answers) if request.path == "/api/v1/pods" else PAGES[request.path]

    with serving(script) as server:
        settings = load({"HOME": "/nonexistent", "KL_K8S_API_ENDPOINT": server.url})
        with LiveSources(settings, watching=False) as sources:
            assert [cluster_of(sources) is not None for _ in range(2)] == [False, True]


def test_without_an_exporter_configured_dcgm_is_neither_seen_nor_failed() -> None:
    with live(KL_NVIDIA_DCGM_ENDPOINT="") as sources:
        reading = sources.read_usage()
        assert reading is not None
        assert reading.devices is None


def test_claims_are_read_where_pods_have_some() -> None:
    item = pod(
        container(cpu="1"), namespace="ml", spec={"resourceClaims": [{"name": "g", "resourceClaimName": "mine"}]}
    )
    pods = {"/api/v1/pods": json_answer(listing("PodList", [item]))}
    with live(pods) as sources:
        found = cluster_of(sources)
    assert found is not None
    assert found.claimed is None
    assert [spot.code for spot in found.blind_spots] == ["resource_claims_unread"]


def test_no_cluster_at_the_endpoint_is_nothing_known(caplog: pytest.LogCaptureFixture) -> None:
    settings = load({"HOME": "/nonexistent", "KL_K8S_API_ENDPOINT": f"http://127.0.0.1:{closed_port()}"})
    with caplog.at_level(logging.INFO), LiveSources(settings, watching=False, reading_sec=0.2) as sources:
        assert cluster_of(sources) is None
        assert sources.read_usage() is None
    # Once a reading, not once a resource.
    told = [each for each in caplog.records if each.name == "collector.snapshot"]
    assert [each.levelname for each in told] == ["WARNING", "INFO"]
    assert all("nothing listens there" in each.getMessage() for each in told)


def test_without_a_thread_left_each_source_says_so_once_and_nothing_is_known(
    caplog: pytest.LogCaptureFixture,
) -> None:
    address = f"http://127.0.0.1:{closed_port()}"
    settings = load(
        {"HOME": "/nonexistent", "KL_K8S_API_ENDPOINT": address, "KL_NVIDIA_DCGM_ENDPOINT": f"{address},{address}/x"}
    )
    sources = LiveSources(settings)
    with no_thread_left(), sources:
        assert sources.read_usage() is None
    said = [record.getMessage() for record in caplog.records if "no thread left" in record.getMessage()]
    assert [message.partition(":")[0] for message in said] == ["dcgm", "kubernetes"]


def test_settings_that_lead_to_no_cluster_are_refused_at_the_start(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="No cluster to talk to"):
        LiveSources(load({"HOME": str(tmp_path), "KUBECONFIG": str(tmp_path / "none")}))


def test_a_token_that_is_wrong_is_told_without_telling_it(caplog: pytest.LogCaptureFixture) -> None:
    def script(request: Request) -> Answer:
        right = request.headers.get("authorization") == "Bearer right"
        return PAGES[request.path] if right else status_answer(401, "Unauthorized")

    with serving(script) as server, caplog.at_level(logging.DEBUG):
        environ = {"HOME": "/nonexistent", "KL_K8S_API_ENDPOINT": server.url}
        with LiveSources(load({**environ, "KL_K8S_AUTH_TOKEN": "hush-hush"}), watching=False) as sources:
            assert cluster_of(sources) is None
        with LiveSources(load({**environ, "KL_K8S_AUTH_TOKEN": "right"}), watching=False) as sources:
            assert cluster_of(sources) is not None
    assert "does not accept the credentials (401)" in caplog.text
    assert "hush" not in caplog.text


def test_credentials_that_cannot_be_loaded_now_are_tried_again(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_bytes(b"\xff\xfe")
    with serving(lambda request: PAGES[request.path]) as server:
        settings = load({"HOME": "/nonexistent", "KL_K8S_API_ENDPOINT": server.url,
                         "KL_K8S_AUTH_TOKEN_FILE": str(token)})  # fmt: skip
        with LiveSources(settings, watching=False) as sources:
            assert cluster_of(sources) is None
            token.write_text("good")
            assert cluster_of(sources) is not None


@pytest.fixture
def plugin(tmp_path: Path) -> Path:
    """A kubeconfig whose credential plugin says its process id and then nothing any more."""
    program = tmp_path / "plugin"
    noted = str(tmp_path / "pid")
    # Of a shell, since that leaves a process of its own behind when it is ended alone.
    program.write_text(f"#!/bin/sh\necho $$ >>{noted}\nsleep 3600 &\necho $! >>{noted}\nwait\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    run = {"apiVersion": "client.authentication.k8s.io/v1", "command": str(program), "interactiveMode": "Never"}
    config = {
        "apiVersion": "v1", "kind": "Config", "current-context": "c",
        "clusters": [{"name": "c", "cluster": {"server": "http://127.0.0.1:9"}}],
        "users": [{"name": "u", "user": {"exec": run}}],
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
    }  # fmt: skip
    path = tmp_path / "config"
    path.write_text(json.dumps(config))
    return path


def test_a_credential_plugin_that_hangs_ends_at_the_deadline(
    plugin: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("collector.snapshot.FIRST_LOOK_SEC", 0.5)
    settings = load({"HOME": str(plugin.parent), "KUBECONFIG": str(plugin)})
    with LiveSources(settings, watching=False, reading_sec=0.5) as sources:
        assert cluster_of(sources) is None
    assert "the credential plugin of the kubeconfig did not answer within" in caplog.text
    ran = [int(line) for line in (plugin.parent / "pid").read_text().split()]
    assert ran
    eventually(lambda: not any(map(_runs, ran)))


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return "Z" not in Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]


def test_whoever_waits_is_told_to_stop(
    plugin: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("collector.snapshot.FIRST_LOOK_SEC", 0.5)
    stop = Event()
    settings = load({"HOME": str(plugin.parent), "KUBECONFIG": str(plugin)})
    with LiveSources(settings, stop=stop, reading_sec=LIMIT_SECONDS) as sources:
        Timer(0.3, stop.set).start()
        assert cluster_of(sources) is None
    assert "/api/v1/pods was not read before the collector was stopped" in caplog.text


@contextmanager
def watching(api: KubernetesApi, **options: Any) -> Iterator[LiveSources]:
    settings = load({"HOME": "/nonexistent", "KL_K8S_API_ENDPOINT": api.url})
    with LiveSources(settings, timing=QUICK, reading_sec=LIMIT_SECONDS, **options) as sources:
        yield sources


@pytest.fixture
def api() -> Iterator[KubernetesApi]:
    with serving_cluster() as made:
        made.put("namespaces", {"metadata": {"name": "kube-system", "uid": "the-cluster"}})
        made.put("nodes", node("n1"))
        made.put("pods", pod(container(cpu="1"), name="a"))
        yield made


def cores(found: Cluster | None) -> dict[str, float]:
    assert found is not None
    return {span.pod.name: span.pod.requests["cpu"] * span.seconds for span in found.pods}


def test_a_job_between_two_looks_is_known_to_the_second(api: KubernetesApi) -> None:
    with watching(api) as sources:
        begin = time.time()
        assert cores(sources.cluster(begin - 300, begin)) == {"a": pytest.approx(300.0)}
        bound = int(begin) - 40
        told = {
            "conditions": [{"type": "PodScheduled", "status": "True", "lastTransitionTime": at(bound)}],
            "containerStatuses": [{"name": "app", "state": {"terminated": {"finishedAt": at(bound + 30)}}}],
        }
        job = pod(container(cpu="4"), name="job", phase="Succeeded", status=told)
        api.put("pods", job)
        api.delete("pods", job)
        end = time.time()
        # 4 cores for 30 s
        assert cores(sources.cluster(begin - 100, end))["job"] == 120.0
        assert len(api.listings("pods")) == 1
        assert "job" not in cores(sources.cluster(end, end + 10))


def test_where_nothing_can_be_watched_it_says_so_and_goes_on(api: KubernetesApi) -> None:
    api.faults.watch_status.update(dict.fromkeys(("namespaces", "nodes", "pods"), 403))
    with watching(api) as sources:
        for name in ("b", "c"):
            api.put("pods", pod(container(cpu="1"), name=name))
            now = time.time()
            found = sources.cluster(now - 300, now)
            assert name in cores(found)
        assert found is not None
        assert [spot.code for spot in found.blind_spots] == ["pods_not_watched"]


def test_an_interval_is_unknown_while_the_cluster_does_not_answer_and_the_next_is_whole(api: KubernetesApi) -> None:
    with watching(api) as sources:
        begin = time.time()
        assert sources.cluster(begin - 300, begin) is not None
        api.faults.watch["pods"] = "reset"
        api.faults.list_status["pods"] = 403
        assert sources.cluster(begin, time.time()) is None
        assert sources.read_usage() is None
        api.faults.watch.clear()
        api.faults.list_status.clear()
        assert cores(sources.cluster(begin, begin + 300)) == {"a": 300.0}


@pytest.mark.parametrize(("later", "kept"), [(-60.0, 2), (60.0, 1)])
def test_what_ended_five_intervals_ago_is_forgotten_while_no_interval_can_be_asked_for(
    api: KubernetesApi, later: float, kept: int
) -> None:
    api.faults.list_status["nodes"] = 403
    passed = 0.0

    def clock() -> float:
        return time.time() + passed

    api.clock = clock
    settings = load({"HOME": "/nonexistent", "KL_K8S_API_ENDPOINT": api.url})
    known = LiveSources(settings, boot=lambda: boot_time() + passed, clock=clock, timing=QUICK, reading_sec=5.0)
    finished = {"containerStatuses": [{"name": "app", "state": {"terminated": {"finishedAt": at(int(time.time()))}}}]}
    with known as sources:
        state = sources._state
        api.put("pods", pod(container(cpu="4"), name="job", phase="Succeeded", status=finished))
        eventually(lambda: len(state.pods) == 2)
        passed = 5.0 * settings.polling_interval_sec + later
        assert sources.read_usage() is None
        # The watch of pods may be answering the first question still; it has turned before it answers the second.
        assert sources.read_usage() is None
        assert [each.name for each in state.pods.present()] == ["a"]
        eventually(lambda: len(state.pods) == kept)


def test_namespaces_that_fail_cost_no_interval(api: KubernetesApi, caplog: pytest.LogCaptureFixture) -> None:
    api.faults.list_status["namespaces"] = 403
    with watching(api) as sources:
        now = time.time()
        found = sources.cluster(now - 300, now)
        assert found is not None
        assert (found.uid, found.namespaces) == (None, {})
    assert "does not allow to list namespaces" in caplog.text


def test_claims_that_hang_do_not_hold_up_a_stop() -> None:
    item = pod(
        container(cpu="1"), namespace="ml", spec={"resourceClaims": [{"name": "g", "resourceClaimName": "mine"}]}
    )
    stop, asked, may_end = Event(), Event(), Event()
    pages = {**PAGES, "/api/v1/pods": json_answer(listing("PodList", [item]))}

    def script(request: Request) -> Answer:
        if "resource.k8s.io" in request.path:
            asked.set()
            may_end.wait(LIMIT_SECONDS)
        return pages.get(request.path, Answer(404))

    def stop_then() -> None:
        asked.wait(LIMIT_SECONDS)
        stop.set()

    with serving(script) as server:
        settings = load({"HOME": "/nonexistent", "KL_K8S_API_ENDPOINT": server.url, "KL_REQUEST_TIMEOUT_SEC": "300"})
        with LiveSources(settings, watching=False, stop=stop, reading_sec=2 * LIMIT_SECONDS) as sources:
            Thread(target=stop_then).start()
            # Unknown, not without its claims: the next process can take the tick.
            assert cluster_of(sources) is None
            assert not may_end.is_set()
        may_end.set()


def test_claims_that_do_not_come_in_time_are_unknown_and_said_to_be(caplog: pytest.LogCaptureFixture) -> None:
    item = pod(
        container(cpu="1"), namespace="ml", spec={"resourceClaims": [{"name": "g", "resourceClaimName": "mine"}]}
    )
    may_end = Event()
    may_end.set()
    pages = {**PAGES, "/api/v1/pods": json_answer(listing("PodList", [item]))}

    def script(request: Request) -> Answer:
        if "resource.k8s.io" in request.path:
            may_end.wait(LIMIT_SECONDS)
        return pages.get(request.path, Answer(404))

    with serving(script) as server:
        settings = load({"HOME": "/nonexistent", "KL_K8S_API_ENDPOINT": server.url, "KL_REQUEST_TIMEOUT_SEC": "300"})
        with LiveSources(settings, watching=False) as sources:
            now = time.time()
            assert sources.cluster(now - 300, now) is not None
            # What was listed then need not be listed again.
            may_end.clear()
            sources._reading_sec = 0.2
            found = sources.cluster(now - 300, now)
            assert found is not None
            assert found.claimed is None
            (spot,) = found.blind_spots
        may_end.set()
    assert spot.code == "resource_claims_unread"
    assert "/apis/resource.k8s.io was not read within 0 s" in spot.text
    assert "resource claims are not read, so GPUs that pods hold by them are unknown: /apis/" in caplog.text


def test_a_stop_between_the_pods_and_their_metrics_leaves_usage_unknown(caplog: pytest.LogCaptureFixture) -> None:
    stop = Event()

    def script(request: Request) -> Answer:
        if request.path == "/api/v1/pods":
            stop.set()
        return PAGES[request.path]

    with serving(script) as server:
        settings = load({"HOME": "/nonexistent", "KL_K8S_API_ENDPOINT": server.url})
        with LiveSources(settings, watching=False, stop=stop) as sources:
            reading = sources.read_usage()
    assert reading is not None
    assert reading.metrics is None
    assert "the cluster was not read before the collector was stopped" in caplog.text


@pytest.mark.parametrize("ahead", [0.0, 4.0, 120.0])
def test_a_pod_between_two_ticks_counts_though_the_clock_is_ahead_of_the_api_servers(ahead: float) -> None:
    """It holds 4 cores for 60 seconds of the API server's time, and begins after the first tick."""
    base = 1_900_000_000

    def finished(begin: int, end: int) -> dict[str, Any]:
        terminated = {"terminated": {"startedAt": at(begin), "finishedAt": at(end)}}
        return pod(
            container(cpu="4"),
            name="job",
            phase="Succeeded",
            status={
                "conditions": [{"type": "PodScheduled", "status": "True", "lastTransitionTime": at(begin)}],
                "containerStatuses": [{"name": "app", "state": terminated}],
            },
        )

    now = [0.0]

    def script(request: Request) -> Answer:
        items = [finished(base + 210, base + 270)] if now[0] - ahead >= base + 270 else []
        page = json_answer(listing("PodList", items)) if request.path == "/api/v1/pods" else PAGES[request.path]
        return replace(page, headers={**page.headers, "Date": formatdate(now[0] - ahead, usegmt=True)})

    with serving(script) as server:
        settings = load({"HOME": "/nonexistent", "KL_K8S_API_ENDPOINT": server.url})
        known = LiveSources(settings, boot=lambda: now[0], clock=lambda: now[0], watching=False)
        with known as sources:
            core_seconds = 0.0
            for tick in range(3):
                now[0] = base + 300.0 * tick + 5
                found = sources.cluster(base + 300 * (tick - 1), base + 300 * tick)
                assert found is not None
                core_seconds += sum(4.0 * span.seconds for span in found.pods)
    assert core_seconds == pytest.approx(240)
