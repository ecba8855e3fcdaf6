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


def test_the_larger_of_gpus_held_and_used_is_charged_for_as_long_as_they_were_held() -> None:
    # ml holds half a GPU, sold in halves, and uses 0.8 of it, alone: 0.8 for 150 of 300 s. nlp holds 1 and uses 0.5.
    sample = sample_of(
        [PodSpan(gpu_pod("ml"), 150.0), gpu_pod("nlp", on="n2")],
        nodes=[gpu_node(2.0, replicas="2"), gpu_node(1.0, "n2")],
        devices=(device("GPU-1", "ml", 0.8), device("GPU-2", "nlp", on="n2")),
        exporters=True,
    )
    ml, nlp = sample.namespaces["ml"], sample.namespaces["nlp"]
    assert (ml.requests["gpu"], ml.charged["gpu"]) == (0.25, 0.4)
    assert (nlp.requests["gpu"], nlp.charged["gpu"]) == (1.0, 1.0)
    # Use and what was held, both at the moment of reading.
    assert (ml.usage_matched["gpu"], ml.requests_matched["gpu"], ml.gpu_measured) == (0.8, 0.5, 1.0)
    assert (nlp.usage_matched["gpu"], nlp.requests_matched["gpu"], nlp.gpu_measured) == (0.5, 1.0, 1.0)
    assert "gpu_memory" not in {**ml.charged, **ml.usage_matched, **ml.requests_matched}


@pytest.mark.parametrize("units", [4.0, 8.0])
def test_of_gpus_that_are_shown_in_part_that_part_is_matched(units: float) -> None:
    # 4 of 4 or 8 shown at 0.5 each: half of them is enough, and none more is known to be used
    shown = tuple(device(f"GPU-{n}", "ml") for n in range(4))
    entry = sample_of([gpu_pod(units=units)], nodes=[gpu_node(8.0)], devices=shown, exporters=True).namespaces["ml"]
    assert (entry.usage["gpu"], entry.charged["gpu"]) == (2.0, units)
    assert (entry.usage_matched["gpu"], entry.requests_matched["gpu"], entry.gpu_measured) == (2.0, 4.0, 4.0 / units)


def test_too_few_gpus_shown_are_matched_by_nothing_and_charged_as_they_were_held() -> None:
    shown = tuple(device(f"GPU-{n}", "ml") for n in range(3))
    entry = sample_of([gpu_pod(units=7.0)], nodes=[gpu_node(7.0)], devices=shown, exporters=True).namespaces["ml"]
    assert entry.usage["gpu"] is None
    assert (entry.usage_matched["gpu"], entry.requests_matched["gpu"], entry.charged["gpu"]) == (None, None, 7.0)
    assert entry.gpu_measured == pytest.approx(3 / 7)


def test_use_by_a_pod_that_requests_no_gpu_is_charged_and_stands_beside_no_requests() -> None:
    # The node sells none: the label is believed.
    entry = sample_of([pod("ml")], nodes=[node()], devices=(device("GPU-1", "ml", 0.7),), exporters=True).namespaces[
        "ml"
    ]
    assert (entry.requests["gpu"], entry.charged["gpu"]) == (0.0, 0.7)
    assert (entry.usage_matched["gpu"], entry.requests_matched["gpu"], entry.gpu_measured) == (0.7, 0.0, 1.0)


def test_what_is_held_by_claims_that_could_not_be_read_is_charged_and_matched_by_nothing_known() -> None:
    claims = replace(pod("ml"), claims=("a",))
    entry = sample_of(
        [claims], nodes=[node()], devices=(device("GPU-1", "ml"),), exporters=True, claimed=None
    ).namespaces["ml"]
    assert entry.usage["gpu"] == 0.5
    assert [entry.charged["gpu"], entry.usage_matched["gpu"], entry.requests_matched["gpu"]] == [None, None, None]


@pytest.mark.parametrize(("exporters", "share"), [(False, None), (True, 0.0)])
def test_without_an_exporter_gpus_are_charged_as_they_were_held(exporters: bool, share: float | None) -> None:
    sample = sample_of([gpu_pod(), pod("shop")], nodes=[gpu_node(2.0)], exporters=exporters)
    entry = sample.namespaces["ml"]
    assert (entry.charged["gpu"], entry.usage_matched["gpu"], entry.requests_matched["gpu"]) == (1.0, None, None)
    assert (entry.gpu_measured, sample.namespaces["shop"].gpu_measured) == (share, None)
    assert "gpu" not in sample.namespaces["shop"].charged
    if exporters:
        nobody = sample.special["unattributed"]
        assert (
            nobody.charged
            == nobody.usage_matched
            == nobody.requests_matched
            == {"cpu": 0.0, "memory": 0.0, "gpu": None}
        )


def test_gpus_of_a_pod_that_does_not_run_yet_are_not_expected_to_be_shown() -> None:
    waits = replace(gpu_pod(), running=())
    entry = sample_of([waits], nodes=[gpu_node(1.0), node("n2")], devices=(), exporters=True).namespaces["ml"]
    assert (entry.usage["gpu"], entry.charged["gpu"], entry.gpu_measured) == (0.0, 1.0, 1.0)
    assert (entry.usage_matched["gpu"], entry.requests_matched["gpu"]) == (0.0, 0.0)


def test_what_is_unattributed_is_charged_as_it_was_used_and_its_holder_is_matched_by_nothing() -> None:
    # The label names ml and not nlp, which holds the other one: whose 0.8 these are nobody can tell.
    sample = sample_of(
        [gpu_pod("ml"), gpu_pod("nlp")],
        nodes=[gpu_node(2.0)],
        devices=(device("GPU-1", "ml"), device("GPU-2", busy=0.8)),
    )
    nobody, nlp = sample.special["unattributed"], sample.namespaces["nlp"]
    assert nobody.charged == {"cpu": 0.0, "memory": 0.0, "gpu": 0.8}
    assert nobody.usage_matched == nobody.requests_matched == {"cpu": 0.0, "memory": 0.0, "gpu": 0.0}
    assert (nlp.usage["gpu"], nlp.charged["gpu"]) == (0.0, 1.0)
    assert (nlp.usage_matched["gpu"], nlp.requests_matched["gpu"]) == (0.0, 0.0)
