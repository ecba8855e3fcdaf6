"""What happens to a request before it reaches its route."""

from __future__ import annotations

from email.utils import formatdate

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from simulator.faults import PathFault
from simulator.listing import ApiError
from simulator.state import CALLS_KEPT, Simulator


def json_response(body: object, status: int = 200) -> Response:
    """A JSON document."""
    return Response(orjson.dumps(body), status, media_type="application/json")


class Gate:
    """What happens before a request reaches its route: it is recorded, struck by faults, and asked for its token."""

    def __init__(self, app: ASGIApp, simulator: Simulator) -> None:
        self._app, self._simulator = app, simulator

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = str(scope.get("path", ""))
        if scope["type"] != "http" or path.startswith("/simulator/"):
            await self._app(scope, receive, send)
            return
        self._record(scope, path)
        send = _dated(send, self._simulator.clock.now())
        fault = self._fault(path)
        if fault is not None:
            await self._simulator.pause(fault.delay_seconds)
            if fault.truncate is not None:
                send = _truncating(send, fault.truncate)
        refusal = self._refusal(Request(scope), fault)
        await (refusal or self._app)(scope, receive, send)

    def _record(self, scope: Scope, path: str) -> None:
        query = bytes(scope["query_string"]).decode()
        self._simulator.calls.append({"method": str(scope["method"]), "path": path, "query": query})
        del self._simulator.calls[:-CALLS_KEPT]

    def _fault(self, path: str) -> PathFault | None:
        struck = (fault for fault in self._simulator.faults.paths if path.startswith(fault.prefix))
        return next((fault for fault in struck if self._simulator.strikes(fault, fault.times)), None)

    def _refusal(self, request: Request, fault: PathFault | None) -> Response | None:
        if fault is not None and fault.status is not None:
            return status_response(ApiError(fault.status, "InternalError", f"simulated fault at {fault.prefix}"))
        simulator = self._simulator
        if simulator.token is None or not request.url.path.startswith(("/api", "/version")):
            return None
        known = [f"Bearer {token}" for token in (simulator.token, simulator.restricted_token) if token]
        if request.headers.get("authorization") in known:
            return None
        return status_response(ApiError(401, "Unauthorized", "Unauthorized"))


def _dated(send: Send, now: int) -> Send:
    """Adds the Date header of the simulated cluster's clock."""

    async def dated(message: Message) -> None:
        if message["type"] == "http.response.start":
            date = (b"date", formatdate(now, usegmt=True).encode())
            message = {**message, "headers": [*message.get("headers", ()), date]}
        await send(message)

    return dated


def _truncating(send: Send, share: float) -> Send:
    """Announces the whole body and sends a part of it, so that the client sees the connection break."""

    async def cut(message: Message) -> None:
        if message["type"] == "http.response.body":
            body = bytes(message.get("body", b""))
            message = {**message, "body": body[: int(len(body) * share)]}
        await send(message)

    return cut


def status_response(error: ApiError) -> Response:
    """The Status object of an error."""
    return json_response(error.status(), error.code)
