"""Tasks that nobody has to wait for."""

from __future__ import annotations

import threading

import pytest

from collector.errors import SourceError
from collector.kubernetes.deadline import Deadline, LateError, Task
from tests.support.no_thread_left import no_thread_left
from tests.support.patience import LIMIT_SECONDS


def test_a_system_without_a_thread_left_is_a_failure_of_the_source() -> None:
    with (
        no_thread_left(),
        pytest.raises(SourceError, match="the claims are not read, for the system has no thread left"),
    ):
        Task(lambda: 1, "claims")


def test_what_an_action_returns_and_raises_is_returned_and_raised() -> None:
    assert Task(lambda: 1, "claims").result(Deadline(LIMIT_SECONDS)) == 1
    with pytest.raises(ValueError, match="invalid literal"):
        Task(lambda: int("one"), "claims").result(Deadline(LIMIT_SECONDS))


def test_an_action_that_has_not_ended_by_the_deadline_is_late() -> None:
    may_end = threading.Event()
    with pytest.raises(LateError):
        Task(may_end.wait, "claims").result(Deadline(0.01))
    may_end.set()
