"""Listening sockets: what goes wrong with an address, and what to change, in one sentence."""

import errno
import socket

from kl_core.errors import KubeLedgerError

BACKLOG = 2048
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


def url_of(host: str, sock: socket.socket, path: str, *, scheme: str = "http") -> str:
    """Return the address of a path as a client on this machine would write it."""
    name = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    bracketed = f"[{name}]" if ":" in name else name
    return f"{scheme}://{bracketed}:{sock.getsockname()[1]}{path}"
