"""The security model: what the two processes touch."""

from __future__ import annotations

import os
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import anyio
import orjson
import pytest

from kl_core.watched_file import RETRY_SECONDS
from kl_mcp.access.bearer_jwt import LEEWAY_SECONDS
from kl_mcp.access.refusal_log import MAX_LINES_PER_MINUTE
from kl_mcp.protocol.subscriptions import MAX_SUBSCRIPTIONS, MIN_CALLERS
from kl_mcp.settings import load
from kl_mcp.tools import TABLE
from kl_mcp.transport.capacity import WANTED_FILES
from kl_mcp.transport.request_limits import MAX_ELEMENTS
from kl_mcp.transport.tls import read_certificate
from tests.collector.commands import cluster
from tests.collector.commands import environment as collector_environment
from tests.kl_mcp.access.asking import send
from tests.kl_mcp.protocol.test_stdio import CALLS
from tests.spec.security_page import PAGE
from tests.support.certificates import self_signed
from tests.support.handshake import HANDSHAKE
from tests.support.mcp_clients import connect, environment, http_server
from tests.support.patience import LIMIT_SECONDS, eventually
from tests.support.published import publish
from tests.support.scripted_http import ScriptedServer, closed_port, serving

ROOT = Path(__file__).resolve().parents[2]
OF_THE_INTERPRETER = (
    *{str(ROOT), *(os.path.realpath(p) for p in (sys.prefix, sys.base_prefix)), sys.base_prefix},
    "/proc/",
)
RESOURCES = ("kubeledger://dataset", "kubeledger://spec", "kubeledger://namespaces/shop", "kubeledger://namespaces/..")


@pytest.mark.requirement("KL-S-1")
def test_the_server_opens_the_files_of_the_dataset_and_nothing_else_writes_nothing_and_calls_nobody(
    tmp_path: Path,
) -> None:
    data = tmp_path / "data"
    publish(data, 1)
    log = tmp_path / "audit.log"

    async def every_tool_and_some_resources(url: str) -> None:
        async with connect(url, "2026-07-28") as client:
            for name in TABLE:
                await client.call_tool(name, {"pattern": ["*"]} if name == "group_namespaces" else {})
            for uri in RESOURCES[:3]:
                await client.read_resource(uri)
            with pytest.raises(Exception, match="Unknown resource"):
                await client.read_resource(RESOURCES[3])

    audited = {"AUDIT_LOG": str(log), "PYTHONDONTWRITEBYTECODE": "1"}
    with http_server(data, env=audited, module="tests.spec.audited") as server:
        anyio.run(every_tool_and_some_resources, server.url)

    events = [line.partition(" ")[::2] for line in log.read_text().splitlines()]
    opened = {path for event, path in events if event == "open" and not path.startswith(OF_THE_INTERPRETER)}
    # Each is opened by its name alone, relative to the directory that was opened before.
    assert opened == {str(data), *(path.name for path in data.iterdir())}
    # Of its own accord it listens to this machine alone.
    (bound,) = [event for event in events if event[0] != "open"]
    assert bound[0] == "socket.bind"
    assert bound[1].endswith("('127.0.0.1', 0))")


@pytest.mark.requirement("KL-S-1")
def test_the_server_has_neither_the_collector_nor_a_way_to_a_cluster_in_it() -> None:
    foreign = ("collector", "kubernetes", "rrdtool", "urllib3")
    code = (
        "import sys, kl_mcp.cli, kl_mcp.transport.app, kl_mcp.protocol.stdio\n"
        f"print(sorted({{module.partition('.')[0] for module in sys.modules}} & set({foreign!r})))"
    )

    ended = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env=environment(),
        check=True,
        timeout=LIMIT_SECONDS,
    )

    assert ended.stdout == "[]\n"


@pytest.fixture
def endpoint() -> Iterator[ScriptedServer]:
    with serving(cluster) as server:
        yield server


@pytest.mark.requirement("KL-S-4")
def test_the_collector_lists_five_things_and_writes_below_its_two_directories(
    tmp_path: Path, endpoint: ScriptedServer
) -> None:
    environ = collector_environment(tmp_path, endpoint.url, TMPDIR=str(tmp_path), PYTHONDONTWRITEBYTECODE="1")

    done = subprocess.run(
        [sys.executable, "-m", "collector", "once"],
        capture_output=True,
        text=True,
        env={**environ, "PYTHONPATH": str(ROOT)},
        cwd=tmp_path,
        check=True,
        timeout=LIMIT_SECONDS,
    )

    assert {request.path for request in endpoint.requests} == {
        "/api/v1/namespaces",
        "/api/v1/nodes",
        "/api/v1/pods",
        "/api/v1/persistentvolumeclaims",
        "/apis/metrics.k8s.io/v1beta1/nodes",
        "/apis/metrics.k8s.io/v1beta1/pods",
    }
    assert {path.name for path in tmp_path.iterdir()} == {"db", "data"}
    assert "good" not in done.stdout + done.stderr
    for path in (tmp_path / "data").iterdir():
        assert "good" not in path.read_text()


def _audited(log: Path) -> set[str]:
    """Return the names of the events of a program, but for files that were opened to be read."""
    events = {line.partition(" ")[0] for line in log.read_text().splitlines()}
    assert "open" in events, "nothing was audited"
    return events - {"open"}


def test_the_collector_listens_at_its_port_for_metrics_alone_and_publishes_no_name_of_a_pod(
    tmp_path: Path, endpoint: ScriptedServer
) -> None:
    log = tmp_path / "audit.log"
    audited = {"PYTHONPATH": str(ROOT), "AUDITED": "collector", "AUDIT_LOG": str(log)}
    port = closed_port()
    environ = {**collector_environment(tmp_path, endpoint.url, KL_METRICS_PORT=str(port)), **audited}
    command = [sys.executable, "-m", "tests.spec.audited"]

    subprocess.run([*command, "once"], capture_output=True, env=environ, check=True, timeout=LIMIT_SECONDS)
    with subprocess.Popen([*command, "run"], stderr=subprocess.DEVNULL, env=environ) as running:
        before = len(log.read_text())
        listening = f"('127.0.0.1', {port}))"
        eventually(lambda: "socket.connect" in log.read_text()[before:] and listening in log.read_text()[before:])
        running.terminate()

    # urllib3 tries whether there is IPv6; no other socket has an address to be called at.
    bound = [line for line in log.read_text().splitlines() if line.startswith("socket.bind")]
    assert all(line.endswith(("('::1', 0))", listening)) for line in bound)
    assert sum(line.endswith(listening) for line in bound) == 1
    kept = [path for folder in ("db", "data") for path in (tmp_path / folder).rglob("*") if path.is_file()]
    assert any(b"shop" in path.read_bytes() for path in kept)
    assert not any(b"web-0" in path.read_bytes() for path in kept), "the one pod of the cluster"


def test_over_stdio_no_port_is_opened(tmp_path: Path) -> None:
    publish(tmp_path / "data", 1)
    log = tmp_path / "audit.log"
    messages = b"".join(orjson.dumps(message) + b"\n" for message in [*HANDSHAKE, *CALLS])
    command = [sys.executable, "-m", "tests.spec.audited", "--transport", "stdio", "--data-dir", str(tmp_path / "data")]

    ended = subprocess.run(
        command,
        input=messages,
        capture_output=True,
        env=environment({"AUDIT_LOG": str(log), "PYTHONDONTWRITEBYTECODE": "1"}),
        check=True,
        timeout=LIMIT_SECONDS,
    )

    assert b'"tools"' in ended.stdout
    assert b'"structuredContent"' in ended.stdout
    assert _audited(log) == set()


def test_what_is_said_not_to_be_there_is_not(tmp_path: Path) -> None:
    with http_server(tmp_path / "data") as server:
        for path in ("/token", "/authorize", "/register", "/login", "/revoke", "/introspect"):
            for method in ("GET", "POST"):
                assert send(server.port, path, {}, b"", method=method).status == 404
        # Nobody counts how often a caller asks.
        assert {send(server.port, "/metrics", {}, method="GET").status for _ in range(300)} == {200}
    assert read_certificate(*self_signed(tmp_path), time.time()).context.verify_mode is ssl.CERT_NONE


def test_clocks_may_differ_by_ten_seconds() -> None:
    assert LEEWAY_SECONDS == 10


def test_the_numbers_are_those_of_the_program() -> None:
    page = PAGE.read_text(encoding="utf-8")

    assert f"Up to {MAX_SUBSCRIPTIONS} subscriptions may be open, and a quarter of them" in " ".join(page.split())
    assert MIN_CALLERS == 4
    at_once = load({}, []).max_requests
    assert f"below {WANTED_FILES + at_once:,} (with {at_once} requests" in " ".join(page.split())
    assert f"{MAX_ELEMENTS:,} elements in a body" in page
    assert MAX_LINES_PER_MINUTE == 10
    assert RETRY_SECONDS == 5
