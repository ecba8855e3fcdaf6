"""What bounds a client that is slow, or means to be. Whatever it does, it holds something for a known time only.

| what it takes its time with | bound | held by |
|---|---|---|
| the TLS handshake, and the farewell of TLS | `KL_MCP_CLIENT_TIMEOUT` | `connections` |
| the headers of a request | `KL_MCP_CLIENT_TIMEOUT` from the connection on, later from their first byte on | here |
| the next request on a connection, before its first byte | `MAX_IDLE_SECONDS` | here |
| taking an answer that fills the buffers on the way | `KL_MCP_CLIENT_TIMEOUT` | here |
| the body of a request | `KL_MCP_CLIENT_TIMEOUT` | `request_limits` |
| its size | `KL_MCP_MAX_REQUEST_BYTES`, and `MAX_ELEMENTS` | `request_limits` |
| saying nothing on many connections | `MAX_WAITING_CONNECTIONS`: the oldest makes room | `connections` |
| many requests at once | `KL_MCP_MAX_REQUESTS`: answered 503 | `request_limits` |
| many subscriptions, which stay open | `MAX_SUBSCRIPTIONS`, a quarter for each name | `protocol.subscriptions` |
| a stream whose token is withdrawn | ended at the next look, in `FAREWELL_SECONDS` | `access.revocation` |
| connections when the server stops | `FAREWELL_SECONDS`, then `GRACE_SECONDS` for answers | `connections`, `runner` |

`capacity` makes the numbers fit into the files that the process may have open.
"""

import asyncio
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

from kl_mcp.transport.header_lines import strict

MAX_IDLE_SECONDS = 75
"""Load balancers keep idle connections for 60 seconds. They have to close first: a request that is on its way while the
server closes is lost."""
TIMED_OUT = b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"


def timed(seconds: float) -> type[H11Protocol]:
    """Return a protocol for uvicorn that waits `seconds` for the headers of a request, from its first byte on.

    For the first request of a connection the time runs from the connection's beginning. The client has as long to take
    an answer that is larger than the buffers on the way. uvicorn waits for ever for both, and five seconds between
    requests.
    """

    class Timed(H11Protocol):
        _spoke = False
        _dropped = False
        _heard_at = 0.0

        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            self._timers: dict[str, asyncio.TimerHandle] = {}
            self.timeout_keep_alive = MAX_IDLE_SECONDS
            strict(self.conn)

        @property
        def waiting_since(self) -> float | None:
            """Tell when the last byte came, by the loop's clock; None while a request is being answered."""
            return None if self._answering() or self._dropped else self._heard_at

        def drop(self) -> None:
            """End the connection at once; it no longer counts as waiting."""
            self._dropped = True
            self.transport.abort()

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            self._heard_at = self.loop.time()
            self._start()

        def data_received(self, data: bytes) -> None:
            self._spoke = True
            self._heard_at = self.loop.time()
            super().data_received(data)
            if self._answering():
                self._stop("headers")
            elif "headers" not in self._timers:
                self._start()

        def pause_writing(self) -> None:
            super().pause_writing()
            self._timers["reader"] = self.loop.call_later(seconds, self.drop)

        def resume_writing(self) -> None:
            self._stop("reader")
            super().resume_writing()

        def connection_lost(self, exc: Exception | None) -> None:
            self._stop("headers")
            self._stop("reader")
            super().connection_lost(exc)

        def _answering(self) -> bool:
            """Tell whether the headers of a request are there and its answer is not complete."""
            return self.cycle is not None and not self.cycle.response_complete

        def _start(self) -> None:
            self._timers["headers"] = self.loop.call_later(seconds, self._late)

        def _stop(self, timer: str) -> None:
            if timer in self._timers:
                self._timers.pop(timer).cancel()

        def _late(self) -> None:
            del self._timers["headers"]
            if self._answering() or self.transport.is_closing():
                return
            if self._spoke:
                self.transport.write(TIMED_OUT)
            self.transport.close()

    return Timed
