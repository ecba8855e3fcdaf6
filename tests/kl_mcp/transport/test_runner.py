"""https on a real process: clients, renewal, stop, and whatever else arrives on the port."""

from __future__ import annotations

import http.client
import shutil
import signal
import socket
import ssl
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import anyio
import httpx2
import pytest
from mcp.client import Client
from mcp.client.streamable_http import streamable_http_client

from kl_mcp.tools import TABLE
from tests.support.certificates import self_signed
from tests.support.mcp_clients import MODES, HttpServer, http_server, payload
from tests.support.patience import LIMIT_SECONDS, eventually
from tests.support.published import publish
from tests.support.turned_server import TurnedServer, still_open, turned_server

SECONDS = 10
"""What the servers here give a client."""
HALF_A_HELLO = b"\x16\x03\x01\x40\x00\x01\x00"
Files = tuple[Path, Path]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    return self_signed(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, files: Files) -> Iterator[TurnedServer]:
    directory = tmp_path_factory.mktemp("data")
    publish(directory, 1)
    with turned_server(directory, *_flags(files), "--client-timeout", str(SECONDS)) as running:
        yield running
        assert not [line for line in running.log if "Traceback" in line or " ERROR " in line]


def _flags(files: Files) -> tuple[str, ...]:
    return ("--tls-cert-file", str(files[0]), "--tls-key-file", str(files[1]))


def _trusting(certificate: Path) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=certificate)


@asynccontextmanager
async def _connected(server: HttpServer, certificate: Path, mode: str) -> AsyncIterator[Client]:
    async with (
        httpx2.AsyncClient(verify=_trusting(certificate), timeout=LIMIT_SECONDS) as over,
        Client(streamable_http_client(server.url, http_client=over), mode=mode) as client,
    ):
        yield client


def _healthz(server: HttpServer, context: ssl.SSLContext) -> int:
    connection = http.client.HTTPSConnection("127.0.0.1", server.port, timeout=LIMIT_SECONDS, context=context)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status
    finally:
        connection.close()


@pytest.mark.parametrize("mode", MODES)
def test_a_client_that_trusts_the_authority_lists_tools_and_calls_one_in_each_era(
    server: HttpServer, files: Files, mode: str
) -> None:
    async def question() -> tuple[int, str]:
        async with _connected(server, files[0], mode) as client:
            listed = await client.list_tools()
            called = await client.call_tool("describe_dataset", {})
            return len(listed.tools), payload(called)["layout"]

    assert server.url.startswith("https://")
    assert anyio.run(question) == (len(TABLE), "native")


def test_a_client_that_does_not_trust_the_authority_is_told_nothing(server: HttpServer) -> None:
    with pytest.raises(ssl.SSLCertVerificationError):
        _healthz(server, ssl.create_default_context())


@pytest.mark.requirement("KL-S-11")
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_tls_1_2_and_1_3_are_spoken_with_forward_secrecy(
    server: HttpServer, files: Files, version: ssl.TLSVersion
) -> None:
    context = _trusting(files[0])
    context.minimum_version = context.maximum_version = version
    with _tls(server, context) as connection:
        cipher = connection.cipher()

    assert cipher is not None
    assert cipher[0].startswith("TLS_" if version == ssl.TLSVersion.TLSv1_3 else "ECDHE-")


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_older_versions_and_ciphers_without_authenticated_encryption_are_refused(
    server: HttpServer, files: Files
) -> None:
    old, weak = _trusting(files[0]), _trusting(files[0])
    old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_1
    old.set_ciphers("ALL:@SECLEVEL=0")
    weak.maximum_version = ssl.TLSVersion.TLSv1_2
    weak.set_ciphers("ECDHE-ECDSA-AES128-SHA256")
    for context in (old, weak):
        with pytest.raises(ssl.SSLError), _tls(server, context):
            pass


def _tls(server: HttpServer, context: ssl.SSLContext) -> ssl.SSLSocket:
    connection = socket.create_connection(("127.0.0.1", server.port), LIMIT_SECONDS)
    try:
        return context.wrap_socket(connection, server_hostname="localhost")
    except BaseException:
        connection.close()
        raise


def _until_closed(connection: socket.socket) -> bytes:
    received = b""
    with suppress(ConnectionResetError):
        while part := connection.recv(4096):
            received += part
    return received


def _hello(name: str) -> bytes:
    """A ClientHello that asks for `name`."""
    sent = ssl.MemoryBIO()
    client = ssl.create_default_context().wrap_bio(ssl.MemoryBIO(), sent, server_hostname=name)
    with suppress(ssl.SSLWantReadError):
        client.do_handshake()
    return sent.read()


A_NAME = "a" * 20
GARBAGE = [
    pytest.param(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n", id="plain HTTP"),
    pytest.param(b"\x16\x03\x01\xff\xff" + b"\x01" * 65535, id="a record larger than there are"),
    pytest.param(b"\x16\x03\x01\x40\x00\x01\xff\xff\xff" + bytes(0x4000 - 4), id="a hello of 16 MiB"),
    pytest.param(b"\x80\x2e\x01\x00\x02\x00\x15\x00\x00\x00\x10" + bytes(50), id="a hello of SSL 2"),
    pytest.param(_hello(A_NAME).replace(A_NAME.encode(), b"\xff\xfe\x00" + b"\x80" * 17), id="a name in no encoding"),
    pytest.param(_hello(A_NAME).replace(A_NAME.encode(), bytes(20)), id="a name of NUL bytes"),
]


@pytest.mark.parametrize("sent", GARBAGE)
def test_what_is_no_handshake_is_disconnected_at_once_and_the_log_stays_quiet(
    server: TurnedServer, files: Files, sent: bytes
) -> None:
    logged = len(server.log)
    with socket.create_connection(("127.0.0.1", server.port), LIMIT_SECONDS) as connection:
        connection.sendall(sent)
        received = _until_closed(connection)

    assert b"HTTP" not in received
    assert _healthz(server, _trusting(files[0])) == 200
    assert server.log[logged:] == []


@pytest.mark.requirement("KL-S-11")
@pytest.mark.parametrize("sent", [b"", HALF_A_HELLO])
def test_a_handshake_that_is_not_finished_ends_after_the_time_a_client_has(server: TurnedServer, sent: bytes) -> None:
    with socket.create_connection(("127.0.0.1", server.port), LIMIT_SECONDS) as connection:
        connection.sendall(sent)
        server.turn(SECONDS * 0.9)
        assert still_open(connection)
        server.turn(SECONDS * 0.2)
        received = _until_closed(connection)

    assert received == b""


def test_a_handshake_that_trickles_ends_all_the_same(server: TurnedServer) -> None:
    with socket.create_connection(("127.0.0.1", server.port), LIMIT_SECONDS) as connection:
        connection.sendall(HALF_A_HELLO)
        for _ in range(11):
            server.turn(SECONDS * 0.1)
            with suppress(OSError):
                connection.sendall(b"\x00")
        _until_closed(connection)


HEAD = b"POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"


@pytest.mark.parametrize(
    ("sent", "answer"),
    [
        (b"", b""),
        (HEAD + b"X-Slow: 1", b"HTTP/1.1 408"),
        (HEAD + b"Content-Length: 100\r\n\r\n{", b"HTTP/1.1 408"),
    ],
)
def test_a_client_that_stops_after_the_handshake_is_disconnected(
    server: TurnedServer, files: Files, sent: bytes, answer: bytes
) -> None:
    with _tls(server, _trusting(files[0])) as connection:
        connection.sendall(sent)
        server.turn(SECONDS * 1.1)
        received = _until_closed(connection)

    assert received.startswith(answer)
    assert (received == b"") is (answer == b"")


def test_a_client_that_ignores_the_end_of_its_connection_is_cut_off(server: TurnedServer, files: Files) -> None:
    # It is told at SECONDS that its time is over (TLS's close_notify), and has SECONDS to say so too.
    with socket.socket(fileno=_tls(server, _trusting(files[0])).detach()) as without_tls:
        without_tls.settimeout(LIMIT_SECONDS)
        server.turn(SECONDS * 1.1)
        assert without_tls.recv(4096)
        server.turn(SECONDS * 0.8)
        assert still_open(without_tls)
        server.turn(SECONDS * 0.2)
        _until_closed(without_tls)


def _descriptors(server: HttpServer) -> int:
    return len(list(Path(f"/proc/{server.process.pid}/fd").iterdir()))


def test_hundreds_of_unfinished_handshakes_keep_nobody_out(server: TurnedServer, files: Files) -> None:
    before = _descriptors(server)
    held = [socket.create_connection(("127.0.0.1", server.port), LIMIT_SECONDS) for _ in range(300)]
    try:
        for connection in held:
            connection.sendall(HALF_A_HELLO)
        assert _healthz(server, _trusting(files[0])) == 200
        assert _descriptors(server) >= before + len(held)
        server.turn(SECONDS * 1.1)
        eventually(lambda: _descriptors(server) <= before)
    finally:
        for connection in held:
            connection.close()


def test_renegotiation_is_refused_and_ends_the_connection(server: HttpServer, files: Files) -> None:
    # Python's own client cannot ask for it.
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("openssl is not installed")
    command = [openssl, "s_client", "-connect", f"127.0.0.1:{server.port}", "-tls1_2", "-CAfile", str(files[0])]
    asked = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        assert asked.stdin is not None
        assert asked.stdout is not None
        for line in asked.stdout:
            if b"Extended master secret" in line:
                break
        asked.stdin.write(b"R\n")
        asked.stdin.flush()
        said = asked.stdout.read()
    finally:
        asked.kill()
        asked.communicate()

    assert b"no renegotiation" in said
    assert _healthz(server, _trusting(files[0])) == 200


@pytest.mark.requirement("KL-S-11")
def test_a_secret_that_kubernetes_swaps_is_served_to_new_connections_without_a_restart(tmp_path: Path) -> None:
    first, second = self_signed(tmp_path / "..first"), self_signed(tmp_path / "..second")
    (tmp_path / "..data").symlink_to("..first")
    for name in ("tls.crt", "tls.key"):
        (tmp_path / name).symlink_to(f"..data/{name}")
    old, new = _trusting(first[0]), _trusting(second[0])
    with http_server(tmp_path / "data", *_flags((tmp_path / "tls.crt", tmp_path / "tls.key"))) as server:
        with _tls(server, old) as connection:
            assert _status_on(connection) == 200
            _swap(tmp_path, "..second")
            eventually(lambda: _accepted(server, new))
            assert _status_on(connection) == 200
        assert not _accepted(server, old)
        (tmp_path / "..broken").mkdir()
        _swap(tmp_path, "..broken")
        eventually(lambda: any("stays in force" in line for line in server.log))
        assert _accepted(server, new)
        assert server.stop() == 0

    assert len([line for line in server.log if "stays in force" in line]) == 1


def _status_on(connection: socket.socket) -> int:
    connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
    answer = http.client.HTTPResponse(connection)
    answer.begin()
    answer.read()
    return answer.status


def _swap(directory: Path, target: str) -> None:
    (directory / "..data_tmp").symlink_to(target)
    (directory / "..data_tmp").rename(directory / "..data")


def _accepted(server: HttpServer, context: ssl.SSLContext) -> bool:
    try:
        return _healthz(server, context) == 200
    except ssl.SSLCertVerificationError:
        return False


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_it_stops_cleanly_within_two_seconds_while_handshakes_are_open_and_clients_idle(
    tmp_path: Path, files: Files, stop: signal.Signals
) -> None:
    with (
        turned_server(tmp_path, *_flags(files), "--metrics-port", "0") as server,
        _tls(server, _trusting(files[0])) as idle,
        socket.create_connection(("127.0.0.1", server.port), LIMIT_SECONDS) as unfinished,
    ):
        assert _status_on(idle) == 200
        unfinished.sendall(HALF_A_HELLO)
        server.process.send_signal(stop)
        server.turn_to_its_end(2)
        code = server.process.wait(LIMIT_SECONDS)

    assert code == 0
    assert not [line for line in server.log if "Traceback" in line or " ERROR " in line]
