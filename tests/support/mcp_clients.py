"""Starts `kl-mcp` as a real process and talks to it through the SDK's own client, over HTTP and over stdio.

with http_server(data_dir) as server:
    async with connect(server.url, "2026-07-28") as client: ...
async with connect(stdio_parameters(data_dir), "legacy") as client: ...
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio
import orjson
from mcp.client import Client
from mcp.client.stdio import StdioServerParameters, stdio_client
from mcp_types import CallToolResult, TextContent

from tests.support.patience import LIMIT_SECONDS, eventually

MODES = ("2026-07-28", "auto", "legacy")
"""Values of `Client(mode=...)`: the stateless era, negotiation, the initialize handshake."""

STARTED = re.compile(r"Serving (https?://\S+/mcp)(?:, \S+)* from ")

Target = str | StdioServerParameters


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment of this process without KubeLedger's variables, plus `extra`."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("KL_", "KOA_"))}
    return {**clean, **(extra or {})}


@dataclass(frozen=True)
class HttpServer:
    """A running `kl-mcp`; `log` grows with what it writes to standard error."""

    process: subprocess.Popen[str]
    url: str
    log: list[str] = field(default_factory=list)

    @property
    def base(self) -> str:
        """The URL without /mcp."""
        return self.url.removesuffix("/mcp")

    @property
    def port(self) -> int:
        """The port that was taken."""
        return int(self.base.rpartition(":")[2])

    def stop(self) -> int:
        """Terminate and return the exit code."""
        self.process.terminate()
        return self.process.wait(LIMIT_SECONDS)


@contextmanager
def http_server(
    data_dir: Path, *flags: str, env: Mapping[str, str] | None = None, module: str = "kl_mcp"
) -> Iterator[HttpServer]:
    """`kl-mcp` over HTTP on a free port, ready to answer; stopped at the end of the block."""
    command = [sys.executable, "-m", module, "--data-dir", str(data_dir), "--port", "0", *flags]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment(env))
    log: list[str] = []
    reader = threading.Thread(target=_collect, args=(process, log), daemon=True)
    reader.start()
    try:
        yield HttpServer(process, _started_url(process, log), log)
    finally:
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(LIMIT_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        reader.join(LIMIT_SECONDS)
        if process.stderr is not None:
            process.stderr.close()


def _collect(process: subprocess.Popen[str], log: list[str]) -> None:
    for line in process.stderr or ():
        log.append(line.rstrip("\n"))  # noqa: PERF401 -- others read the list while it grows


def _started_url(process: subprocess.Popen[str], log: list[str]) -> str:
    def url() -> str | None:
        if process.poll() is not None:
            raise AssertionError("kl-mcp ended at start:\n" + "\n".join(log))
        return next((found[1] for found in map(STARTED.search, list(log)) if found), None)

    return eventually(url)


def stdio_parameters(data_dir: Path, *flags: str) -> StdioServerParameters:
    """How a client starts `kl-mcp` over stdio."""
    arguments = ["-m", "kl_mcp", "--transport", "stdio", "--data-dir", str(data_dir), *flags]
    return StdioServerParameters(command=sys.executable, args=arguments, env=environment())


@asynccontextmanager
async def connect(target: Target, mode: str = "auto") -> AsyncIterator[Client]:
    """The SDK's client, connected to a URL or to a process it starts; `mode` is one of MODES."""
    server = target if isinstance(target, str) else stdio_client(target)
    async with Client(server, mode=mode, read_timeout_seconds=LIMIT_SECONDS) as client:
        yield client


def payload(result: CallToolResult) -> dict[str, Any]:
    """The JSON of the one text block of a tool's answer."""
    (block,) = result.content
    assert isinstance(block, TextContent)
    parsed: dict[str, Any] = orjson.loads(block.text)
    return parsed


def error_of(result: CallToolResult) -> dict[str, Any]:
    """The error of a refused call, as data; its text, which is no JSON, begins with the message."""
    assert result.is_error
    assert result.structured_content is None
    assert result.meta is not None
    error: dict[str, Any] = result.meta["kubeledger/error"]
    (block,) = result.content
    assert isinstance(block, TextContent)
    assert block.text.startswith(error["message"])
    return error


def call(target: Target, tool: str, arguments: Mapping[str, Any] | None = None, mode: str = "auto") -> CallToolResult:
    """Connect, call one tool, disconnect."""

    async def once() -> CallToolResult:
        async with connect(target, mode) as client:
            return await client.call_tool(tool, dict(arguments or {}))

    return anyio.run(once)
