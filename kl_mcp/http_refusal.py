"""How a request is refused over HTTP: in one form, whoever refuses it."""

from collections.abc import Mapping

from mcp_types import INTERNAL_ERROR, INVALID_REQUEST, RequestId
from starlette.responses import JSONResponse, Response


def refusal(
    status: int,
    message: str,
    headers: Mapping[str, str] | None = None,
    *,
    code: int | None = None,
    request_id: RequestId | None = None,
    oauth_error: str | None = None,
) -> Response:
    """Return the answer with this status and a JSON body that says why.

    MCP clients show the message of a JSON-RPC error, with or without an id, whatever the status. `code` is by default
    that of an invalid request or an internal error, as the status says. What `oauth_error` names is told as
    RFC 6749 5.2 does, to clients that look for a token.
    """
    body: object = {"error": oauth_error, "error_description": message}
    if oauth_error is None:
        code = code or (INVALID_REQUEST if status < 500 else INTERNAL_ERROR)
        body = {"jsonrpc": "2.0", "id": request_id, "error": {"code": code, "message": message}}
    return JSONResponse(body, status, headers)
