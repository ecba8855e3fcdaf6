"""mcp-remote, by which Claude Desktop reaches a server: started as its printed configuration says."""

from __future__ import annotations

import anyio
import pytest

from tests.clients.calls import CALLS, TOOLS, WRONG
from tests.clients.sandbox import Sandbox, methods
from tests.support.mcp_clients import connect, error_of, payload

pytestmark = pytest.mark.clients


@pytest.mark.parametrize(("mode", "version"), [("2026-07-28", "2026-07-28"), ("legacy", "2025-11-25")])
def test_the_printed_configuration_lists_the_tools_and_calls_each(mode: str, version: str, sandbox: Sandbox) -> None:
    async def talk() -> None:
        async with connect(sandbox.desktop, mode) as client:
            assert [tool.name for tool in (await client.list_tools()).tools] == TOOLS
            for call in CALLS:
                result = await client.call_tool(call.tool, dict(call.arguments))
                assert result.structured_content is not None
                assert call.part(result.structured_content) == call.truth
                assert payload(result) == result.structured_content
            wrong = await client.call_tool(WRONG.tool, dict(WRONG.arguments))
            assert WRONG.part(error_of(wrong)) == WRONG.truth

    anyio.run(talk)
    assert methods(sandbox.requests).count(f"tools/call {version}") == len(CALLS) + 1
