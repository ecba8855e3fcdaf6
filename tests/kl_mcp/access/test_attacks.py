"""Attacks on a real server with tokens: each is refused, and the server answers the next caller."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.kl_mcp.access.asking import (
    ERAS,
    FINANCE,
    NOBODY,
    SECRET,
    TEAM,
    ask,
    bearer,
    call,
    call_headers,
    send,
    tokens_file,
    two_tenants,
)
from tests.support.handshake import initialize_params
from tests.support.mcp_clients import HttpServer, http_server
from tests.support.patience import LIMIT_SECONDS

LIST = {"name": "list_namespaces", "arguments": {}}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HttpServer]:
    directory = tmp_path_factory.mktemp("attacks")
    tokens = tokens_file(directory / "tokens.json")
    with http_server(
        two_tenants(directory / "data"), "--tokens-file", str(tokens), "--audit-log", "/dev/null"
    ) as running:
        yield running


@pytest.fixture(autouse=True)
def _the_server_answers_afterwards(server: HttpServer) -> Iterator[None]:
    yield
    assert ask(server.port, "tools/call", LIST, token=FINANCE).status == 200
    assert not [line for line in server.log if "Traceback" in line]


def _raw(server: HttpServer, request: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", server.port), LIMIT_SECONDS) as connection:
        connection.sendall(request)
        connection.shutdown(socket.SHUT_WR)
        received = b""
        while part := connection.recv(4096):
            received += part
    return received


@pytest.mark.requirement("KL-S-2")
@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": "rebound.example.com"}, 421),
        ({"Host": "localhost.evil.example"}, 421),
        ({"Host": "127.0.0.1.nip.example:5484"}, 421),
        ({"Host": "localhost@evil.example"}, 421),
        ({"Host": "[::1]evil.example"}, 421),
        ({"Host": "[localhost"}, 421),
        ({"Host": "localhost:evil.example"}, 421),
        ({"Origin": "http://localhost:1@evil.example"}, 403),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://localhost.evil.example"}, 403),
        ({"Origin": "file://localhost"}, 403),
    ],
)
def test_a_rebound_name_and_a_foreign_page_are_refused_whatever_token_they_bring(
    server: HttpServer, era: str, headers: dict[str, str], status: int
) -> None:
    for token in (FINANCE, None):
        answer = ask(server.port, "tools/call", LIST, era, token, **headers)
        assert answer.status == status
        assert SECRET.encode() not in answer.body


@pytest.mark.requirement("KL-S-8")
@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("body", [b"[" * 200_000, b'{"a":' * 150_000, b'{"jsonrpc":"2.0","id":1,"method":"tools/call"'])
def test_deep_nesting_is_a_client_error(server: HttpServer, era: str, body: bytes) -> None:
    headers = {"Content-Type": "application/json", "Accept": "application/json", "MCP-Protocol-Version": era}
    answer = send(server.port, "/mcp", {**headers, **bearer(FINANCE)}, body)

    assert 400 <= answer.status < 500


@pytest.mark.requirement("KL-S-8")
@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("depth", [100, 900, 5000])
def test_deeply_nested_arguments_are_a_tool_error_or_a_client_error(server: HttpServer, era: str, depth: int) -> None:
    nested = b"[" * depth + b"]" * depth
    message = call("tools/call", {"name": "get_usage", "arguments": {"metric": "@"}}, era)
    headers = {**call_headers("tools/call", "get_usage", era), **bearer(FINANCE)}
    answer = send(server.port, "/mcp", headers, message.replace(b'"@"', nested))

    assert answer.status < 500
    assert b'"series"' not in answer.body


@pytest.mark.requirement("KL-S-5")
@pytest.mark.parametrize(
    "lines",
    [
        [f"Authorization: Bearer {NOBODY}", f"Authorization: Bearer {FINANCE}"],
        [f"Authorization: Bearer {FINANCE}", "Authorization:"],
        [f"Authorization: Bearer {NOBODY}\r\n Bearer {FINANCE}"],
        [f"Authorization : Bearer {FINANCE}"],
        [f"Authorization\t: Bearer {FINANCE}"],
        [f"X: y\nAuthorization: Bearer {FINANCE}", f"Authorization: Bearer {FINANCE}"],
        [f"Authorization: Bearer {FINANCE}", "Content-Length: 5", "Content-Length: 6"],
        [f"Authorization: Bearer {FINANCE}", "Content-Length: -1"],
        [f"Authorization: Bearer {FINANCE}", "Transfer-Encoding: chunked, identity"],
        [f"Authorization: Bearer {FINANCE}", "Transfer-Encoding: xchunked"],
        [f"Authorization: Bearer {FINANCE}", "Host: localhost"],
        [f"Authorization: Bearer {FINANCE}\0"],
    ],
)
def test_smuggled_headers_open_nothing(server: HttpServer, lines: list[str]) -> None:
    head = "\r\n".join(["GET /metrics HTTP/1.1", "Host: localhost", *lines, "", ""])

    assert b" 200 " not in _raw(server, head.encode()).split(b"\r\n", 1)[0]


@pytest.mark.requirement("KL-S-5")
def test_a_request_smuggled_behind_a_body_is_not_served_with_the_token_before_it(server: HttpServer) -> None:
    smuggled = b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n"
    first = (
        f"POST /mcp HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {FINANCE}\r\n"
        "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
    ).encode()

    received = _raw(server, first + smuggled)
    assert received.startswith(b"HTTP/1.1 400")
    assert received.count(b"HTTP/1.1") == 1  # the connection ends there
    assert b"connection: close" in received.lower()


@pytest.mark.requirement("KL-S-5")
@pytest.mark.parametrize(
    ("written", "status"), [(b"\r\n", b"200"), (b"\n", b"400"), (b"\r\nX: y\n", b"400"), (b"\nX: y\r\n", b"400")]
)
def test_a_header_line_that_ends_in_a_bare_line_feed_is_refused(
    server: HttpServer, written: bytes, status: bytes
) -> None:
    lines = [b"GET /metrics HTTP/1.1", b"Host: localhost", f"Authorization: Bearer {FINANCE}".encode()]
    head = lines[0] + b"\r\n" + lines[1] + b"\r\n" + lines[2] + written + b"Connection: close\r\n\r\n"

    assert _raw(server, head).split(b" ", 2)[1] == status


WIDE_BODIES = {
    "a list of lists": b"[" + b"[]," * 80_000 + b"[]]",
    "a list of names": b"[" + b",".join(b'"n%d"' % number for number in range(20_000)) + b"]",
    "an object": b"{" + b",".join(b'"%d":0' % number for number in range(20_000)) + b"}",
}


@pytest.mark.requirement("KL-S-8")
@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("wide", WIDE_BODIES)
def test_wide_bodies_are_refused_before_they_are_parsed(server: HttpServer, era: str, wide: str) -> None:
    """Each fits into the largest body, 256 KiB."""
    for message, name in (
        (call("tools/call", {"name": "get_usage", "arguments": {"namespaces": "@"}}, era), "get_usage"),
        (call("tools/call", {"name": "get_usage", "arguments": "@"}, era), "get_usage"),
        (call("prompts/get", {"name": "cost-report", "arguments": "@"}, era), "cost-report"),
    ):
        body = message.replace(b'"@"', WIDE_BODIES[wide])
        assert len(body) < 256 * 1024
        headers = {**call_headers("tools/call", name, era), **bearer(FINANCE)}
        answer = send(server.port, "/mcp", headers, body)
        assert answer.status == 413
        assert "2000 elements" in answer.json["error"]["message"]


@pytest.mark.requirement("KL-S-8")
def test_probes_are_answered_while_many_send_wide_bodies(server: HttpServer) -> None:
    """With every element validated on the event loop, the server takes 1.4 GB, and a probe waits for all the others."""
    # As wide as bodies may be, so that they are parsed and refused one by one.
    body = call("tools/call", {"name": "get_usage", "arguments": {"namespaces": "@"}}, ERAS[1])
    body = body.replace(b'"@"', b"[" + b"[]," * 900 + b"[]]")
    headers = {**call_headers("tools/call", "get_usage", ERAS[1]), **bearer(TEAM)}
    answered = 0
    with ThreadPoolExecutor(60) as pool:
        asked = [pool.submit(send, server.port, "/mcp", headers, body) for _ in range(240)]
        while not all(each.done() for each in asked):
            assert send(server.port, "/healthz", {}, method="GET").status == 200
            answered += 1

    assert {each.result().status for each in asked} == {200}
    assert all(b"list of 901 elements" in each.result().body for each in asked)
    assert answered > 1
    assert _resident_kib(server) < 300_000


@pytest.mark.requirement("KL-S-3", "KL-S-6")
@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize(
    "name",
    ["../dataset", "..%2f..%2fetc%2fpasswd", "/etc/passwd", "web/../../dataset.json", "web\0", "%00", "..", "web%2f.."],
)
def test_a_path_in_place_of_a_name_reads_no_file(server: HttpServer, era: str, name: str) -> None:
    header_safe = {"Mcp-Name": f"kubeledger://namespaces/{name}".replace("\0", "")}
    read = ask(server.port, "resources/read", {"uri": f"kubeledger://namespaces/{name}"}, era, TEAM, **header_safe)
    called = ask(server.port, "tools/call", {"name": "get_usage", "arguments": {"namespace": name}}, era, TEAM)

    for answer in (read, called):
        assert b"root:" not in answer.body
        assert b"schema_version" not in answer.body
        assert SECRET.encode() not in answer.body
        assert answer.status < 500
    assert "error" in read.json
    assert b"unknown_namespace" in called.body or b"invalid" in called.body


@pytest.mark.faults
@pytest.mark.requirement("KL-X-1")
def test_thousands_of_handshakes_leave_nothing_behind(server: HttpServer) -> None:
    before = _resident_kib(server)
    statuses = {ask(server.port, "initialize", initialize_params(), ERAS[1], TEAM).status for _ in range(2000)}

    assert statuses == {200}
    assert _resident_kib(server) - before < 20_000


def _resident_kib(server: HttpServer) -> int:
    with Path(f"/proc/{server.process.pid}/status").open() as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))
