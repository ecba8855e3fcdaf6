"""The HTTP transport: /mcp (both protocol eras), /healthz, /readyz and /metrics, served by uvicorn."""

import asyncio
import logging
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import ExitStack, asynccontextmanager, nullcontext
from dataclasses import dataclass, replace

import anyio
from mcp.server.streamable_http_manager import StreamableHTTPASGIApp, StreamableHTTPSessionManager
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from kl_mcp.access.cors import Cors
from kl_mcp.access.gate import Gate
from kl_mcp.access.host_and_origin import WILDCARDS, Access, Guard
from kl_mcp.access.identify import Identification, identification_of
from kl_mcp.counts import Counts
from kl_mcp.http_refusal import refusal
from kl_mcp.protocol.server import KubeLedgerServer
from kl_mcp.settings import Settings
from kl_mcp.transport import probes
from kl_mcp.transport.capacity import Room
from kl_mcp.transport.message_check import MessageCheck
from kl_mcp.transport.metrics import Metrics
from kl_mcp.transport.request_limits import Limits
from kl_mcp.transport.runner import Server
from kl_mcp.transport.sockets import METRICS_PORT, is_reachable_from_outside, listen, own_addresses, urls_of
from kl_mcp.transport.tls import TlsFiles
from kl_query.dataset.watcher import Holder, describe

logger = logging.getLogger(__name__)

MCP_PATH = "/mcp"
MCP_PATHS = (MCP_PATH, f"{MCP_PATH}/")
MCP_METHODS = ("POST",)
"""A GET would open a stream on which a server without sessions never says anything."""
HEALTH_PATH = "/healthz"
READY_PATH = "/readyz"
METRICS_PATH = "/metrics"


def create_app(
    settings: Settings,
    served: KubeLedgerServer,
    holder: Holder,
    counts: Counts,
    ready: Callable[[], None],
    *,
    identification: Identification | None = None,
) -> ASGIApp:
    """Return the ASGI application. Its lifespan watches the dataset; `ready` is called once the first load has ended.

    Every request stands alone: both eras are served without sessions, so any number of replicas can share the load and
    nothing is kept for a client that went away.
    """
    manager = StreamableHTTPSessionManager(
        served.server, json_response=True, stateless=True, max_request_body_size=settings.max_request_bytes
    )
    keys_kept_fresh = identification.kept_fresh if identification else nullcontext

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        async def announce() -> None:
            await holder.dataset()
            ready()

        async with manager.run(), holder.watching(), keys_kept_fresh(), anyio.create_task_group() as tasks:
            tasks.start_soon(announce)
            yield
            tasks.cancel_scope.cancel()

    async def health(_request: Request) -> Response:
        return JSONResponse({"status": "ok"})  # that the process answers is all a liveness probe may depend on

    async def readiness(_request: Request) -> Response:
        status, body = probes.readiness(holder, counts, time.time(), discreetly=identification is not None)
        return JSONResponse(body, status)

    routes = [
        Route(HEALTH_PATH, health),
        Route(READY_PATH, readiness),
        *(Route(path, MessageCheck(StreamableHTTPASGIApp(manager)), methods=MCP_METHODS) for path in MCP_PATHS),
        *(identification.routes if identification else ()),
        *([_metrics_route(served, holder, counts)] if settings.metrics_port is None else ()),
    ]
    refusals = {404: _no_such_path(_what_is_here(settings)), 405: _not_allowed}
    app = Starlette(routes=routes, lifespan=lifespan, exception_handlers=refusals)
    exempt = frozenset({HEALTH_PATH, READY_PATH})
    return _guarded(app, settings, identification, exempt)


def create_metrics_app(
    settings: Settings,
    served: KubeLedgerServer,
    holder: Holder,
    counts: Counts,
    *,
    identification: Identification | None = None,
) -> ASGIApp:
    """Return the ASGI application of the port for metrics, guarded like the main one."""
    hint = f"This port has metrics for Prometheus at {METRICS_PATH} and nothing else."
    app = Starlette(routes=[_metrics_route(served, holder, counts)], exception_handlers={404: _no_such_path(hint)})
    return _guarded(app, settings, identification, frozenset())


def _metrics_route(served: KubeLedgerServer, holder: Holder, counts: Counts) -> Route:
    exposed = Metrics(holder, counts, served.tools, time.time)

    async def metrics(request: Request) -> Response:
        body, content_type = exposed.exposition(request.headers.get("accept", ""))
        return Response(body, headers={"Content-Type": content_type})

    return Route(METRICS_PATH, metrics)


def _guarded(
    app: ASGIApp, settings: Settings, identification: Identification | None, exempt: frozenset[str]
) -> ASGIApp:
    """Put `app` behind everything that refuses requests; paths in `exempt` are for everybody."""
    limits = Limits(
        app,
        max_requests=settings.max_requests,
        max_bytes=settings.max_request_bytes,
        body_seconds=settings.client_timeout,
        exempt=exempt,
    )
    # The answers to browsers stand outside of the gate: their questions bring no token, and its refusals are read too.
    access = Access.of(settings.host, settings.allowed_hosts, settings.allowed_origins)
    return UnfinishedAnswer(Guard(Cors(Gate(limits, identification, exempt), MCP_PATHS), access, exempt))


@dataclass(frozen=True, slots=True)
class UnfinishedAnswer:
    """Answers 503 to a request that is cut off when the server stops, such as one whose body never arrived."""

    app: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        started = False

        async def watch(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self.app(scope, receive, watch)
        except asyncio.CancelledError:
            if started or scope["type"] != "http":
                raise
            await refusal(503, "The server is stopping.")(scope, receive, send)


def _what_is_here(settings: Settings) -> str:
    metrics = METRICS_PATH if settings.metrics_port is None else "are on a port of their own (KL_MCP_METRICS_PORT)"
    return (
        f"The MCP endpoint is {MCP_PATH}; probes are {HEALTH_PATH} and {READY_PATH}, metrics for Prometheus {metrics}."
    )


def _no_such_path(hint: str) -> Callable[[Request, Exception], Awaitable[Response]]:
    async def answer(_request: Request, _error: Exception) -> Response:
        return refusal(404, f"Nothing here. {hint}")

    return answer


async def _not_allowed(request: Request, refused: Exception) -> Response:
    allowed = (refused.headers or {}).get("Allow", "") if isinstance(refused, HTTPException) else ""
    why = ": this server keeps no sessions and offers no stream to GET" if request.url.path in MCP_PATHS else ""
    return refusal(405, f"{request.url.path} takes {allowed} only{why}.", {"Allow": allowed})


def serve(settings: Settings, served: KubeLedgerServer, holder: Holder, counts: Counts, room: Room) -> None:
    """Serve until SIGINT or SIGTERM, as many at once as there is `room` for.

    Raise `CannotListenError` and `SettingsError` before anything was started.
    """
    settings = replace(settings, max_requests=room.requests)
    identification = identification_of(settings, counts.count_key_set_read)
    cert_file, key_file = settings.tls_cert_file, settings.tls_key_file
    tls = TlsFiles(cert_file, key_file) if cert_file and key_file else None
    scheme = "http" if tls is None else "https"

    def ready() -> None:
        logger.info("Serving %s from %s: %s", ", ".join(urls), holder.directory, describe(holder.held.dataset))

    with ExitStack() as sockets:
        sock = sockets.enter_context(listen(settings.host, settings.port))
        urls = urls_of(settings.host, sock, MCP_PATH, scheme=scheme)
        _warn_of_strangers(settings, sock, identification)
        app = create_app(settings, served, holder, counts, ready, identification=identification)
        listeners = [(sock, app)]
        if settings.metrics_port is not None:
            sock = sockets.enter_context(listen(settings.host, settings.metrics_port, METRICS_PORT))
            app = create_metrics_app(settings, served, holder, counts, identification=identification)
            listeners.append((sock, app))
            logger.info("Serving metrics at %s", urls_of(settings.host, sock, METRICS_PATH, scheme=scheme)[0])
        Server(listeners, served.subscriptions.close, settings.client_timeout, tls, max_waiting=room.waiting).run()
    logger.info("Stopped.")


def _warn_of_strangers(settings: Settings, sock: socket.socket, identification: Identification | None) -> None:
    """Say who may call a server that listens to more than its own machine."""
    if settings.host in WILDCARDS and not settings.allowed_hosts:
        example = "".join(f", such as {address}" for address in own_addresses(sock)[:1])
        logger.warning("Only localhost is accepted as Host header: name the others in KL_MCP_ALLOWED_HOSTS%s.", example)
    if identification is None and is_reachable_from_outside(sock):
        logger.warning(
            "Nobody is asked for a token: whoever reaches port %d can read everything. Set KL_MCP_TOKENS_FILE or "
            "KL_MCP_JWT_JWKS, or let only those reach it who may.",
            sock.getsockname()[1],
        )
