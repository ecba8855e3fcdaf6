"""The stdio transport: protocol on standard output, everything else on standard error."""

import io
import os
import signal
import sys
from collections.abc import AsyncIterator
from typing import TextIO

import anyio
import orjson
from mcp.server.stdio import stdio_server

from kl_mcp.protocol.server import KubeLedgerServer
from kl_query.dataset.watcher import Holder

DRAIN_SECONDS = 10.0
POLL_SECONDS = 0.01
ENDLESS_METHOD = "subscriptions/listen"


class Unanswered:
    """Ids of the requests that were read and not yet answered."""

    def __init__(self) -> None:
        self._ids: set[str | int] = set()

    def received(self, line: str) -> None:
        """Note a line that the client sent."""
        message = _message(line)
        identity = message.get("id")
        if isinstance(identity, str | int) and message.get("method", ENDLESS_METHOD) != ENDLESS_METHOD:
            self._ids.add(identity)

    def answered(self, line: str) -> None:
        """Note a line that has reached the client."""
        identity = _message(line).get("id")
        if isinstance(identity, str | int):
            self._ids.discard(identity)

    async def settled(self) -> None:
        """Wait until every request is answered, but not for ever."""
        with anyio.move_on_after(DRAIN_SECONDS):
            while self._ids:
                await anyio.sleep(POLL_SECONDS)


class Input(anyio.AsyncFile[str]):
    """Lines of standard input. The end of input is held back until what was asked is answered.

    The SDK drops the requests it is working on when input ends, and with them the answers of a client that pipes its
    requests in and closes.
    """

    def __init__(self, file: TextIO, unanswered: Unanswered) -> None:
        super().__init__(file)
        self._unanswered = unanswered

    async def __aiter__(self) -> AsyncIterator[str]:
        """Yield each line, then wait."""
        while line := await self.readline():
            self._unanswered.received(line)
            yield line
        await self._unanswered.settled()


class Output(anyio.AsyncFile[str]):
    """Standard output. The SDK writes one message and flushes it."""

    def __init__(self, file: TextIO, unanswered: Unanswered) -> None:
        super().__init__(file)
        self._unanswered = unanswered
        self._line = ""

    async def write(self, b: str) -> int:
        """Buffer one message."""
        self._line = b
        return await super().write(b)

    async def flush(self) -> None:
        """Send the buffered message."""
        await super().flush()
        self._unanswered.answered(self._line)


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
    return (
        Input(io.TextIOWrapper(reader, encoding="utf-8", errors="replace"), unanswered),
        Output(io.TextIOWrapper(writer, encoding="utf-8"), unanswered),
    )


def serve(served: KubeLedgerServer, holder: Holder) -> None:
    """Serve one client until it closes standard input."""
    # The thread that waits for input cannot be interrupted, and nothing is left to clean up.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    stdin, stdout = take_standard_streams()

    async def run() -> None:
        async with holder.watching(), stdio_server(stdin, stdout) as (read, write):
            await served.server.run(read, write, served.server.create_initialization_options())

    anyio.run(run)


def _message(line: str) -> dict[str, object]:
    try:
        message = orjson.loads(line)
    except orjson.JSONDecodeError:
        return {}
    return message if isinstance(message, dict) else {}
