"""Talks to a protocol server in this process in bare JSON-RPC, where an SDK client would add to the messages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import anyio
from mcp.shared.memory import create_client_server_memory_streams
from mcp.shared.message import SessionMessage
from mcp_types import jsonrpc_message_adapter

from kl_mcp.counts import Counts
from kl_mcp.protocol.server import build_server
from kl_mcp.tools.tool import Tool
from kl_query.dataset.watcher import Holder
from tests.support.handshake import HANDSHAKE, MODERN_META, Message
from tests.support.patience import LIMIT_SECONDS
from tests.support.small_tools import SMALL_TABLE


def exchange(
    directory: Path,
    method: str,
    params: Mapping[str, Any],
    era: str,
    *,
    table: Mapping[str, Tool] = SMALL_TABLE,
    counts: Counts | None = None,
) -> Message:
    """The answer to one request of an era ("2026-07-28", or "legacy", which begins with a handshake)."""
    modern = era != "legacy"
    meta = {**(MODERN_META if modern else {}), **params.get("_meta", {})}
    asked: Message = {
        "jsonrpc": "2.0",
        "id": 1,
        "method": method,
        "params": {**params, **({"_meta": meta} if meta else {})},
    }
    return anyio.run(_answer, directory, [*(() if modern else HANDSHAKE), asked], table, counts or Counts())


async def _answer(directory: Path, messages: Sequence[Message], table: Mapping[str, Tool], counts: Counts) -> Message:
    holder = Holder(directory, counts, patience_seconds=LIMIT_SECONDS)
    server = build_server(holder, counts, table).server
    async with create_client_server_memory_streams() as ((read, write), served), holder.watching():
        await holder.dataset()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(server.run, *served, server.create_initialization_options())
            for message in messages:
                request = jsonrpc_message_adapter.validate_python(message)
                await write.send(SessionMessage(request))
            with anyio.fail_after(LIMIT_SECONDS):
                async for answered in read:
                    assert isinstance(answered, SessionMessage)
                    answer: Message = answered.message.model_dump(by_alias=True, mode="json", exclude_none=True)
                    if answer.get("id") == 1:
                        tasks.cancel_scope.cancel()
                        return answer
    raise AssertionError("no answer came")
