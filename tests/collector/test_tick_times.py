"""Which times are believed: ticks that the API server's clock, or the boot clock, contradicts."""

from __future__ import annotations

import logging

import pytest

from collector.errors import PublishError
from collector.observations import Cluster
from collector.store.store import Store
from collector.tick import Collector
from tests.collector.clocks import Clocks, working
from tests.collector.place import NOON, SILENT, Asked, Place, answering


def test_the_cluster_is_not_asked_for_an_interval_by_a_clock_that_is_contradicted(place: Place) -> None:
    """Whoever is asked for an interval may forget those before it."""
    intervals: list[int] = []

    class Forgetful(Asked):
        def cluster(self, start: int, end: int) -> Cluster | None:
            intervals.append(end)
            return super().cluster(start, end)

    clocks, sources = Clocks(), Forgetful()
    with Store.open(place.settings.db_location) as store:
        collector = Collector(place.settings, sources, store, clocks.clock, clocks.boot)
        sources.now = clocks.told(answering(3.0))
        clocks.wrong_by = 86400
        assert collector.tick(NOON + 86400).refused is not None
        clocks.wrong_by = 0
        assert collector.tick(NOON).stored
    assert intervals == [NOON]


@pytest.mark.requirement("KL-D-12")
def test_a_tick_whose_time_the_api_server_contradicts_is_refused_and_published_as_such(place: Place) -> None:
    with working(place) as (clocks, asked, collector):
        clocks.wrong_by = 401 * 86400
        asked.now = clocks.told(answering(3.0))
        report = collector.tick(NOON + 401 * 86400)
        assert (report.stored, report.observed, collector.last_tick) == (False, False, None)
        assert report.refused is not None
        assert report.refused is collector.disagreement
    manifest = place.manifest()
    assert manifest["generated_at"] == "2026-11-21T12:00:02Z"
    assert manifest["clock_disagrees"] == {
        "detected_at": "2026-11-21T12:00:02Z",
        "ahead_seconds": 401 * 86400,
        "contradicted_by": ["api_server"],
    }


@pytest.mark.parametrize(("off", "stored"), [(600, True), (605, False), (-597, True), (-605, False)])
def test_a_tick_may_be_two_intervals_off(place: Place, off: int, stored: bool) -> None:
    with working(place) as (clocks, asked, collector):
        asked.now = clocks.told(answering(3.0))
        clocks.wrong_by = off
        assert collector.tick(int(clocks.clock()) // 300 * 300).stored is stored


def test_a_tick_is_refused_by_the_boot_clock_where_the_api_server_is_silent(place: Place) -> None:
    with working(place) as (clocks, asked, collector):
        asked.now = clocks.told(answering(3.0))
        collector.tick(NOON)
        clocks.true, clocks.wrong_by, asked.now = NOON + 301, 86400, SILENT
        assert collector.tick(NOON + 300 + 86400).refused is not None
        assert collector.last_tick == NOON


def test_what_is_said_of_the_clock_is_said_once_and_goes_when_a_tick_is_taken(
    place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO), working(place) as (clocks, asked, collector):
        asked.now = clocks.told(answering(3.0))
        collector.tick(NOON)
        clocks.wrong_by = 86400
        for later in range(300, 1500, 300):
            clocks.true = NOON + later + 2
            asked.now = clocks.told(answering(3.0))
            assert collector.check_clock() is not None
            assert collector.tick(NOON + later + 86400).refused is not None
        assert place.manifest()["generation"] == 2
        clocks.true, clocks.wrong_by = NOON + 1502, 0
        asked.now = clocks.told(answering(3.0))
        assert collector.tick(NOON + 1500).stored
    assert "clock_disagrees" not in place.manifest()
    said = [record.getMessage() for record in caplog.records if record.name == "collector.tick"]
    assert [text.split(",")[0] for text in said] == [
        "the clock says 2026-11-22T12:05:02Z",
        "nothing contradicts the clock any more",
    ]


def test_a_publication_that_fails_is_repeated_until_readers_know(place: Place) -> None:
    with working(place) as (clocks, asked, collector):
        asked.now = clocks.told(answering(3.0))
        collector.tick(NOON)
        manifest = place.settings.data_dir / "dataset.json"
        manifest.rename(manifest.with_name("kept"))
        manifest.mkdir()
        clocks.wrong_by = 86400
        with pytest.raises(PublishError):
            collector.check_clock()
        manifest.rmdir()
        collector.check_clock()
    assert "clock_disagrees" in place.manifest()


def test_without_a_date_and_a_tick_before_it_the_clock_decides_which_is_said(
    place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    with working(place) as (_, asked, collector):
        asked.now = answering(3.0)
        assert collector.tick(NOON).stored
        assert "the time is that of this machine" in caplog.text
        caplog.clear()
        assert collector.tick(NOON + 300).stored
        assert not caplog.records


def test_an_unobserved_tick_that_nothing_vouches_for_is_not_stored(place: Place) -> None:
    with working(place) as (clocks, asked, collector):
        assert not collector.tick(NOON).stored
        assert not place.settings.data_dir.exists()
        # Refused with a Date: the cluster does not answer, and it is known what time it is.
        asked.now = clocks.told(SILENT)
        assert collector.tick(NOON).stored


def test_a_year_without_a_collector_is_believed_with_the_api_server(place: Place) -> None:
    place.run((NOON, answering(3.0)))
    with working(place) as (clocks, asked, collector):
        clocks.true = NOON + 365 * 86400 + 1
        asked.now = clocks.told(answering(3.0))
        assert collector.tick(NOON + 365 * 86400).stored


def test_a_tick_that_is_no_longer_due_by_the_clock_is_judged_by_its_own_time(place: Place) -> None:
    with working(place) as (clocks, asked, collector):
        asked.now = clocks.told(answering(3.0))
        # The clock was right again before it was read a second time.
        assert collector.tick(NOON + 401 * 86400).refused is not None


def test_a_rate_is_recorded_with_the_first_tick_that_is_taken_as_of_the_start(place: Place) -> None:
    place.run((NOON, answering(3.0)))
    with working(place, billing_hourly_rate=6.0) as (clocks, asked, collector):
        clocks.wrong_by = 401 * 86400
        asked.now = clocks.told(answering(3.0))
        collector.tick(NOON + 401 * 86400)
        assert place.manifest()["rates"] == []
        clocks.true, clocks.wrong_by = NOON + 3600 + 2, 0
        asked.now = clocks.told(answering(3.0))
        collector.tick(NOON + 3600)
    # It was set two seconds after noon.
    assert [rate["effective"] for rate in place.manifest()["rates"]] == ["2026-11-21T13:00:00Z"]
