"""Work that may never return."""

from __future__ import annotations

import threading

import anyio
import pytest

from kl_core.daemon_threads import in_daemon_thread
from tests.support.patience import LIMIT_SECONDS


def test_the_result_comes_from_another_thread_that_keeps_no_process_alive() -> None:
    thread = anyio.run(in_daemon_thread, threading.current_thread)

    assert thread is not threading.current_thread()
    assert thread.daemon


def test_what_the_work_raises_is_raised() -> None:
    def fail() -> None:
        raise OSError("no")

    with pytest.raises(OSError, match="no"):
        anyio.run(in_daemon_thread, fail)


def test_whoever_is_cancelled_does_not_wait_for_the_work() -> None:
    started, may_end, ended = threading.Event(), threading.Event(), threading.Event()

    def work() -> None:
        started.set()
        may_end.wait(LIMIT_SECONDS)
        ended.set()

    async def scenario() -> bool:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(in_daemon_thread, work)
            while not started.is_set():
                await anyio.sleep(0.01)
            tasks.cancel_scope.cancel()
        return ended.is_set()

    ended_before = anyio.run(scenario)
    may_end.set()

    assert not ended_before
    assert ended.wait(LIMIT_SECONDS)
