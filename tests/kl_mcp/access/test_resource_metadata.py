"""Protected-resource metadata over real HTTP, and the SDK's own client that follows it to a token and an answer."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import anyio
import httpx2
import pytest
from mcp.client import Client
from mcp.client.auth import OAuthClientProvider
from mcp.client.auth.extensions.client_credentials import ClientCredentialsOAuthProvider
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.auth import (
    AuthorizationCodeResult,
    OAuthClientInformationFull,
    OAuthClientMetadata,
    OAuthToken,
)

from kl_mcp.access.resource_metadata import normalized, routes, url_of
from tests.kl_mcp.access.asking import SECRET, ask, send, two_tenants
from tests.support.authorization_server import CLIENT_ID, CLIENT_SECRET, AuthorizationServer, authorization_server
from tests.support.issuer import ISSUER, RESOURCE, jwt_flags, key_set_file, private_key, token
from tests.support.mcp_clients import HttpServer, http_server, payload
from tests.support.patience import LIMIT_SECONDS
from tests.support.scripted_http import closed_port

ROOT = "/.well-known/oauth-protected-resource"
PATHS = (ROOT, f"{ROOT}/mcp")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HttpServer]:
    directory = tmp_path_factory.mktemp("metadata")
    keys = key_set_file(directory / "keys.json")
    flags = jwt_flags(keys, jwt_required_scopes="ledger:read,ledger:list", allowed_origins="https://tools.example.com")
    with http_server(directory / "data", *flags) as running:
        yield running


@pytest.mark.requirement("KL-S-10")
@pytest.mark.parametrize("path", PATHS)
def test_the_metadata_needs_no_token_and_names_resource_issuer_and_scopes(server: HttpServer, path: str) -> None:
    answer = send(server.port, path, {}, method="GET")

    assert answer.status == 200
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.json == {
        "resource": RESOURCE,
        "authorization_servers": [ISSUER],
        "scopes_supported": ["ledger:read", "ledger:list"],
        "bearer_methods_supported": ["header"],
        "resource_name": "KubeLedger",
    }


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": "rebound.example.com"}, 421),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
    ],
)
def test_a_foreign_host_and_a_foreign_page_do_not_get_it(
    server: HttpServer, path: str, headers: dict[str, str], status: int
) -> None:
    for method in ("GET", "OPTIONS"):
        answer = send(server.port, path, headers, method=method)
        assert answer.status == status
        assert answer.headers["Access-Control-Allow-Origin"] is None


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("origin", ["https://tools.example.com", "http://localhost:6274"])
def test_a_page_that_may_call_may_read_it(server: HttpServer, path: str, origin: str) -> None:
    asked = {"Origin": origin, "Access-Control-Request-Headers": "mcp-protocol-version"}
    preflight = send(server.port, path, asked, method="OPTIONS")
    answer = send(server.port, path, {"Origin": origin}, method="GET")

    assert (preflight.status, answer.status) == (204, 200)
    assert "MCP-Protocol-Version" in preflight.headers["Access-Control-Allow-Headers"]
    assert preflight.headers["Access-Control-Allow-Origin"] == answer.headers["Access-Control-Allow-Origin"] == origin
    assert answer.headers["Vary"] == "Origin"
    assert answer.headers["Access-Control-Allow-Credentials"] is None


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/metrics", 401),
        ("/mcp", 401),
        (f"{ROOT}/other", 404),
        (f"{ROOT}/../metrics", 404),
        (f"{ROOT}/mcp/../../metrics", 404),
        ("/.well-known/../mcp", 404),
        ("/.well-known/oauth-authorization-server", 404),
        ("/.well-known/openid-configuration", 404),
    ],
)
def test_nothing_beside_it_is_open(server: HttpServer, path: str, status: int) -> None:
    assert send(server.port, path, {}, method="GET").status == status


@pytest.mark.parametrize("path", PATHS)
def test_it_can_only_be_read(server: HttpServer, path: str) -> None:
    assert send(server.port, path, {}, b"{}").status == 405


def test_without_jwts_there_is_no_metadata(tmp_path: Path) -> None:
    with http_server(tmp_path) as running:
        assert {send(running.port, path, {}, method="GET").status for path in PATHS} == {404}


@pytest.mark.parametrize(
    ("resource", "as_published", "address", "paths"),
    [
        (RESOURCE, RESOURCE, f"https://kubeledger.example.com{ROOT}/mcp", [ROOT, f"{ROOT}/mcp"]),
        ("https://Example.COM:443/mcp", "https://example.com/mcp", f"https://example.com{ROOT}/mcp", None),
        ("https://example.com:8443", "https://example.com:8443", f"https://example.com:8443{ROOT}", [ROOT]),
        ("https://example.com/", "https://example.com/", f"https://example.com{ROOT}", [ROOT]),
        ("http://[::1]:5484/mcp", "http://[::1]:5484/mcp", f"http://[::1]:5484{ROOT}/mcp", None),
        (
            "https://example.com/a%20b/mcp",
            "https://example.com/a%20b/mcp",
            f"https://example.com{ROOT}/a%20b/mcp",
            [ROOT, f"{ROOT}/a b/mcp"],
        ),
    ],
)
def test_the_well_known_path_stands_between_host_and_path_of_the_resource(
    resource: str, as_published: str, address: str, paths: list[str] | None
) -> None:
    assert normalized(resource) == as_published
    assert url_of(resource) == address
    assert [route.path for route in routes(resource, ISSUER, ())] == (paths or [ROOT, f"{ROOT}/mcp"])


class Storage:
    """Keeps what the SDK's client learns."""

    def __init__(self) -> None:
        self.tokens: OAuthToken | None = None
        self.client: OAuthClientInformationFull | None = None

    async def get_tokens(self) -> OAuthToken | None:
        return self.tokens

    async def set_tokens(self, tokens: OAuthToken) -> None:
        self.tokens = tokens

    async def get_client_info(self) -> OAuthClientInformationFull | None:
        return self.client

    async def set_client_info(self, client_info: OAuthClientInformationFull) -> None:
        self.client = client_info


class Browser:
    """Follows the authorization request as a person's browser would."""

    def __init__(self) -> None:
        self._redirected = ""

    async def open(self, url: str) -> None:
        async with httpx2.AsyncClient(timeout=LIMIT_SECONDS) as http:
            self._redirected = (await http.get(url)).headers["Location"]

    async def callback(self) -> AuthorizationCodeResult:
        query = parse_qs(urlsplit(self._redirected).query)
        return AuthorizationCodeResult(code=query["code"][0], state=query["state"][0])


def _person(url: str) -> OAuthClientProvider:
    browser = Browser()
    about: dict[str, Any] = {"redirect_uris": ["http://127.0.0.1:9/callback"], "client_name": "tests"}
    return OAuthClientProvider(
        url, OAuthClientMetadata(**about), Storage(), redirect_handler=browser.open, callback_handler=browser.callback
    )


def _robot(url: str, issuer: AuthorizationServer) -> ClientCredentialsOAuthProvider:
    return ClientCredentialsOAuthProvider(url, Storage(), CLIENT_ID, CLIENT_SECRET, issuer=issuer.url)


async def _called(url: str, provider: OAuthClientProvider, mode: str) -> dict[str, Any]:
    async with (
        httpx2.AsyncClient(auth=provider, timeout=LIMIT_SECONDS) as http,
        Client(streamable_http_client(url, http_client=http), mode=mode, read_timeout_seconds=LIMIT_SECONDS) as client,
    ):
        return payload(await client.call_tool("list_namespaces", {}))


@pytest.mark.requirement("KL-S-5")
@pytest.mark.parametrize("mode", ["2026-07-28", "legacy"])
@pytest.mark.parametrize(("who", "kind"), [("person", "RSA"), ("robot", "EC")])
def test_the_sdks_client_finds_the_authorization_server_gets_a_token_and_calls_a_tool(
    tmp_path: Path, mode: str, who: str, kind: str
) -> None:
    port = closed_port()
    url = f"http://127.0.0.1:{port}/mcp"
    audit = tmp_path / "audit.log"
    with authorization_server(private_key(kind), ns=["web*"]) as issuer:
        flags = jwt_flags(
            f"{issuer.url}/keys",
            jwt_issuer=issuer.url,
            resource_url=url,
            jwt_required_scopes="ledger:read",
            jwt_namespaces_claim="ns",
            audit_log=str(audit),
            port=str(port),
        )
        with http_server(two_tenants(tmp_path / "data"), *flags):
            provider = _person(url) if who == "person" else _robot(url, issuer)
            answer = anyio.run(_called, url, provider, mode)

    assert [row["name"] for row in answer["namespaces"]] == ["web"]
    assert SECRET not in str(answer)
    client = "registered" if who == "person" else CLIENT_ID
    assert issuer.granted == [{"client": client, "scope": "ledger:read", "resource": url}]
    assert ("/register" in issuer.asked) is (who == "person")
    caller = "jwt:registered/alice" if who == "person" else f"jwt:{CLIENT_ID}"
    assert f'"caller":"{caller}"' in audit.read_text()


@pytest.mark.requirement("KL-S-5")
def test_a_token_that_the_same_issuer_made_for_another_service_opens_nothing(server: HttpServer) -> None:
    elsewhere = token(aud="https://files.example.com/mcp", scope="ledger:read ledger:list")

    assert ask(server.port, "tools/list", {}, token=elsewhere).status == 401
    assert ask(server.port, "tools/list", {}, token=token(scope="ledger:read ledger:list")).status == 200
