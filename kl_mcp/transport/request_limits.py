"""Limits on what callers may ask at once: size and time of a body, and requests in flight."""

from __future__ import annotations

import logging
import re

import anyio
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from kl_mcp.access.open_streams import begins_stream
from kl_mcp.http_refusal import refusal
from kl_mcp.protocol.subscriptions import TURNED_AWAY

logger = logging.getLogger(__name__)

RETRY_SECONDS = 1
"""What a caller is told to wait when too many others are being answered: most answers take milliseconds."""
PLACE_SECONDS = 30
"""What one is told to wait for whose subscription found no place: others stay open for minutes and hours."""
TEXT = re.compile(rb'"(?:[^"\\]|\\.)*+"?', re.DOTALL)
"""A JSON string, or one that is never closed, which is looked at once and not from each of its quotes."""

MOST_ELEMENTS = 2_000
"""Commas and opening brackets of a body. A call has some dozen; parsing and validating take memory and time by them,
and hundreds of times their bytes."""


class TooLargeError(Exception):
    """A body is larger than allowed. The message is for its sender."""


class Limits:
    """ASGI application that reads the body before `app` is asked, and refuses what goes beyond the limits.

    A subscription's stream counts as a request until it has begun; how many of them may be open is not decided here.
    """

    def __init__(
        self, app: ASGIApp, *, most_requests: int, most_bytes: int, body_seconds: float, exempt: frozenset[str]
    ) -> None:
        self._app = app
        self._most_requests = most_requests
        self._most_bytes = most_bytes
        self._body_seconds = body_seconds
        self._exempt = exempt
        self._requests = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] != "http" or scope["path"] in self._exempt:
            await self._app(scope, receive, send)
            return
        if self._requests >= self._most_requests:
            await self._busy()(scope, receive, send)
            return
        place = _Place(self)
        try:
            await self._read_and_answer(scope, receive, send, place)
        finally:
            place.leave()

    async def _read_and_answer(self, scope: Scope, receive: Receive, send: Send, place: _Place) -> None:
        body: bytes | None = None
        try:
            with anyio.move_on_after(self._body_seconds) as deadline:
                body = await self._body(scope, receive)
        except TooLargeError as error:
            await refusal(413, str(error))(scope, receive, send)
            return
        if deadline.cancelled_caught:
            said = f"The body did not arrive within {self._body_seconds:g} s (KL_MCP_CLIENT_TIMEOUT)."
            await refusal(408, said, {"Connection": "close"})(scope, receive, send)
            return
        if body is not None:
            await self._answer(scope, _replayed(body, receive), send, place)

    async def _body(self, scope: Scope, receive: Receive) -> bytes | None:
        """The whole body; None when the client went away. Raises `TooLargeError`."""
        said = f"A request may have {self._most_bytes} bytes. Its operator can allow more (KL_MCP_MAX_REQUEST_BYTES)."
        declared = dict(scope["headers"]).get(b"content-length", b"0")
        if declared.isdigit() and int(declared) > self._most_bytes:
            raise TooLargeError(said)
        parts = bytearray()
        while True:
            message = await receive()
            if message["type"] != "http.request":
                return None
            parts += message.get("body", b"")
            if len(parts) > self._most_bytes:
                raise TooLargeError(said)
            if not message.get("more_body", False):
                return checked_width(bytes(parts))

    async def _answer(self, scope: Scope, receive: Receive, send: Send, place: _Place) -> None:
        async def watch(message: Message) -> None:
            if message["type"] == "http.response.start":
                if begins_stream(message):
                    place.leave()
                if TURNED_AWAY in scope:
                    message["status"] = 503
                    message["headers"] = [*message["headers"], (b"retry-after", b"%d" % PLACE_SECONDS)]
            await send(message)

        await self._app(scope, receive, watch)

    def _busy(self) -> Response:
        logger.warning("Refused a request: %d are being answered (KL_MCP_MAX_REQUESTS).", self._most_requests)
        said = (
            f"The server answers {self._most_requests} requests at once and is busy: try again (KL_MCP_MAX_REQUESTS)."
        )
        return refusal(503, said, {"Retry-After": str(RETRY_SECONDS)})

    def take_place(self) -> None:
        """Count one more request that is being answered."""
        self._requests += 1

    def give_place(self) -> None:
        """Count one less."""
        self._requests -= 1


class _Place:
    """What one request takes up, from when it is made until it is left; leaving twice counts once."""

    def __init__(self, limits: Limits) -> None:
        self._limits: Limits | None = limits
        limits.take_place()

    def leave(self) -> None:
        if self._limits is not None:
            self._limits.give_place()
            self._limits = None


def _replayed(body: bytes, receive: Receive) -> Receive:
    """A `receive` that hands the body out in one piece, and then what comes after it."""
    handed = False

    async def next_message() -> Message:
        nonlocal handed
        if handed:
            return await receive()
        handed = True
        return {"type": "http.request", "body": body, "more_body": False}

    return next_message


def checked_width(body: bytes) -> bytes:
    """The body as it is. Raises `TooLargeError`."""
    # An icon of a client can hold thousands of commas as text, which cost nothing; taking texts out takes time.
    if _elements(body) > MOST_ELEMENTS and _elements(TEXT.sub(b"", body)) > MOST_ELEMENTS:
        raise TooLargeError(
            f"A request may have {MOST_ELEMENTS} elements, that is commas and opening brackets; ask for less at once."
        )
    return body


def _elements(body: bytes) -> int:
    return sum(map(body.count, (b",", b"[", b"{")))
