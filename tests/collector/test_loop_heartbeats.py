"""What the loop tells in its heartbeat."""

from __future__ import annotations

from pathlib import Path

import pytest

from collector import heartbeat as heartbeats
from collector.loop import MAX_WAIT_SEC
from tests.collector.world import AHEAD, NOON, World


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
