"""A server that asks for a token and speaks https: each client reaches it as its printed configuration says.

The certificate is of an authority that only NODE_EXTRA_CA_CERTS makes known.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import anyio
import pytest

from tests.clients import sandbox as sandboxes
from tests.clients.calls import TOOLS
from tests.clients.npm import Packages
from tests.clients.sandbox import Sandbox, asked
from tests.support.mcp_clients import connect

pytestmark = pytest.mark.clients

TOKEN = "0123456789abcdef0123456789abcdef"


@pytest.fixture
def guarded(data_dir: Path, tmp_path: Path, packages: Packages) -> Iterator[Sandbox]:
    with sandboxes.sandbox(data_dir, tmp_path, packages, token=TOKEN) as box:
        yield box


def lists_tools(sandbox: Sandbox) -> bool:
    """Whether the server has listed its tools; what it refused for its token does not come so far."""
    return any(line.startswith("tools/list ") for line in asked(sandbox.requests))


def inspect(sandbox: Sandbox) -> int:
    return sandbox.shell(sandbox.printed("MCP Inspector"), cwd=sandbox.packages.directory).returncode


def test_the_inspector_sends_the_token_that_the_printed_command_names_to_a_server_it_trusts(guarded: Sandbox) -> None:
    for lacking in (replace(guarded, token=""), replace(guarded, authority=None)):
        assert inspect(lacking) != 0
    assert not lists_tools(guarded)
    assert inspect(guarded) == 0
    assert lists_tools(guarded)


def test_claude_code_sends_it(guarded: Sandbox) -> None:
    assert guarded.shell(guarded.printed("Claude Code")).returncode == 0
    assert "kubeledger: " in (listed := guarded.run("claude", "mcp", "list").stdout)
    assert "Connected" in listed
    assert lists_tools(guarded)


def test_gemini_cli_sends_it(guarded: Sandbox) -> None:
    assert guarded.shell(guarded.printed("Gemini CLI")).returncode == 0
    guarded.make_gemini_patient()
    listed = guarded.run("gemini", "mcp", "list")
    assert any(
        line.startswith("✓ kubeledger: ") and line.endswith("Connected")
        for line in (listed.stdout + listed.stderr).splitlines()
    ), listed.stdout
    assert "initialize 2025-06-18" in asked(guarded.requests)


def test_mcp_remote_sends_it_for_claude_desktop(guarded: Sandbox) -> None:
    async def talk() -> list[str]:
        async with connect(guarded.desktop) as client:
            return [tool.name for tool in (await client.list_tools()).tools]

    assert anyio.run(talk) == TOOLS
