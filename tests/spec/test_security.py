"""The security model: what the two processes touch."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import anyio
import pytest

from kl_mcp.tools import TABLE
from tests.collector.commands import cluster
from tests.collector.commands import environment as collector_environment
from tests.support.mcp_clients import connect, environment, http_server
from tests.support.patience import LIMIT_SECONDS
from tests.support.published import publish
from tests.support.scripted_http import ScriptedServer, serving

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
    assert [event for event in events if event[0] != "open"] == []


@pytest.mark.requirement("KL-S-1")
def test_the_server_has_neither_the_collector_nor_a_way_to_a_cluster_in_it() -> None:
    foreign = ("collector", "kubernetes", "rrdtool", "numpy", "urllib3", "msgspec")
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
        "/apis/metrics.k8s.io/v1beta1/nodes",
        "/apis/metrics.k8s.io/v1beta1/pods",
    }
    assert {path.name for path in tmp_path.iterdir()} == {"db", "data"}
    assert "good" not in done.stdout + done.stderr
    for path in (tmp_path / "data").iterdir():
        assert "good" not in path.read_text()
