"""Which pods are measured, which are expected to be, and what becomes of a namespace's usage; computed by hand."""

import tracemalloc
from random import Random
from typing import Any

import pytest

from collector.accounting.measured_usage import EntryUsage
from collector.accounting.pod_rates import PodRates
from collector.observations import HUGE_PAGES, Node, NodeMetrics, Pod, PodMetrics
from tests.collector.accounting.measuring import UNKNOWN, entry, measured, usage
from tests.support.observed import GIB, MOMENT, container, item, node, odd, pod


def believed(one: PodMetrics, its: Pod | None = None, **changes: Any) -> tuple[bool, str | None]:
    """Whether a pod is measured by an item, with a second one that always is; and the reason why not."""
    found = measured([its or pod(), pod("other", "x")], [one, item("other", "x")], **changes)
    reasons = found.unmeasured.get("shop", {})
    assert entry(found, "other").share == 1.0
    assert usage(found, "other") == (0.5, 0.5 * GIB)
    return entry(found).share == 1.0, next(iter(reasons), None)


def test_a_pods_usage_is_the_sum_of_its_containers() -> None:
    # 0.25 + 0.5 cores, 1 + 2 GiB
    two = [container(0.25, GIB, "app"), container(0.5, 2 * GIB, "proxy")]
    found = measured([pod(containers=("app", "proxy"))], [item(containers=two)])
    assert entry(found) == EntryUsage(0.75, 3 * GIB, 1.0, (1.0, GIB))
    assert found.unmeasured == {}


def test_usage_is_summed_by_namespace_and_what_is_not_charged_apart() -> None:
    pods = [pod("shop", "a"), pod("shop", "b"), pod("kube-a", "c"), pod("kube-b", "d")]
    items = [item("shop", "a", 0.25), item("shop", "b", 0.5), item("kube-a", "c", 1.0), item("kube-b", "d", 2.0)]
    found = measured(pods, items, charged=lambda name: not name.startswith("kube-"))
    assert usage(found) == (0.75, 0.75 * GIB)
    assert usage(found, None) == (3.0, 3.0 * GIB)
    assert found.entries is not None
    assert set(found.entries) == {"shop", None}


def test_a_namespace_without_pods_used_nothing_and_was_measured() -> None:
    assert entry(measured(), "empty") == EntryUsage(0.0, 0.0, 1.0)


def test_a_pod_that_is_not_bound_and_unfinished_is_left_out() -> None:
    assert usage(measured([pod(name="a")], [item(name="a"), item(name="finished", cpu=7.0)])) == (0.5, 0.5 * GIB)


@pytest.mark.parametrize(
    ("age", "reason"), [(0.0, None), (300.0, None), (301.0, "stale"), (-300.0, None), (-301.0, "stale")]
)
def test_a_sample_is_fresh_within_an_interval_of_the_moment(age: float, reason: str | None) -> None:
    assert believed(item(at=MOMENT - age)) == (reason is None, reason)


def test_how_old_a_sample_may_be_goes_by_the_interval() -> None:
    assert believed(item(at=MOMENT - 900), interval=900.0) == (True, None)
    assert believed(item(at=MOMENT - 901), interval=900.0) == (False, "stale")


def test_a_sample_without_a_time_is_not_known_to_be_fresh() -> None:
    assert believed(item(at=None)) == (False, "stale")


@pytest.mark.parametrize(
    ("one", "reason"),
    [
        (container(0.0, 1.0), None),
        (container(0.5, 0.0), "incomplete"),
        (container(-1e-9, 1.0), "negative"),
        (container(0.0, -1.5), "negative"),
        (container(8.0, 32 * GIB), None),
        (container(8.001, 32 * GIB), "impossible"),
        (container(8.0, 32 * GIB + 1), "impossible"),
        (container(18446744074.0, 1.0), "impossible"),
    ],
)
def test_a_value_is_neither_below_zero_nor_above_what_the_node_has(one: Any, reason: str | None) -> None:
    assert believed(item(containers=[one])) == (reason is None, reason)


def test_all_containers_together_are_not_above_what_the_node_has() -> None:
    two = pod(containers=("a", "b"))
    assert believed(item(containers=[container(4.0, 1.0, "a"), container(4.0, 1.0, "b")]), two) == (True, None)
    above = item(containers=[container(4.0, 1.0, "a"), container(4.5, 1.0, "b")])
    assert believed(above, two) == (False, "impossible")


def test_one_negative_container_is_not_balanced_by_another() -> None:
    both = item(containers=[container(-1.0, 1.0, "a"), container(4.0, 1.0, "b")])
    assert believed(both, pod(containers=("a", "b"))) == (False, "negative")


def test_a_node_that_tells_no_capacity_limits_nothing() -> None:
    # cpu is told, memory is not
    nodes = (node(gib=0.0),)
    assert believed(item(containers=[container(8.0, 900 * GIB)]), nodes=nodes) == (True, None)
    assert believed(item(containers=[container(8.001, 900 * GIB)]), nodes=nodes) == (False, "impossible")


@pytest.mark.parametrize(("cpu", "memory"), [(0.5, None), (None, GIB), (None, None)])
def test_a_pod_with_one_value_only_is_not_measured(cpu: float | None, memory: float | None) -> None:
    found = measured([pod(name="win"), pod("other")], [item(name="win", containers=[container(cpu, memory)])])
    assert entry(found) == EntryUsage(None, None, 0.0)
    assert found.unmeasured["shop"] == {"incomplete": 1}


@pytest.mark.parametrize("names", [(), ("proxy",), ("",), ("other",)])
def test_a_pod_is_not_measured_while_a_running_container_of_it_is_missing(names: tuple[str, ...]) -> None:
    one = item(containers=[container(0.05, name=name) for name in names])
    assert believed(one, pod(containers=("app", "proxy"))) == (False, "incomplete")


def test_containers_that_do_not_run_may_be_missing_or_lack_values() -> None:
    finished = pod(containers=("init", "app"), running=("app",))
    assert believed(item(containers=[container(0.5)]), finished) == (True, None)
    half = item(containers=[container(None, None, "init"), container(0.5)])
    assert believed(half, finished) == (True, None)


def test_what_is_no_container_of_the_pod_is_not_counted() -> None:
    # a nameless sum of the pod, as prometheus-adapter adds it, and one of another name
    three = [container(0.5, GIB), container(0.5, GIB, ""), container(9.0, -7.0, "POD")]
    assert usage(measured([pod()], [item(containers=three)])) == (0.5, GIB)


def test_a_container_that_is_there_twice_counts_once() -> None:
    assert usage(measured([pod()], [item(containers=[container(), container()])])) == (0.5, 0.5 * GIB)


def test_two_values_of_one_container_contradict_each_other() -> None:
    assert believed(item(containers=[container(0.5), container(0.25)])) == (False, "odd")


@pytest.mark.parametrize("order", [1, -1])
def test_of_a_pod_that_is_there_twice_the_fresher_item_counts(order: int) -> None:
    items = [item(cpu=0.5, at=MOMENT - 15), item(cpu=0.25, at=MOMENT)][::order]
    assert entry(measured([pod()], items)) == EntryUsage(0.25, 0.25 * GIB, 1.0, (1.0, GIB))
    assert entry(measured([pod()], [*items, *items])) == EntryUsage(0.25, 0.25 * GIB, 1.0, (1.0, GIB))


def test_a_pod_that_is_there_twice_alike_counts_once() -> None:
    assert entry(measured([pod()], [item(), item()])) == EntryUsage(0.5, 0.5 * GIB, 1.0, (1.0, GIB))


@pytest.mark.parametrize("order", [1, -1])
def test_two_items_of_one_pod_that_are_as_fresh_contradict_each_other(order: int) -> None:
    items = [item(cpu=0.5), item(cpu=0.25), item(cpu=0.5)][::order]
    found = measured([pod()], items)
    assert entry(found) == EntryUsage(None, None, 0.0)
    assert found.unmeasured == {"shop": {"odd": 1}}


def test_an_odd_item_spoils_its_own_pod_alone() -> None:
    assert believed(odd()) == (False, "odd")


def test_a_pending_pod_uses_what_is_measured_of_its_init_container() -> None:
    waits = pod(cpu=3.0, containers=("app", "load"), running=())
    found = measured([waits], [item(containers=[container(2.0, GIB, "load")])])
    assert entry(found) == EntryUsage(2.0, GIB, 1.0, (3.0, 3 * GIB))


def test_measured_memory_includes_the_huge_pages_that_the_pod_requests() -> None:
    # 0.5 GiB of ordinary memory and 2 GiB of huge pages
    huge = pod(more={HUGE_PAGES: 2 * GIB})
    assert usage(measured([huge], [item()])) == (0.5, 2.5 * GIB)


def test_huge_pages_of_a_pod_that_does_not_run_are_not_used() -> None:
    waits = pod(running=(), more={HUGE_PAGES: 2 * GIB})
    assert usage(measured([waits], [])) == (0.0, 0.0)


def test_huge_pages_of_the_pods_that_run_on_a_node_are_in_its_usage() -> None:
    pages = {HUGE_PAGES: 2 * GIB}
    pods = [
        pod(more=pages),
        pod("other", more=pages),
        pod("waits", running=(), more=pages),
        pod("far", on="n2", more=pages),
    ]
    nodes = (node(), node("n2"), node("n3"))
    told = [
        NodeMetrics("n1", MOMENT, 1.0, GIB),
        NodeMetrics("n2", MOMENT, 1.0, -1.0),
        NodeMetrics("n3", MOMENT, 1.0, GIB),
    ]
    found = measured(pods, [item(), item("far")], nodes=nodes, node_items=told)
    # 1 + 2 + 2 GiB; that of `other` is not measured, and yet nobody else can have its pages.
    assert found.nodes == {"n1": (1.0, 5 * GIB), "n2": (1.0, None), "n3": (1.0, GIB)}


@pytest.mark.parametrize("nodes", [(node("n2"),), (node(excluded=True), node("n2"))], ids=["gone", "excluded"])
def test_pods_on_a_node_that_is_not_listed_or_no_machine_count_nowhere(nodes: tuple[Node, ...]) -> None:
    found = measured([pod(), pod(name="unmeasured"), pod("other", on="n2")], [item(), item("other")], nodes=nodes)
    assert found.entries is not None
    assert set(found.entries) == {"other"}
    assert found.unmeasured == {}


@pytest.mark.parametrize(("known", "cpu"), [(4, 2.0), (3, 1.5), (2, 1.0), (1, None), (0, None)])
def test_usage_is_unknown_below_half_of_the_expected_pods(known: int, cpu: float | None) -> None:
    # four expected pods of which `known` use 0.5 cores each; one that waits does not count
    pods = [*(pod(name=f"p{i}") for i in range(4)), pod(name="waits", running=()), pod("other")]
    found = measured(pods, [*(item(name=f"p{i}") for i in range(known)), item("other")])
    assert (*usage(found), entry(found).share) == (cpu, None if cpu is None else cpu * GIB, known / 4)
    assert found.unmeasured.get("shop", {}) == ({"absent": 4 - known} if known < 4 else {})


@pytest.mark.parametrize(
    ("sizes", "share", "cpu"),
    [
        # the measured one of three pods requests 4 of 8, 4 of 8.001 cores; of two 0.1 of 8.1, 1 of 1 by number
        ((4.0, 4.0), 0.5, 0.5),
        ((4.0, 4.001), 4 / 8.001, None),
        ((0.1, 8.0), 0.1 / 8.1, None),
        ((8.0, 0.1), 8 / 8.1, 0.5),
        ((8.0, 0.0), 0.5, 0.5),
        ((0.0, 0.0), 0.5, 0.5),
        ((9.0, 0.1, 0.1), 9 / 9.2, None),
    ],
)
def test_the_share_goes_by_requested_cpu_where_all_request_some(
    sizes: tuple[float, ...], share: float, cpu: float | None
) -> None:
    found = measured([*(pod(name=f"p{i}", cpu=size) for i, size in enumerate(sizes))], [item(name="p0")])
    assert entry(found).share == pytest.approx(share)
    assert entry(found).cpu == cpu


def test_efficiency_of_unequal_pods_is_that_of_the_measured_ones() -> None:
    # 6 cores are used of the 8 that the measured pods request; 2 more are requested by one that is not measured
    pods = [pod(name="a", cpu=5.0), pod(name="b", cpu=3.0), pod(name="c", cpu=2.0)]
    found = entry(measured(pods, [item(name="a", cpu=4.0), item(name="b", cpu=2.0)]))
    assert found.cpu is not None
    assert found.cpu / (10.0 * found.share) == pytest.approx(6 / 8)
    assert (found.cpu, found.requests) == (6.0, (8.0, 8 * GIB))


def test_a_young_pod_that_is_measured_uses_and_requests_though_it_is_not_expected() -> None:
    # 0.5 of 1 core and 2 of 4, the second 15 s old; one that is as young and not measured is in neither
    pods = [pod(name="a"), pod(name="b", cpu=4.0, since=MOMENT - 15), pod(name="c", cpu=8.0, since=MOMENT - 15)]
    found = entry(measured(pods, [item(name="a"), item(name="b", cpu=2.0)]))
    assert found == EntryUsage(2.5, 2.5 * GIB, 1.0, (5.0, 5 * GIB))


def test_what_each_measured_pod_used_is_remembered_also_where_too_few_were_measured() -> None:
    pods = [pod(name="a"), pod(name="b"), pod(name="c"), pod("kube-system", "d")]
    found = measured(pods, [item(name="a", cpu=0.25), item("kube-system", "d", 3.0)], charged=lambda n: n == "shop")
    assert usage(found) == UNKNOWN
    assert [found.rates.of(each.identity) for each in pods] == [(0.25, 0.25 * GIB), None, None, (3.0, 3 * GIB)]
    assert len(found.rates) == 2


def test_what_pods_used_takes_little_memory() -> None:
    # Of 1,000 pods, whose identities the pods themselves hold: 100 bytes each.
    names = [f"uid-{number:030}" for number in range(1000)]
    rates = PodRates()
    tracemalloc.start()
    for number, name in enumerate(names):
        rates.put(name, (number / 1000.0, float(number) * GIB))
    taken, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert taken / len(names) < 130


def test_reasons_are_counted_by_the_namespaces_own_name_and_reason() -> None:
    pods = [pod("kube-a", name) for name in "abcd"]
    items = [item("kube-a", "a", -1.0), item("kube-a", "b", -1.0), item("kube-a", "c", at=0.0)]
    found = measured([*pods, pod()], [*items, item()], charged=lambda name: name == "shop")
    assert found.unmeasured == {"kube-a": {"negative": 2, "stale": 1, "absent": 1}}
    assert entry(found, None) == EntryUsage(None, None, 0.0)


@pytest.mark.parametrize(
    ("one", "told"),
    [
        (NodeMetrics("n1", MOMENT - 300, 8.0, 32 * GIB), (8.0, 32 * GIB)),
        (NodeMetrics("n1", MOMENT - 301, 8.0, 32 * GIB), UNKNOWN),
        (NodeMetrics("n1", MOMENT, 8.001, GIB), (None, GIB)),
        (NodeMetrics("n1", MOMENT, 1.0, 33 * GIB), (1.0, None)),
        (NodeMetrics("n1", MOMENT, -0.1, 0.0), (None, 0.0)),
        (NodeMetrics("n1", MOMENT, 1.0, None), (1.0, None)),
        (NodeMetrics("n1", None, 1.0, GIB), UNKNOWN),
    ],
)
def test_a_node_uses_what_can_be_true(one: NodeMetrics, told: tuple[float | None, float | None]) -> None:
    found = measured([pod()], [item(cpu=4.0)], node_items=[one, NodeMetrics("gone", MOMENT, 1.0, 1.0)])
    assert found.nodes == {"n1": told}
    assert usage(found) == (4.0, 4 * GIB)


def test_the_order_of_items_does_not_matter() -> None:
    random = Random(12)
    pods = [pod(f"ns{i % 3}", f"p{i}", cpu=1.0 + i) for i in range(12)]
    items = [item(f"ns{i % 3}", f"p{i}", 0.1 * i, at=MOMENT - 50 * i) for i in range(10)]
    items += [item("ns0", "p0", 0.3), item("ns1", "p1", 0.7, at=MOMENT - 50), odd("ns2", "p2")]
    expected = measured(pods, items)
    for _ in range(20):
        random.shuffle(items)
        assert measured(pods, items) == expected
