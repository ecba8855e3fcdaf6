"""Pages in browsers: what a browser sends before a call and with it, and what it needs to find in the answers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kl_mcp.access.asking import ERAS, FINANCE, Answer, ask, send, tokens_file
from tests.support.issuer import jwt_flags, key_set_file
from tests.support.mcp_clients import HttpServer, http_server
from tests.support.published import publish

PAGE = "https://tools.example.com"
LOCAL = "http://localhost:6274"
LIST = {"name": "list_namespaces", "arguments": {}}
NEEDED = "authorization,content-type,mcp-method,mcp-name,mcp-param-region,mcp-protocol-version"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HttpServer]:
    directory = tmp_path_factory.mktemp("pages")
    publish(directory / "data", 1)
    flags = jwt_flags(
        key_set_file(directory / "keys.json"),
        tokens_file=str(tokens_file(directory / "tokens.json")),
        allowed_origins=PAGE,
    )
    with http_server(directory / "data", *flags) as running:
        yield running


def _may_i(server: HttpServer, origin: str, path: str = "/mcp", wanted: str = NEEDED) -> Answer:
    """What a browser asks on its own before it sends a call of a page, without the page's token."""
    asked = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": wanted}
    return send(server.port, path, {"Origin": origin, "Sec-Fetch-Mode": "cors", **asked}, method="OPTIONS")


def _names(header: str | None) -> set[str]:
    return {name.strip().lower() for name in (header or "").split(",") if name.strip()}


@pytest.mark.requirement("KL-S-2")
@pytest.mark.parametrize("origin", [PAGE, LOCAL, "http://[::1]:8080"])
def test_a_browser_that_asks_is_told_that_a_page_may_call_and_is_asked_for_no_token(
    server: HttpServer, origin: str
) -> None:
    answer = _may_i(server, origin)

    assert (answer.status, answer.body) == (204, b"")
    assert answer.headers["Access-Control-Allow-Origin"] == origin
    assert answer.headers["Access-Control-Allow-Methods"] == "POST"
    assert _names(NEEDED) <= _names(answer.headers["Access-Control-Allow-Headers"])
    assert {"accept", "last-event-id"} <= _names(answer.headers["Access-Control-Allow-Headers"])
    assert "origin" in _names(answer.headers["Vary"])
    assert "Access-Control-Allow-Credentials" not in answer.headers


def test_other_headers_than_the_protocols_are_not_allowed(server: HttpServer) -> None:
    allowed = _may_i(server, PAGE, wanted="x-forwarded-for,cookie,mcp-ok,mcp-\u00e9,mcp-a b").headers

    assert _names(allowed["Access-Control-Allow-Headers"]) == {
        *("authorization", "content-type", "accept", "last-event-id", "mcp-ok")
    }


@pytest.mark.requirement("KL-S-2")
@pytest.mark.parametrize("origin", ["https://evil.example", "null", "https://tools.example.com.evil.example"])
def test_a_foreign_page_is_told_no(server: HttpServer, origin: str) -> None:
    for answer in (_may_i(server, origin), ask(server.port, "tools/call", LIST, token=FINANCE, Origin=origin)):
        assert answer.status == 403
        assert not [name for name in answer.headers if name.lower().startswith("access-control-")]


@pytest.mark.parametrize("path", ["/metrics", "/readyz"])
def test_pages_may_call_nothing_else(server: HttpServer, path: str) -> None:
    answer = _may_i(server, PAGE, path)

    assert answer.status >= 400
    assert "Access-Control-Allow-Origin" not in answer.headers


@pytest.mark.requirement("KL-S-2")
@pytest.mark.parametrize("era", ERAS)
def test_a_page_can_read_the_answer_to_its_call(server: HttpServer, era: str) -> None:
    answer = ask(server.port, "tools/call", LIST, era, FINANCE, Origin=PAGE)

    assert "structuredContent" in answer.json["result"]
    assert answer.headers["Access-Control-Allow-Origin"] == PAGE
    assert "origin" in _names(answer.headers["Vary"])
    exposed = _names(answer.headers["Access-Control-Expose-Headers"])
    assert {"www-authenticate", "mcp-session-id", "mcp-protocol-version"} <= exposed
    assert "Access-Control-Allow-Credentials" not in answer.headers


def test_a_page_can_read_why_it_was_refused_and_where_to_get_a_token(server: HttpServer) -> None:
    answer = ask(server.port, "tools/call", LIST, Origin=PAGE)

    assert answer.status == 401
    assert "resource_metadata" in answer.headers["WWW-Authenticate"]
    assert answer.headers["Access-Control-Allow-Origin"] == PAGE
    assert "www-authenticate" in _names(answer.headers["Access-Control-Expose-Headers"])


def test_a_page_can_read_that_there_is_no_stream_to_get(server: HttpServer) -> None:
    headers = {"Origin": PAGE, "Accept": "text/event-stream", "Authorization": f"Bearer {FINANCE}"}
    answer = send(server.port, "/mcp", headers, method="GET")

    assert (answer.status, answer.headers["Access-Control-Allow-Origin"]) == (405, PAGE)


def test_who_is_no_page_gets_no_such_headers_but_caches_are_told(server: HttpServer) -> None:
    answer = ask(server.port, "tools/call", LIST, token=FINANCE)

    assert "Access-Control-Allow-Origin" not in answer.headers
    assert "origin" in _names(answer.headers["Vary"])


def test_options_without_a_browsers_question_is_a_method_like_others(server: HttpServer) -> None:
    without_token = send(server.port, "/mcp", {"Origin": PAGE}, method="OPTIONS")
    with_token = send(server.port, "/mcp", {"Authorization": f"Bearer {FINANCE}"}, method="OPTIONS")

    assert (without_token.status, with_token.status) == (401, 405)


def test_a_star_lets_every_page_call(tmp_path: Path) -> None:
    with http_server(tmp_path, "--allowed-origins", "*") as server:
        for origin in ("https://anything.example", "null"):
            assert _may_i(server, origin).headers["Access-Control-Allow-Origin"] == origin
            assert ask(server.port, "tools/list", {}, Origin=origin).status == 200
