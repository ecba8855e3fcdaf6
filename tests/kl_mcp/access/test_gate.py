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
GUEST = {"name": "guest", "token": EXPIRED, "expires_at": "2020-01-01T00:00:00Z"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HttpServer]:
    directory = tmp_path_factory.mktemp("gate")
    publish(directory / "data", 1)
    tokens = tokens_file(directory / "tokens.json", GUEST)
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
        ("/mcp/", 401, 405),
        ("/.well-known", 401, 404),
        ("/readyz;/mcp", 401, 404),
    ],
)
def test_only_the_probes_are_open(server: HttpServer, path: str, without: int, with_token: int) -> None:
    assert send(server.port, path, {}, method="GET").status == without
    assert send(server.port, path, bearer(TEAM), method="GET").status == with_token


@pytest.mark.requirement("KL-S-5", "KL-S-10")
@pytest.mark.parametrize("token", [None, TEAM, NOBODY])
@pytest.mark.parametrize("method", ["GET", "OPTIONS", "POST"])
@pytest.mark.parametrize(
    "path",
    [
        "oauth-protected-resource",
        "oauth-protected-resource/mcp",
        "oauth-authorization-server",
        "oauth-authorization-server/mcp",
        "openid-configuration",
    ],
)
def test_without_jwts_there_is_nothing_where_clients_look_for_a_way_to_get_a_token(
    server: HttpServer, path: str, method: str, token: str | None
) -> None:
    headers = {} if token is None else bearer(token)

    assert send(server.port, f"/.well-known/{path}", headers, method=method).status == 404


@pytest.mark.requirement("KL-S-5")
def test_refused_tokens_are_logged_with_the_callers_address_and_a_flood_of_them_is_counted(tmp_path: Path) -> None:
    tokens = tokens_file(tmp_path / "tokens.json")
    flood = 40

    def logged(server: HttpServer) -> list[str]:
        return [line for line in list(server.log) if "WARNING kl_mcp.access.gate" in line]

    with turned_server(tmp_path / "data", "--tokens-file", str(tokens)) as server:
        for _ in range(flood):
            assert ask(server.port, "tools/list", {}, token=NOBODY).status == 401
        server.turn(60)
        assert ask(server.port, "tools/list", {}).status == 401
        eventually(lambda: "This server needs a token" in "".join(logged(server)))

    *first, tenth, counted, later = logged(server)
    assert len(first) == 9
    assert all("Refused a request from 127.0.0.1: The token is not known here" in line for line in (*first, tenth))
    assert tenth.endswith("More of this minute are only counted.")
    assert counted.endswith("Refused 30 more requests for such reasons.")
    assert "Refused a request from 127.0.0.1: This server needs a token" in later


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
def test_no_token_is_ever_logged(tmp_path: Path) -> None:
    tokens = tokens_file(tmp_path / "tokens.json", GUEST)
    with http_server(tmp_path / "data", "--tokens-file", str(tokens), "--log-level", "debug") as server:
        for token in (NOBODY, EXPIRED, TEAM, FINANCE):
            ask(server.port, "tools/call", {"name": "get_usage", "arguments": {"namespace": "no"}}, token=token)
        eventually(lambda: sum("tool=get_usage" in line for line in list(server.log)) == 2)
    log = "\n".join(server.log)

    assert log.count("The token is not known here, or has expired.") == 2
    assert [token for token in (FINANCE, TEAM, NOBODY, EXPIRED) if token in log] == []
