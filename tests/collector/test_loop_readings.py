"""When the loop reads usage, on a clock that only waiting moves, and what becomes of a reading that fails or hangs."""

from __future__ import annotations

import sys
from collections.abc import Callable
from concurrent.futures import Future, wait
from pathlib import Path
from threading import Event

import pytest

from collector import heartbeat as heartbeats
from collector.loop import MAX_READING_SEC
from collector.usage_reader import begin_reading
from tests.collector.world import NOON, World
from tests.support.at_once import at_once
from tests.support.patience import LIMIT_SECONDS


def test_usage_is_read_once_an_interval_at_its_moment(heartbeat: Path) -> None:
    world = World(NOON + 1, until=NOON + 850, last_tick=NOON)
    world.run(heartbeat)
    assert world.read == [(NOON + 300, NOON + 100), (NOON + 600, NOON + 400), (NOON + 900, NOON + 700)]


@pytest.mark.parametrize("phase", [0, 2, 5, 299])
def test_a_moment_next_to_a_tick_costs_neither(heartbeat: Path, phase: int) -> None:
    world = World(NOON + 10, until=NOON + 910, last_tick=NOON)
    world.phase = phase
    world.run(heartbeat)
    assert world.done == [NOON + 300, NOON + 600, NOON + 900]
    # The collector began ten seconds after noon.
    first = NOON + max(phase, 10)
    assert [at for _, at in world.read[1:3]] == pytest.approx([NOON + 300 + phase, NOON + 600 + phase], abs=0.01)
    assert world.read[0] == pytest.approx((NOON + 300, first), abs=0.01)


def test_a_collector_that_starts_after_the_moment_reads_at_once(heartbeat: Path) -> None:
    world = World(NOON + 150, until=NOON + 310, last_tick=NOON)
    world.run(heartbeat)
    assert world.read == [(NOON + 300, NOON + 150)]


def test_a_collector_that_starts_after_the_interval_reads_at_once_for_the_tick_that_is_due(heartbeat: Path) -> None:
    world = World(NOON + 50, until=NOON + 310)
    world.run(heartbeat)
    assert world.read == [(NOON, NOON + 50), (NOON + 300, NOON + 100)]
    assert world.at[0] == NOON + 50


def test_a_reading_that_failed_is_tried_again_until_the_interval_is_over(heartbeat: Path) -> None:
    world = World(NOON + 1, until=NOON + 350, last_tick=NOON)
    world.on_read = lambda _time: False
    world.run(heartbeat)
    # At 100 s, then after 1, 2, 4 … seconds; that of 355 would be later than the end.
    assert [at - NOON for _, at in world.read] == pytest.approx([100, 101, 103, 107, 115, 131, 163, 227], abs=0.01)
    assert world.done == [NOON + 300]


def test_a_reading_that_raises_is_logged_and_tried_again(heartbeat: Path, caplog: pytest.LogCaptureFixture) -> None:
    world = World(NOON + 1, until=NOON + 310, last_tick=NOON)

    def fail_once(_time: int) -> bool:
        if len(world.read) == 1:
            raise ZeroDivisionError("a defect")
        return True

    world.on_read = fail_once
    world.run(heartbeat)
    assert [at - NOON for _, at in world.read] == pytest.approx([100, 101], abs=0.01)
    assert "reading usage for 2026-11-21T12:05:00Z failed for a reason that is a defect" in caplog.text


def test_a_reading_whose_thread_was_ended_is_logged_and_tried_again(
    heartbeat: Path, caplog: pytest.LogCaptureFixture
) -> None:
    world = World(NOON + 1, until=NOON + 310, last_tick=NOON)

    def leave_once(_time: int) -> bool:
        if len(world.read) == 1:
            sys.exit("a library thinks that it may")
        return True

    def in_a_thread(action: Callable[[], bool]) -> Future[bool]:
        outcome = begin_reading(action)
        wait([outcome], LIMIT_SECONDS)
        return outcome

    world.on_read, world.aside = leave_once, in_a_thread
    world.run(heartbeat)
    assert [at - NOON for _, at in world.read] == pytest.approx([100, 101], abs=0.01)
    assert "the thread that read usage for 2026-11-21T12:05:00Z was ended" in caplog.text
    assert "a library thinks that it may" in caplog.text


def test_a_reading_for_which_there_is_no_thread_is_tried_again(
    heartbeat: Path, caplog: pytest.LogCaptureFixture
) -> None:
    world = World(NOON + 1, until=NOON + 310, last_tick=NOON)
    refused: list[float] = []

    def aside(action: Callable[[], bool]) -> Future[bool]:
        if not refused:
            refused.append(world.now)
            raise RuntimeError("can't start new thread")
        return at_once(action)

    world.aside = aside
    world.run(heartbeat)
    assert [at - NOON for at in (*refused, *(at for _, at in world.read))] == pytest.approx([100, 101], abs=0.01)
    assert "usage is not read for 2026-11-21T12:05:00Z: can't start new thread" in caplog.text


def test_a_reading_that_hangs_holds_up_a_tick_for_a_minute_and_nothing_after_it(heartbeat: Path) -> None:
    world = World(NOON + 1, until=NOON + 950, last_tick=NOON)
    world.phase = 290
    ends: list[Callable[[], None]] = []

    def aside(action: Callable[[], bool]) -> Future[bool]:
        if ends:
            return at_once(action)
        outcome: Future[bool] = Future()
        ends.append(lambda: outcome.set_result(action()))
        return outcome

    world.aside = aside
    world.on_tick = lambda time: ends[0]() if time == NOON + 600 else None
    world.run(heartbeat)
    assert [at - NOON for at in world.at] == pytest.approx([290 + MAX_READING_SEC, 605, 905], abs=1.0)
    # That of the second interval could not be begun.
    assert [time - NOON for time, _ in world.read] == [300, 900]


def test_a_source_that_hangs_stops_neither_the_loop_nor_its_heartbeat_nor_its_end(heartbeat: Path) -> None:
    """With real threads."""
    hanging, may_end = Event(), Event()
    world = World(NOON + 150, until=NOON + 10_000, last_tick=NOON)

    def hang(_time: int) -> bool:
        hanging.set()
        return may_end.wait(LIMIT_SECONDS)

    def wait(seconds: float) -> None:
        assert hanging.wait(LIMIT_SECONDS)
        world.now += max(seconds, 0.001)
        if world.last_tick == NOON + 600:
            world.stop.set()

    world.on_read, world.aside = hang, begin_reading
    world.wait = wait  # type: ignore[method-assign]
    world.run(heartbeat)
    may_end.set()
    assert world.done == [NOON + 300, NOON + 600]
    given = heartbeats.read(heartbeat)
    assert given is not None
    assert given.boot >= NOON + 605
