"""The Python SDK's client, and the printed configurations that are nothing but an address."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import anyio
import pytest

from simulator.clients import client_configurations
from tests.clients.calls import CALLS, TOOLS, WRONG
from tests.support.mcp_clients import Target, connect, error_of, http_server, payload, stdio_parameters

pytestmark = pytest.mark.clients

ADDRESSES = [("Cursor", "url"), ("VS Code", "url"), ("Cline", "url"), ("Windsurf", "serverUrl")]
"""Clients whose printed configuration is nothing but an address, and the name that it has there."""


@pytest.fixture(scope="module")
def url(data_dir: Path) -> Iterator[str]:
    with http_server(data_dir) as server:
        yield server.url


def call_each(target: Target, mode: str) -> str:
    """List the tools, call the ten, and return the protocol version spoken."""

    async def talk() -> str:
        async with connect(target, mode) as client:
            assert [tool.name for tool in (await client.list_tools()).tools] == TOOLS
            for call in CALLS:
                result = await client.call_tool(call.tool, dict(call.arguments))
                assert result.structured_content is not None
                assert call.part(result.structured_content) == call.truth
                assert payload(result) == result.structured_content
            wrong = await client.call_tool(WRONG.tool, dict(WRONG.arguments))
            assert WRONG.part(error_of(wrong)) == WRONG.truth
            return client.protocol_version

    return anyio.run(talk)


@pytest.mark.parametrize(("mode", "version"), [("2026-07-28", "2026-07-28"), ("legacy", "2025-11-25")])
@pytest.mark.parametrize("transport", ["http", "stdio"])
def test_it_lists_the_tools_and_calls_each(transport: str, mode: str, version: str, url: str, data_dir: Path) -> None:
    assert call_each(url if transport == "http" else stdio_parameters(data_dir), mode) == version


@pytest.mark.parametrize(("name", "key"), ADDRESSES)
def test_a_printed_configuration_holds_an_address_that_answers(name: str, key: str, url: str) -> None:
    (text,) = (each.text for each in client_configurations(url) if each.name == name)
    (servers,) = json.loads(text).values()
    assert call_each(servers["kubeledger"][key], "auto") == "2026-07-28"


def test_every_printed_configuration_is_tried_by_one_of_these_tests() -> None:
    elsewhere = {"Claude Code", "Claude Desktop", "Gemini CLI", "Codex", "opencode", "MCP Inspector"}
    printed = {each.name for each in client_configurations("http://127.0.0.1:5484/mcp")}
    assert printed == elsewhere | {name for name, _ in ADDRESSES}
