"""The stdio transport: protocol on standard output, everything else on standard error."""

import io
import json
import os
import signal
import sys
import threading
import time
from collections.abc import AsyncIterator, Mapping
from typing import Any, BinaryIO, NoReturn, TextIO

import anyio
from mcp.server.stdio import stdio_server
from mcp_types import ErrorData, JSONRPCError

from kl_mcp.protocol.envelope import NotJsonRpcError, parse_message
from kl_mcp.protocol.server import KubeLedgerServer
from kl_mcp.protocol.subscriptions import LISTENING_METHOD
from kl_query.dataset.watcher import Holder

DRAIN_SECONDS = 10.0
POLL_SECONDS = 0.01
PARENT_LOOK_SECONDS = 1.0


class Unanswered:
    """Ids of the requests that were read and not yet answered."""

    def __init__(self) -> None:
        self._ids: set[str | int] = set()

    def received(self, message: Mapping[str, Any]) -> None:
        """Note a message that the client sent."""
        identity = message.get("id")
        if isinstance(identity, str | int) and message.get("method", LISTENING_METHOD) != LISTENING_METHOD:
            self._ids.add(identity)

    def answered(self, line: str) -> None:
        """Note a line that has reached the client."""
        identity = json.loads(line).get("id")  # others make floats of integers beyond 64 bits
        if isinstance(identity, str | int):
            self._ids.discard(identity)

    async def settled(self) -> None:
        """Wait until every request is answered, but not for ever."""
        with anyio.move_on_after(DRAIN_SECONDS):
            while self._ids:
                await anyio.sleep(POLL_SECONDS)


class Output(anyio.AsyncFile[str]):
    """Standard output: a message a write, which the SDK and `Input` take turns to send."""

    def __init__(self, file: TextIO, unanswered: Unanswered) -> None:
        super().__init__(file)
        self._unanswered = unanswered
        self._turn = anyio.Lock()

    async def write(self, b: str) -> int:
        """Send one message."""
        async with self._turn:
            try:
                written = await super().write(b)
                await super().flush()
            except BrokenPipeError:
                _end_at_once()
        self._unanswered.answered(b)
        return written

    async def flush(self) -> None:
        """Do nothing: what was written has been sent."""


class Input:
    """Messages of standard input, one a line. What is none is answered with what is wrong; blank lines are skipped.

    The end of input is held back until what was asked is answered. The SDK drops the requests it is working on when
    input ends, and with them the answers of a client that pipes its requests in and closes.
    """

    def __init__(self, file: BinaryIO, output: Output, unanswered: Unanswered) -> None:
        self._file = anyio.wrap_file(file)
        self._output = output
        self._unanswered = unanswered

    async def __aiter__(self) -> AsyncIterator[str]:
        """Yield each message as it was sent, then wait."""
        while line := await self._file.readline():
            if not line.strip():
                continue
            try:
                self._unanswered.received(parse_message(line))
            except NotJsonRpcError as error:
                await self._refuse(error)
                continue
            yield line.decode()
        await self._unanswered.settled()

    async def _refuse(self, error: NotJsonRpcError) -> None:
        why = ErrorData(code=error.code, message=str(error))
        answer = JSONRPCError(jsonrpc="2.0", id=error.request_id, error=why)
        await self._output.write(answer.model_dump_json(exclude_unset=True) + "\n")


def _end_at_once() -> NoReturn:
    """End the process when there is nobody to answer. The thread that waits for input cannot be interrupted."""
    os._exit(0)


def take_standard_streams() -> tuple[Input, Output]:
    """Return private streams for the protocol; from here on descriptor 1 and `sys.stdout` are standard error.

    Descriptor 1 is never given back, unlike in the SDK's own claim: a `print` that is still buffered when the
    interpreter exits would follow the last protocol message.
    """
    reader = os.fdopen(os.dup(0), "rb")
    writer = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    sys.stdout = sys.stderr
    unanswered = Unanswered()
    output = Output(io.TextIOWrapper(writer, encoding="utf-8"), unanswered)
    return Input(reader, output, unanswered), output


def end_with_parent(parent: int) -> None:
    """Watch from now on, and end this process soon after the process `parent` that started it has.

    Standard input may stay open then: a process that the client started as well can have inherited the other end.
    """

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(PARENT_LOOK_SECONDS)
        _end_at_once()

    threading.Thread(target=watch, daemon=True).start()


def serve(served: KubeLedgerServer, holder: Holder, parent: int) -> None:
    """Serve one client until it closes standard input, or the process `parent` that started this one is gone."""
    # The thread that waits for input cannot be interrupted, and nothing is left to clean up.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    end_with_parent(parent)
    stdin, stdout = take_standard_streams()

    async def run() -> None:
        async with holder.watching(), stdio_server(stdin, stdout) as (read, write):  # type: ignore[arg-type] # iterated
            await served.server.run(read, write, served.server.create_initialization_options())

    anyio.run(run)
