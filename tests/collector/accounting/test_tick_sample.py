"""One tick, from a snapshot to what is stored of it; each answer computed by hand."""

import logging
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.accounting.tick_sample import account
from collector.errors import SourceError
from collector.model import (
    Cluster,
    GpuDevice,
    Node,
    NodeUsage,
    Pod,
    PodPhase,
    PodUsage,
    Snapshot,
    TickSample,
    UsageListing,
)

GIB = float(2**30)
TIME = 1_795_212_000
UNSET: Any = object()


def node(name: str = "n1", *, gpus: float | None = None, replicas: int = 1, cpu: float = 8.0) -> Node:
    """A node whose allocatable is 0.5 cores and 1 GiB below its capacity of 32 GiB."""
    gpu = {} if gpus is None else {"gpu": gpus}
    return Node(
        name,
        {"cpu": cpu, "memory": 32 * GIB, **gpu},  # type: ignore[dict-item]
        {"cpu": cpu - 0.5, "memory": 31 * GIB, **gpu},  # type: ignore[dict-item]
        True,
        True,
        replicas,
    )


def pod(
    namespace: str,
    name: str,
    cpu: float = 1.0,
    *,
    gpu: float | None = None,
    on: str = "n1",
    phase: PodPhase = "Running",
) -> Pod:
    """A pod that requests `cpu` cores and as many GiB."""
    extra = {} if gpu is None else {"nvidia.com/gpu": gpu}
    return Pod(namespace, name, on, phase, {"cpu": cpu, "memory": cpu * GIB, **extra})


def use(namespace: str, name: str, cpu: float = 0.5) -> PodUsage:
    """A pod that uses `cpu` cores and as many GiB."""
    return PodUsage(namespace, name, cpu, cpu * GIB)


def broken(source: Any, items: Iterable[Any]) -> Iterator[Any]:
    """A listing that breaks off after `items`."""
    yield from items
    raise SourceError(source, "cut off")


def sample_of(
    pods: Iterable[Pod] = (),
    usage: Iterable[PodUsage] | None = (),
    *,
    namespaces: Iterable[str] = (),
    nodes: tuple[Node, ...] = (node(),),
    node_usage: tuple[NodeUsage, ...] = (),
    devices: tuple[GpuDevice, ...] | None = None,
    dcgm: bool = False,
    charged: Callable[[str], bool] = lambda name: True,
    kubernetes: bool = True,
) -> TickSample:
    cluster = Cluster({name: {} for name in namespaces}, nodes, pods) if kubernetes else None
    listing = None if usage is None else UsageListing(node_usage, usage)
    return account(Snapshot(cluster, listing, devices, dcgm), time=TIME, interval=300, charged=charged)


def test_requests_and_usage_are_summed_per_namespace() -> None:
    # shop: 1 + 2 = 3 cores requested, 0.25 + 0.5 = 0.75 used; blog: 4 and 1
    sample = sample_of(
        [pod("shop", "a", 1.0), pod("blog", "b", 4.0), pod("shop", "c", 2.0)],
        [use("shop", "a", 0.25), use("shop", "c", 0.5), use("blog", "b", 1.0)],
        namespaces=["shop", "blog"],
    )
    assert sample.namespaces["shop"].requests == {"cpu": 3.0, "memory": 3 * GIB}
    assert sample.namespaces["shop"].usage == {"cpu": 0.75, "memory": 0.75 * GIB}
    assert sample.namespaces["blog"].usage == {"cpu": 1.0, "memory": GIB}
    assert sample.namespaces["shop"].measured == 1.0
    assert (sample.time, sample.interval) == (TIME, 300)
    assert sample.observed == {"kubernetes": True, "metrics": True, "dcgm": None}
    assert sample.special == {}


def test_capacity_and_allocatable_are_summed_over_nodes() -> None:
    # 8 + 16 cores; each node keeps 0.5 cores and 1 of 32 GiB back
    sample = sample_of(nodes=(node("n1"), node("n2", cpu=16.0)))
    assert sample.capacity == {"cpu": 24.0, "memory": 64 * GIB}
    assert sample.allocatable == {"cpu": 23.0, "memory": 62 * GIB}


def test_a_namespace_without_bound_pods_is_zero_and_measured() -> None:
    entry = sample_of(namespaces=["empty"]).namespaces["empty"]
    assert entry.usage == {"cpu": 0.0, "memory": 0.0}
    assert entry.requests == {"cpu": 0.0, "memory": 0.0}
    assert entry.measured == 1.0


def test_labels_of_a_namespace_are_passed_on() -> None:
    cluster = Cluster({"shop": {"team": "web"}}, (node(),), ())
    sample = account(Snapshot(cluster, None, None, False), time=TIME, interval=300, charged=lambda _: True)
    assert sample.namespaces["shop"].labels == {"team": "web"}


def test_a_pod_of_a_namespace_that_the_listing_does_not_name_is_counted() -> None:
    sample = sample_of([pod("new", "a", 2.0)], [use("new", "a", 1.0)], namespaces=["shop"])
    assert sample.namespaces["new"].requests["cpu"] == 2.0
    assert sample.namespaces["new"].usage["cpu"] == 1.0


def test_a_bound_pending_pod_that_metrics_server_does_not_list_uses_zero() -> None:
    entry = sample_of([pod("shop", "a", 2.0, phase="Pending")], []).namespaces["shop"]
    assert entry.requests["cpu"] == 2.0
    assert entry.usage["cpu"] == 0.0
    assert entry.measured == 1.0


def test_a_pending_pod_whose_init_containers_run_uses_what_is_measured() -> None:
    entry = sample_of([pod("shop", "a", phase="Pending")], [use("shop", "a", 0.75)]).namespaces["shop"]
    assert entry.usage["cpu"] == 0.75
    assert entry.measured == 1.0


def test_usage_of_a_pod_that_is_not_bound_and_unfinished_is_left_out() -> None:
    entry = sample_of([pod("shop", "a")], [use("shop", "a"), use("shop", "finished", 7.0)]).namespaces["shop"]
    assert entry.usage["cpu"] == 0.5


@pytest.mark.parametrize(("measured", "usage"), [(3, 1.5), (2, 1.0), (1, None), (0, None)])
def test_usage_is_unknown_below_half_of_the_running_pods(measured: int, usage: float | None) -> None:
    # four running pods of which `measured` use 0.5 cores each; one pending pod does not count
    pods = [pod("shop", f"p{i}") for i in range(4)] + [pod("shop", "waiting", phase="Pending")]
    entry = sample_of(pods, [use("shop", f"p{i}") for i in range(measured)]).namespaces["shop"]
    assert entry.usage["cpu"] == usage
    assert entry.usage["memory"] == (None if usage is None else usage * GIB)
    assert entry.measured == measured / 4
    assert entry.requests["cpu"] == 5.0


def test_unknown_usage_of_one_namespace_leaves_the_source_and_the_others_known() -> None:
    sample = sample_of([pod("shop", "a"), pod("blog", "b")], [use("blog", "b")])
    assert sample.observed["metrics"] is True
    assert sample.namespaces["shop"].usage["cpu"] is None
    assert sample.namespaces["blog"].usage["cpu"] == 0.5


def test_without_metrics_usage_is_unknown_and_requests_are_not() -> None:
    sample = sample_of([pod("shop", "a", 2.0)], None, namespaces=["shop", "empty"])
    assert sample.observed == {"kubernetes": True, "metrics": False, "dcgm": None}
    assert sample.namespaces["shop"].usage == {"cpu": None, "memory": None}
    assert sample.namespaces["shop"].measured is None
    assert sample.namespaces["shop"].requests["cpu"] == 2.0
    assert sample.namespaces["empty"].usage["cpu"] is None


def test_without_kubernetes_nothing_is_known_of_the_tick() -> None:
    sample = sample_of(usage=[use("shop", "a")], kubernetes=False)
    assert sample.observed == {"kubernetes": False, "metrics": True, "dcgm": None}
    assert (sample.capacity, sample.allocatable, sample.namespaces, sample.special) == ({}, {}, {}, {})
    assert sample.nodes == ()


def test_a_pod_listing_that_breaks_off_makes_kubernetes_unobserved(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        sample = sample_of(broken("kubernetes", [pod("shop", "a")]), [use("shop", "a")], namespaces=["shop"])
    assert sample.observed["kubernetes"] is False
    assert sample.namespaces == {}
    assert "kubernetes: cut off" in caplog.text


def test_a_usage_listing_that_breaks_off_makes_metrics_unobserved(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        sample = sample_of([pod("shop", "a")], broken("metrics", [use("shop", "a")]))
    assert sample.observed["metrics"] is False
    assert sample.namespaces["shop"].usage == {"cpu": None, "memory": None}
    assert sample.namespaces["shop"].requests["cpu"] == 1.0
    assert "metrics: cut off" in caplog.text


def test_any_other_error_of_a_listing_is_not_hidden() -> None:
    def listing() -> Iterator[Pod]:
        yield pod("shop", "a")
        raise RuntimeError("a defect")

    with pytest.raises(RuntimeError, match="a defect"):
        sample_of(listing())


def test_namespaces_that_are_not_charged_are_summed_as_excluded() -> None:
    # kube-system 1 and kube-public 2 cores requested, 0.5 each used
    sample = sample_of(
        [pod("kube-system", "a", 1.0), pod("kube-public", "b", 2.0), pod("shop", "c", 4.0)],
        [use("kube-system", "a"), use("kube-public", "b"), use("shop", "c")],
        namespaces=["kube-system", "kube-public", "shop"],
        charged=lambda name: not name.startswith("kube-"),
    )
    assert set(sample.namespaces) == {"shop"}
    assert sample.special["excluded"].requests == {"cpu": 3.0, "memory": 3 * GIB}
    assert sample.special["excluded"].usage == {"cpu": 1.0, "memory": GIB}
    assert sample.special["excluded"].measured == 1.0


def test_an_excluded_namespace_without_pods_still_makes_the_entry() -> None:
    sample = sample_of(namespaces=["kube-system"], charged=lambda _: False)
    assert sample.special["excluded"].usage == {"cpu": 0.0, "memory": 0.0}


def test_a_namespace_may_be_called_like_a_special_entry() -> None:
    names = ["idle", "excluded", "unattributed", "non-allocatable", "x" * 63]
    sample = sample_of([pod(name, "a") for name in names], [use(name, "a") for name in names], namespaces=names)
    assert set(sample.namespaces) == set(names)
    assert all(entry.usage["cpu"] == 0.5 for entry in sample.namespaces.values())
    assert sample.special == {}


def device(uuid: str, *holders: tuple[str, str], busy: float | None = 0.5, on: str = "n1") -> GpuDevice:
    return GpuDevice(on, uuid, None, 1.0, busy, 4 * GIB, 12 * GIB, holders)


def test_gpus_are_accounted_where_they_are_held_and_nowhere_else() -> None:
    # two GPUs of 16 GiB: ml holds one at 0.5 with 4 GiB in use, the other is idle
    sample = sample_of(
        [pod("ml", "train", gpu=1.0), pod("shop", "web")],
        [use("ml", "train"), use("shop", "web")],
        nodes=(node(gpus=2.0), node("n2")),
        devices=(device("GPU-1", ("ml", "train")), device("GPU-2", busy=0.0)),
        dcgm=True,
    )
    assert sample.observed["dcgm"] is True
    assert sample.namespaces["ml"].usage == {"cpu": 0.5, "memory": 0.5 * GIB, "gpu": 0.5, "gpu_memory": 4 * GIB}
    assert sample.namespaces["ml"].requests == {"cpu": 1.0, "memory": GIB, "gpu": 1.0}
    assert set(sample.namespaces["shop"].usage) == set(sample.namespaces["shop"].requests) == {"cpu", "memory"}
    assert sample.capacity == {"cpu": 16.0, "memory": 64 * GIB, "gpu": 2.0, "gpu_memory": 32 * GIB}
    assert sample.allocatable["gpu_memory"] == 32 * GIB
    assert sample.special == {}


@pytest.mark.parametrize(
    ("devices", "configured", "observed"),
    [(None, False, None), (None, True, False), ((), True, False), ((device("GPU-1"),), True, False)],
    ids=["not configured", "failed", "no device", "one of two GPUs"],
)
def test_without_all_gpus_seen_gpu_usage_is_unknown_and_requests_still_count(
    devices: tuple[GpuDevice, ...] | None, configured: bool, observed: bool | None
) -> None:
    sample = sample_of(
        [pod("ml", "train", gpu=1.0)], [use("ml", "train")], nodes=(node(gpus=2.0),), devices=devices, dcgm=configured
    )
    assert sample.observed["dcgm"] is observed
    assert sample.namespaces["ml"].usage == {"cpu": 0.5, "memory": 0.5 * GIB, "gpu": None, "gpu_memory": None}
    assert sample.namespaces["ml"].requests["gpu"] == 1.0
    assert sample.capacity["gpu"] == 2.0
    assert sample.capacity["gpu_memory"] is None
    # What no labels name could be anything then, unless no exporter was ever asked.
    assert ("unattributed" in sample.special) is configured
    if configured:
        assert sample.special["unattributed"].usage == {"cpu": 0.0, "memory": 0.0, "gpu": None, "gpu_memory": None}


def test_a_held_device_without_labels_goes_to_unattributed() -> None:
    sample = sample_of(
        [pod("ml", "train", gpu=1.0)], [use("ml", "train")],
        nodes=(node(gpus=1.0),), devices=(device("GPU-1", busy=0.8),), dcgm=True,
    )  # fmt: skip
    assert sample.special["unattributed"].usage == {"cpu": 0.0, "memory": 0.0, "gpu": 0.8, "gpu_memory": 4 * GIB}
    assert sample.special["unattributed"].requests == {"cpu": 0.0, "memory": 0.0, "gpu": 0.0}
    assert sample.namespaces["ml"].usage["gpu"] == 0.0


def test_requests_are_divided_by_the_replicas_of_the_pods_node() -> None:
    # one GPU advertised 4 times; three pods hold one replica each: 3/4 of a GPU
    sample = sample_of([pod("ml", f"p{i}", gpu=1.0) for i in range(3)], nodes=(node(gpus=1.0, replicas=4),))
    assert sample.namespaces["ml"].requests["gpu"] == 0.75
    assert sample.nodes[0].requests["gpu"] == 0.75


@pytest.mark.parametrize(
    ("asked", "gpus"),
    [
        ({"nvidia.com/gpu": 2.0}, 2.0),
        ({"nvidia.com/gpu.shared": 1.0}, 1.0),
        ({"nvidia.com/mig-1g.5gb": 2.0}, 2 / 7),
        ({"nvidia.com/mig-3g.20gb": 1.0, "nvidia.com/gpu": 1.0}, 1 + 3 / 7),
        ({"nvidia.com/mig-1g.6gb": 1.0}, 1 / 4),
    ],
)
def test_gpus_are_requested_in_gpu_equivalents(asked: dict[str, float], gpus: float) -> None:
    sample = sample_of([Pod("ml", "p", "n1", "Running", {"cpu": 1.0, **asked})])
    assert sample.namespaces["ml"].requests["gpu"] == pytest.approx(gpus)


def test_zero_gpus_are_no_gpu() -> None:
    sample = sample_of([Pod("ml", "p", "n1", "Running", {"cpu": 1.0, "nvidia.com/gpu": 0.0})])
    assert "gpu" not in sample.namespaces["ml"].requests


def test_pods_that_hold_nothing_are_left_out() -> None:
    # 1 of three cores is held: one pod waits for a node, one has finished
    pods = [pod("shop", "a"), pod("shop", "b", on="", phase="Pending"), pod("shop", "c", phase="Succeeded")]
    sample = sample_of(pods)
    assert sample.namespaces["shop"].requests["cpu"] == 1.0
    assert [state.pods for state in sample.nodes] == [1]


def test_units_of_gpu_resources_are_worth_what_the_node_says() -> None:
    # single MIG strategy, an A100 in seven: two units of nvidia.com/gpu are 2/7
    plain = node(gpus=1.0)
    sliced = Node(plain.name, plain.capacity, plain.allocatable, True, True, 1, {"nvidia.com/gpu": 1 / 7})
    held = Pod("ml", "p", "n1", "Running", {"nvidia.com/gpu": 2.0})
    assert sample_of([held], nodes=(sliced,)).namespaces["ml"].requests["gpu"] == pytest.approx(2 / 7)


def test_gpus_of_excluded_namespaces_are_summed_as_excluded() -> None:
    # a 0.5 and b 0.25
    sample = sample_of(
        [pod("kube-a", "x", gpu=1.0), pod("kube-b", "y", gpu=1.0)],
        nodes=(node(gpus=2.0),),
        devices=(device("GPU-1", ("kube-a", "x")), device("GPU-2", ("kube-b", "y"), busy=0.25)),
        dcgm=True,
        charged=lambda _: False,
    )
    assert sample.special["excluded"].usage["gpu"] == 0.75
    assert sample.special["excluded"].usage["gpu_memory"] == 8 * GIB
    assert sample.special["excluded"].requests["gpu"] == 2.0


def test_the_state_of_every_node_is_told() -> None:
    nodes = (
        node("n1", gpus=1.0),
        Node("n2", {"cpu": 4.0, "memory": GIB}, {"cpu": 4.0, "memory": GIB}, False, False, 1),
    )
    sample = sample_of(
        [pod("ml", "a", 2.0, gpu=1.0), pod("shop", "b", 1.0, phase="Pending"), pod("shop", "c", 0.5, on="gone")],
        nodes=nodes,
        node_usage=(NodeUsage("n1", 1.25, 3 * GIB),),
        devices=(device("GPU-1", ("ml", "a")),),
        dcgm=True,
    )
    first, second = sample.nodes
    assert (first.name, first.pods, first.ready, first.schedulable) == ("n1", 2, True, True)
    assert first.usage == {"cpu": 1.25, "memory": 3 * GIB, "gpu": 0.5, "gpu_memory": 4 * GIB}
    assert first.requests == {"cpu": 3.0, "memory": 3 * GIB, "gpu": 1.0}
    assert first.capacity["gpu_memory"] == 16 * GIB
    assert (second.name, second.pods, second.ready, second.schedulable) == ("n2", 0, False, False)
    assert second.usage == {"cpu": None, "memory": None}


def test_node_usage_is_unknown_when_metrics_failed() -> None:
    usage = broken("metrics", [])
    sample = sample_of([pod("shop", "a")], usage, node_usage=(NodeUsage("n1", 1.0, GIB),))
    assert sample.nodes[0].usage == {"cpu": None, "memory": None}


PODS = st.lists(
    st.tuples(st.sampled_from("abcd"), st.integers(0, 40), st.floats(0, 64), st.booleans()),
    unique_by=lambda item: item[:2],
)


@given(PODS, st.sets(st.sampled_from("abcd")))
def test_nothing_is_lost_or_counted_twice_whatever_is_excluded(
    drawn: list[tuple[str, int, float, bool]], excluded: set[str]
) -> None:
    pods = [pod(ns, f"p{i}", cpu, phase="Running" if runs else "Pending") for ns, i, cpu, runs in drawn]
    usage = [use(ns, f"p{i}", cpu / 2) for ns, i, cpu, _ in drawn]
    sample = sample_of(pods, usage, namespaces="abcd", charged=lambda name: name not in excluded)
    entries = [*sample.namespaces.values(), *sample.special.values()]
    total = sum(cpu for _, _, cpu, _ in drawn)
    assert sum(entry.requests["cpu"] or 0.0 for entry in entries) == pytest.approx(total)
    assert sum(entry.usage["cpu"] or 0.0 for entry in entries) == pytest.approx(total / 2)
    assert set(sample.namespaces) == set("abcd") - excluded
    assert sample.nodes[0].requests["cpu"] == pytest.approx(total)
