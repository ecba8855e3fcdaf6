"""Requests that fail in every way a cluster knows, each with one message that says what to do."""

from collections.abc import Callable
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from collector.errors import SourceError
from collector.kubernetes.deadline import Deadline
from collector.kubernetes.session import MAX_LINE_BYTES, ExpiredListingError
from tests.collector.kubernetes.sessions import failure_of, session_to
from tests.support.certificates import self_signed
from tests.support.patience import LIMIT_SECONDS
from tests.support.scripted_http import Answer, Request, closed_port, json_answer, serving, status_answer
from tests.support.unhurried import Unhurried

Script = Callable[[Request], Answer]


def failure(script: Script, source: Any = "kubernetes", **options: Any) -> SourceError:
    """What a request for pods says went wrong."""
    with serving(script) as server, session_to(server.url, **options) as session:
        return failure_of(session, source)


def test_a_request_carries_its_query_and_asks_for_json() -> None:
    with serving(lambda _: json_answer({"kind": "PodList"})) as server, session_to(server.url) as session:
        query = {"limit": "5", "fieldSelector": "status.phase!=Failed"}
        assert session.get_json("kubernetes", "/api/v1/pods", query, "list pods") == {"kind": "PodList"}
    request = server.requests[0]
    assert (request.path, request.query) == ("/api/v1/pods", query)
    assert request.headers["accept"] == "application/json"
    assert request.headers["user-agent"] == "kubeledger-collector"


def test_no_cluster_at_the_endpoint() -> None:
    with session_to(f"http://127.0.0.1:{closed_port()}") as session:
        message = str(failure_of(session))
    assert "refuses connections: nothing listens there. Check KL_K8S_API_ENDPOINT or the kubeconfig" in message


def test_a_host_name_that_does_not_exist() -> None:
    with session_to("http://no-such-host.invalid:6443") as session:
        assert "the host name of http://no-such-host.invalid:6443" in str(failure_of(session))


def test_a_certificate_that_cannot_be_verified(tmp_path: Path) -> None:
    with serving(lambda _: json_answer({}), tls=self_signed(tmp_path)) as server, session_to(server.url) as session:
        message = str(failure_of(session))
    assert "cannot be verified (self-signed certificate)" in message
    assert "Set KL_K8S_CACERT" in message


def test_a_certificate_of_the_named_authority_is_accepted(tmp_path: Path) -> None:
    certificate, key = self_signed(tmp_path)
    authority = {"ssl_ca_cert": str(certificate)}
    with (
        serving(lambda _: json_answer({"kind": "PodList"}), tls=(certificate, key)) as server,
        session_to(server.url, configuration=authority) as session,
    ):
        assert session.get_json("kubernetes", "/api/v1/pods", {}, "list pods")["kind"] == "PodList"


def test_https_to_a_server_that_speaks_http() -> None:
    with (
        serving(lambda _: json_answer({})) as server,
        session_to(server.url.replace("http", "https")) as session,
    ):
        assert "whether it is https or http" in str(failure_of(session))


def test_a_wrong_token() -> None:
    error = failure(lambda _: status_answer(401, "Unauthorized"))
    assert error.status == 401
    assert "does not accept the credentials (401). Check KL_K8S_AUTH_TOKEN" in str(error)


def test_a_missing_permission_is_named() -> None:
    error = failure(lambda _: status_answer(403, 'User "x" cannot list resource "pods"'))
    assert "does not allow to list pods in the whole cluster (403). Grant that with a ClusterRole" in str(error)
    assert 'The server says: User "x" cannot list resource "pods"' in str(error)


def test_an_endpoint_that_is_no_kubernetes_api() -> None:
    error = failure(lambda _: Answer(404, b"<html>nothing here</html>"))
    assert "this is not a Kubernetes API" in str(error)
    assert "html" not in str(error)


def test_an_absent_metrics_api_tells_to_install_metrics_server() -> None:
    error = failure(lambda _: Answer(404, b"404 page not found"), "metrics")
    assert "metrics-server is not installed" in str(error)
    assert error.source == "metrics"


def test_a_metrics_server_that_is_down() -> None:
    error = failure(lambda _: Answer(503, b"service unavailable"), "metrics")
    assert "metrics-server does not answer" in str(error)


def test_any_other_status_is_told() -> None:
    assert "answered 500; expected 200" in str(failure(lambda _: status_answer(500, "etcd is gone")))


def test_a_redirect_is_not_followed() -> None:
    with serving(lambda _: Answer(302, headers={"Location": "http://127.0.0.1:1/login"})) as server:
        with session_to(server.url) as session:
            assert "answered 302; expected 200" in str(failure_of(session))
        assert len(server.requests) == 1


def test_an_expired_listing_tells_where_to_go_on() -> None:
    error = failure(lambda _: status_answer(410, "expired", **{"continue": "newer"}))
    assert isinstance(error, ExpiredListingError)
    assert error.resume == "newer"
    error = failure(lambda _: status_answer(410, "expired"))
    assert isinstance(error, ExpiredListingError)
    assert error.resume is None


@pytest.mark.parametrize("body", [b"<html>login</html>", b'{"kind": "PodList"', b""])
def test_an_answer_that_is_no_json(body: bytes) -> None:
    assert "did not answer with JSON" in str(failure(lambda _: Answer(200, body)))


def test_json_that_is_no_object() -> None:
    assert "JSON that is not an object" in str(failure(lambda _: json_answer([1])))


def test_a_silent_server_is_given_up_after_the_timeout() -> None:
    error = failure(lambda _: Answer(200, b"{}", delay_sec=LIMIT_SECONDS), timeout_sec=0.2)
    assert "did not answer in time" in str(error)
    assert "KL_REQUEST_TIMEOUT_SEC" in str(error)


def test_a_server_that_drips_is_given_up_though_it_is_never_silent() -> None:
    # A byte every 0.1 s would take 100 s; a whole answer may take 4 x 0.2 s.
    error = failure(lambda _: Answer(200, b" " * 1000, delay_sec=0.1, chunk_bytes=1), timeout_sec=0.2)
    assert "did not answer in time" in str(error)


def test_a_refusal_that_drips_is_told_without_its_message() -> None:
    # The message would be there after 30 s.
    told = b" " * 300 + status_answer(403, "a message").body
    error = failure(lambda _: Answer(403, told, delay_sec=0.1, chunk_bytes=1), timeout_sec=0.2)
    assert error.status == 403
    assert "a message" not in str(error)


@pytest.mark.parametrize(
    "broken",
    [
        Answer(200, b'{"kind"', length=500),
        Answer(200, b'{"kind"', chunked=True, length=0),
        status_answer(500, "etcdserver: request timed out"),
        Answer(502),
        Answer(503),
        Answer(504),
        Answer(429),
    ],
    ids=["cut off", "chunks cut off", "500", "502", "503", "504", "429"],
)
def test_what_may_pass_is_asked_for_again(broken: Answer) -> None:
    answers = iter([broken, broken, json_answer({"kind": "PodList"})])
    with serving(lambda _: next(answers)) as server, session_to(server.url) as session:
        assert session.get_json("kubernetes", "/api/v1/pods", {}, "list pods") == {"kind": "PodList"}


class Stopped(Unhurried):
    """A deadline that comes during the first pause."""

    def pause(self, seconds: float) -> bool:
        super().pause(seconds)
        return False


def test_a_stop_ends_the_pause_before_a_request_is_repeated() -> None:
    deadline = Stopped()
    with serving(lambda _: Answer(503)) as server, session_to(server.url, deadline=deadline) as session:
        assert failure_of(session).status == 503
        assert len(server.requests) == len(deadline.pauses) == 1


def test_a_line_of_a_watch_that_does_not_end_is_given_up() -> None:
    endless = Answer(200, b"x" * (MAX_LINE_BYTES + 1))
    with (
        serving(lambda _: endless) as server,
        session_to(server.url) as session,
        session.watch("/api/v1/pods", {}, "watch pods", LIMIT_SECONDS) as lines,
        pytest.raises(SourceError, match="/api/v1/pods sends a line of more than 16 MiB"),
    ):
        list(lines)


@pytest.mark.parametrize(("chance", "pauses"), [(0.0, [0.5, 1.0, 2.0, 4.0]), (1.0, [1.0, 2.0, 4.0, 8.0])])
def test_what_does_not_pass_is_given_up_after_growing_pauses_of_which_half_is_chance(
    chance: float, pauses: list[float]
) -> None:
    deadline = Unhurried()
    with serving(lambda _: Answer(500)) as server:
        with session_to(server.url, deadline=deadline, jitter=lambda: chance) as session:
            assert failure_of(session).status == 500
        assert len(server.requests) == 5
    assert deadline.pauses == pauses


def test_a_server_that_says_when_to_come_back_is_asked_then() -> None:
    deadline = Unhurried(seconds=100.0)
    answers = iter([Answer(429, headers={"Retry-After": "60"}), json_answer({"kind": "PodList"})])
    with serving(lambda _: next(answers)) as server, session_to(server.url, deadline=deadline) as session:
        assert session.get_json("kubernetes", "/api/v1/pods", {}, "list pods") == {"kind": "PodList"}
    assert deadline.pauses == [60.0]


def test_a_server_that_wants_to_be_asked_after_the_deadline_is_given_up_at_once() -> None:
    deadline = Unhurried(seconds=60.0)
    answer = Answer(503, headers={"Retry-After": "60"})
    assert failure(lambda _: answer, deadline=deadline).status == 503
    assert deadline.pauses == []


def test_after_the_deadline_nothing_is_asked() -> None:
    with serving(lambda _: json_answer({})) as server:
        with session_to(server.url, deadline=Deadline(0.0)) as session:
            assert "was not read within 0 s" in str(failure_of(session))
        assert not server.requests


def test_the_deadline_ends_an_answer_and_a_pause() -> None:
    error = failure(lambda _: Answer(200, b" " * 1000, delay_sec=0.05, chunk_bytes=1), deadline=Deadline(0.3))
    assert "did not answer in time" in str(error)
    stop = Event()
    stop.set()
    assert not Deadline(LIMIT_SECONDS, stop).left()
    assert not Deadline(LIMIT_SECONDS, stop).pause(0.0)
    assert not Deadline(1.0).pause(1.0)
    assert Deadline(LIMIT_SECONDS).pause(0.0)


def test_connections_that_are_refused_are_tried_again_but_unknown_certificates_are_not(tmp_path: Path) -> None:
    deadline = Unhurried()
    with session_to(f"http://127.0.0.1:{closed_port()}", deadline=deadline) as session:
        failure_of(session)
    assert len(deadline.pauses) == 4
    with serving(lambda _: json_answer({}), tls=self_signed(tmp_path)) as server:
        deadline = Unhurried()
        with session_to(server.url, deadline=deadline) as session:
            failure_of(session)
    assert deadline.pauses == []


def test_a_refusal_is_not_repeated() -> None:
    with serving(lambda _: status_answer(403, "no")) as server:
        with session_to(server.url) as session:
            failure_of(session)
        assert len(server.requests) == 1


@pytest.mark.parametrize("chunk_bytes", [1, 7, 1 << 20])
def test_an_answer_in_chunks_of_unknown_length_is_read_whole(chunk_bytes: int) -> None:
    answer = Answer(200, b'{"kind": "PodList", "items": []}', chunked=True, chunk_bytes=chunk_bytes)
    with serving(lambda _: answer) as server, session_to(server.url) as session:
        assert session.get_json("kubernetes", "/api/v1/pods", {}, "list pods")["kind"] == "PodList"


def test_chunks_that_end_without_the_last_one_are_a_broken_answer() -> None:
    error = failure(lambda _: Answer(200, b'{"kind": "PodList"}', chunked=True, length=0))
    assert "broke off" in str(error)
