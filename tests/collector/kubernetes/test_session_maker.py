"""Credentials are read once for one reading, anew for the next, and not waited for without end."""

from __future__ import annotations

from collections.abc import Callable
from threading import Event, Thread

import pytest
from kubernetes.client import Configuration

from collector.errors import SourceError
from collector.kubernetes.deadline import Deadline
from collector.kubernetes.server_time import ServerTime
from collector.kubernetes.session_maker import MAX_ABANDONED_READINGS, SessionMaker
from kl_core.errors import SettingsError
from tests.support.patience import LIMIT_SECONDS, eventually


class Loads:
    """Counts how often credentials are read, on a clock that the test turns."""

    def __init__(self, load: Callable[[], Configuration] = lambda: Configuration(host="http://127.0.0.1:9")) -> None:
        self.count = 0
        self.time = 0.0
        self._load = load
        self.sessions = SessionMaker(self._counted, 1.0, ServerTime(), monotonic=lambda: self.time)

    def _counted(self) -> Configuration:
        self.count += 1
        return self._load()

    def ask(self, seconds: float = LIMIT_SECONDS) -> None:
        self.sessions.session(Deadline(seconds)).close()


def test_credentials_are_shared_for_half_a_minute() -> None:
    loads = Loads()
    loads.ask()
    loads.time = 30.0
    loads.ask()
    assert loads.count == 1
    loads.time = 30.1
    loads.ask()
    assert loads.count == 2


def test_credentials_that_may_be_why_something_failed_are_read_anew() -> None:
    loads = Loads()
    loads.ask()
    loads.sessions.forget()
    loads.ask()
    assert loads.count == 2


@pytest.mark.parametrize("error", [SourceError("kubernetes", "it is broken"), SettingsError("it is gone")])
def test_credentials_that_cannot_be_read_are_told_and_tried_again(error: Exception) -> None:
    def fail() -> Configuration:
        raise error

    loads = Loads(fail)
    for _ in range(2):
        with pytest.raises(SourceError, match="it is"):
            loads.ask()
    assert loads.count == 2


def test_a_time_out_of_reading_them_is_not_taken_for_one_of_waiting() -> None:
    def fail() -> Configuration:
        raise TimeoutError("the file system is slow")

    with pytest.raises(TimeoutError):
        Loads(fail).ask()


def test_credentials_that_do_not_come_are_given_up_at_the_deadline() -> None:
    never = Event()

    def hang() -> Configuration:
        never.wait(LIMIT_SECONDS)
        return Configuration()

    loads = Loads(hang)
    try:
        for _ in range(2):
            with pytest.raises(SourceError, match="did not answer within"):
                loads.ask(0.2)
        assert loads.count == 2
    finally:
        never.set()


def test_connections_are_kept_alive_so_that_dead_ones_are_noticed() -> None:
    session = Loads().sessions.session(Deadline(LIMIT_SECONDS))
    options = session._client.configuration.socket_options
    session.close()
    assert options


def test_credentials_that_are_being_read_are_not_given_up_for_what_failed_with_older_ones() -> None:
    may_end = Event()

    def slow() -> Configuration:
        may_end.wait(LIMIT_SECONDS)
        return Configuration(host="http://127.0.0.1:9")

    loads = Loads(slow)
    waiting = Thread(target=loads.ask)
    waiting.start()
    eventually(lambda: loads.count == 1)
    loads.sessions.forget()
    may_end.set()
    waiting.join(LIMIT_SECONDS)
    loads.ask()
    assert loads.count == 1


def test_nothing_is_read_once_it_is_closed() -> None:
    loads = Loads()
    loads.sessions.close()
    with pytest.raises(SourceError):
        loads.ask()
    assert loads.count == 0


def test_readings_that_cannot_be_ended_are_not_begun_without_end() -> None:
    never = Event()

    def hang() -> Configuration:
        never.wait(LIMIT_SECONDS)
        return Configuration(host="http://127.0.0.1:9")

    loads = Loads(hang)
    try:
        for _ in range(MAX_ABANDONED_READINGS):
            with pytest.raises(SourceError, match="did not answer within"):
                loads.ask(0.01)
        for _ in range(3):
            with pytest.raises(SourceError, match="hang and cannot be ended"):
                loads.ask(0.01)
        assert loads.count == MAX_ABANDONED_READINGS
    finally:
        never.set()
    eventually(lambda: _answers(loads))


def _answers(loads: Loads) -> bool:
    try:
        loads.ask()
    except SourceError:
        return False
    return True
