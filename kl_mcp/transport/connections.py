"""Takes connections, with TLS or without; those that wait longest for their clients make room for new ones."""

import asyncio
import logging
import socket
import ssl
from collections.abc import Callable, Collection
from typing import Any, Protocol

from kl_mcp.transport.capacity import MAX_WAITING_CONNECTIONS

logger = logging.getLogger(__name__)

FAREWELL_SECONDS = 0.7
"""What clients have to say farewell when the server stops: with TLS both sides do, and an idle client does not look."""
PAUSE_SECONDS = 1.0
WARN_SECONDS = 60.0


class Waiting(Protocol):
    """A connection that may be waiting for its client: since when, by the loop's clock, and how to drop it."""

    @property
    def waiting_since(self) -> float | None:
        """Time of the last byte that came; None while a request is being answered."""
        ...

    def drop(self) -> None:
        """End the connection at once."""
        ...


class Connections:
    """Takes connections from listening sockets, with TLS where `tls` says what with.

    A handshake, and the farewell at the end of a TLS connection, may take `seconds` each. When `max_waiting`
    connections wait for their clients, the one that has waited longest makes room for the next: whoever opens
    connections and says nothing keeps nobody out. `established` are the connections beyond the handshake.
    """

    def __init__(
        self,
        established: Collection[Waiting],
        seconds: float,
        tls: Callable[[], ssl.SSLContext] | None,
        *,
        max_waiting: int = MAX_WAITING_CONNECTIONS,
    ) -> None:
        self._established = established
        self._seconds = seconds
        self._tls = tls
        self._max_waiting = max_waiting
        self._listening: list[asyncio.Task[None]] = []
        self._handshakes: dict[asyncio.Task[None], _Handshake] = {}
        self._warned_at = float("-inf")

    def take_from(self, sock: socket.socket, protocol: Callable[[], asyncio.Protocol]) -> None:
        """Take connections from a listening socket until `close`; each is handled by a `protocol` of its own."""
        sock.setblocking(False)
        self._listening.append(asyncio.get_running_loop().create_task(self._take(sock, protocol)))

    async def close(self) -> None:
        """Take no more connections, end those in the handshake, and soon those on which nothing is being answered."""
        tasks = [*self._listening, *self._handshakes]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        asyncio.get_running_loop().call_later(FAREWELL_SECONDS, self._drop_waiting)

    def _drop_waiting(self) -> None:
        for each in [each for each in self._established if each.waiting_since is not None]:
            each.drop()

    async def _take(self, sock: socket.socket, protocol: Callable[[], asyncio.Protocol]) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                connection, _ = await loop.sock_accept(sock)
            except OSError as error:
                logger.warning("A connection cannot be taken: %s. Trying again in %g s.", error, PAUSE_SECONDS)
                await asyncio.sleep(PAUSE_SECONDS)
                continue
            self._make_room(loop.time())
            task = loop.create_task(self._hand_over(connection, protocol))
            self._handshakes[task] = _Handshake(task, connection, loop.time())
            task.add_done_callback(self._handshake_ended)
            # Connections that are there already are taken without a pause, in which nothing else would be done.
            await asyncio.sleep(0)

    async def _hand_over(self, connection: socket.socket, protocol: Callable[[], asyncio.Protocol]) -> None:
        context = None if self._tls is None else self._tls()
        limits: dict[str, Any] = (
            {"ssl_handshake_timeout": self._seconds, "ssl_shutdown_timeout": self._seconds} if context else {}
        )
        try:
            await asyncio.get_running_loop().connect_accepted_socket(protocol, connection, ssl=context, **limits)
        except OSError as error:
            logger.debug("A connection ended before its handshake did: %s", error)

    def _handshake_ended(self, task: asyncio.Task[None]) -> None:
        handshake = self._handshakes.pop(task)
        if task.cancelled():
            # One that was cancelled before it began has left its socket to nobody.
            handshake.connection.close()

    def _make_room(self, now: float) -> None:
        if len(self._handshakes) + len(self._established) < self._max_waiting:
            return
        waiting = [each for each in (*self._handshakes.values(), *self._established) if each.waiting_since is not None]
        if len(waiting) < self._max_waiting:
            return
        min(waiting, key=lambda each: each.waiting_since or 0.0).drop()
        if now - self._warned_at >= WARN_SECONDS:
            self._warned_at = now
            logger.warning("%d connections wait for their clients; the oldest make room for new ones.", len(waiting))


class _Handshake:
    """A connection in the handshake."""

    def __init__(self, task: asyncio.Task[None], connection: socket.socket, since: float) -> None:
        self._task = task
        self.connection = connection
        self.waiting_since: float | None = since

    def drop(self) -> None:
        """End it; it no longer counts."""
        self.waiting_since = None
        self._task.cancel()
