"""What sources say of resource claims, and of those that do not come."""

from __future__ import annotations

import time
from threading import Event, Thread

import pytest

from collector.settings import load
from collector.snapshot import LiveSources
from tests.collector.listed_cluster import PAGES, cluster_of, live
from tests.support.kubernetes_objects import container, listing, pod
from tests.support.patience import LIMIT_SECONDS
from tests.support.scripted_http import Answer, Request, json_answer, serving


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
            sources._claimed._reading_sec = 0.2
            found = sources.cluster(now - 300, now)
            assert found is not None
            assert found.claimed is None
            (spot,) = found.blind_spots
        may_end.set()
    assert spot.code == "resource_claims_unread"
    assert "/apis/resource.k8s.io was not read within 0 s" in spot.text
    assert "resource claims are not read, so GPUs that pods hold by them are unknown: /apis/" in caplog.text
