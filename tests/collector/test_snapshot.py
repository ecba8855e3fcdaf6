"""What sources that list a small real cluster say, and what is left of it when one of them fails."""

from __future__ import annotations

import logging
import time
from dataclasses import replace
from email.utils import formatdate
from threading import Event
from typing import Any

import pytest

from collector.errors import SourceError
from collector.observations import ClusterIdentity
from collector.settings import load
from collector.snapshot import LiveSources
from tests.collector.listed_cluster import GIB, METRICS, PAGES, T, cluster_of, live
from tests.support.decoded import at
from tests.support.kubernetes_objects import container, listing, pod
from tests.support.no_thread_left import no_thread_left
from tests.support.scripted_http import Answer, Request, closed_port, json_answer, serving, status_answer


def test_an_interval_of_a_cluster_is_listed() -> None:
    with live() as sources:
        found = cluster_of(sources)
        told = (sources.identity, sources.date is not None)
    assert told == (ClusterIdentity("the-cluster", T), True)
    assert found is not None
    assert (found.uid, found.created) == ("the-cluster", T)
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
    assert (found.uid, found.created, found.namespaces) == (None, None, {})
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
