"""The HTTP transport, on a real process: both protocol eras, the probes, refusals."""

from __future__ import annotations

import http.client
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anyio
import orjson
import pytest
from mcp.client import Client
from mcp.shared.exceptions import MCPError
from mcp_types import INVALID_PARAMS

from kl_mcp.tools import TABLE
from tests.support.handshake import INITIALIZE, MODERN_META, initialize_params
from tests.support.mcp_clients import MODES, HttpServer, connect, http_server, payload
from tests.support.patience import LIMIT_SECONDS, eventually
from tests.support.published import publish

JSON_HEADERS = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HttpServer]:
    directory = tmp_path_factory.mktemp("data")
    publish(directory, 1)
    with http_server(directory) as running:
        yield running


def _request(
    server: HttpServer, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None
) -> tuple[int, dict[str, Any], http.client.HTTPMessage]:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=LIMIT_SECONDS)
    try:
        connection.request(method, path, body, headers or {})
        response = connection.getresponse()
        content = response.read()
        return response.status, orjson.loads(content) if content else {}, response.headers
    finally:
        connection.close()


def _post(server: HttpServer, message: object, **headers: str) -> tuple[int, dict[str, Any]]:
    status, body, _ = _request(server, "POST", "/mcp", orjson.dumps(message), JSON_HEADERS | headers)
    return status, body


@pytest.mark.requirement("KL-X-1")
@pytest.mark.parametrize("mode", MODES)
def test_every_tool_is_listed_and_the_dataset_described_in_each_era(server: HttpServer, mode: str) -> None:
    async def question() -> tuple[list[str], dict[str, Any]]:
        async with connect(server.url, mode) as client:
            tools = [tool.name for tool in (await client.list_tools()).tools]
            result = await client.call_tool("describe_dataset", {})
            assert result.is_error is False
            assert result.structured_content == payload(result)
            return tools, payload(result)

    tools, described = anyio.run(question)

    assert tools == list(TABLE)
    assert described["layout"] == "native"


@pytest.mark.parametrize("mode", MODES)
def test_an_unknown_tool_and_an_unknown_resource_are_invalid_params_in_each_era(server: HttpServer, mode: str) -> None:
    async def question() -> list[int]:
        async with connect(server.url, mode) as client:
            return [
                await _code_of(client, "get_weather"),
                await _code_of(client, None),
            ]

    assert anyio.run(question) == [INVALID_PARAMS, INVALID_PARAMS]


async def _code_of(client: Client, tool: str | None) -> int:
    try:
        if tool is None:
            await client.read_resource("kubeledger://nothing")
        else:
            await client.call_tool(tool, {})
    except MCPError as error:
        return error.error.code
    return 0


@pytest.mark.parametrize("version", ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"])
def test_every_handshake_version_is_negotiated_as_asked(server: HttpServer, version: str) -> None:
    status, body = _post(server, {**INITIALIZE, "params": initialize_params(version)})

    assert status == 200
    assert body["result"]["protocolVersion"] == version


@pytest.mark.requirement("KL-X-1")
def test_no_session_is_kept_for_the_older_eras(server: HttpServer) -> None:
    _, _, headers = _request(server, "POST", "/mcp", orjson.dumps(INITIALIZE), JSON_HEADERS)

    assert "mcp-session-id" not in headers


@pytest.mark.requirement("KL-X-3")
def test_the_probes_answer(server: HttpServer) -> None:
    assert _request(server, "GET", "/healthz")[:2] == (200, {"status": "ok"})
    status, body, _ = _request(server, "GET", "/readyz")
    assert status == 200
    assert (body["layout"], body["generation"]) == ("native", 1)


def test_another_path_is_answered_404_naming_the_endpoint(server: HttpServer) -> None:
    status, body, _ = _request(server, "GET", "/")

    assert status == 404
    assert "/mcp" in body["error"]["message"]


@pytest.mark.requirement("KL-X-1")
@pytest.mark.parametrize("method", ["GET", "DELETE", "PUT"])
def test_the_endpoint_takes_post_only(server: HttpServer, method: str) -> None:
    status, body, headers = _request(server, method, "/mcp", headers={"Accept": "text/event-stream"})

    assert status == 405
    assert headers["Allow"] == "POST"
    assert "POST" in body["error"]["message"]


@pytest.mark.requirement("KL-S-2")
@pytest.mark.parametrize(
    ("headers", "status", "setting"),
    [
        ({"Host": "rebound.example.com"}, 421, "KL_MCP_ALLOWED_HOSTS"),
        ({"Origin": "https://evil.example.com"}, 403, "KL_MCP_ALLOWED_ORIGINS"),
    ],
)
@pytest.mark.parametrize("version", [None, "2026-07-28"])
def test_foreign_hosts_and_origins_are_refused_in_both_eras(
    server: HttpServer, headers: dict[str, str], status: int, setting: str, version: str | None
) -> None:
    more = {} if version is None else {"MCP-Protocol-Version": version}

    answered, body = _post(server, INITIALIZE, **headers, **more)

    assert answered == status
    assert setting in body["error"]["message"]


def test_the_probes_answer_under_any_host_name(server: HttpServer) -> None:
    assert _request(server, "GET", "/readyz", headers={"Host": "10.244.0.17:5484"})[0] == 200


@pytest.mark.requirement("KL-S-2")
def test_a_named_host_and_origin_are_accepted(tmp_path: Path) -> None:
    flags = ("--host", "0.0.0.0", "--allowed-hosts", "mcp.example.com", "--allowed-origins", "https://tools.example")
    with http_server(tmp_path, *flags) as server:
        accepted, _ = _post(server, INITIALIZE, Host="mcp.example.com", Origin="https://tools.example")
        refused, _ = _post(server, INITIALIZE, Host="mcp.example.org")

    assert (accepted, refused) == (200, 421)


def test_white_space_around_header_values_does_not_matter(server: HttpServer) -> None:
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {"_meta": MODERN_META}}
    padded = {"MCP-Protocol-Version": "  2026-07-28\t", "Mcp-Method": " \ttools/list  "}

    status, body = _post(server, message, **padded)

    assert status == 200
    assert len(body["result"]["tools"]) == len(TABLE)


@pytest.mark.requirement("KL-X-1")
def test_a_body_beyond_the_limit_is_refused(server: HttpServer) -> None:
    body = orjson.dumps({**INITIALIZE, "padding": "x" * (1024 * 1024)})
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=LIMIT_SECONDS)
    connection.request("POST", "/mcp", body, JSON_HEADERS)

    assert connection.getresponse().status == 413
    connection.close()


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b'{"jsonrpc":"2.0"}', b"[" * 100_000, b"\xff\xfe"])
@pytest.mark.parametrize("version", [None, "2026-07-28"])
def test_a_malformed_body_is_a_client_error_and_the_server_goes_on(
    server: HttpServer, body: bytes, version: str | None
) -> None:
    more = {} if version is None else {"MCP-Protocol-Version": version}
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=LIMIT_SECONDS)
    connection.request("POST", "/mcp", body, JSON_HEADERS | more)
    status = connection.getresponse().status
    connection.close()

    assert 400 <= status < 500
    assert _request(server, "GET", "/healthz")[0] == 200


@pytest.mark.requirement("KL-R-3")
def test_a_new_generation_is_served_and_announced_to_listeners(tmp_path: Path) -> None:
    publish(tmp_path, 1)

    async def scenario(url: str) -> str:
        async with (
            connect(url, "2026-07-28") as client,
            client.listen(resource_subscriptions=["kubeledger://dataset"]) as subscription,
        ):
            publish(tmp_path, 2)
            with anyio.fail_after(LIMIT_SECONDS):
                async for event in subscription:
                    return repr(event)
        return "nothing"

    with http_server(tmp_path) as server:
        heard = anyio.run(scenario, server.url)
        ready = _request(server, "GET", "/readyz")[1]

    assert "kubeledger://dataset" in heard
    assert ready["generation"] == 2


def test_requests_beside_a_long_listener_are_answered(server: HttpServer) -> None:
    async def scenario() -> list[bool | None]:
        async with (
            connect(server.url, "2026-07-28") as client,
            client.listen(resource_subscriptions=["kubeledger://dataset"]),
        ):
            return [(await client.call_tool("describe_dataset", {})).is_error for _ in range(5)]

    assert anyio.run(scenario) == [False] * 5


@pytest.mark.requirement("KL-X-4")
def test_a_dataset_that_appears_later_is_picked_up_without_a_restart(tmp_path: Path) -> None:
    directory = tmp_path / "later"
    with http_server(directory) as server:
        before = _request(server, "GET", "/readyz")[1]
        publish(directory, 8)
        eventually(lambda: _request(server, "GET", "/readyz")[1]["generation"] == 8)

    assert before["layout"] == "none"
    assert str(directory) in before["reason"]
