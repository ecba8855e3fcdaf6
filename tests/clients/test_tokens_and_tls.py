"""A server that asks for a token and speaks https: each client reaches it as it is configured for users.

The certificate is of an authority that only NODE_EXTRA_CA_CERTS and, to Codex, CODEX_CA_CERTIFICATE make known.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import anyio
import pytest

from tests.clients import sandbox as sandboxes
from tests.clients.agents import Agent, Step, answer
from tests.clients.agents.claude_code import ClaudeCode
from tests.clients.agents.codex import Codex
from tests.clients.agents.gemini_cli import GeminiCli
from tests.clients.agents.opencode import Opencode
from tests.clients.calls import CALLS, TOOLS
from tests.clients.npm import Packages
from tests.clients.sandbox import Sandbox, methods
from tests.support.mcp_clients import connect, payload

pytestmark = pytest.mark.clients

TOKEN = "0123456789abcdef0123456789abcdef"


@pytest.fixture
def guarded(data_dir: Path, tmp_path: Path, packages: Packages) -> Iterator[Sandbox]:
    with sandboxes.sandbox(data_dir, tmp_path, packages, token=TOKEN) as box:
        yield box


def lists_tools(sandbox: Sandbox) -> bool:
    """Whether the server has listed its tools; what it refused for its token does not come so far."""
    return any(line.startswith("tools/list ") for line in methods(sandbox.requests))


def inspect(sandbox: Sandbox) -> int:
    return sandbox.shell(sandbox.printed("MCP Inspector"), cwd=sandbox.packages.directory).returncode


def test_the_inspector_sends_the_token_that_the_printed_command_names_to_a_server_it_trusts(guarded: Sandbox) -> None:
    for lacking in (replace(guarded, token=""), replace(guarded, authority=None)):
        assert inspect(lacking) != 0
    assert not lists_tools(guarded)
    assert inspect(guarded) == 0
    assert lists_tools(guarded)


@pytest.mark.parametrize("agent", [ClaudeCode, GeminiCli, Codex, Opencode])
def test_clients_with_a_model_send_it_with_each_call(agent: type[Agent], guarded: Sandbox) -> None:
    client = agent(guarded)
    client.add_remote()
    (result,) = client.converse([Step("list_namespaces", {})]).results
    assert [row["name"] for row in answer(result)["namespaces"]] == ["kube-system", "shop"]


def test_mcp_remote_sends_it_for_claude_desktop(guarded: Sandbox) -> None:
    async def talk() -> None:
        async with connect(guarded.desktop) as client:
            assert [tool.name for tool in (await client.list_tools()).tools] == TOOLS
            result = await client.call_tool(CALLS[0].tool, dict(CALLS[0].arguments))
            assert CALLS[0].part(payload(result)) == CALLS[0].truth

    anyio.run(talk)
