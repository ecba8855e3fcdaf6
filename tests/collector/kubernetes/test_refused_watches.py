"""What cannot be watched is listed, and what can be done about it is said."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import pytest

from collector.kubernetes.watch import RIGHTS, Timing
from tests.collector.kubernetes.watching import streaming, watched
from tests.support.kubernetes_api import KubernetesApi, serving_cluster
from tests.support.kubernetes_objects import container, listing, pod
from tests.support.patience import LIMIT_SECONDS, eventually
from tests.support.scripted_http import Answer, Request, json_answer, serving


@pytest.mark.parametrize("status", [403, 405, 400])
def test_where_watching_is_refused_it_lists_and_says_what_to_grant(
    api: KubernetesApi, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    api.faults.watch_status["pods"] = status
    with caplog.at_level(logging.WARNING), watched(api) as found:
        assert found.asked() is None
        api.put("pods", pod(container(cpu="1"), name="c"))
        assert found.asked() is None
        assert found.names() == ["a", "b", "c"]
        (spot,) = found.watcher.blind_spots()
    assert spot.code == "pods_not_watched"
    assert RIGHTS in spot.text
    assert len([each for each in caplog.records if "cannot be watched" in each.message]) == 1


@pytest.mark.parametrize("fault", ["list", "gibberish"])
def test_what_does_not_answer_with_events_is_listed(api: KubernetesApi, fault: Any) -> None:
    api.faults.watch["pods"] = fault
    with watched(api) as found:
        api.put("pods", pod(container(cpu="1"), name="c"))
        assert found.asked() is None
        api.put("pods", pod(container(cpu="1"), name="d"))
        assert found.asked() is None
        assert found.names() == ["a", "b", "c", "d"]
        eventually(found.watcher.blind_spots)


def test_refused_it_lists_every_minute_and_tries_to_watch_again(api: KubernetesApi) -> None:
    api.faults.watch_status["pods"] = 403
    with watched(api, Timing(short_watch=3, relist=0.05, retry_watch=0.2, pauses=(0.01, 0.05))) as found:
        eventually(lambda: len(api.listings("pods")) >= 3)
        assert found.watcher.blind_spots()
        api.faults.watch_status.clear()
        streaming(api)
        api.put("pods", pod(container(cpu="1"), name="c"))
        found.has("a", "b", "c")
        eventually(lambda: not found.watcher.blind_spots())


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"{}", "did not answer with a list"),
        (b'{"kind":"Status","items":[]}', "did not answer with a list"),
        (b'{"kind":"PodList","metadata":{"resourceVersion":"1"},"items":null}', "its items are null"),
        (b'{"kind":"PodList","metadata":{"resourceVersion":"1"},"items":["a"]}', "its items are not objects"),
    ],
)
def test_a_listing_that_is_none_changes_nothing_and_is_a_failure(api: KubernetesApi, body: bytes, said: str) -> None:
    with watched(api) as found:
        found.has("a", "b")
        streaming(api)
        api.faults.list_body["pods"] = body
        api.faults.watch["pods"] = "expired"
        error = found.asked()
        assert error is not None
        assert said in str(error)
        assert found.names() == ["a", "b"]
        del api.faults.list_body["pods"]
        assert found.asked() is None


def test_null_for_items_is_an_empty_cluster_where_nothing_was() -> None:
    with serving_cluster() as api:
        api.faults.list_body["pods"] = b'{"kind":"PodList","metadata":{"resourceVersion":"100"},"items":null}'
        with watched(api) as found:
            assert found.asked() is None


def test_a_refused_listing_is_told_to_whoever_asks_and_tried_again_when_asked(api: KubernetesApi) -> None:
    api.faults.list_status["pods"] = 403
    with watched(api, Timing(short_watch=3, pauses=(LIMIT_SECONDS, LIMIT_SECONDS))) as found:
        error = found.asked()
        assert error is not None
        assert error.status == 403
        api.faults.list_status.clear()
        assert found.asked() is None
        assert found.names() == ["a", "b"]


def pods_without_a_version(request: Request) -> Answer:
    return json_answer(listing("PodList", [pod(container(cpu="1"), name="a")]))


def no_events(request: Request) -> Answer:
    if "watch" in request.query:
        return Answer(200, b"Welcome!\n")
    return json_answer(listing("PodList", [pod(container(cpu="1"), name="a")], resourceVersion="7"))


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        (pods_without_a_version, "/api/v1/pods tells no resourceVersion to watch from."),
        (no_events, "/api/v1/pods does not answer with events"),
    ],
)
def test_what_lists_and_cannot_be_watched_is_listed(
    script: Callable[[Request], Answer], reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    with serving(script) as server, watched(server) as found:
        found.has("a")
        assert found.asked() is None
        eventually(lambda: bool(found.watcher.blind_spots()))
        (spot,) = found.watcher.blind_spots()
    assert spot.code == "pods_not_watched"
    assert reason in spot.text
    assert "pods cannot be watched and are listed once a minute" in caplog.text
