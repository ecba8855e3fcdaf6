"""Runs HTTP applications, each on its own listening socket, until a signal: uvicorn, with connections of our own."""

import asyncio
import logging
import signal
import socket
from collections.abc import Callable, Sequence
from functools import partial
from types import FrameType
from typing import Literal

import uvicorn
from starlette.types import ASGIApp

from kl_core.daemon_threads import in_daemon_thread
from kl_mcp.transport.capacity import MAX_WAITING_CONNECTIONS
from kl_mcp.transport.connections import Connections
from kl_mcp.transport.slow_clients import timed
from kl_mcp.transport.tls import TlsFiles

logger = logging.getLogger(__name__)

GRACE_SECONDS = 1
LOOK_SECONDS = 1.0


class Server(uvicorn.Server):
    """Serves the application of the first listening socket, whose lifespan is run, and those of the others beside it.

    `closing` is called when the server is told to stop, so that open streams end. It leaves with exit code 0 after
    SIGINT and SIGTERM. A client may take `seconds` for what it has to send; `max_waiting` may be at it at once.
    """

    def __init__(
        self,
        listeners: Sequence[tuple[socket.socket, ASGIApp]],
        closing: Callable[[], None],
        seconds: float,
        tls: TlsFiles | None,
        *,
        max_waiting: int = MAX_WAITING_CONNECTIONS,
    ) -> None:
        (sock, app), *others = listeners
        super().__init__(_config(app, seconds, "on"))
        self._listeners = [(sock, self.config), *((sock, _config(app, seconds)) for sock, app in others)]
        self._closing = closing
        self._tls = tls
        self._connections = Connections(
            self.server_state.connections,  # type: ignore[arg-type] # all of them are of the class that `timed` makes
            seconds,
            None if tls is None else lambda: tls.context,
            max_waiting=max_waiting,
        )
        self._loop: asyncio.AbstractEventLoop | None = None
        self._renewing: asyncio.Task[None] | None = None

    def run(self, sockets: list[socket.socket] | None = None) -> None:
        """Serve until told to stop, and close the listening sockets."""
        super().run([*(sockets or []), *(sock for sock, _ in self._listeners)])

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:  # noqa: ARG002 -- uvicorn's signature
        """Run the lifespan, then take connections. uvicorn listens to nothing: it has no limit to handshakes."""
        self._loop = asyncio.get_running_loop()
        await super().startup([])
        for sock, config in self._listeners:
            self._connections.take_from(sock, self._protocol(config))
        if self._tls is not None:
            self._renewing = self._loop.create_task(self._look_at(self._tls))

    def _protocol(self, config: uvicorn.Config) -> Callable[[], asyncio.Protocol]:
        if not config.loaded:
            config.load()
        return partial(
            config.http_protocol_class,
            config=config,  # type: ignore[call-arg] # uvicorn declares less than its classes take
            server_state=self.server_state,
            app_state=self.lifespan.state,
        )

    async def _look_at(self, tls: TlsFiles) -> None:
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            await in_daemon_thread(tls.look)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop taking connections, and end those there are."""
        if self._renewing is not None:
            self._renewing.cancel()
        await self._connections.close()
        await super().shutdown(sockets)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002 -- uvicorn's signature
        """Stop; a second SIGINT stops without waiting for open requests."""
        if self.should_exit and sig == signal.SIGINT:
            self.force_exit = True
        self.should_exit = True
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._closing)


def _config(app: ASGIApp, seconds: float, lifespan: Literal["on", "off"] = "off") -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=timed(seconds),
        log_config=None,
        access_log=False,
        lifespan=lifespan,
        ws="none",
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
