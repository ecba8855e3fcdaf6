"""Limits to what callers may ask: how many requests at once, and the size and time of a body, before it is parsed."""

import logging
import re
from dataclasses import dataclass, field

import anyio
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from kl_mcp.access.refusal_log import RefusalLog
from kl_mcp.access.revocation import begins_stream
from kl_mcp.http_refusal import refusal
from kl_mcp.protocol.subscriptions import TURNED_AWAY

logger = logging.getLogger(__name__)

RETRY_SECONDS = 1
"""What a caller is told to wait when too many others are being answered: most answers take milliseconds."""
PLACE_SECONDS = 30
"""What one is told to wait for whose subscription found no place: others stay open for minutes and hours."""
TEXT = re.compile(rb'"(?:[^"\\]|\\.)*+"?', re.DOTALL)
"""A JSON string, or one that is never closed, which is looked at once and not from each of its quotes."""
MAX_ELEMENTS = 2_000
"""Commas and opening brackets of a body. A call has some dozen; parsing and validating take memory and time by them,
and hundreds of times their bytes."""


class TooLargeError(Exception):
    """A body is larger than allowed. The message is for its sender."""


@dataclass(frozen=True, slots=True)
class Limits:
    """ASGI application that reads the body before `app` is asked, and refuses what goes beyond the limits.

    A subscription's stream counts as a request until it has begun; how many of them may be open is not decided here.
    """

    app: ASGIApp
    max_requests: int
    max_bytes: int
    body_seconds: float
    exempt: frozenset[str]
    in_flight: set[object] = field(default_factory=set)
    log: RefusalLog = field(default_factory=lambda: RefusalLog(logger))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] != "http" or scope["path"] in self.exempt:
            await self.app(scope, receive, send)
            return
        if len(self.in_flight) >= self.max_requests:
            await self._busy(scope)(scope, receive, send)
            return
        place = object()

        async def watch(message: Message) -> None:
            if message["type"] == "http.response.start":
                if begins_stream(message):
                    self.in_flight.discard(place)
                if TURNED_AWAY in scope:
                    message["status"] = 503
                    message["headers"] = [*message["headers"], (b"retry-after", b"%d" % PLACE_SECONDS)]
            await send(message)

        self.in_flight.add(place)
        try:
            body = await self._body(scope, receive)
            if isinstance(body, Response):
                await body(scope, receive, send)
            elif body is not None:
                await self.app(scope, replayed(body, receive), watch)
        finally:
            self.in_flight.discard(place)

    async def _body(self, scope: Scope, receive: Receive) -> bytes | Response | None:
        """Return the body, or the refusal of one that is too large or too slow; None when the client went away."""
        try:
            with anyio.move_on_after(self.body_seconds):
                return await read_body(scope, receive, self.max_bytes)
        except TooLargeError as error:
            return refusal(413, str(error))
        return refusal(
            408,
            f"The body did not arrive within {self.body_seconds:g} s (KL_MCP_CLIENT_TIMEOUT).",
            {"Connection": "close"},
        )

    def _busy(self, scope: Scope) -> Response:
        self.log.note(scope, f"{self.max_requests} are being answered (KL_MCP_MAX_REQUESTS).")
        return refusal(
            503,
            f"The server answers {self.max_requests} requests at once and is busy: try again (KL_MCP_MAX_REQUESTS).",
            {"Retry-After": str(RETRY_SECONDS)},
        )


async def read_body(scope: Scope, receive: Receive, max_bytes: int) -> bytes | None:
    """Return the whole body; None when the client went away. Raise `TooLargeError`."""
    too_large = f"A request may have {max_bytes} bytes. Its operator can allow more (KL_MCP_MAX_REQUEST_BYTES)."
    declared = dict(scope["headers"]).get(b"content-length", b"0")
    if declared.isdigit() and int(declared) > max_bytes:
        raise TooLargeError(too_large)
    parts = bytearray()
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return None
        parts += message.get("body", b"")
        if len(parts) > max_bytes:
            raise TooLargeError(too_large)
        if not message.get("more_body", False):
            return checked_width(bytes(parts))


def replayed(body: bytes, receive: Receive) -> Receive:
    """Return a `receive` that hands the body out in one piece, and then what comes after it."""
    unread = [{"type": "http.request", "body": body, "more_body": False}]

    async def next_message() -> Message:
        return unread.pop() if unread else await receive()

    return next_message


def checked_width(body: bytes) -> bytes:
    """Return the body as it is. Raise `TooLargeError`."""
    # An icon of a client can hold thousands of commas as text, which cost nothing; taking texts out takes time.
    if _elements(body) > MAX_ELEMENTS and _elements(TEXT.sub(b"", body)) > MAX_ELEMENTS:
        raise TooLargeError(
            f"A request may have {MAX_ELEMENTS} elements, that is commas and opening brackets; ask for less at once."
        )
    return body


def _elements(body: bytes) -> int:
    return sum(map(body.count, (b",", b"[", b"{")))
