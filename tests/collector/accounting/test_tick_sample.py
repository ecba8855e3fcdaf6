"""One interval, from what was seen of it to what is stored of it; each answer computed by hand."""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from types import MappingProxyType

import pytest

from collector.accounting.measured_usage import EntryUsage, MeasuredUsage
from collector.accounting.observation import account_interval, observe
from collector.accounting.tick_sample import account
from collector.errors import SourceError
from collector.model import TickSample
from collector.observations import BlindSpot, GpuDevice, Node, NodeSpan, Pod, PodMetrics, PodSpan
from tests.support.observed import GIB, MOMENT, cluster, item, node, pod, reading

TIME = int(MOMENT)


def sample_of(
    pods: Iterable[Pod | PodSpan] = (),
    items: Iterable[PodMetrics] | None = None,
    *,
    measured: MeasuredUsage | None = None,
    namespaces: Iterable[str] | Mapping[str, Mapping[str, str]] = (),
    nodes: Iterable[Node | NodeSpan] | None = None,
    interval: int = 300,
    charged: Callable[[str], bool] = lambda _: True,
    devices: tuple[GpuDevice, ...] | None = None,
    exporters: bool = False,
    claimed: Mapping[str, float | None] | None = MappingProxyType({}),
) -> TickSample:
    """Accounts for these pods, of which metrics-server listed `items` and exporters show `devices` at the end."""
    present = [each.pod if isinstance(each, PodSpan) else each for each in pods]
    machines = [each.node if isinstance(each, NodeSpan) else each for each in nodes or (node(),)]
    seen = replace(cluster(pods, interval=interval, namespaces=namespaces, nodes=nodes), claimed=claimed)
    observation = observe(reading(present, items, nodes=machines, devices=devices), interval, charged)
    if measured is not None:
        observation = replace(observation, measured=measured)
    sample, _ = account_interval(
        seen, observation, {}, time=TIME, interval=interval, charged=charged, dcgm_configured=exporters
    )
    return sample


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


GPU = "nvidia.com/gpu"


def gpu_pod(namespace: str = "ml", units: float = 1.0, *, on: str = "n1") -> Pod:
    return pod(namespace, on=on, more={GPU: units})


def gpu_node(units: float, name: str = "n1", *, usable: float | None = None, replicas: str = "1") -> Node:
    machine = node(name, gpus={GPU: units}, usable_gpus=None if usable is None else {GPU: usable})
    return replace(machine, gpu_hints={"nvidia.com/gpu.replicas": replicas})


def device(uuid: str, namespace: str = "", busy: float | None = 0.5, on: str = "n1") -> GpuDevice:
    """A GPU of 16 GiB, 4 of them in use, that the pod `web` of a namespace holds."""
    return GpuDevice(on, uuid, None, 1.0, busy, 4 * GIB, 12 * GIB, ((namespace, "web"),) if namespace else ())


def test_gpus_are_accounted_where_they_are_held_and_nowhere_else() -> None:
    # two GPUs sold in halves: ml holds one of four units, half a GPU, for 150 of 300 s
    sample = sample_of(
        [PodSpan(gpu_pod(), 150.0), pod("shop")],
        [item("ml"), item("shop")],
        nodes=[gpu_node(4.0, replicas="2"), node("n2")],
        devices=(device("GPU-1", "ml"), device("GPU-2", busy=0.0)),
        exporters=True,
    )
    assert sample.observed["dcgm"] is True
    assert sample.namespaces["ml"].usage == {"cpu": 0.5, "memory": 0.5 * GIB, "gpu": 0.5, "gpu_memory": 4 * GIB}
    assert sample.namespaces["ml"].requests == {"cpu": 0.5, "memory": 0.5 * GIB, "gpu": 0.25}
    assert set(sample.namespaces["shop"].usage) == set(sample.namespaces["shop"].requests) == {"cpu", "memory"}
    assert sample.capacity == {"cpu": 16.0, "memory": 64 * GIB, "gpu": 2.0, "gpu_memory": 32 * GIB}
    assert sample.allocatable == {"cpu": 15.0, "memory": 62 * GIB, "gpu": 2.0, "gpu_memory": 32 * GIB}
    first, second = sample.nodes
    assert (first.requests["gpu"], first.usage["gpu"], first.usage["gpu_memory"]) == (0.25, 0.5, 8 * GIB)
    assert (first.capacity["gpu"], first.allocatable["gpu"], first.capacity["gpu_memory"]) == (2.0, 2.0, 32 * GIB)
    assert "gpu" not in second.capacity
    assert sample.special == {}


def test_gpus_of_a_node_count_while_it_is_there_and_those_that_are_held_are_allocatable() -> None:
    # 4 GPUs for 150 of 300 s are 2; one is healthy, which is a half, but 3 are held, which is 1.5
    sample = sample_of([gpu_pod(units=3.0, on="n2")], nodes=[node(), NodeSpan(gpu_node(4.0, "n2", usable=1.0), 150.0)])
    assert (sample.capacity["gpu"], sample.allocatable["gpu"]) == (2.0, 1.5)
    assert sample.namespaces["ml"].requests["gpu"] == 1.5


def test_a_node_that_has_just_come_is_shown_with_all_that_it_has() -> None:
    # 4 GPUs and 8 cores, there for 75 of 300 s: a quarter of them is the capacity of the interval.
    (_, new) = sample_of(nodes=[node("n1"), NodeSpan(gpu_node(4.0, "n2"), 75.0)]).nodes
    assert (new.capacity["cpu"], new.capacity["gpu"], new.allocatable["gpu"]) == (8.0, 4.0, 4.0)


def test_gpus_held_by_claims_alone_are_requested() -> None:
    claims = replace(pod("ml"), claims=("a",))
    sample = sample_of([claims, pod("shop")], claimed={claims.identity: 2.0})
    assert sample.namespaces["ml"].requests["gpu"] == 2.0
    assert "gpu" not in sample.namespaces["shop"].requests


def test_requests_by_claims_that_could_not_be_read_are_unknown_and_nobody_elses_are() -> None:
    # ml may hold more than the GPU it requests, shop holds what it requests.
    more = replace(gpu_pod("ml"), claims=("more",))
    sample = sample_of([more, gpu_pod("shop")], nodes=[gpu_node(2.0)], claimed=None)
    assert sample.namespaces["ml"].requests == {"cpu": 1.0, "memory": GIB, "gpu": None}
    assert sample.namespaces["shop"].requests["gpu"] == 1.0
    assert sample.nodes[0].requests["gpu"] is None
    assert sample.capacity["gpu"] == 2.0


def test_what_one_pod_holds_by_a_claim_that_cannot_be_read_is_unknown_and_what_others_hold_is_not() -> None:
    # ml holds one GPU by a claim that can be read, and what another says nobody knows.
    known, unknown = (replace(pod(name, "a"), claims=("a",)) for name in ("nlp", "ml"))
    more = replace(pod("ml", "b"), claims=("b",))
    claimed = {known.identity: 2.0, unknown.identity: None, more.identity: 1.0}
    sample = sample_of([known, unknown, more], nodes=[node()], claimed=claimed)
    assert sample.namespaces["ml"].requests["gpu"] is None
    assert sample.namespaces["nlp"].requests["gpu"] == 2.0
    assert sample.nodes[0].requests["gpu"] is None


def test_so_are_those_of_a_pod_that_requests_none_besides() -> None:
    only = replace(pod("ml"), claims=("only",))
    sample = sample_of([only, pod("shop")], nodes=[gpu_node(2.0)], claimed=None)
    assert sample.namespaces["ml"].requests["gpu"] is None
    assert "gpu" not in sample.namespaces["shop"].requests


@pytest.mark.parametrize(("exporters", "dcgm"), [(False, None), (True, False)])
def test_without_an_exporter_gpu_usage_is_unknown_and_requests_are_not(exporters: bool, dcgm: bool | None) -> None:
    sample = sample_of([gpu_pod()], [item("ml")], nodes=[gpu_node(2.0)], exporters=exporters)
    assert sample.observed["dcgm"] is dcgm
    assert sample.namespaces["ml"].usage == {"cpu": 0.5, "memory": 0.5 * GIB, "gpu": None, "gpu_memory": None}
    assert sample.namespaces["ml"].requests["gpu"] == 1.0
    assert (sample.capacity["gpu"], sample.capacity["gpu_memory"]) == (2.0, None)
    assert sample.nodes[0].usage["gpu"] is None
    if exporters:
        assert sample.special["unattributed"].usage == {"cpu": 0.0, "memory": 0.0, "gpu": None, "gpu_memory": None}
    else:
        assert sample.special == {}


def test_without_an_exporter_nobody_uses_gpus_that_nobody_holds() -> None:
    assert sample_of([pod("shop")], nodes=[gpu_node(2.0)], exporters=True).special == {}


def test_memory_of_gpus_counts_as_far_as_exporters_tell_it() -> None:
    sample = sample_of(nodes=[gpu_node(1.0), gpu_node(1.0, "n2")], devices=(device("GPU-1", busy=0.0),), exporters=True)
    assert (sample.capacity["gpu"], sample.capacity["gpu_memory"]) == (2.0, 16 * GIB)
    assert [state.capacity["gpu_memory"] for state in sample.nodes] == [16 * GIB, None]


def test_a_gpu_that_is_not_shown_is_unknown_use_of_its_holder_alone() -> None:
    sample = sample_of(
        [gpu_pod("ml"), gpu_pod("nlp", on="n2"), gpu_pod("none", units=0.0)],
        [item("ml"), item("nlp", at=0.0), item("none")],
        nodes=[gpu_node(1.0), gpu_node(1.0, "n2")],
        devices=(device("GPU-1", "ml"),),
        exporters=True,
    )
    assert sample.namespaces["ml"].usage["gpu"] == 0.5
    assert sample.namespaces["nlp"].usage["gpu"] is None
    assert "gpu" not in sample.namespaces["none"].usage
    # Reasons of metrics and of GPUs stand beside each other.
    assert sample.unmeasured == {"nlp": {"stale": 1, "gpu_not_seen": 1}}


def test_what_nobody_can_be_told_of_is_unattributed() -> None:
    sample = sample_of([gpu_pod()], nodes=[gpu_node(2.0)], devices=(device("GPU-1", "ml"), device("GPU-2", busy=0.8)))
    assert sample.special["unattributed"].usage == {"cpu": 0.0, "memory": 0.0, "gpu": 0.8, "gpu_memory": 4 * GIB}
    assert sample.special["unattributed"].requests == {"cpu": 0.0, "memory": 0.0, "gpu": 0.0}
    assert sample.special["unattributed"].measured == 1.0
    assert sample.namespaces["ml"].usage["gpu"] == 0.5


def test_gpus_of_excluded_namespaces_are_excluded() -> None:
    # a 0.5 and b 0.25
    sample = sample_of(
        [gpu_pod("kube-a"), gpu_pod("kube-b")],
        nodes=[gpu_node(2.0)],
        devices=(device("GPU-1", "kube-a"), device("GPU-2", "kube-b", 0.25)),
        charged=lambda _: False,
    )
    assert sample.special["excluded"].usage["gpu"] == 0.75
    assert sample.special["excluded"].usage["gpu_memory"] == 8 * GIB
    assert sample.special["excluded"].requests["gpu"] == 2.0
    assert sample.namespaces == {}


def test_gpus_of_other_vendors_are_named() -> None:
    sample = sample_of(nodes=[node(gpus={"amd.com/gpu": 8.0})])
    assert [spot.code for spot in sample.blind_spots] == ["gpus_of_other_vendors"]
    assert sample.capacity["gpu"] == 8.0
