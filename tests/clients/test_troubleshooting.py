"""Lines of the README's table of what goes wrong that are about mcp-remote and Node.js."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Sequence

import anyio
import pytest
from mcp.client.stdio import StdioServerParameters

from tests.clients.calls import TOOLS
from tests.clients.npm import Packages
from tests.clients.sandbox import RUN_SECONDS, Sandbox
from tests.support.handshake import INITIALIZE
from tests.support.mcp_clients import connect
from tests.support.scripted_http import closed_port

pytestmark = pytest.mark.clients


def disconnected(sandbox: Sandbox, arguments: Sequence[str]) -> str:
    """What mcp-remote says before it ends by itself, which Claude Desktop shows as "Server disconnected"."""
    command = [*sandbox.enter, "npx", "-y", "mcp-remote", *arguments]
    done = subprocess.run(
        command,
        cwd=sandbox.packages.directory,
        env=sandbox.environment,
        input=json.dumps(INITIALIZE) + "\n",
        capture_output=True,
        text=True,
        timeout=RUN_SECONDS,
        check=False,
    )
    assert done.returncode != 0
    return done.stdout + done.stderr


def test_mcp_remote_that_is_to_speak_sse_is_disconnected(sandbox: Sandbox) -> None:
    assert "Non-200 status code (405)" in disconnected(sandbox, [sandbox.url, "--transport", "sse-only"])


def test_mcp_remote_that_finds_nobody_is_refused(sandbox: Sandbox) -> None:
    address = f"http://127.0.0.1:{closed_port()}/mcp"
    assert "ECONNREFUSED" in disconnected(sandbox, [address, "--transport", "http-only"])


def test_mcp_remote_that_chooses_a_transport_itself_is_served(sandbox: Sandbox) -> None:
    told = sandbox.desktop
    chosen = [each for each in told.args if each not in ("--transport", "http-only")]
    assert len(chosen) == len(told.args) - 2

    async def talk() -> None:
        parameters = StdioServerParameters(command=told.command, args=chosen, env=told.env, cwd=told.cwd)
        async with connect(parameters, "legacy") as client:
            assert [tool.name for tool in (await client.list_tools()).tools] == TOOLS

    anyio.run(talk)


def test_a_client_without_node_on_its_path_says_so(packages: Packages) -> None:
    """Node's own words, by which a desktop client fails to start what its configuration names."""
    script = 'require("child_process").spawn("npx", []).on("error", e => console.log(e.message))'
    environ = {**os.environ, "PATH": "/nonexistent"}
    done = subprocess.run([packages.node, "-e", script], env=environ, capture_output=True, text=True, check=False)
    assert done.stdout == "spawn npx ENOENT\n"
