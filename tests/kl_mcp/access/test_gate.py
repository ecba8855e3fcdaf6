"""The gate in front of a real server: who is let in, in both eras."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import anyio
import pytest

from tests.kl_mcp.access.asking import ERAS, FINANCE, NOBODY, TEAM, ask, bearer, send, tokens_file
from tests.support.mcp_clients import HttpServer, http_server
from tests.support.patience import LIMIT_SECONDS, eventually
from tests.support.published import publish
from tests.support.turned_server import turned_server

EXPIRED = "guest-whose-time-is-over-0123456789"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HttpServer]:
    directory = tmp_path_factory.mktemp("gate")
    publish(directory / "data", 1)
    guest = {"name": "guest", "token": EXPIRED, "expires_at": "2020-01-01T00:00:00Z"}
    tokens = tokens_file(directory / "tokens.json", guest)
    with http_server(directory / "data", "--tokens-file", str(tokens), "--log-level", "debug") as running:
        yield running


@pytest.mark.requirement("KL-S-5")
@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("token", [FINANCE, TEAM])
def test_a_known_token_is_let_in(server: HttpServer, era: str, token: str) -> None:
    assert ask(server.port, "tools/call", {"name": "list_namespaces", "arguments": {}}, era, token).status == 200


@pytest.mark.requirement("KL-S-5")
@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize(
    ("headers", "error"),
    [
        ({}, "missing_token"),
        ({"Authorization": ""}, "missing_token"),
        ({"Authorization": "Bearer"}, "missing_token"),
        ({"Authorization": "Bearer "}, "missing_token"),
        ({"Authorization": FINANCE}, "missing_token"),
        ({"Authorization": f"Basic {FINANCE}"}, "missing_token"),
        ({"Authorization": f"Bearer{FINANCE}"}, "missing_token"),
        (bearer(NOBODY), "invalid_token"),
        (bearer(EXPIRED), "invalid_token"),
        (bearer(FINANCE[:-1]), "invalid_token"),
        (bearer(f"{FINANCE},{TEAM}"), "invalid_token"),
        (bearer(f"{FINANCE} x"), "invalid_token"),
        ({"X-Authorization": f"Bearer {FINANCE}", "Cookie": f"token={FINANCE}"}, "missing_token"),
        ({"Proxy-Authorization": f"Bearer {FINANCE}"}, "missing_token"),
    ],
)
def test_anything_else_is_answered_401_saying_what_to_do(
    server: HttpServer, era: str, headers: dict[str, str], error: str
) -> None:
    answer = ask(server.port, "tools/list", {}, era, None, **headers)

    assert answer.status == 401
    assert answer.json["error"] == error
    assert "KL_MCP_TOKENS_FILE" in answer.json["error_description"]
    assert answer.headers["WWW-Authenticate"].startswith('Bearer realm="kubeledger"')
    assert ("invalid_token" in answer.headers["WWW-Authenticate"]) is (error == "invalid_token")


@pytest.mark.requirement("KL-S-5")
def test_the_scheme_is_read_in_any_case(server: HttpServer) -> None:
    assert ask(server.port, "tools/list", {}, Authorization=f"bEARER  {FINANCE}").status == 200


@pytest.mark.requirement("KL-S-5")
def test_a_token_in_the_address_is_none(server: HttpServer) -> None:
    assert send(server.port, f"/mcp?access_token={FINANCE}", {}, b"{}").status == 401


@pytest.mark.requirement("KL-S-5")
def test_two_authorization_headers_are_none(server: HttpServer) -> None:
    lines = [f"Authorization: Bearer {token}" for token in (FINANCE, FINANCE)]
    request = "\r\n".join(["POST /mcp HTTP/1.1", "Host: localhost", *lines, "Content-Length: 0", "", ""])
    with socket.create_connection(("127.0.0.1", server.port), LIMIT_SECONDS) as connection:
        connection.sendall(request.encode())
        assert connection.recv(100).startswith(b"HTTP/1.1 401")


@pytest.mark.requirement("KL-S-5")
@pytest.mark.parametrize(
    ("path", "without", "with_token"),
    [
        ("/healthz", 200, 200),
        ("/readyz", 200, 200),
        ("/metrics", 401, 200),
        ("/", 401, 404),
        ("/healthz/", 401, 307),
        ("/healthz/../mcp", 401, 404),
        ("/%68ealthz", 200, 200),
        ("//mcp", 401, 404),
        ("/mcp/", 401, 307),
        ("/readyz;/mcp", 401, 404),
    ],
)
def test_only_the_probes_are_open(server: HttpServer, path: str, without: int, with_token: int) -> None:
    assert send(server.port, path, {}, method="GET").status == without
    assert send(server.port, path, bearer(TEAM), method="GET").status == with_token


@pytest.mark.requirement("KL-S-5")
def test_a_subscription_needs_a_token_too_and_works_with_one(server: HttpServer) -> None:
    parameters = {"notifications": {"resourceSubscriptions": ["kubeledger://dataset"]}}
    refused = ask(server.port, "subscriptions/listen", parameters)

    async def listen() -> int:
        import httpx2
        from mcp.client import Client
        from mcp.client.streamable_http import streamable_http_client

        http = httpx2.AsyncClient(headers=bearer(TEAM), timeout=LIMIT_SECONDS)
        async with (
            http,
            Client(streamable_http_client(server.url, http_client=http), mode="2026-07-28") as client,
            client.listen(resource_subscriptions=["kubeledger://dataset"]),
        ):
            return len((await client.list_tools()).tools)

    assert refused.status == 401
    assert anyio.run(listen) == 10


@pytest.mark.requirement("KL-S-5")
def test_a_changed_file_is_in_force_within_two_seconds(tmp_path: Path) -> None:
    tokens = tokens_file(tmp_path / "tokens.json")
    with turned_server(tmp_path / "data", "--tokens-file", str(tokens)) as server:
        assert ask(server.port, "tools/list", {}, token=NOBODY).status == 401
        tokens_file(tokens, {"name": "new", "token": NOBODY})
        server.turn(2)
        assert ask(server.port, "tools/list", {}, token=NOBODY).status == 200
        tokens_file(tokens)
        server.turn(2)
        assert ask(server.port, "tools/list", {}, token=NOBODY).status == 401


@pytest.mark.requirement("KL-S-5")
def test_no_token_is_ever_logged(server: HttpServer) -> None:
    for token in (FINANCE, TEAM, NOBODY, EXPIRED):
        ask(server.port, "tools/call", {"name": "get_usage", "arguments": {"namespace": "no"}}, token=token)
    eventually(lambda: any("tool=get_usage" in line for line in list(server.log)))
    log = "\n".join(server.log)

    assert [token for token in (FINANCE, TEAM, NOBODY, EXPIRED) if token in log] == []
