"""`tools/list` and `tools/call` over the table of tools: the seam between the protocol and the answers."""

import logging
import time
from collections.abc import Mapping
from functools import partial
from typing import Any

import mcp_types as types
import orjson
from mcp.server.context import ServerRequestContext
from mcp.shared.exceptions import MCPError

from kl_core.wording import did_you_mean
from kl_mcp.access.audit_log import Audit
from kl_mcp.access.callers import caller_of
from kl_mcp.counts import Counts
from kl_mcp.protocol.datasets import Datasets
from kl_mcp.tools.tool import Tool
from kl_query.dataset import Dataset
from kl_query.errors import ToolArgumentError

logger = logging.getLogger(__name__)

INTERNAL = "internal"

Outcome = tuple[dict[str, Any] | None, bytes, str | None]
"""`(structured content, text, error code)`."""


def advertised(tool: Tool) -> types.Tool:
    """Return the entry of `tools/list`. All ten tools read one dataset and change nothing."""
    return types.Tool(
        name=tool.name,
        title=tool.title,
        description=tool.description,
        input_schema=tool.input_schema,
        output_schema=tool.output_schema,
        annotations=types.ToolAnnotations(
            title=tool.title,
            read_only_hint=True,
            destructive_hint=False,
            idempotent_hint=True,
            open_world_hint=False,
        ),
    )


class Calls:
    """Runs tool calls against the dataset that is held at that moment; counts and logs each."""

    def __init__(self, table: Mapping[str, Tool], datasets: Datasets, counts: Counts, audit: Audit) -> None:
        self._table = table
        self._datasets = datasets
        self._counts = counts
        self._audit = audit
        self.listing = types.ListToolsResult(tools=[advertised(tool) for tool in table.values()])

    def input_schema(self, name: str) -> Mapping[str, Any] | None:
        """Return the advertised input schema of a tool, None for an unknown one."""
        tool = self._table.get(name)
        return tool.input_schema if tool else None

    async def call(
        self, context: ServerRequestContext[Any, Any], params: types.CallToolRequestParams
    ) -> types.CallToolResult:
        """Answer `tools/call`. Raise `MCPError` -32602 for an unknown tool; every other failure is a tool error."""
        name, arguments, caller = params.name, params.arguments or {}, caller_of(context)
        tool = self._table.get(name)
        if tool is None:
            logger.info("unknown tool %r", name[:100])
            self._counts.count_unknown_tool()
            self._audit.record(caller, name, arguments, size=0, seconds=0.0, error="unknown_tool")
            raise MCPError(types.INVALID_PARAMS, self._unknown(name))
        dataset = await self._datasets.seen_by(caller)
        started = time.perf_counter()
        result, text, code = await self._datasets.ask(dataset, partial(_run, tool, arguments, dataset))
        seconds = time.perf_counter() - started
        self._counts.count_call(name, seconds, code)
        logger.info("tool=%s ms=%.1f bytes=%d error=%s", name, seconds * 1000, len(text), code or "-")
        self._audit.record(caller, name, arguments, answer=result, size=len(text), seconds=seconds, error=code)
        return types.CallToolResult(
            content=[types.TextContent(text=text.decode())], structured_content=result, is_error=code is not None
        )

    def _unknown(self, name: str) -> str:
        return f"Unknown tool {name[:100]!r}.{did_you_mean(name, self._table)} Tools: {', '.join(self._table)}."


def _run(tool: Tool, arguments: Mapping[str, Any], dataset: Dataset) -> Outcome:
    """Return the answer; on an error the text alone carries it.

    With structured content beside an error, clients validate it against the tool's output schema, throw, and the model
    never sees the message.
    """
    try:
        result = tool.run(arguments, dataset)
        return result, orjson.dumps(result), None
    except ToolArgumentError as error:
        return None, orjson.dumps(error.to_payload()), error.code
    except Exception:
        logger.exception("tool %s failed", tool.name)
        internal = ToolArgumentError(
            INTERNAL,
            None,
            "The tool failed on the server's side. The same call may work later; the server's log has the details.",
        )
        return None, orjson.dumps(internal.to_payload()), INTERNAL
