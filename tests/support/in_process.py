"""Asks a protocol server with the small tools, in this process, through the SDK's client."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import anyio
from mcp.client import Client
from mcp.shared.exceptions import MCPError

from kl_mcp.access.audit_log import Audit
from kl_mcp.counts import Counts
from kl_mcp.protocol.server import build_server
from kl_query.dataset.watcher import Holder
from tests.support.patience import LIMIT_SECONDS
from tests.support.small_tools import SMALL_TABLE

T = TypeVar("T")
MODES = ("2026-07-28", "legacy")
LOOK_SECONDS = 0.02


def ask(
    directory: Path,
    question: Callable[[Client], Awaitable[T]],
    mode: str = "2026-07-28",
    counts: Counts | None = None,
    audit: Audit | None = None,
) -> T:
    """The answer to `question` from a server that has loaded `directory`. Raises the `MCPError` it is refused with."""
    kept = counts or Counts()

    async def scenario() -> T | MCPError:
        holder = Holder(directory, kept, look_seconds=LOOK_SECONDS, patience_seconds=LIMIT_SECONDS)
        server = build_server(holder, kept, SMALL_TABLE, audit).server
        async with holder.watching(), Client(server, mode=mode) as client:
            await holder.dataset()
            try:
                return await question(client)
            except MCPError as error:
                # Raised inside the task groups it would arrive wrapped in exception groups.
                return error

    outcome = anyio.run(scenario)
    if isinstance(outcome, MCPError):
        raise outcome
    return outcome
