"""Waits for what is to happen. A busy machine takes long, so only what never happens fails."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

import anyio

LIMIT_SECONDS = 120.0
"""For everything that a test waits for: answers, ends of processes, conditions."""
PAUSE_SECONDS = 0.02

T = TypeVar("T")


def eventually(look: Callable[[], T | None], *, pause_seconds: float = PAUSE_SECONDS) -> T:
    """Return the first value of `look()` that is not None or False; AssertionError after LIMIT_SECONDS."""
    end = time.monotonic() + LIMIT_SECONDS
    while True:
        value = look()
        if value is not None and value is not False:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"nothing came within {LIMIT_SECONDS:g} s")
        time.sleep(pause_seconds)


async def until(condition: Callable[[], bool]) -> None:
    """Let the event loop go on until `condition()` holds; TimeoutError after LIMIT_SECONDS."""
    with anyio.fail_after(LIMIT_SECONDS):
        while not condition():
            await anyio.sleep(PAUSE_SECONDS / 2)
