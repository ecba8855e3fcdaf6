"""Ticks, publications and sources are counted where they happen."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from collector.clock import Disagreement, Witness
from collector.errors import NoSpaceError, PublishError, StoreError
from collector.metrics import Meter
from collector.store.store import Store
from collector.tick import Collector
from kl_core.errors import KubeLedgerError
from tests.collector.clocks import working
from tests.collector.counted import value, values
from tests.collector.place import NOON, SILENT, Asked, Place, answering, take
from tests.collector.world import AHEAD, World


def test_ticks_that_are_stored(heartbeat: Path) -> None:
    world = World(NOON + 180, until=NOON + 910)
    world.run(heartbeat)
    assert values(world.meter, "ticks_total") == {("stored", "none"): 4}


def test_a_tick_that_is_tried_again_is_counted_once_when_it_is_given_up(heartbeat: Path) -> None:
    world = World(NOON, until=NOON + 440)
    world.observed = False
    world.run(heartbeat)
    assert len(world.done) == 16
    assert values(world.meter, "ticks_total") == {("unobserved", "error"): 2}


@pytest.mark.parametrize("witness", ["api_server", "boot_clock", "newest_sample"])
def test_a_tick_that_is_refused_is_counted_by_what_contradicts_the_clock(heartbeat: Path, witness: Witness) -> None:
    world = World(NOON, until=NOON + 310)
    world.refuse = lambda: replace(AHEAD, contradicted_by={witness: float(NOON)})
    world.run(heartbeat)
    assert values(world.meter, "ticks_total") == {("refused", witness): 2}


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (StoreError("it is damaged"), "store"),
        (NoSpaceError("the disk is full"), "no_space"),
        (PublishError("it is read-only"), "publication"),
        (ZeroDivisionError("a defect"), "defect"),
    ],
)
def test_a_tick_that_raises_is_counted_by_what_failed(heartbeat: Path, error: Exception, cause: str) -> None:
    world = World(NOON, until=NOON + 310)

    def fail(time: int) -> None:
        if time == NOON:
            raise error

    world.on_tick = fail
    world.run(heartbeat)
    assert values(world.meter, "ticks_total") == {("failed", cause): 1, ("stored", "none"): 1}


def test_ticks_that_a_long_one_left_no_time_for_are_missed(heartbeat: Path) -> None:
    world = World(NOON, until=NOON + 1210)

    def overrun(time: int) -> None:
        if time == NOON:
            world.now = NOON + 950.0

    world.on_tick = overrun
    world.run(heartbeat)
    # 12:00, 12:15 and 12:20; not 12:05 and 12:10.
    assert values(world.meter, "ticks_total") == {("stored", "none"): 3, ("missed", "none"): 2}


def test_a_collector_tells_what_it_stored_and_published(place: Place) -> None:
    with working(place) as (clocks, asked, collector):
        asked.now = clocks.told(answering(3.0))
        take(collector, NOON)
    meter = clocks.meter
    assert value(meter, "last_tick_timestamp_seconds") == NOON
    assert values(meter, "last_sample_timestamp_seconds") == {("kubernetes",): NOON, ("metrics",): NOON}
    assert values(meter, "source_errors_total") == {}
    assert (value(meter, "publication_generation"), value(meter, "clocks_disagree")) == (1, 0)
    assert values(meter, "publications_total") == {("published",): 1}


def test_a_restart_knows_the_newest_sample_before_its_first_tick_and_not_what_was_published(place: Place) -> None:
    place.run((NOON, answering(3.0)))
    meter = Meter()
    with Store.open(place.settings.db_location) as store:
        Collector(place.settings, Asked(), store, lambda: NOON + 60.0, lambda: 60.0, meter=meter)
    assert value(meter, "last_tick_timestamp_seconds") == NOON
    assert values(meter, "last_sample_timestamp_seconds") == {("kubernetes",): NOON, ("metrics",): NOON}
    assert value(meter, "publication_generation") is None
    assert value(meter, "source_observed", source="kubernetes") is None


def test_a_cluster_that_does_not_answer_leaves_the_newest_sample_and_is_counted(place: Place) -> None:
    with working(place) as (clocks, asked, collector):
        asked.now = clocks.told(answering(3.0))
        take(collector, NOON)
        clocks.true += 300
        asked.now = clocks.told(SILENT)
        report = take(collector, NOON + 300)
    meter = clocks.meter
    assert (report.stored, report.observed, report.cause) == (True, False, "unread")
    assert value(meter, "last_tick_timestamp_seconds") == NOON + 300
    assert value(meter, "last_sample_timestamp_seconds", source="kubernetes") == NOON
    assert value(meter, "source_observed", source="kubernetes") == 0
    assert values(meter, "source_errors_total") == {("kubernetes", "unread"): 1, ("metrics", "unread"): 1}


def test_a_tick_that_is_left_to_be_done_again_counts_no_source(place: Place) -> None:
    with working(place) as (clocks, asked, collector):
        asked.now = clocks.told(SILENT)
        take(collector, NOON, keep_unobserved=False)
    assert values(clocks.meter, "source_errors_total") == {}


def test_a_publication_that_fails_is_counted_whatever_it_fails_for(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    errors: list[KubeLedgerError] = [PublishError("it is read-only"), StoreError("a database is damaged")]

    def fail(*_: object) -> int:
        raise errors.pop()

    with working(place) as (clocks, asked, collector):
        asked.now = clocks.told(answering(3.0))
        with monkeypatch.context() as patched:
            patched.setattr(collector._publisher, "publish", fail)
            for _ in range(2):
                with pytest.raises(KubeLedgerError):
                    collector.publish()
        assert value(clocks.meter, "last_publication_succeeded") == 0
        take(collector, NOON)
    assert value(clocks.meter, "last_publication_succeeded") == 1
    assert values(clocks.meter, "publications_total") == {("failed",): 2, ("published",): 1}


def test_a_clock_that_is_contradicted_is_told_with_what_contradicts_it_and_by_how_much_now(place: Place) -> None:
    with working(place) as (clocks, asked, collector):
        asked.now = clocks.told(answering(3.0))
        clocks.wrong_by = 86400
        assert isinstance(collector.tick(NOON + 86400).refused, Disagreement)
        assert values(clocks.meter, "clock_disagreement_seconds") == {("api_server",): pytest.approx(86400)}
        # Too little to be said again.
        clocks.wrong_by = 86390
        collector.check_clock()
        assert values(clocks.meter, "clock_disagreement_seconds") == {("api_server",): pytest.approx(86390)}
        assert value(clocks.meter, "clocks_disagree") == 1
        clocks.wrong_by = 0
        collector.check_clock()
        assert value(clocks.meter, "clocks_disagree") == 0
