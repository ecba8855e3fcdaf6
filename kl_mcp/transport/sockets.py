"""Listening sockets: what goes wrong with an address, and what to change, in one sentence."""

import errno
import ipaddress
import socket
from contextlib import closing

from kl_core.errors import KubeLedgerError

BACKLOG = 2048
LOOPBACK_OF_WILDCARD = {"0.0.0.0": "127.0.0.1", "::": "::1"}
OUTSIDE = {socket.AF_INET: "192.0.2.1", socket.AF_INET6: "2001:db8::1"}
"""Addresses that belong to nobody (RFC 5737, RFC 3849)."""
METRICS_PORT = "--metrics-port or KL_MCP_METRICS_PORT"


class CannotListenError(KubeLedgerError):
    """The listen address cannot be used. The message says why and which setting to change."""


def listen(host: str, port: int, named: str = "--port or KL_MCP_LISTEN_PORT") -> socket.socket:
    """Return a listening socket; port 0 takes any free port. `named` are the settings of the port, for the advice.

    Raise `CannotListenError`.
    """
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        # :: is every address, those of IPv4 included. ValueError: a name that is none, or a machine without IPv6.
        both = family == socket.AF_INET6
        return socket.create_server(address, family=family, backlog=BACKLOG, dualstack_ipv6=both)
    except (OSError, ValueError) as error:
        raise CannotListenError(f"Cannot listen on {host} port {port}: {_advice(error, named)}") from error


def _advice(error: OSError | ValueError, named: str) -> str:
    if isinstance(error, socket.gaierror | ValueError) or error.errno == errno.EADDRNOTAVAIL:
        return (
            "this machine has no such address. Choose another with --host or KL_MCP_LISTEN_HOST (127.0.0.1, 0.0.0.0)."
        )
    if error.errno == errno.EADDRINUSE:
        return f"the port is in use. Stop that process, or choose another port with {named}."
    if error.errno == errno.EACCES:
        return f"not permitted. Choose a port from 1024 on with {named}."
    return f"{error.strerror}. Check --host (KL_MCP_LISTEN_HOST) and {named}."


def urls_of(host: str, sock: socket.socket, path: str, *, scheme: str = "http") -> tuple[str, ...]:
    """Return the addresses of a path as clients would write them, that for clients on this machine first."""
    names = (LOOPBACK_OF_WILDCARD[host], *own_addresses(sock)) if host in LOOPBACK_OF_WILDCARD else (host,)
    return tuple(f"{scheme}://{f'[{name}]' if ':' in name else name}:{sock.getsockname()[1]}{path}" for name in names)


def own_addresses(sock: socket.socket) -> list[str]:
    """Return the addresses of this machine, as far as its routes tell, at which `sock` takes connections of others."""
    families = (socket.AF_INET,) if sock.family == socket.AF_INET else (socket.AF_INET, socket.AF_INET6)
    addresses = []
    for family in families:
        with closing(socket.socket(family, socket.SOCK_DGRAM)) as probe:
            try:
                probe.connect((OUTSIDE[family], 9))  # chooses a route, and sends nothing
            except OSError:  # there is none
                continue
            addresses.append(probe.getsockname()[0])
    return addresses


def is_reachable_from_outside(sock: socket.socket) -> bool:
    """Tell whether a listening socket takes connections from other machines."""
    return not ipaddress.ip_address(sock.getsockname()[0].partition("%")[0]).is_loopback
