"""A watch over real HTTP follows what happens and survives what befalls it, without loss or a listing too many."""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Any

import pytest
from kubernetes.client import Configuration

from collector.errors import SourceError
from collector.kubernetes.cluster_state import POD_KIND
from collector.kubernetes.deadline import Deadline
from collector.kubernetes.listings import Resource
from collector.kubernetes.lives import Lives
from collector.kubernetes.objects import Decoder, PodObject
from collector.kubernetes.pods import Shared, parse_pod
from collector.kubernetes.server_time import ServerTime
from collector.kubernetes.session import Session
from collector.kubernetes.session_maker import SessionMaker
from collector.kubernetes.watch import Timing, Watcher, _is_silence
from collector.observations import Pod
from tests.support.kubernetes_api import KubernetesApi, serving_cluster
from tests.support.kubernetes_objects import container, listing, pod
from tests.support.no_thread_left import no_thread_left
from tests.support.patience import LIMIT_SECONDS, eventually
from tests.support.scripted_http import Answer, Request, ScriptedServer, json_answer, serving

FILES = Path("/proc/self/fd")
QUICK = Timing(short_watch=3, silence=LIMIT_SECONDS, pauses=(0.01, 0.05), relist=LIMIT_SECONDS)


class Watched:
    """The pods of an API as a watcher knows them."""

    def __init__(
        self, api: KubernetesApi | ScriptedServer, timing: Timing = QUICK, now: Callable[[], float] | None = None
    ) -> None:
        server, shared = ServerTime(), Shared()
        self.loaded = 0
        self.lives: Lives[Pod] = Lives(POD_KIND)
        self.lock = Lock()

        def load() -> Configuration:
            self.loaded += 1
            configuration = Configuration(host=api.url, retries=False)
            configuration.api_key["BearerToken"] = f"Bearer {self.loaded}"
            return configuration

        # Credentials do not age.
        sessions = SessionMaker(load, LIMIT_SECONDS, server, lambda: 0.0)
        self.watcher: Watcher[PodObject, Pod] = Watcher(
            Resource("pods", Decoder(PodObject), lambda item, now: parse_pod(item, now, shared)),
            self.lives,
            self.lock,
            sessions,
            now or server.now,
            reading_sec=LIMIT_SECONDS,
            keep_sec=1e9,
            timing=timing,
        )

    def names(self) -> list[str]:
        with self.lock:
            return sorted(pod.name for pod in self.lives.present())

    def asked(self) -> SourceError | None:
        """Bring it up to date; what went wrong."""
        return self.watcher.wait(self.watcher.ask(), Deadline(LIMIT_SECONDS))

    def has(self, *names: str) -> None:
        """Wait until these are the pods, without asking."""
        eventually(lambda: self.names() == sorted(names))


@contextmanager
def watched(
    api: KubernetesApi | ScriptedServer, timing: Timing = QUICK, now: Callable[[], float] | None = None
) -> Iterator[Watched]:
    found = Watched(api, timing, now)
    found.watcher.start()
    try:
        yield found
    finally:
        found.watcher.stop()
        found.watcher.join(LIMIT_SECONDS / 100)


@pytest.fixture
def api() -> Iterator[KubernetesApi]:
    with serving_cluster() as made:
        made.put("pods", *(pod(container(cpu="1"), name=name) for name in ("a", "b")))
        yield made


def streaming(api: KubernetesApi) -> None:
    eventually(lambda: api.streams == 1)


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
    assert "Grant the verbs list and watch on namespaces, nodes and pods with a ClusterRole." in spot.text
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
