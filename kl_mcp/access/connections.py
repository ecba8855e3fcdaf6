"""Ends connections on which a request's headers do not arrive in time, so that silent clients hold nothing."""

from __future__ import annotations

import asyncio

from uvicorn.protocols.http.h11_impl import H11Protocol

TIMED_OUT = b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"


def timed(seconds: float) -> type[H11Protocol]:
    """A protocol for uvicorn that waits `seconds` for the headers of a request, from its first byte on.

    For the first request of a connection the time runs from the connection's beginning. uvicorn itself ends connections
    that are idle between requests, and waits for headers for ever.
    """

    class Timed(H11Protocol):
        _headers_timer: asyncio.TimerHandle | None = None
        _spoke = False

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            self._start()

        def data_received(self, data: bytes) -> None:
            self._spoke = True
            super().data_received(data)
            if self._answering():
                self._stop()
            elif self._headers_timer is None:
                self._start()

        def connection_lost(self, exc: Exception | None) -> None:
            self._stop()
            super().connection_lost(exc)

        def _answering(self) -> bool:
            """Whether the headers of a request are there and its answer is not complete."""
            return self.cycle is not None and not self.cycle.response_complete

        def _start(self) -> None:
            self._headers_timer = self.loop.call_later(seconds, self._late)

        def _stop(self) -> None:
            if self._headers_timer is not None:
                self._headers_timer.cancel()
                self._headers_timer = None

        def _late(self) -> None:
            self._headers_timer = None
            if self._answering() or self.transport.is_closing():
                return
            if self._spoke:
                self.transport.write(TIMED_OUT)
            self.transport.close()

    return Timed
