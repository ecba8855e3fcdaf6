"""/metrics and /healthz over HTTP, on a port of their own."""

from __future__ import annotations

import errno
import http.client
import logging
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from socketserver import TCPServer
from threading import Event
from types import SimpleNamespace

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics_families
from prometheus_client.parser import text_string_to_metric_families

from collector import metrics_server
from collector.disk_use import DiskUse
from collector.health import Health
from collector.metrics import Meter
from collector.metrics_server import MAX_REQUESTS, MetricsServer
from tests.collector.counted import value
from tests.support.no_thread_left import no_thread_left
from tests.support.patience import LIMIT_SECONDS, eventually

WELL = Health(3.0, None)
Response = tuple[int, str, str]


@contextmanager
def serving(meter: Meter, health: Health = WELL, host: str = "127.0.0.1") -> Iterator[MetricsServer]:
    with MetricsServer(host, 0, meter, lambda: health) as server:
        eventually(lambda: server.port or None)
        yield server


def get(server: MetricsServer, path: str, host: str = "127.0.0.1", method: str = "GET", **headers: str) -> Response:
    connection = http.client.HTTPConnection(host, server.port, timeout=LIMIT_SECONDS)
    try:
        connection.request(method, path, headers=headers)
        response = connection.getresponse()
        return response.status, response.headers["Content-Type"], response.read().decode()
    finally:
        connection.close()


def test_metrics_are_the_text_format_and_openmetrics_when_that_is_asked_for() -> None:
    meter = Meter(300)
    meter.count_tick("stored")
    with serving(meter) as server:
        status, content_type, text = get(server, "/metrics")
        asked = get(server, "/metrics", Accept="application/openmetrics-text; version=1.0.0")
    assert (status, content_type) == (200, "text/plain; version=0.0.4; charset=utf-8")
    (ticks,) = [each for each in text_string_to_metric_families(text) if each.name == "kubeledger_collector_ticks"]
    stored = {"outcome": "stored", "cause": "none"}
    assert [each.value for each in ticks.samples if each.labels == stored] == [1.0]
    assert (asked[0], asked[1].partition(";")[0]) == (200, "application/openmetrics-text")
    families = openmetrics_families(asked[2])  # type: ignore[no-untyped-call] # the library's
    assert "kubeledger_collector_ticks" in {each.name for each in families}


def test_the_process_is_described_too() -> None:
    with serving(Meter()) as server:
        assert "process_resident_memory_bytes" in get(server, "/metrics")[2]


@pytest.mark.parametrize(
    ("health", "status", "text"),
    [
        (WELL, 200, "healthy: the heartbeat is 3 s old\n"),
        (Health(2000.0, "the heartbeat is old"), 503, "not healthy: the heartbeat is old\n"),
    ],
)
def test_healthz_says_whether_the_collector_is_well(health: Health, status: int, text: str) -> None:
    with serving(Meter(), health) as server:
        assert get(server, "/healthz") == (status, "text/plain; charset=utf-8", text)


@pytest.mark.parametrize("path", ["/", "/metrics/", "/favicon.ico", "/metricsx"])
def test_there_is_nothing_else(path: str) -> None:
    with serving(Meter()) as server:
        assert get(server, path)[0] == 404


@pytest.mark.parametrize(("method", "status"), [("HEAD", 405), ("POST", 405), ("DELETE", 405)])
def test_metrics_are_only_read(method: str, status: int) -> None:
    with serving(Meter()) as server:
        assert get(server, "/metrics", method=method)[0] == status


def test_an_ipv6_address_is_listened_on() -> None:
    with serving(Meter(), host="::1") as server:
        assert get(server, "/healthz", host="::1")[0] == 200


def test_a_port_in_use_is_said_once_counted_and_listened_on_when_it_is_free(caplog: pytest.LogCaptureFixture) -> None:
    meter = Meter()
    with socket.create_server(("127.0.0.1", 0)) as other, caplog.at_level(logging.INFO):
        port = other.getsockname()[1]
        server = MetricsServer("127.0.0.1", port, meter, lambda: WELL, retry_sec=0.02)
        with server:
            eventually(lambda: (value(meter, "metrics_port_failures_total") or 0) > 3)
            other.close()

            def is_answered() -> bool:
                try:
                    return get(server, "/healthz")[0] == 200
                except ConnectionError:
                    return False

            eventually(is_answered)
    (warning,) = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert warning == (
        f"cannot listen on 127.0.0.1 port {port} for /metrics and /healthz: Address already in use. Stop what uses it, "
        "or set KL_METRICS_HOST and KL_METRICS_PORT (0: none); ticks go on, and the port is tried again"
    )


def test_an_address_that_is_not_this_machines_is_said(caplog: pytest.LogCaptureFixture) -> None:
    meter = Meter()
    with MetricsServer("no-such-host.invalid", 1, meter, lambda: WELL):
        eventually(lambda: value(meter, "metrics_port_failures_total"))
    assert "cannot listen on no-such-host.invalid port 1" in caplog.text


def test_a_system_without_a_thread_left_costs_the_metrics_alone(caplog: pytest.LogCaptureFixture) -> None:
    meter = Meter()
    with no_thread_left(), MetricsServer("127.0.0.1", 0, meter, lambda: WELL):
        pass
    assert value(meter, "metrics_port_failures_total") == 1
    assert "metrics are not served, for the system has no thread left" in caplog.text


def test_a_request_for_which_no_thread_is_left_costs_no_slot(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "collector.metrics_server")
    with serving(Meter()) as server:
        for _ in range(MAX_REQUESTS + 1):
            with no_thread_left(), pytest.raises((http.client.RemoteDisconnected, ConnectionResetError)):
                get(server, "/healthz")
        assert get(server, "/healthz")[0] == 200
    assert "a request for metrics was not answered: can't start new thread" in caplog.text


def test_clients_that_say_nothing_hold_no_more_than_their_share_and_give_it_back() -> None:
    with serving(Meter()) as server:
        silent = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(MAX_REQUESTS)]

        def is_refused() -> bool:
            try:
                get(server, "/healthz")
            except (http.client.RemoteDisconnected, ConnectionResetError):
                return True
            return False

        eventually(is_refused)
        for each in silent:
            each.close()
        eventually(lambda: not is_refused())


def test_a_process_that_has_no_file_left_waits_before_it_accepts_again(monkeypatch: pytest.MonkeyPatch) -> None:
    accept, waits = TCPServer.get_request, list[float]()
    errors = [OSError(errno.EMFILE, "Too many open files") for _ in range(3)]

    def get_request(server: TCPServer) -> object:
        if errors:
            raise errors.pop()
        return accept(server)

    monkeypatch.setattr(TCPServer, "get_request", get_request)
    monkeypatch.setattr(metrics_server, "time", SimpleNamespace(sleep=waits.append))
    with serving(Meter()) as server:
        assert get(server, "/healthz")[0] == 200
    assert len(waits) == 3
    assert min(waits) > 0


def test_a_disk_that_hangs_holds_up_neither_health_nor_counting_nor_the_end() -> None:
    is_asked, goes_on = Event(), Event()

    def hang() -> DiskUse:
        is_asked.set()
        goes_on.wait(LIMIT_SECONDS)
        return DiskUse({}, {})

    meter = Meter(disks=hang)
    with serving(meter) as server, socket.create_connection(("127.0.0.1", server.port)) as client:
        client.sendall(b"GET /metrics HTTP/1.0\r\n\r\n")
        eventually(is_asked.is_set)
        meter.count_tick("stored")
        assert get(server, "/healthz")[0] == 200
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", server.port))
    goes_on.set()


def test_the_port_is_free_once_it_is_left() -> None:
    with serving(Meter()) as server:
        port = server.port
    socket.create_server(("127.0.0.1", port)).close()
