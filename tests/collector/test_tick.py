"""Whole ticks: sources are objects that answer from a script, everything after them is real."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from threading import Event
from typing import Any

import pytest

from collector.errors import PublishError, SourceError
from collector.kubernetes.cluster_state import ClusterState, NodeLife
from collector.observations import Cluster, MetricsListing, PodSpan, UsageReading
from collector.store.store import Store
from collector.tick import Collector
from tests.collector.place import GIB, NOON, SILENT, Asked, Place, Script, answering, take
from tests.support import observed


def test_a_tick_goes_from_the_sources_to_the_published_files(place: Place) -> None:
    assert place.run((NOON, answering(3.0, labels={"team": "sales"}))) == [True]
    manifest = place.manifest()
    assert (manifest["cluster"], manifest["generation"], manifest["metrics"]) == ("prod", 1, ["cpu", "memory"])
    assert manifest["generated_at"] == "2026-11-21T12:00:03Z"
    assert manifest["last_sample_at"] == {
        "kubernetes": "2026-11-21T12:00:00Z",
        "metrics": "2026-11-21T12:00:00Z",
        "dcgm": None,
    }
    assert manifest["namespaces"] == [
        {
            "name": "empty",
            "labels": {},
            "first_seen": "2026-11-21T12:00:00Z",
            "last_seen": "2026-11-21T12:00:00Z",
            "active": True,
        },
        {
            "name": "shop",
            "labels": {"team": [{"value": "sales", "first_seen": "2026-11-21T12:00:00Z"}]},
            "first_seen": "2026-11-21T12:00:00Z",
            "last_seen": "2026-11-21T12:00:00Z",
            "active": True,
        },
    ]


def test_the_amounts_of_two_ticks_are_published(place: Place) -> None:
    # 3 and 6 cores for a twelfth of an hour each: 0.75 core-hours; 2 x 2/12 requested; 7.5 x 2/12 allocatable.
    place.run((NOON + 300, answering(3.0)), (NOON + 600, answering(6.0)))
    hourly = place.read("hourly_7d")
    assert hourly["buckets"] == ["2026-11-21T12:00:00Z"]
    assert hourly["namespaces"]["shop"]["cpu"] == {"usage": [pytest.approx(0.75)], "requests": [pytest.approx(1 / 3)]}
    assert hourly["namespaces"]["empty"]["cpu"] == {"usage": [0.0], "requests": [0.0]}
    assert hourly["special"]["idle"]["cpu"]["usage"] == pytest.approx([1.25 - 0.75])
    assert hourly["special"]["non-allocatable"]["cpu"]["usage"] == pytest.approx([1 / 12])


class Known(Asked):
    """Sources that know a cluster to the second, and measure nothing."""

    def __init__(self, state: ClusterState) -> None:
        self._state = state

    def read_usage(self) -> UsageReading | None:
        return observed.reading([], None)

    def cluster(self, start: int, end: int) -> Cluster | None:
        return self._state.interval(start, end)


def test_the_first_tick_of_a_longer_interval_counts_from_the_newest_tick_on(place: Place) -> None:
    # 4 cores held until 12:20, which the ticks until then have: 4 x 20/60. A node of 8 cores until 12:30: 8 x 30/60.
    state = ClusterState()
    node, other = (replace(observed.node(name), cpu_allocatable=8.0) for name in ("n1", "n2"))
    for each, deleted in ((node, None), (other, NOON + 1800.0)):
        state.nodes.put(each.uid, NodeLife(each, 0.0, deleted), NOON)
    pod = observed.pod(cpu=4.0, ended=NOON + 1200.0)
    state.pods.put(pod.uid, pod, NOON)
    now = [float(NOON)]
    for interval, times in ((300, range(NOON + 300, NOON + 1201, 300)), (3600, range(NOON + 3600, NOON + 3601))):
        settings = replace(place.settings, polling_interval_sec=interval)
        with Store.open(settings.db_location) as store:
            collector = Collector(settings, Known(state), store, lambda: now[0], boot=lambda: now[0])
            for time in times:
                now[0] = time + 3.0
                assert take(collector, time).stored
    hourly = place.read("hourly_7d")
    assert hourly["namespaces"]["shop"]["cpu"]["requests"] == pytest.approx([4 / 3])
    assert hourly["capacity"]["cpu"] == pytest.approx([8.0 + 4.0])


def test_a_tick_tells_what_it_could_not_see_and_a_restart_before_the_next_does_not(place: Place) -> None:
    place.run((NOON, answering(3.0)))
    assert (place.manifest()["unmeasured"], place.manifest()["blind_spots"]) == ({}, [])
    with Store.open(place.settings.db_location) as store:
        Collector(place.settings, Script(), store, lambda: float(NOON + 10)).publish()
    assert not {"unmeasured", "blind_spots"} & place.manifest().keys()


def test_a_tick_at_which_nothing_was_seen_leaves_what_the_newest_sample_could_not_see(place: Place) -> None:
    said = answering(3.0)
    assert said.usage is not None
    unlisted = replace(said, usage=replace(said.usage, metrics=MetricsListing((), [observed.item("other", "x")])))
    place.run((NOON, unlisted), (NOON + 300, SILENT))
    assert place.manifest()["last_sample_at"]["kubernetes"] == "2026-11-21T12:00:00Z"
    assert place.manifest()["unmeasured"] == {"shop": {"absent": 1}}


def test_the_nodes_of_the_latest_listing_are_published(place: Place) -> None:
    place.run((NOON, answering(3.0)), (NOON + 300, SILENT))
    nodes = place.read("nodes")
    assert nodes["at"] == "2026-11-21T12:00:00Z"
    assert nodes["nodes"] == [
        {
            "name": "n1",
            "ready": True,
            "schedulable": True,
            "pods": 1,
            "capacity": {"cpu_cores": 8.0, "mem_bytes": 32.0 * GIB},
            "allocatable": {"cpu_cores": 7.5, "mem_bytes": 30.0 * GIB},
            "usage": {"cpu_cores": 3.0, "mem_bytes": 9.0 * GIB},
            "requests": {"cpu_cores": 2.0, "mem_bytes": 4.0 * GIB},
        }
    ]


def test_a_cluster_that_does_not_answer_is_a_stored_and_published_tick(place: Place) -> None:
    assert place.run((NOON + 300, answering(3.0)), (NOON + 600, SILENT)) == [True, False]
    hourly = place.read("hourly_7d")
    assert hourly["coverage"]["kubernetes"] == [0.5]
    assert hourly["namespaces"]["shop"]["cpu"]["usage"] == pytest.approx([0.25])
    assert place.manifest()["last_sample_at"]["kubernetes"] == "2026-11-21T12:05:00Z"


def test_an_unobserved_tick_that_is_not_to_be_kept_leaves_store_and_publication_as_they_were(place: Place) -> None:
    place.run((NOON + 300, answering(3.0)))
    with Store.open(place.settings.db_location) as store:
        script = Script(SILENT, answering(6.0))
        collector = Collector(place.settings, script, store, lambda: float(NOON + 600))
        report = take(collector, NOON + 600, keep_unobserved=False)
        assert (report.stored, report.observed, report.generation) == (False, False, None)
        assert (collector.last_tick, place.manifest()["generation"]) == (NOON + 300, 1)
        report = take(collector, NOON + 600, keep_unobserved=False)
        assert (report.stored, report.observed, report.generation) == (True, True, 2)
    # 3 and 6 cores for a twelfth of an hour each.
    assert place.read("hourly_7d")["namespaces"]["shop"]["cpu"]["usage"] == pytest.approx([0.75])


def test_a_cluster_that_was_not_asked_to_the_end_as_the_process_stops_is_left_to_the_next_one(place: Place) -> None:
    place.run((NOON + 300, answering(3.0)))
    stop = Event()

    class Stopped(Asked):
        def cluster(self, start: int, end: int) -> Cluster | None:
            stop.set()
            return super().cluster(start, end)

    with Store.open(place.settings.db_location) as store:
        sources = Stopped()
        collector = Collector(place.settings, sources, store, lambda: float(NOON + 600), stop=stop)
        assert not take(collector, NOON + 600).stored
        assert collector.last_tick == NOON + 300
        # What has answered by then is stored.
        sources.now = answering(6.0)
        assert take(collector, NOON + 600).observed
    assert place.read("hourly_7d")["namespaces"]["shop"]["cpu"]["usage"] == pytest.approx([0.75])


def test_labels_that_nobody_tells_are_those_that_were_known(place: Place) -> None:
    told, listed = answering(3.0, labels={"team": "a"}), answering(3.0)
    assert listed.cluster is not None
    untold = replace(listed, cluster=replace(listed.cluster, namespaces={}))
    place.run((NOON + 300, told))
    place.run((NOON + 600, untold))

    def labels() -> dict[str, Any]:
        found: dict[str, Any] = {each["name"]: each["labels"] for each in place.manifest()["namespaces"]}["shop"]
        return found

    first = {"value": "a", "first_seen": "2026-11-21T12:05:00Z"}
    assert labels() == {"team": [first]}
    # A listing without the label is what takes it off.
    place.run((NOON + 900, listed))
    assert labels() == {"team": [first, {"value": None, "first_seen": "2026-11-21T12:15:00Z"}]}


def test_a_listing_that_breaks_off_counts_as_no_listing(place: Place) -> None:
    def broken() -> Iterator[PodSpan]:
        yield PodSpan(observed.pod("shop", "web", 2.0), 300.0)
        raise SourceError("kubernetes", "the answer broke off")

    assert place.run((NOON, answering(3.0)), (NOON + 300, answering(3.0, pods=broken()))) == [True, False]
    hourly = place.read("hourly_7d")
    assert hourly["buckets"] == ["2026-11-21T11:00:00Z", "2026-11-21T12:00:00Z"]
    assert hourly["coverage"]["kubernetes"] == [pytest.approx(1 / 12), 0.0]


def test_excluded_namespaces_are_published_as_one_entry(place: Place) -> None:
    place.run((NOON + 300, answering(3.0)), excluded_namespaces=("sh*",))
    hourly = place.read("hourly_7d")
    assert list(hourly["namespaces"]) == ["empty"]
    assert hourly["special"]["excluded"]["cpu"]["usage"] == pytest.approx([0.25])


def test_the_first_rate_holds_from_the_hour_it_was_set_in(place: Place) -> None:
    # 6.00 an hour, all on cpu: 3 of 8 cores for 5 minutes: 6 x 3/8 / 12 = 0.1875.
    weights = {"cpu": 1.0, "memory": 0.0, "gpu": 0.0}
    place.run((NOON + 300, answering(3.0)), billing_hourly_rate=6.0, billing_resource_weights=weights)
    assert place.read("daily_14d")["namespaces"]["shop"]["cpu"]["cost"] == pytest.approx([0.1875])
    manifest = place.manifest()
    assert manifest["currency"] == "$"
    assert manifest["rates"] == [
        {"effective": "2026-11-21T12:00:00Z", "rate": 6.0, "currency": "$", "weights": weights}
    ]


def test_a_rate_that_changes_on_a_restart_holds_from_the_next_hour_on(place: Place) -> None:
    place.run((NOON + 300, answering(3.0)), billing_hourly_rate=6.0)
    place.run((NOON + 600, answering(3.0)), billing_hourly_rate=7.0)
    place.run((NOON + 900, answering(3.0)), billing_hourly_rate=7.0)
    assert [(rate["effective"], rate["rate"]) for rate in place.manifest()["rates"]] == [
        ("2026-11-21T12:00:00Z", 6.0),
        ("2026-11-21T13:00:00Z", 7.0),
    ]


def test_a_clock_that_stepped_back_prices_no_published_hour_anew(place: Place) -> None:
    place.run((NOON + 300, answering(3.0)), billing_hourly_rate=6.0)
    # Restarted with another rate while the clock is two hours slow: the newest tick says how late it really is.
    with Store.open(place.settings.db_location) as store:
        changed = replace(place.settings, billing_hourly_rate=9.0)
        collector = Collector(changed, Script(), store, lambda: NOON - 7200.0)
        collector.record_rate(NOON - 7200.0)
        collector.publish()
    assert [rate["effective"] for rate in place.manifest()["rates"]] == ["2026-11-21T12:00:00Z", "2026-11-21T13:00:00Z"]


def test_a_tick_whose_time_is_taken_is_not_stored_again(place: Place) -> None:
    with Store.open(place.settings.db_location) as store:
        script = Script(answering(3.0), answering(6.0))
        collector = Collector(place.settings, script, store, lambda: float(NOON))
        assert take(collector, NOON + 300).stored
        assert not take(collector, NOON + 300).stored
    assert place.read("hourly_7d")["namespaces"]["shop"]["cpu"]["usage"] == pytest.approx([0.25])


def test_a_tick_that_could_not_be_published_is_published_with_the_next(place: Place) -> None:
    place.settings.data_dir.parent.mkdir(exist_ok=True)
    place.settings.data_dir.write_text("in the way")
    with Store.open(place.settings.db_location) as store:
        collector = Collector(place.settings, Script(answering(3.0), answering(6.0)), store, lambda: float(NOON))
        with pytest.raises(PublishError):
            take(collector, NOON + 300)
        place.settings.data_dir.unlink()
        take(collector, NOON + 600)
    assert place.read("hourly_7d")["namespaces"]["shop"]["cpu"]["usage"] == pytest.approx([0.75])


def test_a_restart_goes_on_where_the_books_were(place: Place) -> None:
    place.run(*((NOON + 300 * step, answering(3.0)) for step in range(1, 13)))
    place.run((NOON + 3600 + 1200, answering(6.0)))
    hourly = place.read("hourly_7d")
    # The second hour has one of four steps: 6 cores / 12, and a quarter of the samples.
    assert hourly["namespaces"]["shop"]["cpu"]["usage"] == pytest.approx([3.0, 0.5])
    assert hourly["coverage"]["kubernetes"] == pytest.approx([1.0, 0.25])
    assert place.manifest()["generation"] == 13
