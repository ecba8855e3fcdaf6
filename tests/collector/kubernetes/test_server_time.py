"""What time it is for the API server, as its answers tell."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from collector.clock import ClockReading
from collector.kubernetes.server_time import ServerTime
from collector.kubernetes.session import Session
from tests.collector.kubernetes.sessions import failure_of, session_to
from tests.support.scripted_http import Answer, Request, serving, status_answer


@contextmanager
def told(**headers: str) -> Iterator[Session]:
    """A session to an API server whose answers have these headers, of which each is one second later."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}

    def script(_: Request) -> Answer:
        return Answer(200, b"{}", named)

    with (
        serving(script) as server,
        session_to(server.url, server=ServerTime(boot=iter((100.0, 101.0, 102.0)).__next__)) as session,
    ):
        yield session


NOON = 1_795_262_400.0
TOLD = "Sat, 21 Nov 2026 12:00:00 GMT"


def test_what_time_it_is_by_the_api_server_is_heard_with_every_answer_of_it() -> None:
    with told(Date=TOLD) as session:
        assert session.date is None
        for boot in (100.0, 101.0):
            session.get_json("kubernetes", "/api/v1/nodes", {}, "list nodes")
            assert session.date == ClockReading(NOON, boot)


def test_an_answer_that_a_cache_has_kept_for_a_minute_is_a_minute_old() -> None:
    with told(Date=TOLD, Age="60") as session:
        session.get_json("kubernetes", "/api/v1/nodes", {}, "list nodes")
        assert session.date == ClockReading(NOON + 60, 100.0)


@pytest.mark.parametrize(
    "headers",
    [{"Date": ""}, {"Date": "yesterday"}, {"Date": "Sat, 21 Nov 99999 12:00:00 GMT"}, {"Age": "old"}],
    ids=["none", "no date", "a year that is none", "an age that is none"],
)
def test_a_date_that_cannot_be_understood_is_none(headers: dict[str, str]) -> None:
    with told(**{"Date": TOLD, **headers}) as session:
        session.get_json("kubernetes", "/api/v1/nodes", {}, "list nodes")
        assert session.date is None


def test_what_answers_for_another_api_group_does_not_say_what_time_it_is() -> None:
    with told(Date=TOLD) as session:
        session.get_json("metrics", "/apis/metrics.k8s.io/v1beta1/nodes", {}, "list nodes")
        assert session.date is None


def test_a_refusal_says_what_time_it_is_too() -> None:
    def script(_: Request) -> Answer:
        return status_answer(401, "Unauthorized")

    with serving(script) as server, session_to(server.url) as session:
        failure_of(session)
        assert session.date is not None
        assert abs(session.date.time - time.time()) < 60


def test_until_the_server_has_told_a_time_it_is_that_of_this_machine() -> None:
    server = ServerTime(lambda: 5000.0, lambda: 100.0)
    assert (server.now(), server.date) == (5000.0, None)
    server.hear({"Content-Type": "application/json"})
    assert (server.now(), server.date) == (5000.0, None)


def test_from_then_on_it_is_what_was_told_and_what_has_passed_since_whatever_the_clock_says() -> None:
    clock, boot = [5000.0], [100.0]
    server = ServerTime(lambda: clock[0], lambda: boot[0])
    server.hear({"Date": TOLD})
    clock[0], boot[0] = 9e9, 130.5
    assert server.now() == NOON + 30.5


def test_the_newest_time_counts_and_an_answer_without_one_takes_none_away() -> None:
    boot = [100.0]
    server = ServerTime(boot=lambda: boot[0])
    server.hear({"Date": "Sat, 21 Nov 2026 12:00:09 GMT"})
    boot[0] = 110.0
    for headers in ({"Date": TOLD}, {}, {"Date": "yesterday"}):
        server.hear(headers)
        assert server.date == ClockReading(NOON, 110.0)


@pytest.mark.parametrize(
    "date", [TOLD, "Sat, 21 Nov 2026 12:00:00 -0000", "Sat, 21 Nov 2026 14:00:00 +0200", "21 Nov 2026 12:00:00"]
)
def test_a_date_is_of_the_zone_it_names_and_else_utc(date: str) -> None:
    server = ServerTime(boot=lambda: 100.0)
    server.hear({"Date": date})
    assert server.date == ClockReading(NOON, 100.0)
