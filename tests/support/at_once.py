"""Doing without a thread what is else done in one."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future


def at_once(action: Callable[[], bool]) -> Future[bool]:
    """Return the outcome of an action, which has ended."""
    outcome: Future[bool] = Future()
    outcome.set_result(action())
    return outcome
