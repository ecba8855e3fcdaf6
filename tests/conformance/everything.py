"""`python -m tests.conformance.everything`: the server with the suite's fixtures beside its own tools.

Takes the flags of `kl-mcp`. The server, its handlers and the HTTP application are the product's own; the fixtures are
looked up by name first. With `--sessions` answers become event streams and the older eras get sessions, which the
product does without: the scenarios in which the server asks or tells the client something during a call need them.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any, TypeVar
from unittest.mock import patch

import mcp_types as types
from mcp.server.lowlevel import Server
from mcp.server.request_state import RequestStateBoundary, RequestStateSecurity
from mcp.server.streamable_http import EventCallback, EventMessage, EventStore
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from pydantic import BaseModel

import kl_mcp.protocol.server
from kl_mcp import cli
from kl_mcp.protocol.server import KubeLedgerServer
from kl_mcp.transport import app as http
from tests.conformance.input_required import INPUT_TOOLS
from tests.conformance.prompts import PROMPTS, RESOURCES, TEMPLATES, prompt, resource
from tests.conformance.tools import Context, FixtureTool, fixture_tools

SESSIONS = "--sessions"
RETRY_MILLISECONDS = 100
R = TypeVar("R", bound=BaseModel)


class Fixtures:
    """Handlers that answer for the fixtures and pass everything else on to the product's."""

    def __init__(self, served: KubeLedgerServer) -> None:
        self._server = served.server
        self._input_schema = served.server.get_tool_input_schema
        tools = (*fixture_tools(served.subscriptions._bus.publish), *INPUT_TOOLS)
        self._tools: dict[str, FixtureTool] = {tool.name: tool for tool in tools}

    def register(self) -> None:
        """Put the fixtures in front of what the server has."""
        server = self._server
        server.get_tool_input_schema = self.input_schema
        self._wrap("tools/call", types.CallToolRequestParams, self._call)
        self._wrap("prompts/get", types.GetPromptRequestParams, self._prompt)
        self._wrap("resources/read", types.ReadResourceRequestParams, self._read)
        tools = [tool.listed for tool in self._tools.values()]
        self._extend("tools/list", types.ListToolsResult, "tools", tools)
        self._extend("prompts/list", types.ListPromptsResult, "prompts", [each.listed for each in PROMPTS.values()])
        self._extend("resources/list", types.ListResourcesResult, "resources", RESOURCES)
        self._extend("resources/templates/list", types.ListResourceTemplatesResult, "resource_templates", TEMPLATES)
        server.add_request_handler("logging/setLevel", types.SetLevelRequestParams, _nothing)
        server.add_request_handler("resources/subscribe", types.SubscribeRequestParams, _nothing)
        server.add_request_handler("resources/unsubscribe", types.UnsubscribeRequestParams, _nothing)
        server.middleware.append(RequestStateBoundary(RequestStateSecurity.ephemeral(), default_audience=server.name))

    def input_schema(self, name: str) -> Any:
        """The schema that `Mcp-Param-*` headers are checked against."""
        fixture = self._tools.get(name)
        if fixture is not None:
            return fixture.input_schema
        return self._input_schema(name) if self._input_schema else None

    async def _call(self, context: Context, params: types.CallToolRequestParams) -> Any:
        fixture = self._tools.get(params.name)
        return await fixture.answer(context, params) if fixture else None

    async def _prompt(self, _context: Context, params: types.GetPromptRequestParams) -> Any:
        return prompt(params) if params.name in PROMPTS else None

    async def _read(self, _context: Context, params: types.ReadResourceRequestParams) -> Any:
        return resource(str(params.uri))

    def _wrap(self, method: str, params_type: type[Any], own: Callable[[Context, Any], Any]) -> None:
        """Answer with `own`, or where that has nothing, as the product does."""
        product = self._product(method)

        async def handler(context: Context, params: Any) -> Any:
            answer = await own(context, params)
            return await product(context, params) if answer is None else answer

        self._server.add_request_handler(method, params_type, handler)

    def _extend(self, method: str, result_type: type[R], field: str, more: Any) -> None:
        """Append `more` to the product's list."""
        product = self._product(method)

        async def handler(context: Context, params: types.PaginatedRequestParams) -> R:
            listed = await product(context, params)
            assert isinstance(listed, result_type)
            return listed.model_copy(update={field: [*getattr(listed, field), *more]})

        self._server.add_request_handler(method, types.PaginatedRequestParams, handler)

    def _product(self, method: str) -> Callable[[Context, Any], Any]:
        entry = self._server.get_request_handler(method)
        assert entry is not None
        return entry.handler


async def _nothing(_context: Context, _params: Any) -> types.EmptyResult:
    return types.EmptyResult()


class Events(EventStore):
    """Keeps the events of every stream, so that a client can pick one up again."""

    def __init__(self) -> None:
        self._events: list[tuple[str, types.JSONRPCMessage | None]] = []

    async def store_event(self, stream_id: str, message: types.JSONRPCMessage | None) -> str:
        """Keep an event; its id is its place."""
        self._events.append((stream_id, message))
        return str(len(self._events) - 1)

    async def replay_events_after(self, last_event_id: str, send_callback: EventCallback) -> str | None:
        """Send what came after an event on the same stream."""
        place = int(last_event_id)
        stream_id, _ = self._events[place]
        for index, (stream, message) in enumerate(self._events[place + 1 :], start=place + 1):
            if stream == stream_id and message is not None:
                await send_callback(EventMessage(message, str(index)))
        return stream_id


def _with_sessions() -> Any:
    """Replace what keeps the product without sessions: its manager's mode, and the refusal of GET and DELETE."""
    product = StreamableHTTPSessionManager

    def manager(server: Server[Any], **_mode: Any) -> Any:
        return product(server, event_store=Events(), retry_interval=RETRY_MILLISECONDS)

    return patch.multiple(http, StreamableHTTPSessionManager=manager, MCP_METHODS=("GET", "POST", "DELETE"))


def main(arguments: list[str]) -> int:
    """Serve until told to stop."""
    build = kl_mcp.protocol.server.build_server

    def with_fixtures(*given: Any, **named: Any) -> KubeLedgerServer:
        served = build(*given, **named)
        Fixtures(served).register()
        return served

    with ExitStack() as patches:
        patches.enter_context(patch.object(kl_mcp.protocol.server, "build_server", with_fixtures))
        if SESSIONS in arguments:
            patches.enter_context(_with_sessions())
        return cli.main([argument for argument in arguments if argument != SESSIONS])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
