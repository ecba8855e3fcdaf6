"""Streams that break, expire or fall silent lose nothing, and leave nothing behind."""

from __future__ import annotations

import socket
import threading
from pathlib import Path
from typing import Any

import pytest
from kubernetes.client import Configuration

from collector.errors import SourceError
from collector.kubernetes.deadline import Deadline
from collector.kubernetes.session import Session
from collector.kubernetes.watch import Timing, _is_silence
from tests.collector.kubernetes.watching import streaming, watched
from tests.support.kubernetes_api import KubernetesApi, serving_cluster
from tests.support.kubernetes_objects import container, pod
from tests.support.patience import LIMIT_SECONDS, eventually

FILES = Path("/proc/self/fd")


def test_a_stream_that_died_in_silence_is_noticed_by_whoever_asks(api: KubernetesApi) -> None:
    with watched(api) as found:
        found.has("a", "b")
        streaming(api)
        api.faults.watch["pods"] = "silent"
        api.put("pods", pod(container(cpu="1"), name="c"))
        assert found.asked() is None
        assert "c" in found.names()
        assert len(api.listings("pods")) == 2


def test_a_silent_stream_is_given_up_after_some_time_and_all_is_listed_anew(api: KubernetesApi) -> None:
    with watched(api, Timing(silence=0.2, pauses=(0.01, 0.05))) as found:
        api.faults.watch["pods"] = "silent"
        found.has("a", "b")
        api.put("pods", pod(container(cpu="1"), name="c"))
        found.has("a", "b", "c")


def test_a_server_without_bookmarks_is_listed_when_somebody_asks() -> None:
    with serving_cluster(bookmarks=False) as api, watched(api) as found:
        api.put("pods", pod(container(cpu="1"), name="a"))
        assert found.asked() is None
        listed = len(api.listings("pods"))
        api.put("pods", pod(container(cpu="1"), name="b"))
        assert found.asked() is None
        assert found.names() == ["a", "b"]
        assert len(api.listings("pods")) == listed + 1


def test_a_connection_that_is_reset_is_made_again_and_goes_on_where_it_was(api: KubernetesApi) -> None:
    with watched(api) as found:
        found.has("a", "b")
        streaming(api)
        api.put("pods", pod(container(cpu="1"), name="c"))
        found.has("a", "b", "c")
        api.break_streams()
        api.delete("pods", pod(name="b"))
        found.has("a", "c")
        assert len(api.listings("pods")) == 1
        assert api.watches("pods")[1].query["resourceVersion"] == "103"


def test_watches_that_held_for_long_are_made_again_without_growing_pauses(api: KubernetesApi) -> None:
    # As a load balancer ends them all day, before a bookmark has come. The twentieth pause would be an hour.
    timing = Timing(silence=LIMIT_SECONDS, pauses=(0.01, 1e6), lasting=0.0)
    with watched(api, timing) as found:
        found.has("a", "b")

        def broken_twenty_times() -> bool:
            api.break_streams()
            return len(api.watches("pods")) > 20

        eventually(broken_twenty_times)
        api.put("pods", pod(container(cpu="1"), name="c"))
        found.has("a", "b", "c")


@pytest.mark.parametrize("fault", ["reset", "cut", "expired"])
def test_a_watch_that_never_holds_does_not_keep_from_knowing(api: KubernetesApi, fault: Any) -> None:
    api.faults.watch["pods"] = fault
    with watched(api) as found:
        for number in range(2):
            api.put("pods", pod(container(cpu="1"), name=f"c{number}"))
            assert found.asked() is None
            assert f"c{number}" in found.names()


def test_a_version_that_expired_is_listed_anew(api: KubernetesApi) -> None:
    with watched(api) as found:
        found.has("a", "b")
        streaming(api)
        api.delete("pods", pod(name="a"))
        found.has("b")
        api.put("pods", pod(container(cpu="1"), name="c"))
        api.forget_events()
        api.break_streams()
        found.has("b", "c")
        assert len(api.listings("pods")) == 2


def test_a_version_that_expired_is_told_by_the_status_too(api: KubernetesApi) -> None:
    with watched(api) as found:
        found.has("a", "b")
        streaming(api)
        api.faults.watch_status["pods"] = 410
        api.break_streams()
        eventually(lambda: len(api.listings("pods")) > 1)
        api.faults.watch_status.clear()
        api.put("pods", pod(container(cpu="1"), name="c"))
        found.has("a", "b", "c")


def test_a_bookmark_that_comes_before_what_has_happened_does_not_say_that_all_has_come(api: KubernetesApi) -> None:
    with watched(api) as found:
        assert found.asked() is None
        api.faults.watch["pods"] = "hasty"
        for number in range(2):
            api.put("pods", pod(container(cpu="1"), name=f"c{number}"))
            assert found.asked() is None
            assert f"c{number}" in found.names()
        assert len(api.listings("pods")) == 1


def test_a_server_that_goes_back_in_time_is_listed_anew(api: KubernetesApi) -> None:
    with watched(api) as found:
        assert found.asked() is None
        api.restore("pods", pod(container(cpu="1"), name="b"))
        assert found.asked() is None
        assert found.names() == ["b"]


def test_a_stream_that_broke_before_dates_nothing_that_a_later_one_brings(api: KubernetesApi) -> None:
    now = [1000.0]
    # All that comes on a stream is taken for what happened before it began.
    timing = Timing(short_watch=3, silence=LIMIT_SECONDS, backlog=LIMIT_SECONDS, pauses=(0.01, 0.05))
    with watched(api, timing, lambda: now[0]) as found:
        found.has("a", "b")
        streaming(api)
        api.break_streams()
        eventually(lambda: len(api.watches("pods")) == 2 and api.streams == 1)
        now[0] = 2000.0
        # The second stream was alive until now.
        question = found.watcher.ask()
        eventually(lambda: len(api.watches("pods")) == 3)
        api.delete("pods", pod(name="a"))
        assert found.watcher.wait(question, Deadline(LIMIT_SECONDS)) is None
        (ended,) = (each.ended for each in found.lives._newest.values() if each.name == "a")
    assert ended == 2000.0


def test_what_a_broken_stream_did_not_bring_happened_in_the_middle_of_the_time_without_one(api: KubernetesApi) -> None:
    now = [1000.0]
    timing = Timing(short_watch=3, silence=LIMIT_SECONDS, backlog=LIMIT_SECONDS, pauses=(0.3, 0.3))
    with watched(api, timing, lambda: now[0]) as found:
        found.has("a", "b")
        streaming(api)
        api.break_streams()
        eventually(lambda: api.streams == 0)
        api.delete("pods", pod(name="a"))
        now[0] = 2000.0
        found.has("b")
        (ended,) = (each.ended for each in found.lives._newest.values() if each.name == "a")
    assert ended == 1500.0


def test_a_server_that_cannot_be_reached_is_not_a_silent_stream() -> None:
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        address = full.getsockname()
        waiting = [socket.socket() for _ in range(8)]
        for each in waiting:
            each.setblocking(False)
            each.connect_ex(address)
        session = Session(Configuration(host=f"http://127.0.0.1:{address[1]}", retries=False), 0.2)
        with pytest.raises(SourceError) as caught, session.watch("/api/v1/pods", {}, "watch pods", LIMIT_SECONDS):
            pass
        session.close()
        for each in waiting:
            each.close()
    assert "did not answer in time" in str(caught.value)
    assert not _is_silence(caught.value)


@pytest.mark.parametrize("fault", ["cut", "reset", "expired"])
def test_hundreds_of_reconnects_leave_no_thread_and_no_connection_behind(api: KubernetesApi, fault: Any) -> None:
    api.faults.watch["pods"] = fault
    with watched(api, Timing(short_watch=3, pauses=(0.001, 0.001))) as found:
        eventually(lambda: len(api.asked) >= 20)
        files, threads = len(list(FILES.iterdir())), threading.active_count()
        eventually(lambda: len(api.asked) >= 300)
        # Connections and threads of the server that are just beginning or ending are among them.
        assert len(list(FILES.iterdir())) <= files + 8
        assert threading.active_count() <= threads + 8
        assert found.loaded == 1
        api.faults.watch.clear()
        assert found.asked() is None
