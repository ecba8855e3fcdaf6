"""Reads the body of a request whole, within bounds of size, before anybody parses it."""

from __future__ import annotations

import re

from starlette.types import Message, Receive, Scope

TEXT = re.compile(rb'"(?:[^"\\]|\\.)*+"?', re.DOTALL)
"""A JSON string, or one that is never closed, which is looked at once and not from each of its quotes."""

MAX_ELEMENTS = 2_000
"""Commas and opening brackets of a body. A call has some dozen; parsing and validating take memory and time by them,
and hundreds of times their bytes."""


class TooLargeError(Exception):
    """A body is larger than allowed. The message is for its sender."""


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
    handed = False

    async def next_message() -> Message:
        nonlocal handed
        if handed:
            return await receive()
        handed = True
        return {"type": "http.request", "body": body, "more_body": False}

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
