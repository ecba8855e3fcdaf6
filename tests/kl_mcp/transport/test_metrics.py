"""/metrics: over HTTP from a real process, and by number where clock and durations are given."""

from __future__ import annotations

import dataclasses
import http.client
import signal
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import anyio
import pytest
from mcp.client import Client
from mcp.shared.exceptions import MCPError
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics_families
from prometheus_client.parser import text_string_to_metric_families

from kl_mcp import __version__
from kl_mcp.counts import BOUNDS_SECONDS, Counts
from kl_mcp.tools import TABLE
from kl_mcp.transport.metrics import Metrics
from kl_mcp.transport.sockets import listen
from kl_query.dataset.watcher import Holder
from tests.kl_mcp.access.asking import FINANCE, tokens_file
from tests.kl_mcp.transport.test_probes import REPORT
from tests.support.certificates import self_signed
from tests.support.datasets import write
from tests.support.mcp_clients import HttpServer, call, connect, environment, http_server
from tests.support.patience import LIMIT_SECONDS
from tests.support.published import publish
from tests.support.small_cluster import published

TICK = 1_795_262_400.0
"""2026-11-21T12:00:00Z, the last tick of the published dataset."""
Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def _scrape(
    server: HttpServer,
    port: int | None = None,
    path: str = "/metrics",
    tls: ssl.SSLContext | None = None,
    /,
    **headers: str,
) -> tuple[int, str, str]:
    connect_to = ("127.0.0.1", port or server.port)
    connection = (
        http.client.HTTPSConnection(*connect_to, timeout=LIMIT_SECONDS, context=tls)
        if tls
        else http.client.HTTPConnection(*connect_to, timeout=LIMIT_SECONDS)
    )
    try:
        connection.request("GET", path, headers=headers)
        response = connection.getresponse()
        return response.status, response.headers["Content-Type"], response.read().decode()
    finally:
        connection.close()


def _metrics_port(server: HttpServer) -> int:
    """The port that a server with a free one for metrics took."""
    (url,) = [line.split("Serving metrics at ")[1] for line in server.log if "Serving metrics at " in line]
    scheme, _, rest = url.partition("://")
    assert scheme == server.url.partition("://")[0]
    host, _, path = rest.partition("/")
    assert path == "metrics"
    return int(host.rpartition(":")[2])


def _samples(text: str) -> Samples:
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def _value(samples: Samples, name: str, **labels: str) -> float | None:
    return samples.get((f"kubeledger_mcp_{name}", tuple(sorted(labels.items()))))


def _collected(holder: Holder, counts: Counts, now: float, tools: Iterable[str] = ("describe_dataset",)) -> Samples:
    body, _ = Metrics(holder, counts, tools, lambda: now).exposition("")
    return _samples(body.decode())


def _looked_at(directory: Path, counts: Counts) -> Holder:
    async def look() -> Holder:
        holder = Holder(directory, counts)
        async with holder.watching():
            await holder.dataset()
        return holder

    return anyio.run(look)


@pytest.mark.requirement("KL-X-5")
def test_calls_errors_and_latencies_of_a_running_server_are_counted_by_tool(tmp_path: Path) -> None:
    publish(tmp_path, 6)

    async def questions(client: Client) -> None:
        await client.call_tool("list_namespaces", {})
        await client.call_tool("list_namespaces", {})
        await client.call_tool("get_usage", {"namespace": "shopp"})
        with pytest.raises(MCPError):
            await client.call_tool("get_weather", {})

    async def scenario(url: str) -> None:
        async with connect(url, "2026-07-28") as client:
            await questions(client)

    with http_server(tmp_path) as server:
        anyio.run(scenario, server.url)
        status, content_type, text = _scrape(server)

    assert status == 200
    assert content_type.startswith("text/plain")
    samples = _samples(text)
    assert _value(samples, "tool_calls_total", tool="list_namespaces") == 2
    assert _value(samples, "tool_calls_total", tool="get_usage") == 1
    assert _value(samples, "tool_errors_total", tool="get_usage", code="unknown_namespace") == 1
    assert _value(samples, "tool_calls_total", tool="unknown") == 1
    assert _value(samples, "tool_errors_total", tool="unknown", code="unknown_tool") == 1
    assert _value(samples, "tool_duration_seconds_count", tool="list_namespaces") == 2
    assert _value(samples, "tool_duration_seconds_bucket", tool="list_namespaces", le="+Inf") == 2
    assert (_value(samples, "tool_duration_seconds_sum", tool="list_namespaces") or 0) > 0
    assert _value(samples, "dataset_generation") == 6
    assert _value(samples, "dataset_loads_total", outcome="loaded") == 1
    assert _value(samples, "dataset_loads_total", outcome="failed") == 0
    assert _value(samples, "namespaces") == 2
    assert any(name == "process_cpu_seconds_total" for name, _ in samples)
    assert not [name for name, _ in samples if name.endswith("_created") or "key_set" in name]
    assert "get_weather" not in text
    assert "shop" not in text


def test_every_tool_is_there_before_its_first_call(tmp_path: Path) -> None:
    samples = _collected(Holder(tmp_path, Counts()), Counts(), TICK, TABLE)

    for tool in TABLE:
        assert _value(samples, "tool_calls_total", tool=tool) == 0
        assert _value(samples, "tool_duration_seconds_count", tool=tool) == 0


def test_a_latency_is_counted_in_its_bucket_and_all_larger_ones(tmp_path: Path) -> None:
    counts = Counts()
    for seconds in (0.004, 0.005, 0.3, 60.0):
        counts.count_call("describe_dataset", seconds, None)

    samples = _collected(Holder(tmp_path, counts), counts, TICK)

    def up_to(bound: str) -> float | None:
        return _value(samples, "tool_duration_seconds_bucket", tool="describe_dataset", le=bound)

    # 4 ms and 5 ms lie within the bucket that ends at 5 ms, 300 ms within 500 ms, a minute beyond all of them.
    assert (up_to("0.0025"), up_to("0.005"), up_to("0.25"), up_to("0.5"), up_to("2.5")) == (0, 2, 2, 3, 3)
    assert up_to("+Inf") == _value(samples, "tool_duration_seconds_count", tool="describe_dataset") == 4
    assert _value(samples, "tool_duration_seconds_sum", tool="describe_dataset") == pytest.approx(60.309)
    assert sorted(BOUNDS_SECONDS) == list(BOUNDS_SECONDS)


@pytest.mark.parametrize(("now", "age"), [(TICK + 90, 90.0), (TICK - 5, 0.0)])
def test_the_age_counts_from_the_last_sample_and_is_never_negative(tmp_path: Path, now: float, age: float) -> None:
    publish(tmp_path, 6)
    counts = Counts()

    samples = _collected(_looked_at(tmp_path, counts), counts, now)

    assert _value(samples, "dataset_age_seconds") == age
    assert _value(samples, "dataset_last_sample_timestamp_seconds", source="metrics") == TICK
    assert _value(samples, "dataset_last_sample_timestamp_seconds", source="dcgm") is None
    assert _value(samples, "dataset_last_load_succeeded") == 1


@pytest.mark.parametrize(
    ("now", "report", "disagree"),
    [(TICK - 600, None, 0), (TICK - 601, None, 1), (TICK + 401 * 86400, None, 0), (TICK, REPORT, 1)],
)
def test_clocks_that_disagree_are_a_series_and_an_age_that_is_unknown_is_none(
    tmp_path: Path, now: float, report: dict[str, object] | None, disagree: int
) -> None:
    publish(tmp_path, 6, clock_disagrees=report)
    counts = Counts()

    samples = _collected(_looked_at(tmp_path, counts), counts, now)

    assert _value(samples, "clocks_disagree") == disagree
    assert _value(samples, "dataset_age_seconds") == (None if now < TICK - 600 else max(0.0, now - TICK))


def test_a_dataset_that_is_not_there_has_no_age_and_no_generation_and_counts_as_a_failed_load(tmp_path: Path) -> None:
    counts = Counts()

    samples = _collected(_looked_at(tmp_path / "absent", counts), counts, TICK)

    assert _value(samples, "dataset_age_seconds") is None
    assert _value(samples, "clocks_disagree") is None
    assert _value(samples, "dataset_generation") is None
    assert _value(samples, "namespaces") == 0
    assert _value(samples, "dataset_loads_total", outcome="failed") == 1
    assert _value(samples, "dataset_last_load_succeeded") == 0


def test_what_the_newest_sample_lacks_is_counted_over_all_namespaces_and_unknown_where_nobody_told(
    tmp_path: Path,
) -> None:
    told = {
        "unmeasured": {"web": {"stale": 3, "absent": 1}, "bank": {"stale": 2, "new": 7}},
        "blind_spots": [{"code": "odd_objects", "text": "An object of bank cannot be read."}],
    }
    write(tmp_path / "told", dataclasses.replace(published(), more=told))
    write(tmp_path / "untold", published())
    samples = _collected(_looked_at(tmp_path / "told", Counts()), Counts(), TICK)
    found = {
        name: {labels[0][1]: value for (named, labels), value in samples.items() if named == f"kubeledger_{name}"}
        for name in ("unmeasured_pods", "blind_spots")
    }
    none = dict.fromkeys(("incomplete", "negative", "impossible", "odd", "gpu_not_seen"), 0)
    assert found["unmeasured_pods"] == {"stale": 5, "absent": 1, "new": 7, **none}
    others = ("pods_not_watched", "resource_claims_unread", "gpus_of_other_vendors", "gpus_without_use",
              "volume_claims_unread")  # fmt: skip
    unseen = dict.fromkeys(others, 0)
    assert found["blind_spots"] == {"odd_objects": 1, **unseen}
    untold = _collected(_looked_at(tmp_path / "untold", Counts()), Counts(), TICK)
    assert not [name for name, _ in untold if name in ("kubeledger_unmeasured_pods", "kubeledger_blind_spots")]


def test_the_version_is_a_label_of_build_info(tmp_path: Path) -> None:
    samples = _collected(Holder(tmp_path, Counts()), Counts(), TICK)

    ((labels, value),) = [
        (dict(labels), value) for (name, labels), value in samples.items() if name == "kubeledger_mcp_build_info"
    ]
    assert (labels["version"], value) == (__version__, 1)


@pytest.mark.requirement("KL-X-5")
def test_a_scraper_that_prefers_openmetrics_gets_it(tmp_path: Path) -> None:
    accept = "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.2"

    with http_server(tmp_path) as server:
        _, content_type, text = _scrape(server, Accept=accept)

    assert content_type.startswith("application/openmetrics-text")
    assert "kubeledger_mcp_tool_calls" in {family.name for family in openmetrics_families(text)}  # type: ignore[no-untyped-call]


@pytest.mark.requirement("KL-X-5", "KL-S-2")
def test_a_page_that_rebinds_its_name_reads_no_metrics_and_a_scraper_that_is_named_does(tmp_path: Path) -> None:
    with http_server(tmp_path, "--allowed-hosts", "10.244.0.17") as server:
        foreign = _scrape(server, Host="rebound.example.com")[0]
        origin = _scrape(server, Origin="https://evil.example.com")[0]
        named = _scrape(server, Host="10.244.0.17:5484")[0]

    assert (foreign, origin, named) == (421, 403, 200)


@pytest.mark.requirement("KL-S-12")
def test_metrics_on_a_port_of_their_own_are_there_and_nowhere_else_and_nothing_else_is(tmp_path: Path) -> None:
    publish(tmp_path, 6)
    with http_server(tmp_path, "--metrics-port", "0") as server:
        port = _metrics_port(server)
        call(server.url, "list_namespaces")
        metrics = _scrape(server, port)
        elsewhere = _scrape(server)
        others = [_scrape(server, port, path) for path in ("/mcp", "/healthz", "/readyz", "/", "/metrics/x")]

    assert metrics[0] == 200
    assert _value(_samples(metrics[2]), "tool_calls_total", tool="list_namespaces") == 1
    assert elsewhere[0] == 404
    assert "KL_MCP_METRICS_PORT" in elsewhere[2]
    assert {status for status, _, _ in others} == {404}
    assert all("/metrics and nothing else" in body for _, _, body in others)


@pytest.mark.requirement("KL-S-12")
def test_the_port_for_metrics_is_guarded_like_the_main_one(tmp_path: Path) -> None:
    tokens = tokens_file(tmp_path / "tokens.json")
    with http_server(tmp_path, "--metrics-port", "0", "--tokens-file", str(tokens)) as server:
        port = _metrics_port(server)
        token = {"Authorization": f"Bearer {FINANCE}"}
        foreign = _scrape(server, port, Host="rebound.example.com", **token)[0]
        origin = _scrape(server, port, Origin="https://evil.example.com", **token)[0]
        nobody = [_scrape(server, port, path)[0] for path in ("/metrics", "/healthz")]
        large = _scrape(server, port, **{"Content-Length": "2000000"}, **token)[0]
        named = _scrape(server, port, **token)[0]

    assert (foreign, origin, nobody, large, named) == (421, 403, [401, 401], 413, 200)


@pytest.mark.requirement("KL-S-12")
def test_the_port_for_metrics_has_the_certificate_of_the_main_one(tmp_path: Path) -> None:
    cert, key = self_signed(tmp_path)
    tls = ssl.create_default_context(cafile=cert)
    flags = ("--tls-cert-file", str(cert), "--tls-key-file", str(key), "--metrics-port", "0")
    with http_server(tmp_path, *flags) as server:
        port = _metrics_port(server)
        assert _scrape(server, port, "/metrics", tls)[0] == 200
        with pytest.raises(http.client.RemoteDisconnected):
            _scrape(server, port)


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_both_ports_are_free_once_the_server_was_stopped(tmp_path: Path, stop: signal.Signals) -> None:
    with http_server(tmp_path, "--metrics-port", "0") as server:
        ports = (server.port, _metrics_port(server))
        held = [socket.create_connection(("127.0.0.1", port), LIMIT_SECONDS) for port in ports]
        server.process.send_signal(stop)
        code = server.process.wait(LIMIT_SECONDS)
        for connection in held:
            connection.close()

    assert code == 0
    for port in ports:
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port), LIMIT_SECONDS)
    assert not [line for line in server.log if "Traceback" in line or " ERROR " in line]


def test_a_port_for_metrics_that_is_taken_is_one_line_naming_its_setting_and_exit_code_1(tmp_path: Path) -> None:
    with listen("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        command = [sys.executable, "-m", "kl_mcp", "--data-dir", str(tmp_path), "--port", "0"]
        ended = subprocess.run(
            command,
            capture_output=True,
            text=True,
            env=environment({"KL_MCP_METRICS_PORT": str(port)}),
            timeout=LIMIT_SECONDS,
            check=False,
        )

    assert (ended.returncode, ended.stdout) == (1, "")
    (line,) = ended.stderr.splitlines()
    assert f"port {port}: the port is in use" in line
    assert "KL_MCP_METRICS_PORT" in line
    assert "KL_MCP_LISTEN_PORT" not in line


def test_two_servers_in_one_process_do_not_share_their_numbers(tmp_path: Path) -> None:
    first, second = Counts(), Counts()
    for _ in range(3):
        first.count_call("describe_dataset", 0.001, None)

    holder = Holder(tmp_path, first)

    assert _value(_collected(holder, first, TICK), "tool_calls_total", tool="describe_dataset") == 3
    assert _value(_collected(holder, second, TICK), "tool_calls_total", tool="describe_dataset") == 0
