"""The loop on a clock that only waiting moves."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from collector.errors import PublishError
from collector.loop import GRACE_SEC, MAX_UNKNOWN_SEC
from tests.collector.world import AHEAD, NOON, World


def test_a_tick_more_than_five_minutes_late_is_not_taken_as_what_is_seen_is_not_of_its_interval(
    heartbeat: Path,
) -> None:
    """Hourly ticks, started at 12:59: that of 12:00 stands for 11:00 to 12:00, so 13:00 is the first."""
    world = World(NOON + 59 * 60, until=NOON + 61 * 60)
    world.run(heartbeat, interval=3600)
    assert world.done == [NOON + 3600]


def test_a_tick_five_minutes_late_is_taken(heartbeat: Path) -> None:
    world = World(NOON + 300, until=NOON + 400)
    world.run(heartbeat, interval=3600)
    assert world.done == [NOON]


def test_the_due_tick_is_done_at_once_and_the_next_ones_on_time(heartbeat: Path) -> None:
    world = World(NOON + 180, until=NOON + 910)
    loop = world.run(heartbeat)
    assert world.done == [NOON, NOON + 300, NOON + 600, NOON + 900]
    assert world.at == pytest.approx([NOON + 180, NOON + 305, NOON + 605, NOON + 905], abs=0.01)
    assert (loop.counts.done, loop.counts.failed) == (4, 0)


def test_a_due_tick_that_is_stored_already_is_published_but_not_done_again(heartbeat: Path) -> None:
    world = World(NOON + 10, until=NOON + 310, last_tick=NOON)
    world.run(heartbeat)
    assert world.published == 1
    assert world.done == [NOON + 300]


def test_a_tick_that_raises_is_logged_counted_and_followed_by_the_next(
    heartbeat: Path, caplog: pytest.LogCaptureFixture
) -> None:
    world = World(NOON, until=NOON + 610)

    def fail(time: int) -> None:
        if time == NOON:
            raise PublishError("cannot publish the dataset to /data: No space left on device.")
        if time == NOON + 300:
            raise ZeroDivisionError("a defect")

    world.on_tick = fail
    with caplog.at_level(logging.ERROR):
        loop = world.run(heartbeat)
    assert world.done == [NOON, NOON + 300, NOON + 600]
    assert (loop.counts.done, loop.counts.failed) == (1, 2)
    assert "tick 2026-11-21T12:00:00Z failed: cannot publish the dataset to /data: No space left" in caplog.text
    assert "a defect of KubeLedger" in caplog.text
    assert "ZeroDivisionError" in caplog.text


def test_a_cluster_that_does_not_answer_is_an_error_line_and_the_loop_goes_on(
    heartbeat: Path, caplog: pytest.LogCaptureFixture
) -> None:
    world = World(NOON, until=NOON + 440)
    world.observed = False
    loop = world.run(heartbeat)
    assert world.done == [NOON] * 8 + [NOON + 300] * 8
    assert loop.counts.failed == 2
    errors = [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR]
    assert errors[1] == (
        "tick 2026-11-21T12:05:00Z is stored as unobserved: the cluster could not be listed; that makes 2 of 2 since "
        "the start"
    )


def test_a_tick_that_overran_is_followed_by_the_latest_due_one(
    heartbeat: Path, caplog: pytest.LogCaptureFixture
) -> None:
    world = World(NOON, until=NOON + 1210)

    def overrun(time: int) -> None:
        if time == NOON:
            world.now = NOON + 950.0

    world.on_tick = overrun
    world.run(heartbeat)
    assert world.done == [NOON, NOON + 900, NOON + 1200]
    assert "2 tick(s) before 2026-11-21T12:15:00Z were not taken and stay unobserved" in caplog.text


def test_a_clock_that_steps_back_is_said_once_and_waited_for(heartbeat: Path, caplog: pytest.LogCaptureFixture) -> None:
    world = World(NOON, until=NOON + 910)

    def step_back(time: int) -> None:
        if time == NOON + 300:
            world.now = NOON - 600.0

    world.on_tick = step_back
    world.run(heartbeat)
    assert world.done == [NOON, NOON + 300, NOON + 600, NOON + 900]
    warnings = [
        record for record in caplog.records if "nothing is taken until the clock has passed it" in record.message
    ]
    assert len(warnings) == 1


def test_a_stop_in_mid_tick_lets_the_tick_finish(heartbeat: Path) -> None:
    world = World(NOON, until=NOON + 10_000)
    world.on_tick = lambda _time: world.stop.set()
    world.run(heartbeat)
    assert world.done == [NOON]
    assert world.last_tick == NOON


def test_a_tick_that_is_refused_is_counted_and_not_asked_for_again_before_the_next_is_due(heartbeat: Path) -> None:
    world = World(NOON, until=NOON + 910)
    world.refuse = lambda: AHEAD
    loop = world.run(heartbeat)
    assert world.done == [NOON, NOON + 300, NOON + 600, NOON + 900]
    assert (loop.counts.refused, loop.counts.done, loop.counts.failed) == (4, 0, 0)
    assert len(world.waits) > 20


@pytest.mark.parametrize("fails", [False, True])
def test_ticks_go_on_at_once_when_a_clock_that_ran_ahead_is_right_again(
    heartbeat: Path, fails: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """It is a day ahead from 12:06 to 12:16, when ticks are refused, or fail before that is known."""
    world = World(NOON + 1, until=NOON + 1210)

    def is_ahead() -> bool:
        return NOON + 360 <= world.now < NOON + 960

    def fail(_: int) -> None:
        if is_ahead() and fails:
            raise ZeroDivisionError("a defect")

    world.on_tick, world.refuse = fail, lambda: AHEAD if is_ahead() else None
    loop = world.run(heartbeat, clock=lambda: world.now + (86400 if is_ahead() else 0))
    ahead = NOON + 86400
    assert world.done == [NOON, NOON + 300, ahead + 300, ahead + 600, ahead + 900, NOON + 900, NOON + 1200]
    assert loop.counts.failed == (3 if fails else 0)
    assert loop.counts.refused == (0 if fails else 3)
    assert "1 tick(s) before 2026-11-21T12:15:00Z were not taken and stay unobserved" in caplog.text


def test_a_tick_is_taken_when_the_watch_has_heard_of_the_end_of_its_interval(heartbeat: Path) -> None:
    world = World(NOON - 100, until=NOON + 400, last_tick=NOON - 300)
    world.run(heartbeat)
    assert world.at == pytest.approx([NOON + GRACE_SEC, NOON + 300 + GRACE_SEC], abs=0.01)


def test_a_tick_is_tried_again_while_the_cluster_does_not_answer_then_stored_as_unobserved(heartbeat: Path) -> None:
    world = World(NOON, until=NOON + 299)
    world.observed = False
    world.run(heartbeat)
    # One second after the first try, two after the next and so on; the last one when two minutes are over.
    assert [at - NOON for at in world.at] == pytest.approx([5, 6, 8, 12, 20, 36, 68, 132], abs=0.01)
    assert world.at[-2] - world.at[0] < MAX_UNKNOWN_SEC <= world.at[-1] - world.at[0]
    assert world.last_tick == NOON


def test_a_cluster_that_answers_again_is_stored_with_its_usage(
    heartbeat: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The API server is away from five seconds before the end of the interval to 20 seconds after it."""
    world = World(NOON - 4, until=NOON + 100, last_tick=NOON - 300)
    world.phase = 298

    def answers(_time: int) -> bool:
        return world.now >= NOON + 20

    def tick(_time: int) -> None:
        world.observed = world.now >= NOON + 20

    world.on_read, world.on_tick = answers, tick
    loop = world.run(heartbeat)
    assert [at - NOON for at in world.at] == pytest.approx([5, 6, 8, 12, 20], abs=0.1)
    assert {time for time, _ in world.read} == {NOON}
    assert [at - NOON for _, at in world.read] == pytest.approx([-2, -1, 6, 8, 12, 20], abs=0.1)
    assert (loop.counts.done, loop.counts.failed) == (1, 0)
