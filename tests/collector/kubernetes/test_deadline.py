"""Tasks that nobody has to wait for."""

from __future__ import annotations

import logging
import threading

import pytest

from collector.errors import SourceError
from collector.kubernetes.deadline import Deadline, LateError, Task
from tests.support.no_thread_left import no_thread_left
from tests.support.patience import LIMIT_SECONDS, eventually


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


def test_what_goes_wrong_with_an_action_that_was_given_up_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    may_end = threading.Event()

    def fail(error: Exception) -> None:
        may_end.wait(LIMIT_SECONDS)
        raise error

    tasks = [
        Task(lambda: fail(SourceError("kubernetes", "the server is away.")), "claims"),
        Task(lambda: fail(ZeroDivisionError("a defect")), "credentials"),
    ]
    for task in tasks:
        for _ in range(2):
            with pytest.raises(LateError):
                task.result(Deadline(0.01))
    with caplog.at_level(logging.INFO):
        may_end.set()
        eventually(lambda: len(caplog.records) == 2)
    messages = {record.levelname: record.getMessage() for record in caplog.records}
    assert messages == {
        "INFO": "reading the claims was given up, and failed then: kubernetes: the server is away.",
        "ERROR": "reading the credentials was given up, and failed then",
    }
    assert "ZeroDivisionError: a defect" in caplog.text
