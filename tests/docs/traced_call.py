"""Through which functions of ours a call passes from the socket to the arithmetic, told by a real server.

As a program it is `kl-mcp`, which writes them to the file TRACED_CALL when the arithmetic of `get_efficiency` begins:
those that had the connection before the request was there, then those that wait for the arithmetic.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Coroutine, Iterator
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import httpx2

from tests.support import small_cluster
from tests.support.datasets import write
from tests.support.mcp_clients import http_server
from tests.support.patience import LIMIT_SECONDS

ROOT = Path(__file__).resolve().parents[2]
TOKEN = "a-token-of-a-test-123"
BEFORE_THE_REQUEST = ("Connections._take", "Connections._hand_over", "Timed.data_received")
"""They have ended, or wait for the next connection, when the library calls the next function."""
ARITHMETIC = ("kl_query/measures/efficiency.py", "compare")

Function = tuple[str, str]
"""Path and name."""


def functions_of_a_call(directory: Path) -> list[Function]:
    """Call `get_efficiency` over HTTP with a token, and return the functions that hand the call on."""
    data, tokens, found = directory / "data", directory / "tokens.json", directory / "functions.json"
    write(data, small_cluster.published())
    tokens.write_text(json.dumps({"tokens": [{"name": "tester", "token": TOKEN}]}), encoding="utf-8")
    tokens.chmod(0o600)
    told = {"TRACED_CALL": str(found)}
    with http_server(data, "--tokens-file", str(tokens), env=told, module="tests.docs.traced_call") as server:
        answer = httpx2.post(
            server.url,
            json={
                "jsonrpc": "2.0",
                "id": 1,
                "method": "tools/call",
                "params": {"name": "get_efficiency", "arguments": {"metric": "cpu"}},
            },
            headers={
                "Accept": "application/json, text/event-stream",
                "Authorization": f"Bearer {TOKEN}",
                "MCP-Protocol-Version": "2025-06-18",
            },
            timeout=LIMIT_SECONDS,
        )
    assert answer.status_code == 200
    assert not answer.json()["result"]["isError"]
    return [(path, name) for path, name in json.loads(found.read_text(encoding="utf-8"))]


def function_of(code: CodeType) -> Function | None:
    """Return which of our functions it is; what a function defines is named as if beside it."""
    path = Path(code.co_filename)
    if not path.is_relative_to(ROOT) or not path.relative_to(ROOT).parts[0].startswith("kl_"):
        return None
    return str(path.relative_to(ROOT)), code.co_qualname.rpartition("<locals>.")[2]


class Tracer:
    """Notes functions as they are called, until the arithmetic begins."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._had_connection: list[Function] = []

    def __call__(self, frame: FrameType, event: str, _argument: object) -> None:
        function = function_of(frame.f_code) if event == "call" else None
        if function is None:
            return
        if function[1] in BEFORE_THE_REQUEST and function not in self._had_connection:
            self._had_connection.append(function)
        if function == ARITHMETIC:
            sys.setprofile(None)
            self._file.write_text(json.dumps([*self._had_connection, *waiting(), *called(frame)]), encoding="utf-8")


def called(frame: FrameType | None) -> list[Function]:
    """Return the functions on the stack that the event loop called."""
    found = []
    while frame is not None and frame.f_code.co_name != "_run_once":
        found.append(function_of(frame.f_code))
        frame = frame.f_back
    return [each for each in reversed(found) if each is not None]


def waiting() -> list[Function]:
    """Return the functions of the request's task, which wait for the one that answers it."""
    for task in asyncio.all_tasks():
        found = list(awaited(task.get_coro()))
        if any(name == "Limits.__call__" for _, name in found) and any(name == "serve_while" for _, name in found):
            return found
    return []


def awaited(coroutine: Coroutine[Any, Any, Any] | Any) -> Iterator[Function]:
    """Return the function of a coroutine, and those of what it awaits."""
    while coroutine is not None:
        code = getattr(coroutine, "cr_code", None)
        function = None if code is None else function_of(code)
        if function is not None:
            yield function
        coroutine = getattr(coroutine, "cr_await", None)


if __name__ == "__main__":
    sys.setprofile(Tracer(Path(os.environ["TRACED_CALL"])))
    from kl_mcp.cli import main

    sys.exit(main())
