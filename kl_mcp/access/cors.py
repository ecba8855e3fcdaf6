"""Lets pages of the origins that the guard lets in read answers, and call at all (CORS, https://fetch.spec.whatwg.org).

A browser asks before it sends a call with a token or with JSON in it, and does not send the token with that question:
it is answered here, before anybody asks for one. Cookies mean nothing to this server, so no page may send any.
"""

import re
from collections.abc import Collection

from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

HEADERS = frozenset({"authorization", "content-type", "accept", "last-event-id"})
PROTOCOL_HEADER = re.compile(r"mcp-[a-z0-9-]+")
"""The headers that the protocol defines, those that mirror arguments of tools among them."""
EXPOSED = ("WWW-Authenticate", "Mcp-Session-Id", "MCP-Protocol-Version", "Retry-After")
MAX_AGE_SECONDS = 600
"""How long a browser may keep the answer, so that it does not ask before each call."""


class Cors(CORSMiddleware):
    """ASGI application in front of `app`, behind the guard: whatever Origin comes this far may call.

    Preflights are answered here, because Starlette allows headers by name only, or all of them.
    """

    def __init__(self, app: ASGIApp, paths: Collection[str]) -> None:
        """Take the paths that pages may call; requests for others pass unchanged."""
        super().__init__(app, allow_origin_regex="(?s:.*)", expose_headers=EXPOSED)
        self._paths = paths

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        serve = super().__call__ if scope["type"] == "http" and scope["path"] in self._paths else self.app
        await serve(scope, receive, send)

    def preflight_response(self, request_headers: Headers) -> Response:
        """Answer a browser that asks whether a page may send a request."""
        requested = request_headers.get("access-control-request-headers", "").lower().split(",")
        allowed = HEADERS.union(filter(PROTOCOL_HEADER.fullmatch, map(str.strip, requested)))
        headers = {
            "Access-Control-Allow-Methods": "POST",
            "Access-Control-Allow-Headers": ", ".join(sorted(allowed)),
            "Access-Control-Max-Age": str(MAX_AGE_SECONDS),
            "Access-Control-Allow-Origin": request_headers["origin"],
            "Vary": "Origin",
        }
        return Response(status_code=204, headers=headers)
