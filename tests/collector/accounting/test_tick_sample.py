"""One interval, from what was seen of it to what is stored of it; each answer computed by hand."""

import logging
from collections.abc import Iterable, Iterator
from dataclasses import replace

import pytest

from collector.accounting.measured_usage import EntryUsage, MeasuredUsage
from collector.accounting.tick_sample import account
from collector.errors import SourceError
from collector.observations import BlindSpot, Node, NodeSpan, Pod, PodSpan
from tests.collector.accounting.sampling import TIME, sample_of
from tests.support.observed import GIB, MOMENT, cluster, item, node, pod


def test_requests_and_usage_are_summed_by_namespace() -> None:
    # shop: 1 + 2 = 3 cores requested, 0.25 + 0.5 = 0.75 used; blog: 4 and 1
    sample = sample_of(
        [pod("shop", "a", 1.0), pod("blog", "b", 4.0), pod("shop", "c", 2.0)],
        [item("shop", "a", 0.25), item("shop", "c", 0.5), item("blog", "b", 1.0)],
        namespaces=["shop", "blog"],
    )
    assert sample.namespaces["shop"].requests == {"cpu": 3.0, "memory": 3 * GIB}
    assert sample.namespaces["shop"].usage == {"cpu": 0.75, "memory": 0.75 * GIB}
    assert sample.namespaces["blog"].usage == {"cpu": 1.0, "memory": GIB}
    assert sample.namespaces["shop"].measured == 1.0
    assert (sample.time, sample.interval) == (TIME, 300)
    assert sample.observed == {"kubernetes": True, "metrics": True, "dcgm": None}
    assert sample.special == {}


@pytest.mark.parametrize(
    ("interval", "seconds", "cores"), [(300, 300.0, 4.0), (300, 30.0, 0.4), (300, 1.0, 4 / 300), (3600, 30.0, 1 / 30)]
)
def test_requests_are_a_mean_over_the_interval(interval: int, seconds: float, cores: float) -> None:
    # 4 cores for 30 of 300 seconds are 120 core-seconds, 0.4 cores on average
    sample = sample_of([PodSpan(pod(cpu=4.0), seconds)], interval=interval)
    assert sample.namespaces["shop"].requests["cpu"] == pytest.approx(cores)
    assert sample.namespaces["shop"].requests["memory"] == pytest.approx(cores * GIB)
    assert sample.nodes[0].requests["cpu"] == pytest.approx(cores)


def test_a_resized_pod_requests_each_for_its_time_and_is_one_pod() -> None:
    # 1 core for 100 s and 4 for 200 s: 900 core-seconds, 3 cores
    spans = [PodSpan(pod(cpu=1.0), 100.0), PodSpan(pod(cpu=4.0), 200.0)]
    sample = sample_of(spans)
    assert sample.namespaces["shop"].requests["cpu"] == pytest.approx(3.0)
    assert sample.nodes[0].pods == 1


@pytest.mark.parametrize(("present", "cores"), [(100.0, 1 / 3), (150.0, 0.5), (225.0, 1.5), (300.0, 2.5)])
def test_a_resized_pod_holds_nothing_after_its_node_has_gone(present: float, cores: float) -> None:
    # 1 core for 150 s, then 4: 100, 150, 150 + 4 x 75 and 150 + 4 x 150 core-seconds
    spans = [PodSpan(pod(cpu=1.0, on="n2"), 150.0), PodSpan(pod(cpu=4.0, on="n2"), 150.0)]
    sample = sample_of(spans, nodes=[node("n1"), NodeSpan(node("n2"), present)])
    assert sample.namespaces["shop"].requests["cpu"] == pytest.approx(cores)


def test_pods_without_a_uid_are_as_many_as_they_are() -> None:
    spans = [PodSpan(replace(pod(name=name), uid=""), 200.0) for name in "ab"]
    sample = sample_of(spans)
    assert sample.nodes[0].pods == 2
    assert sample.namespaces["shop"].requests["cpu"] == pytest.approx(4 / 3)


def test_a_node_counts_the_pods_that_still_hold_something_at_the_end() -> None:
    gone = PodSpan(pod(name="gone", ended=MOMENT - 1), 299.0)
    new = PodSpan(pod(name="new"), 1.0)
    assert sample_of([pod(name="old"), gone, new]).nodes[0].pods == 2


def test_a_pod_that_was_resized_and_has_ended_holds_nothing_at_the_end() -> None:
    # 1 core for 100 s, 2 for 100 s: 300 core-seconds, and no pod is left
    spans = [PodSpan(pod(cpu=1.0), 100.0), PodSpan(pod(cpu=2.0, ended=MOMENT - 100), 100.0)]
    (node_state,) = sample_of(spans).nodes
    assert node_state.requests["cpu"] == pytest.approx(1.0)
    assert node_state.pods == 0


def test_capacity_and_allocatable_are_means_over_the_interval() -> None:
    # 8 cores throughout; 16 for 75 s, 4 on average; each node keeps 0.5 cores and 1 of 32 GiB back
    sample = sample_of(nodes=[node("n1"), NodeSpan(node("n2", cpu=16.0), 75.0)])
    assert sample.capacity == {"cpu": 12.0, "memory": 40 * GIB}
    assert sample.allocatable == {"cpu": 7.5 + 15.5 / 4, "memory": 38.75 * GIB}


def test_a_node_that_changed_has_what_it_had_for_so_long() -> None:
    # 10 cores for 100 s, 20 for 200 s under the same name: 5000 core-seconds
    spans = [NodeSpan(node(cpu=10.0), 100.0), NodeSpan(node(cpu=20.0), 200.0)]
    sample = sample_of([pod(cpu=4.0)], nodes=spans)
    assert sample.capacity["cpu"] == pytest.approx(5000 / 300)
    assert sample.namespaces["shop"].requests["cpu"] == 4.0
    assert [state.capacity["cpu"] for state in sample.nodes] == [20.0]


@pytest.mark.parametrize("nodes", [[node("n1"), node("n2", excluded=True)], [node("n1")]], ids=["excluded", "gone"])
def test_pods_on_a_node_that_is_no_machine_or_not_there_hold_nothing(nodes: list[Node]) -> None:
    sample = sample_of([pod("web"), pod("ml", on="n2", cpu=8.0)], [item("web"), item("ml", cpu=5.0)], nodes=nodes)
    assert set(sample.namespaces) == {"web"}
    assert sample.capacity["cpu"] == 8.0
    assert [state.name for state in sample.nodes] == ["n1"]


@pytest.mark.parametrize(("present", "cores"), [(0.0, 0.0), (60.0, 0.8), (300.0, 4.0)])
def test_a_pod_holds_something_for_as_long_as_its_node_is_there(present: float, cores: float) -> None:
    # 4 cores for 60 of 300 s: 0.8
    nodes: list[Node | NodeSpan] = [node("n1"), NodeSpan(node("n2"), present)]
    sample = sample_of([pod(cpu=4.0, on="n2")], nodes=nodes, namespaces=["shop"])
    assert sample.namespaces["shop"].requests["cpu"] == pytest.approx(cores)


@pytest.mark.parametrize(
    ("present", "core_seconds"), [(300.0, 900), (299.0, 896), (150.0, 300), (100.0, 100), (60.0, 60)]
)
def test_a_resized_pod_holds_no_more_of_its_node_than_the_node_was_there(present: float, core_seconds: float) -> None:
    # 1 core for 100 s, then 4 for 200 s, on a node that leaves meanwhile
    spans = [PodSpan(pod(cpu=1.0), 100.0), PodSpan(pod(cpu=4.0), 200.0)]
    sample = sample_of(spans, nodes=[NodeSpan(node(), present)])
    assert sample.namespaces["shop"].requests["cpu"] == pytest.approx(core_seconds / 300)


def test_a_node_that_becomes_no_machine_counts_until_then() -> None:
    nodes = [NodeSpan(node(), 100.0), NodeSpan(node(excluded=True), 200.0)]
    sample = sample_of([pod(cpu=3.0)], nodes=nodes)
    assert sample.capacity["cpu"] == pytest.approx(8 / 3)
    assert sample.namespaces["shop"].requests["cpu"] == pytest.approx(1.0)


def test_a_namespace_without_bound_pods_is_zero_and_measured() -> None:
    entry = sample_of(items=[], namespaces=["empty"]).namespaces["empty"]
    assert entry.usage == entry.requests == {"cpu": 0.0, "memory": 0.0}
    assert entry.measured == 1.0


def test_labels_of_a_namespace_are_passed_on() -> None:
    assert sample_of(namespaces={"shop": {"team": "web"}}).namespaces["shop"].labels == {"team": "web"}


def test_namespaces_that_are_not_listed_at_the_end_are_counted_all_the_same() -> None:
    # one had pods within the interval, one when usage was read
    measured = MeasuredUsage(MOMENT, {"read": EntryUsage(1.0, GIB, 1.0)})
    sample = sample_of([pod("held", cpu=2.0)], measured=measured, namespaces=["shop"])
    assert set(sample.namespaces) == {"shop", "held", "read"}
    assert sample.namespaces["held"].requests["cpu"] == 2.0
    assert sample.namespaces["read"].usage["cpu"] == 1.0


def test_a_pod_that_came_after_usage_was_read_requests_and_used_nothing() -> None:
    sample = sample_of([PodSpan(pod(cpu=3.0), 100.0)], measured=MeasuredUsage(MOMENT, {}))
    entry = sample.namespaces["shop"]
    assert entry.requests["cpu"] == pytest.approx(1.0)
    assert (entry.usage["cpu"], entry.measured) == (0.0, 1.0)


def test_what_was_measured_of_a_namespace_is_stored_as_it_is() -> None:
    found: dict[str | None, EntryUsage] = {"a": EntryUsage(2.0, GIB, 0.75), "b": EntryUsage(None, None, 0.25)}
    sample = sample_of(measured=MeasuredUsage(MOMENT, found, unmeasured={"b": {"stale": 3}}))
    assert (sample.namespaces["a"].usage["cpu"], sample.namespaces["a"].measured) == (2.0, 0.75)
    assert sample.namespaces["b"].usage == {"cpu": None, "memory": None}
    assert sample.namespaces["b"].measured == 0.25
    assert sample.observed["metrics"] is True
    assert sample.unmeasured == {"b": {"stale": 3}}


@pytest.mark.parametrize("measured", [None, MeasuredUsage(MOMENT, None)], ids=["not read", "not observed"])
def test_without_metrics_usage_is_unknown_and_requests_are_not(measured: MeasuredUsage | None) -> None:
    sample = sample_of([pod(cpu=2.0)], measured=measured, namespaces=["shop", "empty"])
    assert sample.observed == {"kubernetes": True, "metrics": False, "dcgm": None}
    assert sample.namespaces["shop"].usage == {"cpu": None, "memory": None}
    assert sample.namespaces["shop"].measured is None
    assert sample.namespaces["shop"].requests["cpu"] == 2.0
    assert sample.namespaces["empty"].usage["cpu"] is None


def test_without_the_cluster_nothing_is_known_of_the_interval() -> None:
    sample = account(None, MeasuredUsage(MOMENT, {}), time=TIME, interval=300, charged=lambda _: True)
    assert sample.observed == {"kubernetes": False, "metrics": True, "dcgm": None}
    assert (sample.capacity, sample.allocatable, sample.namespaces, sample.special) == ({}, {}, {}, {})
    assert sample.nodes == ()


def broken(pods: Iterable[Pod]) -> Iterator[PodSpan]:
    yield from (PodSpan(each, 300.0) for each in pods)
    raise SourceError("kubernetes", "cut off")


def test_a_listing_of_pods_that_breaks_off_leaves_the_cluster_unobserved(caplog: pytest.LogCaptureFixture) -> None:
    seen = replace(cluster(namespaces=["shop"]), pods=broken([pod()]))
    with caplog.at_level(logging.WARNING):
        sample = account(seen, None, time=TIME, interval=300, charged=lambda _: True)
    assert sample.observed["kubernetes"] is False
    assert sample.namespaces == {}
    assert "nothing is known of this interval: kubernetes: cut off" in caplog.text


def test_what_could_not_be_seen_is_passed_on() -> None:
    spot = BlindSpot("pods_not_watched", "Allow watching.")
    seen = replace(cluster(), blind_spots=(spot,))
    assert account(seen, None, time=TIME, interval=300, charged=lambda _: True).blind_spots == (spot,)


def test_namespaces_that_are_not_charged_are_summed_as_excluded() -> None:
    # kube-system 1 and kube-public 2 cores requested, 0.5 each used
    sample = sample_of(
        [pod("kube-system", "a", 1.0), pod("kube-public", "b", 2.0), pod("shop", "c", 4.0)],
        [item("kube-system", "a"), item("kube-public", "b"), item("shop", "c")],
        namespaces=["kube-system", "kube-public", "shop"],
        charged=lambda name: not name.startswith("kube-"),
    )
    assert set(sample.namespaces) == {"shop"}
    assert sample.special["excluded"].requests == {"cpu": 3.0, "memory": 3 * GIB}
    assert sample.special["excluded"].usage == {"cpu": 1.0, "memory": GIB}
    assert sample.special["excluded"].measured == 1.0


def test_an_excluded_namespace_without_pods_still_makes_the_entry() -> None:
    sample = sample_of(items=[], namespaces=["kube-system"], charged=lambda _: False)
    assert sample.special["excluded"].usage == {"cpu": 0.0, "memory": 0.0}


def test_a_namespace_may_be_called_like_a_special_entry() -> None:
    names = ["idle", "excluded", "unattributed", "non-allocatable", "x" * 63]
    sample = sample_of([pod(name, "a") for name in names], [item(name, "a") for name in names], namespaces=names)
    assert set(sample.namespaces) == set(names)
    assert all(entry.usage["cpu"] == 0.5 for entry in sample.namespaces.values())
    assert sample.special == {}


def test_a_node_uses_what_was_measured_of_it() -> None:
    measured = MeasuredUsage(MOMENT, {}, nodes={"n1": (1.5, None)})
    states = sample_of(measured=measured, nodes=(node(), node("n2", ready=False))).nodes
    assert [state.usage for state in states] == [{"cpu": 1.5, "memory": None}, {"cpu": None, "memory": None}]
    assert [state.ready for state in states] == [True, False]
    assert states[0].allocatable == {"cpu": 7.5, "memory": 31 * GIB}


@pytest.mark.parametrize(("present", "part"), [(300.0, 1.0), (75.0, 0.25), (0.0, 0.0)])
def test_a_node_tells_for_which_part_of_the_interval_it_was_there(present: float, part: float) -> None:
    states = sample_of(nodes=[node("n1"), NodeSpan(node("n2"), present)]).nodes
    assert [state.present for state in states] == [1.0, part]


def test_a_node_that_changed_was_there_all_the_same_but_not_while_it_was_no_machine() -> None:
    # as a machine for 100 + 50 of 300 s
    spans = [NodeSpan(node(), 100.0), NodeSpan(node(excluded=True), 150.0), NodeSpan(node(cpu=16.0), 50.0)]
    assert [state.present for state in sample_of(nodes=spans).nodes] == [0.5]


def test_a_node_that_left_is_told_of_with_what_was_held_of_it() -> None:
    # n2 was there for 60 s and its pod, which no finish was told of, held 5 cores then: 1 on average
    spans = (NodeSpan(node("n1"), 300.0), NodeSpan(node("n2", cpu=4.0), 20.0), NodeSpan(node("n2", cpu=16.0), 40.0))
    measured = MeasuredUsage(MOMENT, {}, nodes={"n2": (1.5, GIB)})
    seen = replace(cluster([pod(on="n1"), pod(name="ml", on="n2", cpu=5.0)]), nodes=spans, present=(node("n1"),))
    there, left = account(seen, measured, time=TIME, interval=300, charged=lambda _: True).nodes
    assert [(each.name, each.has_left, each.pods) for each in (there, left)] == [("n1", False, 1), ("n2", True, 0)]
    assert (left.present, left.capacity["cpu"], left.usage["cpu"]) == (0.2, 16.0, 1.5)
    assert left.requests == {"cpu": pytest.approx(1.0), "memory": pytest.approx(GIB)}


@pytest.mark.parametrize("at_end", [(), (node(excluded=True),)], ids=["gone", "excluded"])
def test_a_node_that_is_no_machine_any_more_has_left(at_end: tuple[Node, ...]) -> None:
    spans = (NodeSpan(node(), 100.0), *(NodeSpan(each, 200.0) for each in at_end))
    seen = replace(cluster(), nodes=spans, present=at_end)
    (state,) = account(seen, None, time=TIME, interval=300, charged=lambda _: True).nodes
    assert state.has_left
    assert state.present == pytest.approx(1 / 3)


def test_one_that_was_replaced_under_its_name_has_not_left() -> None:
    new = replace(node(cpu=16.0), uid="new")
    seen = replace(cluster(), nodes=(NodeSpan(node(), 100.0), NodeSpan(new, 150.0)), present=(new,))
    (state,) = account(seen, None, time=TIME, interval=300, charged=lambda _: True).nodes
    assert (state.has_left, state.capacity["cpu"]) == (False, 16.0)
    assert state.present == pytest.approx(250 / 300)
