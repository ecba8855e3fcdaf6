"""`tools/list` and `tools/call` over the table of tools: the seam between the protocol and the answers."""

import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass
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
from kl_mcp.tools.refusals import Call, Refusal, refuse
from kl_mcp.tools.tool import Tool
from kl_query.dataset import Dataset
from kl_query.errors import ToolArgumentError

logger = logging.getLogger(__name__)

INTERNAL = "internal"
_FAILED = Refusal(
    ToolArgumentError(
        INTERNAL,
        None,
        "The tool failed on the server's side. The same call may work later; the server's log has the details.",
    )
)

ERROR_KEY = "kubeledger/error"
"""Where a result's `_meta` has the error as data."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a call ends with: an answer, or a refusal."""

    text: str
    answer: dict[str, Any] | None = None
    error: dict[str, Any] | None = None

    @property
    def code(self) -> str | None:
        """Return the code of the error."""
        return self.error["code"] if self.error else None


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
        outcome = await self._datasets.ask(dataset, partial(self._run, tool, arguments, dataset))
        seconds, size, code = time.perf_counter() - started, len(outcome.text.encode()), outcome.code
        self._counts.count_call(name, seconds, code)
        logger.info("tool=%s ms=%.1f bytes=%d error=%s", name, seconds * 1000, size, code or "-")
        self._audit.record(caller, name, arguments, answer=outcome.answer, size=size, seconds=seconds, error=code)
        return types.CallToolResult(
            content=[types.TextContent(text=outcome.text)],
            structured_content=outcome.answer,
            is_error=code is not None,
            _meta={ERROR_KEY: outcome.error} if outcome.error else None,
        )

    def _run(self, tool: Tool, arguments: Mapping[str, Any], dataset: Dataset) -> Outcome:
        """Return the answer, or the error as text and as data in `_meta`.

        With structured content beside an error, or a text that is JSON, clients validate it against the tool's output
        schema, throw, and the model never sees the message.
        """
        try:
            try:
                answer = tool.run(arguments, dataset)
            except ToolArgumentError as error:
                refusal = refuse(self._table, Call(tool.name, arguments), error, dataset)
                return Outcome(refusal.text, error=refusal.data)
            return Outcome(orjson.dumps(answer).decode(), answer)
        except Exception:
            logger.exception("tool %s failed", tool.name)
            return Outcome(_FAILED.text, error=_FAILED.data)

    def _unknown(self, name: str) -> str:
        return f"Unknown tool {name[:100]!r}.{did_you_mean(name, self._table)} Tools: {', '.join(self._table)}."
