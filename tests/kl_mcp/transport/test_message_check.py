"""What is posted to the endpoint and is no JSON-RPC message, on a real process and in every protocol era."""

from __future__ import annotations

import gzip
import http.client
from collections.abc import Iterator

import orjson
import pytest
from mcp_types import INVALID_REQUEST, PARSE_ERROR

from kl_mcp.tools import TABLE
from tests.kl_mcp.transport.test_app import JSON_HEADERS
from tests.support.handshake import MODERN_META
from tests.support.malformed_messages import MALFORMED, REQUEST
from tests.support.mcp_clients import HttpServer, http_server
from tests.support.patience import LIMIT_SECONDS
from tests.support.published import publish

VERSIONS = (None, "2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25", "2026-07-28", "2099-01-01")
"""Values of MCP-Protocol-Version; the last is none that the server knows."""
WELL_FORMED = orjson.dumps({"jsonrpc": "2.0", "id": 7, "method": "tools/list", "params": {"_meta": MODERN_META}})
LISTEN = orjson.dumps({"jsonrpc": "2.0", "id": 7, "method": "subscriptions/listen", "params": {"_meta": MODERN_META}})


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HttpServer]:
    directory = tmp_path_factory.mktemp("data")
    publish(directory, 1)
    with http_server(directory) as running:
        yield running


def _posted(
    server: HttpServer, body: bytes, version: str | None = None, path: str = "/mcp", **headers: str
) -> tuple[int, bytes, http.client.HTTPMessage]:
    era = {} if version is None else {"MCP-Protocol-Version": version, "Mcp-Method": "tools/list"}
    more = {name.replace("_", "-"): value for name, value in headers.items()}
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=LIMIT_SECONDS)
    try:
        connection.request("POST", path, body, JSON_HEADERS | era | more)
        response = connection.getresponse()
        return response.status, response.read(), response.headers
    finally:
        connection.close()


def _code(content: bytes) -> int:
    code: int = orjson.loads(content)["error"]["code"]
    return code


@pytest.mark.requirement("KL-X-7")
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", MALFORMED)
def test_what_is_no_message_is_answered_400_with_one_sentence_in_every_era(
    server: HttpServer, name: str, version: str | None
) -> None:
    content, code, request_id = MALFORMED[name]

    status, answer, headers = _posted(server, content, version)

    assert (status, headers["Content-Type"]) == (400, "application/json")
    message = orjson.loads(answer)["error"].pop("message")
    assert orjson.loads(answer) == {"jsonrpc": "2.0", "id": request_id, "error": {"code": code, "message": message}}
    assert len(message) <= 120
    assert message.count(".") - message.count("2.0") == 1


@pytest.mark.requirement("KL-X-7")
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("body", [b"", b" \r\n"])
def test_an_empty_body_is_no_message(server: HttpServer, body: bytes, version: str | None) -> None:
    status, answer, _ = _posted(server, body, version)

    assert (status, _code(answer)) == (400, PARSE_ERROR)


@pytest.mark.requirement("KL-X-7")
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("coding", ["gzip", "GZIP", "br", "identity, gzip"])
def test_a_compressed_body_is_answered_with_what_to_send(server: HttpServer, coding: str, version: str | None) -> None:
    status, answer, headers = _posted(server, gzip.compress(REQUEST), version, Content_Encoding=coding)

    assert (status, _code(answer)) == (400, PARSE_ERROR)
    assert b"uncompressed" in answer
    assert headers["Accept-Encoding"] == "identity"


@pytest.mark.requirement("KL-X-7")
@pytest.mark.parametrize("version", [None, "2026-07-28"])
@pytest.mark.parametrize(
    "headers",
    [
        {"Content_Type": "Application/JSON"},
        {"Content_Type": "APPLICATION/JSON ; Charset=UTF-8"},
        {"Accept": "Application/Json, TEXT/Event-Stream"},
        {"Accept": "*/*"},
        {"Content_Encoding": "Identity"},
    ],
)
def test_media_types_ignore_case(server: HttpServer, headers: dict[str, str], version: str | None) -> None:
    status, answer, _ = _posted(server, WELL_FORMED, version, **headers)

    assert status == 200
    assert len(orjson.loads(answer)["result"]["tools"]) == len(TABLE)


@pytest.mark.requirement("KL-X-7")
@pytest.mark.parametrize("version", [None, "2026-07-28"])
@pytest.mark.parametrize(
    ("headers", "status", "named"),
    [
        ({"Content_Type": "text/plain"}, 415, b"application/json"),
        ({"Content_Type": "application/jsonp"}, 415, b"application/json"),
        ({"Content_Type": ""}, 415, b"application/json"),
        ({"Accept": "text/html"}, 406, b"application/json"),
        ({"Accept": "text/event-stream"}, 406, b"application/json"),
    ],
)
def test_other_media_types_are_refused_with_the_one_that_is_meant(
    server: HttpServer, headers: dict[str, str], status: int, named: bytes, version: str | None
) -> None:
    answered, answer, _ = _posted(server, WELL_FORMED, version, **headers)

    assert (answered, _code(answer)) == (status, INVALID_REQUEST)
    assert named in answer


def test_a_subscription_whose_client_takes_no_stream_is_told_so(server: HttpServer) -> None:
    status, answer, _ = _posted(server, LISTEN, "2026-07-28", Accept="application/json")

    assert (status, _code(answer)) == (406, INVALID_REQUEST)
    assert b"text/event-stream" in answer


@pytest.mark.requirement("KL-X-1")
@pytest.mark.parametrize("version", [None, "2025-06-18", "2026-07-28"])
def test_the_path_with_a_slash_at_its_end_answers_like_the_one_without(server: HttpServer, version: str | None) -> None:
    plain, slashed = (_posted(server, WELL_FORMED, version, path) for path in ("/mcp", "/mcp/"))

    assert plain[0] == 200
    assert slashed[:2] == plain[:2]
