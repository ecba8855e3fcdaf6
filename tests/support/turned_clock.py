"""`kl-mcp` in a process whose clocks stand still until they are turned: see `tests.support.turned_server`.

The process connects to the Unix socket TURNED_CLOCK. It reads lines with seconds from it, and answers each with a line
of what its wall clock shows when they have passed and everything that was due has been done. When the connection ends,
its clocks go as they do elsewhere.
"""

from __future__ import annotations

import asyncio
import os
import queue
import socket
import sys
import threading
import time
from datetime import datetime, tzinfo
from typing import IO

import jwt.api_jwt

WAIT_BY_THE_REAL_CLOCK = (threading, queue)
"""Threads wait with these, which took the clock when they were imported."""
STEP_SECONDS = 0.1
"""Timers that start the next one are due one after the other."""
TURNS = 30
"""Turns of the event loop in which everything is done that is due and needs nobody else."""

real_time, real_monotonic = time.time, time.monotonic
run_forever = asyncio.BaseEventLoop.run_forever


class Datetime(datetime):
    """What tells PyJWT whether a token has expired."""

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> Datetime:
        return cls.fromtimestamp(time.time(), tz)


class Clock:
    """Clocks of a process."""

    def __init__(self) -> None:
        self._started, self._started_monotonic = real_time(), real_monotonic()
        self._passed = 0.0
        self._released_at: float | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def install(self) -> None:
        """Take the place of the clocks of `time`, which event loops go by too."""
        clock = self

        def noted(loop: asyncio.BaseEventLoop) -> None:
            clock._loop = loop
            run_forever(loop)

        time.time, time.monotonic = self.wall, self.monotonic
        jwt.api_jwt.datetime = Datetime  # type: ignore[attr-defined]
        asyncio.BaseEventLoop.run_forever = noted  # type: ignore[method-assign, assignment]

    def wall(self) -> float:
        return self._started + self.passed

    def monotonic(self) -> float:
        return self._started_monotonic + self.passed

    @property
    def passed(self) -> float:
        since = 0.0 if self._released_at is None else real_monotonic() - self._released_at
        return self._passed + since

    def obey(self, orders: IO[str]) -> None:
        """Turn as told until the orders end."""
        for line in orders:
            self._let_happen()
            end = self._passed + float(line)
            while self._passed < end:
                self._passed = min(end, self._passed + STEP_SECONDS)
                self._let_happen()
            orders.write(f"{self.wall()!r}\n")
            orders.flush()
        self._released_at = real_monotonic()
        self._let_happen()

    def _let_happen(self) -> None:
        loop, done = self._loop, threading.Event()

        def turn(left: int) -> None:
            if left:
                asyncio.get_running_loop().call_soon(turn, left - 1)
            else:
                done.set()

        if loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(turn, TURNS)
            done.wait()


def _run() -> int:
    clock = Clock()
    clock.install()
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(os.environ.pop("TURNED_CLOCK"))
    threading.Thread(target=clock.obey, args=(connection.makefile("rw"),), daemon=True).start()

    from kl_mcp.cli import main

    return main()


if __name__ == "__main__":
    sys.exit(_run())
