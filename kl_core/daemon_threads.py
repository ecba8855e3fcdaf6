"""Runs what may never return, such as reading a file system that does not answer, without keeping the process alive.

Python waits for all other threads when it exits, those of `anyio.to_thread` included.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import Future
from threading import Thread
from typing import TypeVar

T = TypeVar("T")


def begin(work: Callable[[], T], name: str) -> tuple[Thread, Future[T]]:
    """Call `work` in a thread of its own, and return that with what is to come of it.

    Raises `RuntimeError` where the system has no thread left.
    """
    outcome: Future[T] = Future()
    outcome.set_running_or_notify_cancel()
    thread = Thread(target=_settle, args=(outcome, work), name=name, daemon=True)
    thread.start()
    return thread, outcome


async def in_daemon_thread(work: Callable[[], T]) -> T:
    """Return the result of `work`, called in a thread of its own. Whoever is cancelled does not wait for it."""
    _, outcome = begin(work, "kl-mcp files")
    return await asyncio.wrap_future(outcome)


def _settle(outcome: Future[T], work: Callable[[], T]) -> None:
    try:
        outcome.set_result(work())
    except BaseException as error:  # noqa: BLE001 -- raised again where the result is awaited
        outcome.set_exception(error)
