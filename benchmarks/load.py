"""A client that is cheap next to what it measures: keep-alive connections that post one request over and over."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Target:
    """Where one request goes."""

    port: int
    path: str
    body: bytes
    headers: Mapping[str, str]

    def request(self) -> bytes:
        """As it goes over the wire."""
        lines = [f"POST {self.path} HTTP/1.1", f"Host: 127.0.0.1:{self.port}", f"Content-Length: {len(self.body)}"]
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        return "\r\n".join(lines).encode() + b"\r\n\r\n" + self.body


@dataclass
class Measured:
    """Latencies in seconds, in the order in which answers came."""

    seconds: float = 0.0
    latencies: list[float] = field(default_factory=list)

    @property
    def per_second(self) -> float:
        """Answers."""
        return len(self.latencies) / self.seconds

    def quantile(self, part: float) -> float:
        """Of the latencies."""
        ordered = sorted(self.latencies)
        return ordered[min(len(ordered) - 1, int(part * len(ordered)))]


class _Connection(asyncio.Protocol):
    """Sends the request, and again with every answer, until it is told to stop."""

    def __init__(self, request: bytes, measured: Measured) -> None:
        self._request = request
        self._measured = measured
        self._received = bytearray()
        self._needed = 0
        self._sent = 0.0
        self._transport: asyncio.Transport | None = None
        self.stopping = False
        self.done = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 -- a TCP connection is one
        self._transport = transport
        self._send()

    def _send(self) -> None:
        assert self._transport is not None  # noqa: S101 -- set before anything is sent
        self._received.clear()
        self._needed = 0
        self._sent = time.perf_counter()
        self._transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        self._received += data
        if not self._needed:
            self._needed = _length(self._received)
        if self._needed and len(self._received) >= self._needed:
            self._answered()

    def _answered(self) -> None:
        self._measured.latencies.append(time.perf_counter() - self._sent)
        if not self._received.startswith(b"HTTP/1.1 200"):
            self._finish(RuntimeError(bytes(self._received[:300]).decode(errors="replace")))
        elif self.stopping:
            self._finish(None)
        else:
            self._send()

    def _finish(self, error: Exception | None) -> None:
        if not self.done.done():
            if error is not None:
                self.done.set_exception(error)
            else:
                self.done.set_result(None)
        if self._transport is not None:
            self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        self._finish(exc or ConnectionError("the server closed the connection"))


def _length(received: bytearray) -> int:
    """Bytes of the whole answer; 0 until its head has come."""
    head = received.find(b"\r\n\r\n")
    if head < 0:
        return 0
    match = _LENGTH.search(received, 0, head)
    if match is None:
        raise RuntimeError("an answer without Content-Length")
    return head + 4 + int(match[1])


async def press(target: Target, connections: int, seconds: float) -> Measured:
    """Asks as fast as answers come, over so many connections. RuntimeError for any answer but 200."""
    loop, measured, request = asyncio.get_running_loop(), Measured(), target.request()
    began = time.perf_counter()
    opened = [
        (await loop.create_connection(lambda: _Connection(request, measured), "127.0.0.1", target.port))[1]
        for _ in range(connections)
    ]
    await asyncio.sleep(seconds)
    for connection in opened:
        connection.stopping = True
    await asyncio.gather(*(connection.done for connection in opened))
    measured.seconds = time.perf_counter() - began
    return measured
