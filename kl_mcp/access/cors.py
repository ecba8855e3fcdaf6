"""Lets pages of the origins that the guard lets in read answers, and call at all (CORS, https://fetch.spec.whatwg.org).

A browser asks before it sends a call with a token or with JSON in it, and does not send the token with that question:
it is answered here, before anybody asks for one. Cookies mean nothing to this server, so no page may send any.
"""

from __future__ import annotations

import re

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

METHODS = "POST"
HEADERS = frozenset({"authorization", "content-type", "accept", "last-event-id"})
OF_PROTOCOL = re.compile(r"mcp-[a-z0-9-]+")
"""The headers that the protocol defines, those that mirror arguments of tools among them."""
EXPOSED = "WWW-Authenticate, Mcp-Session-Id, MCP-Protocol-Version, Retry-After"
KEPT_SECONDS = 600
"""How long a browser may keep the answer, so that it does not ask before each call."""


class Cors:
    """ASGI application in front of `app`, behind the guard: whatever Origin comes this far may call."""

    def __init__(self, app: ASGIApp, path: str) -> None:
        """Take the one path that pages may call; requests for others pass unchanged."""
        self._app = app
        self._path = path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] != "http" or scope["path"] != self._path:
            await self._app(scope, receive, send)
            return
        asked = Headers(scope=scope)
        origin = asked.get("origin")

        async def told(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.add_vary_header("Origin")
                if origin is not None:
                    headers["Access-Control-Allow-Origin"] = origin
                    headers["Access-Control-Expose-Headers"] = EXPOSED
            await send(message)

        is_question = scope["method"] == "OPTIONS" and origin is not None and "access-control-request-method" in asked
        await (_preflight(asked) if is_question else self._app)(scope, receive, told)


def _preflight(asked: Headers) -> Response:
    """The answer to a browser that asks whether a page may send a request."""
    wanted = [name.strip().lower() for name in asked.get("access-control-request-headers", "").split(",")]
    usable = sorted(HEADERS | {name for name in wanted if OF_PROTOCOL.fullmatch(name)})
    headers = {
        "Access-Control-Allow-Methods": METHODS,
        "Access-Control-Allow-Headers": ", ".join(usable),
        "Access-Control-Max-Age": str(KEPT_SECONDS),
    }
    return Response(status_code=204, headers=headers)
