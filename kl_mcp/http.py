"""The HTTP transport: /mcp (both protocol eras), /healthz, /readyz and /metrics, served by uvicorn."""

from __future__ import annotations

import asyncio
import errno
import logging
import signal
import socket
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from types import FrameType

import anyio
import orjson
import uvicorn
from mcp.server.streamable_http_manager import StreamableHTTPASGIApp, StreamableHTTPSessionManager
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from kl_mcp import probes
from kl_mcp.access.connections import timed
from kl_mcp.access.gate import Gate, Identify
from kl_mcp.access.limits import Limits
from kl_mcp.access.tokens import TokensFile
from kl_mcp.counts import Counts
from kl_mcp.errors import KlMcpError
from kl_mcp.guard import WILDCARDS, Access, Guard
from kl_mcp.holder import Holder, describe
from kl_mcp.metrics import Metrics
from kl_mcp.server import KubeLedgerServer
from kl_mcp.settings import Settings

logger = logging.getLogger(__name__)

MCP_PATH = "/mcp"
HEALTH_PATH = "/healthz"
READY_PATH = "/readyz"
METRICS_PATH = "/metrics"
BACKLOG = 2048
GRACE_SECONDS = 1


class CannotListenError(KlMcpError):
    """The listen address cannot be used. The message says why and which setting to change."""


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 takes any free port. Raises `CannotListenError`."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        sock = socket.socket(family, kind, protocol)
        try:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind(address)
            sock.listen(BACKLOG)
        except BaseException:
            sock.close()
            raise
    except (OSError, UnicodeError) as error:
        raise CannotListenError(f"Cannot listen on {host} port {port}: {_advice(error)}") from error
    return sock


def _advice(error: OSError | UnicodeError) -> str:
    if isinstance(error, socket.gaierror | UnicodeError) or error.errno == errno.EADDRNOTAVAIL:
        return (
            "this machine has no such address. Choose another with --host or KL_MCP_LISTEN_HOST (127.0.0.1, 0.0.0.0)."
        )
    if error.errno == errno.EADDRINUSE:
        return "the port is in use. Stop that process, or choose another port with --port or KL_MCP_LISTEN_PORT."
    if error.errno == errno.EACCES:
        return "not permitted. Choose a port from 1024 on with --port or KL_MCP_LISTEN_PORT."
    return f"{error.strerror}. Check --host (KL_MCP_LISTEN_HOST) and --port (KL_MCP_LISTEN_PORT)."


def url_of(host: str, sock: socket.socket) -> str:
    """The address of the MCP endpoint as a client on this machine would write it."""
    name = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    bracketed = f"[{name}]" if ":" in name else name
    return f"http://{bracketed}:{sock.getsockname()[1]}{MCP_PATH}"


def create_app(
    settings: Settings,
    served: KubeLedgerServer,
    holder: Holder,
    counts: Counts,
    ready: Callable[[], None],
    *,
    identify: Identify | None = None,
) -> ASGIApp:
    """The ASGI application. Its lifespan watches the dataset; `ready` is called when the first load has ended.

    Every request stands alone: both eras are served without sessions, so any number of replicas can share the load and
    nothing is kept for a client that went away.
    """
    manager = StreamableHTTPSessionManager(
        served.server, json_response=True, stateless=True, max_request_body_size=settings.max_request_bytes
    )
    exposed = Metrics(holder, counts, served.tools, time.time)

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        async def announce() -> None:
            await holder.dataset()
            ready()

        async with manager.run(), holder.watching(), anyio.create_task_group() as tasks:
            tasks.start_soon(announce)
            yield
            tasks.cancel_scope.cancel()

    async def health(_request: Request) -> Response:
        return _json(200, probes.health())

    async def readiness(_request: Request) -> Response:
        return _json(*probes.readiness(holder, counts, time.time(), discreetly=identify is not None))

    async def metrics(request: Request) -> Response:
        body, content_type = exposed.exposition(request.headers.get("accept", ""))
        return Response(body, headers={"Content-Type": content_type})

    routes = [
        Route(HEALTH_PATH, health),
        Route(READY_PATH, readiness),
        Route(METRICS_PATH, metrics),
        Route(MCP_PATH, PostOnly(StreamableHTTPASGIApp(manager))),
    ]
    app = Starlette(routes=routes, lifespan=lifespan, exception_handlers={404: _not_found})
    exempt = frozenset({HEALTH_PATH, READY_PATH})
    limits = Limits(
        app,
        most_requests=settings.max_requests,
        most_bytes=settings.max_request_bytes,
        body_seconds=settings.client_timeout,
        exempt=exempt,
    )
    access = Access.of(settings.host, settings.allowed_hosts, settings.allowed_origins)
    return UnfinishedAnswer(Guard(Gate(limits, identify, exempt), access, exempt))


class UnfinishedAnswer:
    """Answers 503 to a request that is cut off when the server stops, such as one whose body never arrived."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        started = False

        async def watch(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self._app(scope, receive, watch)
        except asyncio.CancelledError:
            if started or scope["type"] != "http":
                raise
            await _json(503, {"error": "The server is stopping."})(scope, receive, send)


class PostOnly:
    """Refuses everything but POST. A GET would open a stream on which a server without sessions never says anything."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["method"] == "POST":
            await self._app(scope, receive, send)
            return
        body = {"error": f"{MCP_PATH} takes POST only: this server keeps no sessions and offers no stream to GET."}
        response = _json(405, body)
        response.headers["Allow"] = "POST"
        await response(scope, receive, send)


def _json(status: int, body: object) -> Response:
    return Response(orjson.dumps(body), status_code=status, media_type="application/json")


async def _not_found(_request: Request, _error: Exception) -> Response:
    others = f"probes are {HEALTH_PATH} and {READY_PATH}, metrics for Prometheus {METRICS_PATH}"
    return _json(404, {"error": f"Nothing here. The MCP endpoint is {MCP_PATH}; {others}."})


class _Uvicorn(uvicorn.Server):
    """Ends open subscription streams when told to stop, and leaves with exit code 0 after SIGINT and SIGTERM."""

    def __init__(self, config: uvicorn.Config, served: KubeLedgerServer) -> None:
        super().__init__(config)
        self._served = served
        self._loop: asyncio.AbstractEventLoop | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        self._loop = asyncio.get_running_loop()
        await super().startup(sockets)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002 -- uvicorn's signature
        """Stop; a second SIGINT stops without waiting for open requests."""
        if self.should_exit and sig == signal.SIGINT:
            self.force_exit = True
        self.should_exit = True
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._served.subscriptions.close)


def serve(settings: Settings, served: KubeLedgerServer, holder: Holder, counts: Counts) -> None:
    """Serve until SIGINT or SIGTERM. Raises `CannotListenError` and `TokensError` before anything was started."""
    identify = None if settings.tokens_file is None else TokensFile(settings.tokens_file).caller
    sock = listen(settings.host, settings.port)
    url = url_of(settings.host, sock)

    if settings.host in WILDCARDS and not settings.allowed_hosts:
        logger.warning("Only localhost is accepted as Host header: name the others in KL_MCP_ALLOWED_HOSTS.")

    def ready() -> None:
        logger.info("Serving %s from %s: %s", url, holder.directory, describe(holder.held.dataset))

    config = uvicorn.Config(
        create_app(settings, served, holder, counts, ready, identify=identify),
        http=timed(settings.client_timeout),
        log_config=None,
        access_log=False,
        lifespan="on",
        ws="none",
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
    _Uvicorn(config, served).run(sockets=[sock])
    logger.info("Stopped.")
