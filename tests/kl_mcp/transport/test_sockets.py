"""Listening sockets, and the advice where one cannot be had."""

from __future__ import annotations

import pytest

from kl_mcp.transport.sockets import METRICS_PORT, CannotListenError, listen, url_of


@pytest.mark.parametrize("host", ["192.0.2.1", "a" * 64])
def test_an_address_this_machine_does_not_have_is_refused_naming_the_setting(host: str) -> None:
    with pytest.raises(CannotListenError) as caught:
        listen(host, 0)

    assert host in str(caught.value)
    assert "KL_MCP_LISTEN_HOST" in str(caught.value)


@pytest.mark.parametrize(("named", "setting"), [((), "KL_MCP_LISTEN_PORT"), ((METRICS_PORT,), "KL_MCP_METRICS_PORT")])
def test_a_taken_port_is_refused_naming_the_setting_it_came_from(named: tuple[str, ...], setting: str) -> None:
    with listen("127.0.0.1", 0) as taken, pytest.raises(CannotListenError) as caught:
        listen("127.0.0.1", taken.getsockname()[1], *named)

    assert "the port is in use" in str(caught.value)
    assert setting in str(caught.value)


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1", "127.0.0.1"),
        ("0.0.0.0", "127.0.0.1"),
        ("localhost", "localhost"),
        ("::1", "[::1]"),
        ("::", "[::1]"),
    ],
)
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_the_address_is_written_as_a_client_on_this_machine_would(host: str, expected: str, scheme: str) -> None:
    with listen("127.0.0.1", 0) as sock:
        assert url_of(host, sock, "/mcp", scheme=scheme) == f"{scheme}://{expected}:{sock.getsockname()[1]}/mcp"
