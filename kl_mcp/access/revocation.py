"""Ends a stream whose caller may no longer call: its token was withdrawn or has expired while the stream was open."""

import logging
from collections.abc import Awaitable, Callable

import anyio
from starlette.types import ASGIApp, Message, Receive, Scope, Send

logger = logging.getLogger(__name__)

LOOK_SECONDS = 2.0
"""How often the token of an open stream is looked at again."""
FAREWELL_SECONDS = 1.0
"""How long the end of a stream may take to be sent to a client that has stopped reading."""


async def serve_while(
    admitted: Callable[[], Awaitable[bool]], app: ASGIApp, scope: Scope, receive: Receive, send: Send
) -> None:
    """Serve one request; where its answer is a stream, only as long as `admitted` says so.

    The stream then just ends. A client that asks again is told what is wrong with its token.
    """
    cut = False
    complete = False

    async with anyio.create_task_group() as tasks:

        async def watch() -> None:
            nonlocal cut
            while await admitted():
                await anyio.sleep(LOOK_SECONDS)
            cut = True
            tasks.cancel_scope.cancel()

        async def note(message: Message) -> None:
            nonlocal complete
            await send(message)
            if begins_stream(message):
                tasks.start_soon(watch)
            complete = message["type"] == "http.response.body" and not message.get("more_body", False)

        await app(scope, receive, note)
        tasks.cancel_scope.cancel()
    if cut and not complete:
        logger.info("Ended a stream: its token is no longer accepted.")
        with anyio.move_on_after(FAREWELL_SECONDS):
            await send({"type": "http.response.body", "body": b"", "more_body": False})


def begins_stream(message: Message) -> bool:
    """Say whether a message begins an answer that goes on for as long as its client listens."""
    return message["type"] == "http.response.start" and any(
        name.lower() == b"content-type" and value.startswith(b"text/event-stream") for name, value in message["headers"]
    )
