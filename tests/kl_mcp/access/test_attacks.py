"""Attacks on a real server with tokens: each is refused, and the server answers the next caller."""

from __future__ import annotations

import socket
from collections.abc import Iterator
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
from tests.support.mcp_clients import HttpServer, http_server

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
    with socket.create_connection(("127.0.0.1", server.port), 10) as connection:
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

    assert b"kubeledger_mcp_" not in _raw(server, first + smuggled)


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


@pytest.mark.requirement("KL-X-1")
def test_thousands_of_handshakes_leave_nothing_behind(server: HttpServer) -> None:
    handshake = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "x", "version": "1"}}
    before = _resident_kib(server)
    statuses = {ask(server.port, "initialize", handshake, ERAS[1], TEAM).status for _ in range(2000)}

    assert statuses == {200}
    assert _resident_kib(server) - before < 20_000


def _resident_kib(server: HttpServer) -> int:
    with Path(f"/proc/{server.process.pid}/status").open() as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))
