"""The loop on a clock that only waiting moves."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from threading import Event

import pytest

from collector import heartbeat as heartbeats
from collector.clock import Disagreement
from collector.errors import PublishError
from collector.loop import MAX_WAIT_SEC, Loop, due_at
from collector.tick import TickReport


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
        self.published = 0
        self.on_tick: Callable[[int], None] = lambda _time: None
        self.observed = True
        self.disagreement: Disagreement | None = None
        self.refuse: Callable[[], Disagreement | None] = lambda: None
        self.waits: list[float] = []

    def tick(self, time: int) -> TickReport:
        self.done.append(time)
        self.on_tick(time)
        refused = self.refuse()
        if refused is not None:
            return TickReport(time, False, False, None, refused)
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
        )
        loop.run()
        return loop


@pytest.fixture
def heartbeat(tmp_path: Path) -> Path:
    return tmp_path / "heartbeat"


@pytest.mark.parametrize(
    ("now", "interval", "due"),
    [
        ("2026-11-21T12:03", 300, "2026-11-21T12:00"),
        ("2026-11-21T12:05", 300, "2026-11-21T12:05"),
        ("2026-11-21T12:59", 3600, "2026-11-21T12:00"),
        ("2026-11-21T12:31", 1800, "2026-11-21T12:30"),
    ],
)
def test_ticks_are_due_at_utc_multiples_of_the_interval(now: str, interval: int, due: str) -> None:
    assert due_at(at(now) + 0.5, interval) == at(due)


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
    started: list[float] = []
    world.on_tick = lambda _time: started.append(world.now)
    loop = world.run(heartbeat)
    assert world.done == [NOON, NOON + 300, NOON + 600, NOON + 900]
    assert started[0] == NOON + 180
    assert started[1:] == pytest.approx([NOON + 300, NOON + 600, NOON + 900], abs=0.01)
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
    world = World(NOON, until=NOON + 310)
    world.observed = False
    loop = world.run(heartbeat)
    assert world.done == [NOON, NOON + 300]
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
    heartbeats.give(heartbeat, 10.0, "x" * 600)
    before = heartbeat.stat()
    heartbeats.give(heartbeat, 20.0, None)
    after = heartbeat.stat()
    assert (before.st_ino, before.st_size) == (after.st_ino, after.st_size)
    found = heartbeats.read(heartbeat)
    assert found is not None
    assert (found.boot, found.clock) == (20.0, None)
