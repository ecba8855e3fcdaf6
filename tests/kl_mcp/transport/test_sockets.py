"""Listening sockets, and the advice where one cannot be had."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from kl_mcp.transport.sockets import (
    METRICS_PORT,
    CannotListenError,
    is_reachable_from_outside,
    listen,
    own_addresses,
    urls_of,
)
from tests.support.ordinary_user import ordinary_user
from tests.support.patience import LIMIT_SECONDS


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


def test_a_port_for_root_alone_is_refused_with_the_ports_that_are_for_everybody() -> None:
    if int(Path("/proc/sys/net/ipv4/ip_unprivileged_port_start").read_text()) <= 1:
        pytest.skip("this machine lets everybody have every port")
    with (
        ordinary_user(),
        pytest.raises(CannotListenError, match=r"not permitted. Choose a port from 1024 on"),
    ):
        listen("127.0.0.1", 1)


@pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="a machine without IPv6")
def test_an_address_that_the_system_refuses_is_told_with_its_reason() -> None:
    # An address of a link is none without the name of the link.
    with pytest.raises(CannotListenError, match=r"Invalid argument.*Check --host \(KL_MCP_LISTEN_HOST\)"):
        listen("fe80::1", 0)


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
        urls = urls_of(host, sock, "/mcp", scheme=scheme)
        assert urls[0] == f"{scheme}://{expected}:{sock.getsockname()[1]}/mcp"
        assert len(urls) == (1 + len(own_addresses(sock)) if host in {"0.0.0.0", "::"} else 1)


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
def test_the_addresses_of_this_machine_take_connections(host: str) -> None:
    with listen(host, 0) as sock:
        addresses = own_addresses(sock)

        for address in addresses:
            with socket.create_connection((address, sock.getsockname()[1]), LIMIT_SECONDS) as connection:
                assert connection.getpeername()[0] == address
    assert not any(address.startswith("127.") or address in {"::1", "0.0.0.0", "::"} for address in addresses)


@pytest.mark.parametrize(
    ("host", "reachable"),
    [("127.0.0.1", False), ("127.8.0.1", False), ("::1", False), ("localhost", False), ("0.0.0.0", True), ("::", True)],
)
def test_what_listens_to_its_own_machine_alone_is_not_reachable_from_outside(host: str, reachable: bool) -> None:
    with listen(host, 0) as sock:
        assert is_reachable_from_outside(sock) is reachable
