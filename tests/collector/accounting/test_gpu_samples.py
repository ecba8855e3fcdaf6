"""What is stored of the GPUs of an interval; each answer computed by hand."""

from dataclasses import replace

import pytest

from collector.observations import GpuDevice, Node, NodeSpan, Pod, PodSpan
from tests.collector.accounting.sampling import sample_of
from tests.support.observed import GIB, item, node, pod

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
