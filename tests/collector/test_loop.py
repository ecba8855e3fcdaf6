"""The loop on a clock that only waiting moves."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from concurrent.futures import Future, wait
from datetime import UTC, datetime
from pathlib import Path
from threading import Event

import pytest

from collector import heartbeat as heartbeats
from collector.clock import Disagreement
from collector.errors import PublishError
from collector.loop import GRACE_SEC, MAX_READING_SEC, MAX_UNKNOWN_SEC, MAX_WAIT_SEC, Loop
from collector.tick import TickReport
from collector.usage_reader import Aside, begin_reading
from tests.support.at_once import at_once
from tests.support.patience import LIMIT_SECONDS


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


NOON = at("2026-11-21T12:00")


class World:
    """Clock, collector and stop event in one place; `until` ends the loop."""

    def __init__(self, now: float, until: float, last_tick: int | None = None) -> None:
        self.now = now
        self.until = until
        self.stop = Event()
        self.last_tick = last_tick
        self.done: list[int] = []
        self.at: list[float] = []
        """When each of them was done."""
        self.read: list[tuple[int, float]] = []
        """For which time usage was read, and when."""
        self.phase = 100
        self.on_read: Callable[[int], bool] = lambda _time: True
        self.published = 0
        self.on_tick: Callable[[int], None] = lambda _time: None
        self.observed = True
        self.disagreement: Disagreement | None = None
        self.refuse: Callable[[], Disagreement | None] = lambda: None
        self.waits: list[float] = []
        self.aside: Aside = at_once

    def reading_moment(self, time: int) -> int:
        return time - 300 + self.phase

    def read_usage(self, time: int) -> bool:
        self.read.append((time, self.now))
        return self.on_read(time)

    def tick(self, time: int, *, keep_unobserved: bool) -> TickReport:
        self.done.append(time)
        self.at.append(self.now)
        self.on_tick(time)
        refused = self.refuse()
        if refused is not None:
            return TickReport(time, False, False, None, refused)
        if not (self.observed or keep_unobserved):
            return TickReport(time, False, False, None)
        self.last_tick = time
        return TickReport(time, True, self.observed, len(self.done))

    def publish(self) -> int:
        self.published += 1
        return 1

    def check_clock(self) -> Disagreement | None:
        return self.disagreement

    def wait(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.now += max(seconds, 0.001)
        if self.now > self.until:
            self.stop.set()

    def run(self, heartbeat: Path, interval: int = 300, clock: Callable[[], float] | None = None) -> Loop:
        loop = Loop(
            self,
            interval,
            self.stop,
            heartbeat=heartbeat,
            clock=clock or (lambda: self.now),
            boot=lambda: self.now,
            wait=self.wait,
            aside=self.aside,
        )
        loop.run()
        return loop


@pytest.fixture
def heartbeat(tmp_path: Path) -> Path:
    return tmp_path / "heartbeat"


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


def test_the_clock_is_looked_at_often_and_the_heartbeat_given_each_time(heartbeat: Path) -> None:
    world = World(NOON, until=NOON + 3590)
    world.run(heartbeat, interval=3600)
    assert max(world.waits) <= MAX_WAIT_SEC
    assert len(world.waits) >= 3590 / MAX_WAIT_SEC
    assert heartbeat.exists()


def test_a_heartbeat_that_cannot_be_given_does_not_end_the_loop(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    world = World(NOON, until=NOON + 310)
    world.run(tmp_path / "missing" / "heartbeat")
    assert world.done == [NOON, NOON + 300]
    assert "cannot write the heartbeat file" in caplog.text


def test_a_stop_in_mid_tick_lets_the_tick_finish(heartbeat: Path) -> None:
    world = World(NOON, until=NOON + 10_000)
    world.on_tick = lambda _time: world.stop.set()
    world.run(heartbeat)
    assert world.done == [NOON]
    assert world.last_tick == NOON


AHEAD = Disagreement(NOON + 86400.0, {"api_server": float(NOON)}, vouched=False, time=float(NOON))


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


def test_a_heartbeat_says_when_it_was_given_and_what_is_wrong_with_the_clock(heartbeat: Path) -> None:
    world = World(NOON, until=NOON + 5)
    world.run(heartbeat)
    given = heartbeats.read(heartbeat)
    assert given is not None
    assert given.clock is None
    assert given.age(given.boot + 30) == 30
    world = World(NOON, until=NOON + 5)
    world.disagreement = AHEAD
    world.run(heartbeat)
    found = heartbeats.read(heartbeat)
    assert found is not None
    assert found.clock == str(AHEAD)


def test_a_heartbeat_overwrites_the_one_before_in_place_so_that_a_full_disk_looks_not_like_a_loop_that_hangs(
    heartbeat: Path,
) -> None:
    heartbeats.give(heartbeat, 10.0, 5.0, "x" * 600)
    before = heartbeat.stat()
    heartbeats.give(heartbeat, 20.0, 15.0, None)
    after = heartbeat.stat()
    assert (before.st_ino, before.st_size) == (after.st_ino, after.st_size)
    found = heartbeats.read(heartbeat)
    assert found is not None
    assert (found.boot, found.sampled, found.clock) == (20.0, 15.0, None)


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


def test_a_heartbeat_tells_the_time_of_the_newest_tick_at_which_the_cluster_answered(heartbeat: Path) -> None:
    world = World(NOON + 100, until=NOON + 700, last_tick=NOON)

    def tick(time: int) -> None:
        world.observed = time == NOON + 300

    world.on_tick = tick
    world.run(heartbeat)
    found = heartbeats.read(heartbeat)
    assert found is not None
    assert world.done[-1] == NOON + 600
    assert found.unsampled(NOON + 1000.0) == pytest.approx(700)


def test_before_the_first_tick_the_start_counts(heartbeat: Path) -> None:
    world = World(NOON + 100, until=NOON + 390)
    world.observed = False
    world.run(heartbeat)
    found = heartbeats.read(heartbeat)
    assert found is not None
    assert found.unsampled(NOON + 400.0) == pytest.approx(300)
