#!/usr/bin/env python3
"""HEALTHCHECK of the image: asks whichever of the two commands the container runs. Argument: its process, default 1."""

from __future__ import annotations

import http.client
import os
import ssl
import sys
from pathlib import Path

from kl_mcp import settings
from kl_mcp.access.host_and_origin import WILDCARDS

TIMEOUT_SEC = 5


def command(process: str) -> list[str]:
    """Command line of a process."""
    return Path("/proc", process, "cmdline").read_bytes().decode(errors="replace").split("\0")[:-1]


def arguments_of(name: str, line: list[str]) -> list[str] | None:
    """What follows the command `name` on a command line; None where it is not on it."""
    names = [Path(word).name for word in line]
    return line[names.index(name) + 1 :] if name in names else None


def server_is_healthy(arguments: list[str]) -> bool:
    """Whether the server that was started with these arguments answers; one on stdio has nothing to ask."""
    chosen = settings.load(argv=arguments)
    if chosen.transport == "stdio":
        return True
    host = "localhost" if chosen.host in WILDCARDS else chosen.host
    connection = connection_to(host, chosen.port, tls=chosen.tls_cert_file is not None)
    connection.request("GET", "/healthz")
    return connection.getresponse().status == http.client.OK


def connection_to(host: str, port: int, *, tls: bool) -> http.client.HTTPConnection:
    """A connection to the server in this container."""
    if not tls:
        return http.client.HTTPConnection(host, port, timeout=TIMEOUT_SEC)
    # The certificate names the server as its clients call it, not the address it has in here; nothing secret is asked.
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return http.client.HTTPSConnection(host, port, timeout=TIMEOUT_SEC, context=context)


def main() -> int:
    """Exit code: 0 healthy (or nothing to ask), 1 not."""
    line = command(sys.argv[1] if len(sys.argv) > 1 else "1")
    if arguments_of("kl-collector", line) is not None:
        os.execvp("kl-collector", ["kl-collector", "health", "--live"])  # noqa: S606, S607
    arguments = arguments_of("kl-mcp", line)
    try:
        return 0 if arguments is None or server_is_healthy(arguments) else 1
    except OSError as error:
        sys.stderr.write(f"kubeledger-healthcheck: the server does not answer: {error}\n")
        return 1


if __name__ == "__main__":
    sys.exit(main())
