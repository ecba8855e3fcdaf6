"""`kl-mcp` that writes down its requests: `python tests/clients/watched.py --requests FILE [--alone] FLAGS...`

FILE gets a line `METHOD VERSION PARAMETERS` for each request: the protocol version that the client speaks, and JSON.
With `--alone` the server runs in a network that holds nothing but this machine, where the machine permits it: clients
that join it can reach the server and nobody else, whatever they try.
"""

from __future__ import annotations

import argparse
import ctypes
import fcntl
import json
import os
import shutil
import socket
import struct
import sys
from pathlib import Path
from typing import Any
from unittest.mock import patch

from mcp.server.context import CallNext, HandlerResult, ServerRequestContext

import kl_mcp.protocol.server
from kl_mcp.cli import main
from kl_mcp.protocol.server import KubeLedgerServer

CLONE_NEWUSER, CLONE_NEWNET = 0x10000000, 0x40000000
SIOCSIFFLAGS = 0x8914
IFF_UP = 1
NSENTER = shutil.which("nsenter") or ""


def leave() -> None:
    """Move this process into a network of its own, with loopback up. OSError where that is not permitted."""
    user, group = os.getuid(), os.getgid()
    if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWUSER | CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "unshare")
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{user} {user} 1")
    Path("/proc/self/gid_map").write_text(f"{group} {group} 1")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        fcntl.ioctl(control, SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", IFF_UP))


def may_leave() -> bool:
    """Whether `leave` works here, tried by a child: half of it done leaves a process that can do less than before."""
    child = os.fork()
    if child == 0:
        try:
            leave()
        except OSError:
            os._exit(1)
        os._exit(0)
    return os.waitpid(child, 0)[1] == 0


def joining(process: int) -> list[str]:
    """What to put before a command so that it runs in the network of a process; nothing if that is the common one."""
    own, other = (Path(f"/proc/{name}/ns/net").readlink() for name in ("self", process))
    if own == other:
        return []
    return [NSENTER, "--target", str(process), "--user", "--net", "--preserve-credentials", "--"]


def _watched(server: KubeLedgerServer, requests: Path) -> KubeLedgerServer:
    async def note(ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
        version = ctx.protocol_version
        if ctx.method == "initialize":
            version = (ctx.params or {}).get("protocolVersion", version)
        with requests.open("a") as file:
            file.write(f"{ctx.method} {version} {json.dumps(ctx.params)}\n")
        return await call_next(ctx)

    server.server.middleware.append(note)
    return server


def _run() -> int:
    parser = argparse.ArgumentParser(allow_abbrev=False)
    parser.add_argument("--requests", type=Path, required=True)
    parser.add_argument("--alone", action="store_true")
    own, flags = parser.parse_known_args()
    if own.alone and NSENTER and may_leave():
        leave()
    build = kl_mcp.protocol.server.build_server

    def watching(*given: Any, **named: Any) -> KubeLedgerServer:
        return _watched(build(*given, **named), own.requests)

    with patch.object(kl_mcp.protocol.server, "build_server", watching):
        return main(flags)


if __name__ == "__main__":
    sys.exit(_run())
