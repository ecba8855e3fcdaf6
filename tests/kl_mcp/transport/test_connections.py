"""Connections: who makes room when too many wait. Real sockets, and a protocol that waits or answers as it is told."""

from __future__ import annotations

import asyncio
import logging
import resource
import socket
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

from kl_mcp.transport import connections
from kl_mcp.transport.connections import Connections
from kl_mcp.transport.sockets import listen
from kl_mcp.transport.tls import TlsFiles
from tests.support.certificates import self_signed
from tests.support.patience import LIMIT_SECONDS, until

MAX_CONNECTIONS = 3
SECONDS = 30.0


class _Spoken(asyncio.Protocol):
    """Answers, for ever, a client that said `ask`."""

    def __init__(self, established: set[_Spoken]) -> None:
        self.waiting_since: float | None = None
        self._established = established
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._established.add(self)
        self.waiting_since = asyncio.get_running_loop().time()

    def data_received(self, data: bytes) -> None:
        self.waiting_since = None if data == b"ask" else asyncio.get_running_loop().time()

    def connection_lost(self, exc: Exception | None) -> None:
        self._established.discard(self)

    def drop(self) -> None:
        assert self._transport is not None
        self.waiting_since = None
        self._transport.abort()


class _Clients:
    """Clients of one listening socket, numbered as they come."""

    def __init__(self, sock: socket.socket, open_sockets: ExitStack) -> None:
        self._address = sock.getsockname()
        self._open_sockets = open_sockets
        self._sockets: list[socket.socket] = []

    async def come(self, number: int = 1) -> None:
        loop = asyncio.get_running_loop()
        for _ in range(number):
            sock = self._open_sockets.enter_context(socket.socket())
            sock.setblocking(False)
            await loop.sock_connect(sock, self._address)
            self._sockets.append(sock)
            await _settled()

    async def say(self, which: int, said: bytes) -> None:
        await asyncio.get_running_loop().sock_sendall(self._sockets[which], said)
        await _settled()

    async def gone(self) -> list[int]:
        """Which of them were disconnected."""
        await _settled()
        return [number for number, sock in enumerate(self._sockets) if _ended(sock)]


async def _settled() -> None:
    """Let the loop turn until it has done all that the kernel had for it, which on this machine comes at once."""
    for _ in range(20):
        await asyncio.sleep(0)


def _ended(sock: socket.socket) -> bool:
    try:
        return sock.recv(1000) == b""
    except BlockingIOError:
        return False
    except ConnectionResetError:
        return True


def _with_clients(scenario: Callable[[_Clients], Awaitable[list[int]]], tls: TlsFiles | None = None) -> list[int]:
    async def run() -> list[int]:
        established: set[_Spoken] = set()
        context = None if tls is None else lambda: tls.context
        taking = Connections(established, SECONDS, context, max_waiting=MAX_CONNECTIONS)
        with ExitStack() as open_sockets:
            sock = open_sockets.enter_context(listen("127.0.0.1", 0))
            taking.take_from(sock, lambda: _Spoken(established))
            try:
                return await scenario(_Clients(sock, open_sockets))
            finally:
                await taking.close()
                for each in set(established):
                    each.drop()
                await asyncio.sleep(0)

    return asyncio.run(run())


def test_as_many_as_may_wait_are_left_alone() -> None:
    async def scenario(clients: _Clients) -> list[int]:
        await clients.come(MAX_CONNECTIONS)
        return await clients.gone()

    assert _with_clients(scenario) == []


def test_the_one_that_has_waited_longest_makes_room_for_the_next(caplog: pytest.LogCaptureFixture) -> None:
    async def scenario(clients: _Clients) -> list[int]:
        await clients.come(MAX_CONNECTIONS + 2)
        return await clients.gone()

    with caplog.at_level(logging.WARNING):
        assert _with_clients(scenario) == [0, 1]
    (record,) = caplog.records
    assert "3 connections wait for their clients" in record.getMessage()


def test_one_that_is_answered_does_not_wait() -> None:
    async def scenario(clients: _Clients) -> list[int]:
        await clients.come(MAX_CONNECTIONS)
        await clients.say(0, b"ask")
        await clients.come(2)
        return await clients.gone()

    # 0 is being answered; 1, 2 and 3 wait when 4 comes, and of those 1 has waited longest
    assert _with_clients(scenario) == [1]


def test_one_that_was_heard_of_lately_has_waited_less() -> None:
    async def scenario(clients: _Clients) -> list[int]:
        await clients.come(MAX_CONNECTIONS)
        await clients.say(0, b"hello")
        await clients.come()
        return await clients.gone()

    assert _with_clients(scenario) == [1]


def test_handshakes_that_do_not_go_on_wait_too(tmp_path: Path) -> None:
    async def scenario(clients: _Clients) -> list[int]:
        await clients.come(MAX_CONNECTIONS + 2)
        return await clients.gone()

    assert _with_clients(scenario, TlsFiles(*self_signed(tmp_path))) == [0, 1]


def test_without_a_free_file_a_connection_waits_until_there_is_one(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(connections, "PAUSE_SECONDS", 0.01)
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)

    async def scenario() -> None:
        established: set[_Spoken] = set()
        taking = Connections(established, SECONDS, None)
        with listen("127.0.0.1", 0) as sock, socket.socket() as client:
            taking.take_from(sock, lambda: _Spoken(established))
            client.connect(sock.getsockname())
            resource.setrlimit(resource.RLIMIT_NOFILE, (0, limits[1]))
            try:
                await until(lambda: "Too many open files" in caplog.text)
                assert not established
            finally:
                resource.setrlimit(resource.RLIMIT_NOFILE, limits)
            await until(lambda: len(established) == 1)
            await taking.close()
            for each in set(established):
                each.drop()
            await _settled()

    asyncio.run(scenario())
    assert "A connection cannot be taken: [Errno 24] Too many open files. Trying again" in caplog.text


def test_closing_ends_handshakes_and_takes_no_more(tmp_path: Path) -> None:
    async def scenario() -> tuple[bytes, bool]:
        tls = TlsFiles(*self_signed(tmp_path))
        taking = Connections(set(), SECONDS, lambda: tls.context)
        with listen("127.0.0.1", 0) as sock, socket.socket() as before, socket.socket() as after:
            taking.take_from(sock, asyncio.Protocol)
            for each in (before, after):
                each.setblocking(False)
            loop = asyncio.get_running_loop()
            await loop.sock_connect(before, sock.getsockname())
            await _settled()
            await taking.close()
            ended = await asyncio.wait_for(loop.sock_recv(before, 10), LIMIT_SECONDS)
            # The kernel takes it for as long as the socket listens, and nobody greets it.
            await loop.sock_connect(after, sock.getsockname())
            await _settled()
            return ended, _ended(after)

    assert asyncio.run(scenario()) == (b"", False)
