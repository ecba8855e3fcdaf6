"""Host and Origin validation."""

from __future__ import annotations

import anyio
import pytest
from starlette.responses import PlainTextResponse
from starlette.types import Message, Scope

from kl_mcp.access.host_and_origin import Access, Guard


@pytest.mark.requirement("KL-S-2")
@pytest.mark.parametrize(
    ("host", "allowed"),
    [
        ("localhost", True),
        ("LOCALHOST:1", True),
        ("127.0.0.1:5484", True),
        ("[::1]:5484", True),
        ("10.1.2.3:5484", True),
        ("mcp.example.com:443", True),
        ("pinned.example.com:8443", True),
        ("pinned.example.com:8444", False),
        ("pinned.example.com", False),
        ("evil.example.com", False),
        ("localhost.evil.example.com", False),
        ("127.0.0.1.evil.example.com:5484", False),
        ("localhost@evil.example.com", False),
        ("[::1]evil.example.com", False),
        ("[localhost", False),
        ("localhost:evil.example.com", False),
        ("localhost:1@evil.example.com", False),
        ("", False),
    ],
)
def test_loopback_the_listen_address_and_named_hosts_are_allowed_and_no_others(host: str, allowed: bool) -> None:
    access = Access.of("10.1.2.3", ["mcp.example.com", "pinned.example.com:8443"], [])

    assert access.allows_host(host) is allowed


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [
        ("http://localhost:6274", True),
        ("https://127.0.0.1", True),
        ("http://[::1]:8080", True),
        ("https://tools.example.com", True),
        ("http://tools.example.com", False),
        ("https://evil.example.com", False),
        ("http://localhost.evil.example.com", False),
        ("http://localhost:1@evil.example.com", False),
        ("http://[::1]evil.example.com", False),
        ("http://localhost/evil", False),
        ("null", False),
        ("file://", False),
        ("", False),
        ("https://pinned.example.com", True),  # what a browser makes of the default port
        ("https://pinned.example.com:8443", False),
        ("http://pinned.example.com", False),
    ],
)
def test_local_pages_and_named_origins_are_allowed_and_no_others(origin: str, allowed: bool) -> None:
    access = Access.of("127.0.0.1", [], ["https://tools.example.com", "https://pinned.example.com:443"])

    assert access.allows_origin(origin) is allowed


@pytest.mark.parametrize("wildcard", ["0.0.0.0", "::"])
def test_listening_on_every_address_allows_no_name_by_itself(wildcard: str) -> None:
    access = Access.of(wildcard, [], [])

    assert access.allows_host("localhost:5484")
    assert not access.allows_host(f"{wildcard}")
    assert not access.allows_host("10.1.2.3:5484")


def test_a_star_allows_everything() -> None:
    access = Access.of("0.0.0.0", ["*"], ["*"])

    assert access.allows_host("anything.example")
    assert access.allows_origin("https://anything.example")
    assert not Access.of("0.0.0.0", ["a"], ["http://a"]).allows_host("b")


def _answer(headers: list[tuple[bytes, bytes]], path: str = "/mcp") -> tuple[int, bytes, Scope]:
    """Status and body of one request through a guard, and the scope that arrived behind it."""
    sent: list[Message] = []
    scope: Scope = {"type": "http", "method": "POST", "path": path, "headers": headers}

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        sent.append(message)

    guard = Guard(PlainTextResponse("inside"), Access.of("127.0.0.1", [], []), frozenset({"/healthz"}))
    anyio.run(guard, scope, receive, send)
    return sent[0]["status"], sent[1]["body"], scope


def test_a_foreign_host_is_answered_421_naming_the_setting() -> None:
    status, body, _ = _answer([(b"host", b"evil.example.com")])

    assert status == 421
    assert b"evil.example.com" in body
    assert b"KL_MCP_ALLOWED_HOSTS" in body


def test_a_foreign_origin_is_answered_403_naming_the_setting() -> None:
    status, body, _ = _answer([(b"host", b"localhost:1"), (b"origin", b"https://evil.example.com")])

    assert status == 403
    assert b"KL_MCP_ALLOWED_ORIGINS" in body


@pytest.mark.parametrize("headers", [[], [(b"host", b"localhost"), (b"host", b"evil.example.com")]])
def test_a_request_must_carry_exactly_one_host(headers: list[tuple[bytes, bytes]]) -> None:
    assert _answer(headers)[0] == 421


def test_a_request_carries_at_most_one_origin() -> None:
    local = (b"origin", b"http://localhost")

    assert _answer([(b"host", b"localhost"), local])[0] == 200
    assert _answer([(b"host", b"localhost"), local, local])[0] == 403


@pytest.mark.requirement("KL-S-2")
@pytest.mark.parametrize("path", ["/mcp", "/healthz"])
def test_a_body_with_two_lengths_is_refused_and_ends_the_connection(path: str) -> None:
    both = [(b"host", b"localhost"), (b"content-length", b"5"), (b"transfer-encoding", b"chunked")]

    assert _answer(both, path)[0] == 400
    assert _answer(both[:2], path)[0] == _answer([both[0], both[2]], path)[0] == 200


def test_the_probes_are_exempt_since_a_kubelet_calls_by_address() -> None:
    status, body, _ = _answer([(b"host", b"10.4.5.6:5484")], "/healthz")

    assert (status, body) == (200, b"inside")


def test_white_space_around_a_header_value_is_removed() -> None:
    _, _, scope = _answer([(b"host", b" localhost "), (b"mcp-method", b"\t tools/list \t")])

    assert (b"mcp-method", b"tools/list") in scope["headers"]
