"""A watch over real HTTP follows what happens and survives what befalls it, without loss or a listing too many."""

from __future__ import annotations

import logging

import pytest

from collector.kubernetes.deadline import Deadline
from collector.observations import Pod
from tests.collector.kubernetes.watching import Watched, streaming, watched
from tests.support.kubernetes_api import KubernetesApi
from tests.support.kubernetes_objects import container, pod
from tests.support.no_thread_left import no_thread_left
from tests.support.patience import LIMIT_SECONDS, eventually


def test_what_is_there_is_listed_once_and_what_happens_is_streamed(api: KubernetesApi) -> None:
    with watched(api) as found:
        found.has("a", "b")
        streaming(api)
        api.put("pods", pod(container(cpu="2"), name="c"))
        api.delete("pods", pod(name="a"))
        found.has("b", "c")
        assert len(api.listings("pods")) == 1
    query = api.watches("pods")[0].query
    assert query["allowWatchBookmarks"] == "true"
    assert query["resourceVersion"] == "102"
    assert 240 <= int(query["timeoutSeconds"]) <= 360


def test_whoever_asks_has_everything_that_happened_before_without_a_listing(api: KubernetesApi) -> None:
    with watched(api) as found:
        assert found.asked() is None
        for number in range(3):
            api.put("pods", pod(container(cpu="1"), name=f"c{number}"))
            assert found.asked() is None
            assert f"c{number}" in found.names()
        assert len(api.listings("pods")) == 1


def test_without_a_thread_left_nothing_is_known_and_it_begins_when_somebody_asks_and_there_is_one(
    api: KubernetesApi,
) -> None:
    found = Watched(api)
    with no_thread_left():
        found.watcher.start()
        error = found.asked()
    assert "namespaces, nodes and pods are not read, for the system has no thread left" in str(error)
    assert found.asked() is None
    assert found.names() == ["a", "b"]
    found.watcher.stop()


def test_listings_include_finished_pods(api: KubernetesApi) -> None:
    api.put("pods", pod(name="done", phase="Succeeded", status={"startTime": "2026-11-30T10:00:00Z"}))
    with watched(api) as found:
        found.has("a", "b")
        assert len(found.lives) == 3
    assert "fieldSelector" not in api.listings("pods")[0].query


def test_an_odd_object_costs_itself_until_it_is_corrected(api: KubernetesApi, caplog: pytest.LogCaptureFixture) -> None:
    odd = pod(container(cpu="one"), name="odd")
    with caplog.at_level(logging.WARNING), watched(api) as found:
        found.has("a", "b")
        streaming(api)
        api.put("pods", odd, odd, pod(container(cpu="1"), name="c"))
        found.has("a", "b", "c")
        (spot,) = found.watcher.blind_spots()
        assert spot.code == "odd_objects"
        assert "1 of the pods cannot be read and are left out of all sums, shop/odd for example" in spot.text
        assert len([each for each in caplog.records if "shop/odd" in each.message]) == 1
        api.put("pods", pod(container(cpu="1"), name="odd"))
        found.has("a", "b", "c", "odd")
        assert not found.watcher.blind_spots()
        api.put("pods", {**odd, "spec": 5})
        found.has("a", "b", "c")
        api.delete("pods", {**odd, "spec": 5})
        eventually(lambda: not found.watcher.blind_spots())


def test_who_asks_waits_no_longer_than_the_deadline(api: KubernetesApi) -> None:
    api.faults.hang.add("pods")
    with watched(api) as found:
        error = found.watcher.wait(found.watcher.ask(), Deadline(0.3))
        assert "was not read within 0 s" in str(error)


def test_it_stops_while_a_stream_is_silent_and_leaves_no_connection(api: KubernetesApi) -> None:
    with watched(api) as found:
        found.has("a", "b")
        streaming(api)
        found.watcher.stop()
        found.watcher._thread.join(LIMIT_SECONDS)
        assert not found.watcher._thread.is_alive()
    eventually(lambda: api.streams == 0)


def test_credentials_that_a_watch_is_refused_with_are_read_anew(api: KubernetesApi) -> None:
    with watched(api) as found:
        streaming(api)
        api.faults.watch_status["pods"] = 401
        api.break_streams()
        eventually(lambda: len({each.authorization for each in api.watches("pods")}) > 1)
        api.faults.watch_status.clear()
        streaming(api)
        assert len(api.listings("pods")) == 1
    assert found.loaded > 1


def test_a_defect_is_logged_and_survived_and_all_is_listed_anew(
    api: KubernetesApi, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(key: str, item: Pod, time: float) -> None:
        raise AttributeError("nobody has thought of it")

    with watched(api) as found:
        assert found.asked() is None
        monkeypatch.setattr(found.lives, "put", broken)
        api.put("pods", pod(container(cpu="1"), name="c"))
        found.has("a", "b", "c")
        assert found.asked() is None
    assert "watching pods failed for a reason that is a defect of KubeLedger" in caplog.text
    assert "nobody has thought of it" in caplog.text
    assert len(api.listings("pods")) == 2
