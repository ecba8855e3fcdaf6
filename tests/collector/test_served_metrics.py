"""The port for metrics of `kl-collector run`, as a process."""

from __future__ import annotations

import http.client
import signal
import socket
from pathlib import Path

import pytest

from collector.settings import load
from tests.collector.commands import cluster, environment, kl_collector, running, wait_for
from tests.support.patience import LIMIT_SECONDS, eventually
from tests.support.scripted_http import closed_port, serving


def get(port: int, path: str) -> tuple[int, str] | None:
    """Status and body; None while nothing listens."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=LIMIT_SECONDS)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, response.read().decode()
    except ConnectionError:
        return None
    finally:
        connection.close()


def test_a_collector_serves_its_metrics_and_its_health_and_leaves_the_port(tmp_path: Path) -> None:
    port = closed_port()
    with serving(cluster) as server:
        environ = environment(tmp_path, server.url, KL_METRICS_PORT=str(port))
        with running(environ) as process:

            def has_ticked() -> str | None:
                answer = get(port, "/metrics")
                return answer[1] if answer and "kubeledger_collector_publication_generation" in answer[1] else None

            text = eventually(has_ticked)
            assert get(port, "/healthz") == (200, "healthy: the heartbeat is 0 s old\n")
            assert kl_collector("health", environ=environ).returncode == 0
            process.send_signal(signal.SIGTERM)
            assert process.wait(LIMIT_SECONDS) == 0
    assert 'kubeledger_collector_source_observed{source="metrics"} 1.0' in text
    assert 'kubeledger_collector_store_bytes{part="rrd"}' in text
    assert 'kubeledger_collector_disk_free_bytes{directory="dataset"}' in text
    assert get(port, "/healthz") is None


def test_a_collector_whose_port_is_in_use_goes_on_without(tmp_path: Path) -> None:
    with serving(cluster) as server, socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with running(environment(tmp_path, server.url, KL_METRICS_PORT=str(port))) as process:
            wait_for(tmp_path / "data" / "dataset.json")
            process.send_signal(signal.SIGTERM)
            _, said = process.communicate(timeout=LIMIT_SECONDS)
            assert process.returncode == 0
    assert f"cannot listen on 127.0.0.1 port {port} for /metrics and /healthz: Address already in use" in said


@pytest.mark.parametrize("port", ["0", ""])
def test_the_port_can_be_switched_off(tmp_path: Path, port: str) -> None:
    assert not load(environment(tmp_path, "http://127.0.0.1:1", KL_METRICS_PORT=port)).metrics_port


def test_by_default_it_is_one_of_this_machine_alone() -> None:
    settings = load({})
    assert (settings.metrics_host, settings.metrics_port) == ("127.0.0.1", 9484)


def test_once_listens_on_no_port(tmp_path: Path) -> None:
    with serving(cluster) as server, socket.create_server(("127.0.0.1", 0)) as other:
        environ = environment(tmp_path, server.url, KL_METRICS_PORT=str(other.getsockname()[1]))
        done = kl_collector("once", environ=environ)
    assert (done.returncode, done.stderr) == (0, "")
