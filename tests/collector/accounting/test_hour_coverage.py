"""For which seconds of an hour ticks stand, and why a source was not observed in others; computed by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.collector.accounting.hours import CORE_HOUR, at, hour_of
from tests.support.samples import HOUR, NOON, failed_tick, tick, ticks


def test_each_source_was_observed_for_as_long_as_its_ticks_say() -> None:
    # 12 ticks: the API in 10, metrics-server in 9 of which 8 with the API, exporters in 4 of the 6 that have some.
    samples = [
        *(tick(at(n), dcgm=None) for n in range(1, 5)),
        *(tick(at(n), dcgm=True) for n in range(5, 9)),
        *(tick(at(n), metrics=False, dcgm=False) for n in (9, 10)),
        failed_tick(at(11), metrics=True),
        failed_tick(at(12)),
    ]
    hour = hour_of(samples)
    assert hour.observed == {"kubernetes": 3000, "metrics": 2700, "dcgm": 1200}
    assert hour.pods_observed == 2400
    assert hour.unobserved == {"kubernetes": {"error": 600}, "metrics": {"error": 900}, "dcgm": {"error": 600}}


def test_a_cause_that_is_named_is_counted_and_another_is_an_error() -> None:
    samples = [
        *(tick(at(n)) for n in range(1, 9)),
        replace(failed_tick(at(9)), causes={"kubernetes": "timeout", "metrics": "unread"}),
        replace(failed_tick(at(10)), causes={"kubernetes": "forbidden", "metrics": "unread"}),
        failed_tick(at(11)),
        # A cause of what was observed all the same is none.
        replace(tick(at(12)), causes={"kubernetes": "stale"}),
    ]
    assert hour_of(samples).unobserved == {
        "kubernetes": {"timeout": 300, "forbidden": 300, "error": 300},
        "metrics": {"unread": 600, "error": 300},
    }


def test_what_no_tick_stands_for_the_collector_did_not_see() -> None:
    # 300 s before the first, 600 between, 900 after the last.
    hour = hour_of([tick(at(n)) for n in (2, 3, 6, 7, 8, 9)])
    assert hour.observed == {"kubernetes": 1800, "metrics": 1800, "dcgm": None}
    assert hour.unobserved == {"kubernetes": {"collector_down": 1800}, "metrics": {"collector_down": 1800}}


def test_exporters_count_as_configured_where_nobody_sampled_if_they_are_in_the_next_tick_else_in_the_one_before() -> (
    None
):
    # 600 s before the first tick, which has none; 900 s before the next, which has; 1200 s after the last, which has.
    hour = hour_of([tick(at(3), dcgm=None), tick(at(7), dcgm=True), tick(at(8), dcgm=False)])
    assert hour.observed["dcgm"] == 300
    assert hour.unobserved["dcgm"] == {"error": 300, "collector_down": 900 + 1200}


def test_exporters_that_are_in_no_tick_are_not_configured() -> None:
    hour = hour_of([tick(at(3), dcgm=None)])
    assert hour.observed["dcgm"] is None
    assert "dcgm" not in hour.unobserved


def test_of_an_hour_without_a_tick_nothing_is_known() -> None:
    hour = hour_of([])
    assert hour.observed == {"kubernetes": 0, "metrics": 0, "dcgm": None}
    assert hour.unobserved == {"kubernetes": {"collector_down": 3600}, "metrics": {"collector_down": 3600}}
    assert not hour.is_observed
    assert set(hour.capacity.values()) == {None}
    assert (hour.namespaces, hour.special, hour.nodes, hour.bill, hour.pods_observed) == ({}, {}, {}, {}, 0)


@pytest.mark.parametrize("interval", [300, 900, 3600])
def test_a_tick_stands_for_its_interval(interval: int) -> None:
    hour = hour_of(ticks(NOON, NOON + HOUR, interval=interval))
    assert hour.observed["kubernetes"] == 3600
    assert hour.unobserved == {}


def test_a_tick_stands_for_nothing_that_another_before_it_stands_for() -> None:
    # 600 s at 10 cores, 300 of the 900 at 40, and 2700 at 20: 6000 + 12000 + 54000 = 72000 core-seconds
    samples = [
        tick(at(1)),
        tick(at(2)),
        tick(at(3), interval=900, cpu=40.0),
        tick(at(12), interval=3600, cpu=20.0),
    ]
    hour = hour_of(samples)
    assert hour.observed["kubernetes"] == 3600
    assert hour.capacity["cpu"] == 20 * CORE_HOUR


@pytest.mark.parametrize(("before", "seconds"), [(None, 3600), (NOON - 300, 3600), (NOON, 3600), (at(4), 2400)])
def test_the_first_tick_begins_where_the_one_before_it_ended(before: int | None, seconds: int) -> None:
    hour = hour_of([tick(at(12), interval=3600)], before=before)
    assert hour.observed["kubernetes"] == seconds
    assert hour.unobserved.get("kubernetes", {}) == ({} if seconds == 3600 else {"collector_down": 1200})


def test_of_several_ticks_for_a_time_the_first_wins() -> None:
    samples = ticks(NOON, NOON + HOUR)
    again = tick(at(12), cpu=99.0)
    assert hour_of([*samples, again]) == hour_of(samples)


@pytest.mark.parametrize("time", [NOON, NOON + HOUR + 300])
def test_a_tick_of_another_hour_is_refused(time: int) -> None:
    with pytest.raises(ValueError, match=f"the tick {time} is not of the hour that begins at {NOON}"):
        hour_of([tick(time)])
