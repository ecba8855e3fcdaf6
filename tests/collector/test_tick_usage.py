"""What is read of usage within an interval, and which reading counts."""

from __future__ import annotations

from dataclasses import replace

import pytest

from collector.observations import ClusterIdentity, PodSpan
from collector.sampling_times import reading_moment
from tests.collector.clocks import working
from tests.collector.place import NOON, SILENT, Place, answering
from tests.support import observed

# Usage that was read before


UNREAD = replace(answering(3.0), usage=observed.reading([observed.pod("shop", "web", 2.0)], None))
"""What a cluster says in which metrics-server does not answer."""


def usage_of_shop(place: Place) -> list[float | None]:
    column: list[float | None] = place.read("hourly_7d")["namespaces"]["shop"]["cpu"]["usage"]
    return column


def test_what_was_read_stands_for_its_interval_and_for_no_other(place: Place) -> None:
    with working(place) as (_, asked, collector):
        for begun, cores in ((NOON, 3.0), (NOON + 300, 6.0)):
            asked.now = answering(cores)
            assert collector.read_usage(begun + 300)
            # The rest is of the whole interval: 2 cores for 150 of 300 s.
            asked.now = answering(7.0, pods=iter([PodSpan(observed.pod("shop", "web", 2.0), 150.0)]))
            assert collector.tick(begun + 300).stored
        for time in range(NOON + 900, NOON + 3601, 300):
            asked.now = answering(7.0)
            assert collector.tick(time).observed
    hourly = place.read("hourly_7d")
    # Two of twelve steps were read.
    assert hourly["coverage"] == {"kubernetes": [1.0], "metrics": [pytest.approx(2 / 12)], "dcgm": [None]}
    assert usage_of_shop(place) == [None]
    assert hourly["namespaces"]["shop"]["cpu"]["requests"] == pytest.approx([(2 * 1 + 10 * 2) / 12])


def test_usage_may_be_read_before_the_tick_of_the_interval_before_is_taken(place: Place) -> None:
    with working(place) as (_, asked, collector):
        asked.now = answering(3.0)
        collector.read_usage(NOON + 300)
        asked.now = answering(6.0)
        collector.read_usage(NOON + 600)
        assert collector.tick(NOON + 300).stored
        assert usage_of_shop(place) == pytest.approx([3.0 / 12])
        asked.now = answering(1.0)
        assert collector.tick(NOON + 600).stored
    assert usage_of_shop(place) == pytest.approx([(3.0 + 6.0) / 12])


def test_a_tick_for_which_the_cluster_was_not_known_when_usage_was_to_be_read_is_left_to_be_taken_again(
    place: Place,
) -> None:
    """As when the watch began between the two."""
    with working(place) as (_, asked, collector):
        assert not collector.read_usage(NOON + 300)
        asked.now = answering(3.0)
        assert not collector.tick(NOON + 300, keep_unobserved=False).observed
        assert collector.read_usage(NOON + 300)
        assert collector.tick(NOON + 300, keep_unobserved=False).stored
    assert usage_of_shop(place) == pytest.approx([3.0 / 12])


@pytest.mark.parametrize("order", [(3.0, None), (None, 3.0)])
def test_of_two_readings_for_an_interval_one_that_failed_does_not_count(
    place: Place, order: tuple[float | None, ...]
) -> None:
    with working(place) as (_, asked, collector):
        for cores in order:
            asked.now = UNREAD if cores is None else answering(cores)
            assert collector.read_usage(NOON + 300) is (cores is not None)
        asked.now = SILENT
        assert not collector.read_usage(NOON + 300)
        asked.now = answering(3.0)
        collector.tick(NOON + 300)
    assert usage_of_shop(place) == pytest.approx([3.0 / 12])


def test_of_two_readings_that_tell_as_much_the_first_counts(place: Place) -> None:
    """Repeated for whatever reason, the last would be at a moment late in the interval."""
    with working(place) as (_, asked, collector):
        for cores in (3.0, 6.0):
            asked.now = answering(cores)
            assert collector.read_usage(NOON + 300)
        asked.now = answering(1.0)
        collector.tick(NOON + 300)
    assert usage_of_shop(place) == pytest.approx([3.0 / 12])


def test_a_reading_without_exporters_is_not_repeated_but_counts_for_more_if_they_answer_in_another(
    place: Place,
) -> None:
    endpoints = ("http://dcgm:9400/metrics",)
    with working(place, nvidia_dcgm_endpoints=endpoints) as (_, asked, collector):
        asked.now = answering(3.0)
        assert collector.read_usage(NOON + 300)
        asked.now = answering(6.0)
        assert asked.now.usage is not None
        asked.now = replace(asked.now, usage=replace(asked.now.usage, devices=()))
        assert collector.read_usage(NOON + 300)
        collector.tick(NOON + 300)
    assert usage_of_shop(place) == pytest.approx([6.0 / 12])


def test_the_moment_is_that_of_the_clusters_uid_and_without_one_of_its_name(place: Place) -> None:
    times = range(NOON, NOON + 3600, 300)
    with working(place) as (_, asked, collector):
        assert [collector.reading_moment(time) for time in times] == [
            reading_moment(time, 300, "uid-kube-system") for time in times
        ]
        asked.identity = ClusterIdentity()
        assert [collector.reading_moment(time) for time in times] == [
            reading_moment(time, 300, "prod") for time in times
        ]
