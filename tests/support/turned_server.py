"""Starts `kl-mcp` as a real process whose clocks the test turns, so that what it does after a time is known exactly.

with turned_server(data_dir, "--client-timeout", "1") as server:
    server.turn(0.9)
"""

from __future__ import annotations

import socket
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.mcp_clients import HttpServer, http_server
from tests.support.patience import LIMIT_SECONDS


@dataclass(frozen=True)
class TurnedServer(HttpServer):
    """A running `kl-mcp` for which no time passes but what `turn` says."""

    control: socket.socket = field(kw_only=True)

    def turn(self, seconds: float) -> None:
        """Let time pass; what was due in it and needs nobody else has been done afterwards."""
        self._order(seconds)

    def turn_to_its_end(self, seconds: float) -> None:
        """Let time pass in which the process is to end; one that needs more time does not end."""
        with suppress(EOFError, ConnectionError):
            self._order(seconds)

    def now(self) -> float:
        """What its wall clock shows."""
        return self._order(0.0)

    def _order(self, seconds: float) -> float:
        self.control.sendall(f"{seconds!r}\n".encode())
        answer = b""
        while not answer.endswith(b"\n"):
            part = self.control.recv(100)
            if not part:
                raise EOFError("the server has ended")
            answer += part
        return float(answer)


@contextmanager
def turned_server(data_dir: Path, *flags: str, env: Mapping[str, str] | None = None) -> Iterator[TurnedServer]:
    """`http_server` with clocks that stand still within the block."""
    with tempfile.TemporaryDirectory() as directory, socket.socket(socket.AF_UNIX) as listening:
        address = f"{directory}/clock"
        listening.bind(address)
        listening.listen()
        told = {**(env or {}), "TURNED_CLOCK": address}
        with http_server(data_dir, *flags, env=told, module="tests.support.turned_clock") as server:
            control, _ = listening.accept()
            # To close it lets the clocks go: without time nothing stops.
            with control:
                control.settimeout(LIMIT_SECONDS)
                yield TurnedServer(server.process, server.url, server.log, control=control)


def still_open(connection: socket.socket) -> bool:
    """Whether the server has not ended a connection on which nothing has come."""
    limit = connection.gettimeout()
    connection.setblocking(False)
    try:
        return connection.recv(1, socket.MSG_PEEK) != b""
    except BlockingIOError:
        return True
    except ConnectionResetError:
        return False
    finally:
        connection.settimeout(limit)
