"""Asks every HTTP request but the exempt ones for a bearer token, and notes whose it is."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable

import orjson
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from kl_mcp.access.callers import ANYBODY, SCOPE_KEY, Caller

logger = logging.getLogger(__name__)

Identify = Callable[[str], Caller | None]
SCHEME = re.compile(r"bearer +", re.IGNORECASE)
MISSING = (
    "This server needs a token: send the header `Authorization: Bearer TOKEN`, once. Its operator hands tokens out "
    "(KL_MCP_TOKENS_FILE)."
)
INVALID = "The token is not known here, or has expired. Ask the server's operator for another (KL_MCP_TOKENS_FILE)."


class Gate:
    """ASGI application that lets requests pass to `app` whose token `identify` knows; without `identify`, all of them.

    `identify` takes the token and answers whose it is.
    """

    def __init__(self, app: ASGIApp, identify: Identify | None, exempt: frozenset[str]) -> None:
        self._app = app
        self._identify = identify
        self._exempt = exempt

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] == "http":
            if self._identify is None:
                scope[SCOPE_KEY] = ANYBODY
            elif scope["path"] not in self._exempt:
                token = _token(scope)
                caller = None if token is None else self._identify(token)
                if caller is None:
                    await _unauthorized(presented=token is not None)(scope, receive, send)
                    return
                scope[SCOPE_KEY] = caller
        await self._app(scope, receive, send)


def _token(scope: Scope) -> str | None:
    """The token of the one Authorization header; None without one, with several, and with another scheme."""
    values = [value.decode("latin-1") for name, value in scope["headers"] if name == b"authorization"]
    if len(values) != 1 or not (scheme := SCHEME.match(values[0])):
        return None
    return values[0][scheme.end() :] or None


def _unauthorized(*, presented: bool) -> Response:
    message = INVALID if presented else MISSING
    logger.warning("Refused a request %s.", "whose token is not known or has expired" if presented else "without token")
    challenge = 'Bearer realm="kubeledger"' + (', error="invalid_token"' if presented else "")
    body = {"error": "invalid_token" if presented else "missing_token", "error_description": message}
    headers = {"WWW-Authenticate": challenge, "Cache-Control": "no-store"}
    return Response(orjson.dumps(body), status_code=401, media_type="application/json", headers=headers)
