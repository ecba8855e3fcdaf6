"""Runs what may never return, such as reading a file system that does not answer, without keeping the process alive."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Future
from threading import Thread
from typing import TypeVar

T = TypeVar("T")


async def in_daemon_thread(work: Callable[[], T]) -> T:
    """Return the result of `work`, called in a thread of its own. Whoever is cancelled does not wait for it.

    Python waits for all other threads when it exits, those of `anyio.to_thread` included.
    """
    outcome: Future[T] = Future()
    outcome.set_running_or_notify_cancel()
    Thread(target=_settle, args=(outcome, work), name="kl-mcp files", daemon=True).start()
    return await asyncio.wrap_future(outcome)


def _settle(outcome: Future[T], work: Callable[[], T]) -> None:
    try:
        outcome.set_result(work())
    except BaseException as error:  # noqa: BLE001 -- raised again where the result is awaited
        outcome.set_exception(error)
