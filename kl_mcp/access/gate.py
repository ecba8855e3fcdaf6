"""Asks every HTTP request but the exempt ones for a bearer token, and notes whose it is (RFC 6750)."""

import logging
import re
from collections.abc import Mapping

from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from kl_mcp.access.callers import ANYBODY, SCOPE_KEY
from kl_mcp.access.identify import Identification
from kl_mcp.access.keys_at_url import RETRY_SECONDS
from kl_mcp.access.refusal_log import RefusalLog
from kl_mcp.access.refusals import KeysUnknownError, MissingTokenError, RefusedError
from kl_mcp.access.revocation import serve_while
from kl_mcp.http_refusal import refusal

logger = logging.getLogger(__name__)

BEARER_SCHEME = re.compile(r"bearer +", re.IGNORECASE)
OPEN_PREFIX = "/.well-known/"
"""Where clients look for a way to get a token. What is not there is answered 404: a 401 would send them here again."""
UNQUOTABLE = re.compile(r"[^ !#-\[\]-~]")
"""What RFC 6750 3 keeps out of the parameters of a challenge."""


class Gate:
    """ASGI application that lets requests pass to `app` whose token is known; without `identification`, all of them."""

    def __init__(self, app: ASGIApp, identification: Identification | None, exempt: frozenset[str]) -> None:
        """Take the paths that need no token, beside those below `OPEN_PREFIX`."""
        self._app = app
        self._identification = identification
        self._exempt = exempt
        self._log = RefusalLog(logger)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        known = self._identification
        if known is None:
            scope[SCOPE_KEY] = ANYBODY
        if known is None or scope["type"] != "http" or self._is_open(scope["path"]):
            await self._app(scope, receive, send)
            return
        try:
            token = _token(scope, known.settings)
            caller = await known.caller(token)
        except RefusedError as refused:
            self._log.note(scope, str(refused))
            await _refusal(refused, known.challenge)(scope, receive, send)
            return

        async def admitted() -> bool:
            try:
                return await known.caller(token) == caller
            except RefusedError:
                return False

        scope[SCOPE_KEY] = caller
        await serve_while(admitted, self._app, scope, receive, send)

    def _is_open(self, path: str) -> bool:
        return path in self._exempt or path.startswith(OPEN_PREFIX)


def _token(scope: Scope, settings: str) -> str:
    """Return the token of the one Authorization header.

    Raise `MissingTokenError` without one, with several, and with another scheme.
    """
    values = [value.decode("latin-1") for name, value in scope["headers"] if name == b"authorization"]
    scheme = BEARER_SCHEME.match(values[0]) if len(values) == 1 else None
    token = values[0][scheme.end() :] if scheme else ""
    if not token:
        raise MissingTokenError(
            "This server needs a token: send the header `Authorization: Bearer TOKEN`, once. Its operator says where "
            f"tokens come from ({settings})."
        )
    return token


def _refusal(refused: RefusedError, challenge: Mapping[str, str]) -> Response:
    headers = {"Cache-Control": "no-store"}
    if isinstance(refused, KeysUnknownError):
        headers["Retry-After"] = str(RETRY_SECONDS)
    else:
        headers["WWW-Authenticate"] = _challenge(refused, challenge)
    return refusal(refused.status, str(refused), headers, oauth_error=refused.code)


def _challenge(refused: RefusedError, more: Mapping[str, str]) -> str:
    parameters = {"realm": "kubeledger"}
    if not isinstance(refused, MissingTokenError):  # RFC 6750 3.1: who sent no token is told of no error
        parameters |= {"error": refused.code, "error_description": str(refused)}
    parameters |= more
    return "Bearer " + ", ".join(f'{name}="{UNQUOTABLE.sub("?", value)}"' for name, value in parameters.items())
