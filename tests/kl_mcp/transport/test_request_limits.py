"""Limits: bodies, slow clients, and many at once. The time that clients have passes when a test says so."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import BinaryIO

import anyio
import pytest

from tests.kl_mcp.access.asking import (
    ERAS,
    FINANCE,
    Answer,
    ask,
    bearer,
    call,
    call_headers,
    send,
    tokens_file,
)
from tests.support.mcp_clients import HttpServer, connect, http_server
from tests.support.patience import LIMIT_SECONDS, eventually
from tests.support.published import publish
from tests.support.turned_server import TurnedServer, still_open, turned_server

SECONDS = 10
FLAGS = ("--client-timeout", str(SECONDS), "--max-requests", "3", "--max-request-bytes", "20000")
AGAIN = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\nGET /hea"
HEAD = b"POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TurnedServer]:
    directory = tmp_path_factory.mktemp("limits")
    publish(directory, 1)
    with turned_server(directory, *FLAGS) as running:
        yield running


def _open(server: HttpServer, sent: bytes) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", server.port), LIMIT_SECONDS)
    connection.sendall(sent)
    return connection


def _until_closed(connection: socket.socket) -> bytes:
    received = b""
    while part := connection.recv(4096):
        received += part
    return received


@pytest.mark.requirement("KL-S-8")
@pytest.mark.parametrize(
    ("sent", "answer"),
    [
        (b"", b""),
        (b"POST /mcp HT", b"HTTP/1.1 408"),
        (HEAD + b"X-Slow: 1", b"HTTP/1.1 408"),
        (HEAD + b"Content-Length: 100\r\n\r\n{", b"HTTP/1.1 408"),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n", b"HTTP/1.1 408"),
    ],
)
def test_a_client_that_stops_sending_is_disconnected(server: TurnedServer, sent: bytes, answer: bytes) -> None:
    with _open(server, sent) as connection:
        server.turn(SECONDS * 0.9)
        assert still_open(connection)
        server.turn(SECONDS * 0.2)
        received = _until_closed(connection)

    assert received.startswith(answer)
    assert (received == b"") is (answer == b"")


@pytest.mark.requirement("KL-S-8")
@pytest.mark.parametrize("head", [HEAD, HEAD + b"Content-Length: 1000\r\n\r\n", AGAIN])
def test_a_client_that_trickles_is_disconnected_all_the_same(server: TurnedServer, head: bytes) -> None:
    with _open(server, head) as connection:
        for _ in range(11):
            with suppress(OSError):
                connection.sendall(b"X")
            server.turn(SECONDS * 0.1)
        with suppress(ConnectionResetError):
            _until_closed(connection)


@pytest.mark.requirement("KL-S-8")
def test_a_connection_that_is_used_again_has_its_time_anew(server: TurnedServer) -> None:
    request = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
    with _open(server, request) as connection:
        for _ in range(3):
            assert _one_answer(connection).startswith(b"HTTP/1.1 200")
            server.turn(SECONDS * 0.6)
            connection.sendall(request)
        assert _one_answer(connection).startswith(b"HTTP/1.1 200")


def _one_answer(connection: socket.socket) -> bytes:
    received = b""
    while not received.endswith(b'{"status":"ok"}'):
        part = connection.recv(1000)
        assert part, received
        received += part
    return received


@pytest.mark.requirement("KL-S-8")
def test_a_connection_that_is_idle_between_requests_outlives_the_patience_of_load_balancers(
    server: TurnedServer,
) -> None:
    """They keep idle connections for 60 seconds; uvicorn by itself does for five."""
    with _open(server, b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n") as connection:
        _one_answer(connection)
        server.turn(74.9)
        assert still_open(connection)
        server.turn(0.2)
        assert _until_closed(connection) == b""


@pytest.mark.requirement("KL-S-8")
def test_the_next_request_has_its_time_from_its_first_byte_on(server: TurnedServer) -> None:
    with _open(server, b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n") as connection:
        _one_answer(connection)
        server.turn(SECONDS * 3)
        connection.sendall(b"GET /healthz HTTP/1.1\r\n")
        server.turn(0)
        server.turn(SECONDS * 0.9)
        assert still_open(connection)
        server.turn(SECONDS * 0.2)
        assert _until_closed(connection).startswith(b"HTTP/1.1 408")


@pytest.mark.requirement("KL-S-8")
def test_clients_that_ask_and_never_read_leave_their_places(server: TurnedServer) -> None:
    request = _list_of_tools()
    with ExitStack() as open_connections:
        silent = [open_connections.enter_context(socket.socket()) for _ in range(3)]
        for connection in silent:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            connection.connect(("127.0.0.1", server.port))
            connection.sendall(request * MANY)
        eventually(lambda: _when(503, server))

        def all_left() -> bool:
            # An answer that is still being written has its time from when no more of it was taken.
            server.turn(SECONDS * 1.1)
            return all(_when(200, server) for _ in range(5))

        eventually(all_left)


@pytest.mark.requirement("KL-S-8")
def test_a_client_that_reads_late_and_then_all_has_its_time_anew(server: TurnedServer) -> None:
    request = _list_of_tools()
    with ExitStack() as open_connections:
        late = [open_connections.enter_context(socket.socket()) for _ in range(3)]
        for connection in late:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            connection.connect(("127.0.0.1", server.port))
            connection.settimeout(LIMIT_SECONDS)
            connection.sendall(request * MANY)
        eventually(lambda: _when(503, server))
        streams = [open_connections.enter_context(connection.makefile("rb")) for connection in late]
        for stream in streams:
            for _ in range(MANY):
                _read_answer(stream)
        for _ in range(2):
            server.turn(SECONDS * 0.6)
            for connection, stream in zip(late, streams, strict=True):
                connection.sendall(request)
                _read_answer(stream)


MANY = 400
"""A list of tools has 20,000 bytes and more, so many of them 8 MB: the kernels keep less, so the server waits."""


def _list_of_tools() -> bytes:
    body = call("tools/list", {}, ERAS[1])
    head = "".join(f"{name}: {value}\r\n" for name, value in call_headers("tools/list", None, ERAS[1]).items())
    return f"POST /mcp HTTP/1.1\r\nHost: localhost\r\n{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


def _read_answer(stream: BinaryIO) -> None:
    assert stream.readline().startswith(b"HTTP/1.1 200")
    length = 0
    while (line := stream.readline().lower()) != b"\r\n":
        length = int(line.partition(b":")[2]) if line.startswith(b"content-length") else length
    assert len(stream.read(length)) == length > 0


@pytest.mark.requirement("KL-S-8")
@pytest.mark.parametrize("era", ERAS)
def test_a_body_beyond_the_limit_is_answered_413_naming_the_setting(server: HttpServer, era: str) -> None:
    arguments = {"namespace": "x" * 20_000}
    answer = ask(server.port, "tools/call", {"name": "get_usage", "arguments": arguments}, era)

    assert answer.status == 413
    assert "KL_MCP_MAX_REQUEST_BYTES" in answer.json["error"]["message"]


@pytest.mark.requirement("KL-S-8")
def test_a_body_in_chunks_is_cut_off_at_the_limit(server: HttpServer) -> None:
    chunk = b"1000\r\n" + b" " * 0x1000 + b"\r\n"
    with _open(server, HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + chunk * 5) as connection:
        assert connection.recv(1000).startswith(b"HTTP/1.1 413")


@pytest.mark.requirement("KL-S-8")
def test_more_requests_than_the_limit_are_told_to_come_again_and_probes_are_answered(server: HttpServer) -> None:
    unfinished = HEAD + b"Content-Length: 100\r\n\r\n{"
    with ExitStack() as open_connections:
        for _ in range(3):
            open_connections.enter_context(_open(server, unfinished))
        answer = eventually(lambda: _when(503, server))
        probe = send(server.port, "/readyz", {}, method="GET")
        retry = answer.headers["Retry-After"]
        said = answer.json["error"]["message"]

    assert retry == "1"
    assert "KL_MCP_MAX_REQUESTS" in said
    assert probe.status == 200
    eventually(lambda: _when(200, server))


def _when(status: int, server: HttpServer) -> Answer | None:
    answer = ask(server.port, "tools/list", {})
    return answer if answer.status == status else None


@pytest.mark.requirement("KL-S-8")
def test_open_subscriptions_take_no_place(server: HttpServer) -> None:
    async def scenario() -> int:
        async with connect(server.url, "2026-07-28") as client, anyio.create_task_group() as tasks:
            ready = anyio.Semaphore(0)

            async def listen() -> None:
                async with client.listen(resource_subscriptions=["kubeledger://dataset"]):
                    ready.release()
                    await anyio.sleep_forever()

            for _ in range(5):
                tasks.start_soon(listen)
            for _ in range(5):
                with anyio.fail_after(LIMIT_SECONDS):
                    await ready.acquire()
            listed = len((await client.list_tools()).tools)
            tasks.cancel_scope.cancel()
        return listed

    assert anyio.run(scenario) == 10
    eventually(lambda: _when(200, server))


@pytest.mark.requirement("KL-S-8")
def test_who_is_refused_takes_no_place(tmp_path: Path) -> None:
    tokens = tokens_file(tmp_path / "tokens.json")
    unfinished = HEAD + b"Content-Length: 100\r\n\r\n{"
    with http_server(tmp_path, "--tokens-file", str(tokens), "--max-requests", "1") as server, ExitStack() as held:
        strangers = [held.enter_context(_open(server, unfinished)) for _ in range(10)]
        assert [stranger.recv(100)[:12] for stranger in strangers] == [b"HTTP/1.1 401"] * 10
        assert ask(server.port, "tools/list", {}, token=FINANCE).status == 200


@pytest.mark.requirement("KL-S-8")
def test_a_client_that_goes_away_leaves_its_place(server: HttpServer) -> None:
    for _ in range(10):
        with _open(server, HEAD + b"Content-Length: 100\r\n\r\n{"):
            pass
    eventually(lambda: _when(200, server))
    assert send(server.port, "/metrics", bearer(None), method="GET").status == 200
