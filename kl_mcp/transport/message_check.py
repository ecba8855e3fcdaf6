"""Refuses what is posted to the endpoint and is no JSON-RPC message, before the SDK sees it: alike in every era."""

from dataclasses import dataclass

from mcp.server.streamable_http import CONTENT_TYPE_JSON, CONTENT_TYPE_SSE, check_accept_headers
from mcp_types import PARSE_ERROR
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from kl_mcp.http_refusal import refusal
from kl_mcp.protocol.envelope import NotJsonRpcError, parse_message
from kl_mcp.protocol.subscriptions import LISTENING_METHOD
from kl_mcp.transport.request_limits import replayed

PLAIN = ("", "identity")
"""Values of Content-Encoding of a body that is not compressed."""


@dataclass(frozen=True, slots=True)
class MessageCheck:
    """ASGI application in front of the endpoint `app`. The whole body has to be there already."""

    app: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        request = Request(scope, receive)
        body = await request.body()
        refused = _refused_headers(request) or _refused_message(request, body)
        if refused is not None:
            await refused(scope, receive, send)
            return
        # The SDK compares the media type letter by letter. It is set in place: others note things in this very scope.
        scope["headers"] = [
            (name, CONTENT_TYPE_JSON.encode() if name == b"content-type" else value) for name, value in scope["headers"]
        ]
        await self.app(scope, replayed(body, receive), send)


def _refused_headers(request: Request) -> Response | None:
    media_type = request.headers.get("content-type", "").partition(";")[0].strip()
    if media_type.lower() != CONTENT_TYPE_JSON:
        return refusal(415, f"A message is posted with the header `Content-Type: {CONTENT_TYPE_JSON}`.")
    accepts_json, _ = check_accept_headers(request)
    if not accepts_json:
        return _not_acceptable(CONTENT_TYPE_JSON)
    if request.headers.get("content-encoding", "").strip().lower() not in PLAIN:
        return refusal(
            400,
            "A body with a Content-Encoding is not read: send the JSON-RPC message uncompressed, in UTF-8.",
            {"Accept-Encoding": "identity"},
            code=PARSE_ERROR,
        )
    return None


def _refused_message(request: Request, body: bytes) -> Response | None:
    try:
        message = parse_message(body)
    except NotJsonRpcError as error:
        return refusal(400, str(error), code=error.code, request_id=error.request_id)
    _, accepts_stream = check_accept_headers(request)
    if message.get("method") == LISTENING_METHOD and not accepts_stream:
        return _not_acceptable(CONTENT_TYPE_SSE)
    return None


def _not_acceptable(media_type: str) -> Response:
    return refusal(406, f"The answer is {media_type}, which the Accept header has to allow.")
