"""What nodes have, pods hold and units are worth, computed by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest

from collector.accounting.gpu_memory import learn
from collector.accounting.gpu_units import GpuUnits, NodeGpus
from collector.observations import GpuDevice, Node
from tests.support.gpus import GIB, GPU, INTERVAL, device, node, pod, spans

A100 = {"nvidia.com/gpu.product": "NVIDIA-A100-SXM4-40GB"}
SLICED = {"nvidia.com/gpu.replicas": "4"}


def units_of(
    *nodes: Node, shown: Mapping[str, Sequence[GpuDevice]] | None = None, claimed: Mapping[str, float] | None = None
) -> GpuUnits:
    memory = learn({}, spans(*nodes), shown, INTERVAL)
    return GpuUnits(memory, {each.name: each for each in nodes}, claimed or {}, exporter_answered=shown is not None)


@pytest.mark.parametrize(
    ("found", "shown", "gpus"),
    [
        (node(gpus=8), 8, 8),
        (node(gpus=8), 7, 8),
        (node(gpus=8), 0, 8),
        (node(gpus=4, hints=SLICED), 1, 1),
        # More are shown than advertised: a plugin that leaves some out.
        (node(gpus=4), 8, 8),
        # None advertised: those that are shown, else those that labels tell.
        (node(gpus={}), 2, 2),
        (node(gpus={}, hints={"nvidia.com/gpu.count": "8"}), 0, 8),
        (node(gpus={}, hints={"nvidia.com/gpu.count": "8"}), 2, 2),
        (node(gpus={"amd.com/gpu": 8.0}), 0, 8),
        (node(gpus={"amd.com/cpx_nps4": 64.0}), 0, 8),
        (node(gpus={"nvidia.com/a100-80g": 2.0}), 2, 2),
        (node(gpus={"nvidia.com/gpu": 1.0, "amd.com/gpu": 2.0}), 1, 3),
        (node(gpus={"nvidia.com/mig-3g.20gb": 1.0, "amd.com/gpu": 2.0}, hints=A100), 1, 3),
        (node(gpus={"nvidia.com/mig-1g.5gb": 7.0}, hints=A100), 0, 1),
        (node(gpus={"nvidia.com/mig-1g.5gb": 2.0, "nvidia.com/mig-3g.20gb": 1.0}, hints=A100), 0, 5 / 7),
        # A GPU that is cut up in part is one GPU.
        (node(gpus={"nvidia.com/mig-1g.5gb": 2.0, "nvidia.com/mig-3g.20gb": 1.0}, hints=A100), 1, 1),
    ],
)
def test_a_node_has_the_gpus_that_it_advertises_or_that_are_shown(found: Node, shown: int, gpus: float) -> None:
    units = units_of(found, shown={"g1": [device(f"GPU-{i}") for i in range(shown)]})
    assert units.gpus(found) == pytest.approx(gpus)


def test_all_instances_of_a_gpu_are_one_gpu() -> None:
    found = node(gpus={"nvidia.com/mig-1g.5gb": 7.0}, hints=A100)
    shown = [device("GPU-1", instance=str(i), share=1 / 7) for i in range(7)]
    assert units_of(found, shown={"g1": shown}).gpus(found) == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("found", "allocatable"),
    [
        (node(gpus=8), 8),
        (node(gpus=8, allocatable=6), 6),
        (node(gpus=8, allocatable=0), 0),
        (node(gpus=8, allocatable=8, hints=SLICED), 2),
        # Handed out otherwise: nothing tells that any is not allocatable.
        (node(gpus={}), 1),
    ],
)
def test_what_can_be_allocated_is_what_the_node_says(found: Node, allocatable: float) -> None:
    assert units_of(found, shown={"g1": [device()]}).allocatable(found) == allocatable


def test_while_its_plugin_restarts_all_gpus_of_a_node_stay_allocatable() -> None:
    away = node(gpus=0)
    memory = learn(learn({}, spans(node(gpus=4)), None, 300), spans(away), None, 600)
    units = GpuUnits(memory, {"g1": away})
    assert (units.gpus(away), units.allocatable(away)) == (4, 4)


@pytest.mark.parametrize(
    ("requests", "hints", "held"),
    [
        ({GPU: 2.0}, {}, 2),
        ({GPU: 2.0}, SLICED, 1 / 2),
        ({"nvidia.com/mig-3g.20gb": 1.0, GPU: 1.0}, A100, 1 + 3 / 7),
        ({"nvidia.com/mig-1g.6gb": 1.0}, {"nvidia.com/gpu.product": "NVIDIA-A30"}, 1 / 4),
        ({"amd.com/gpu": 4.0}, {}, 4),
        ({"nvidia.com/gpu": 1.0, "nvidia.com/gpumem": 3000.0, "nvidia.com/gpucores": 30.0}, {}, 1),
        ({"cpu": 4.0, "memory": 4.0, "hugepages": 4.0}, {}, 0),
        ({GPU: 0.0}, {}, 0),
    ],
)
def test_a_pod_holds_what_it_requests(requests: dict[str, float], hints: dict[str, str], held: float) -> None:
    units = units_of(node(gpus=dict.fromkeys(requests, 8.0), hints=hints))
    assert units.holds(pod("ml/a", requests)) == pytest.approx(held)


def test_a_pod_holds_what_its_claims_were_allocated() -> None:
    units = units_of(node(gpus={}), claimed={"uid-1": 2.0, "ml/b": 1 / 7})
    assert units.holds(pod("ml/a", {}, uid="uid-1", claims=("two",))) == 2.0
    assert units.holds(pod("ml/b", {}, claims=("slice",))) == pytest.approx(1 / 7)
    assert units.holds(pod("ml/c", {})) == 0.0


def test_a_pod_whose_claims_are_unread_may_hold_more() -> None:
    unread = GpuUnits({}, {"g1": node()}, None)
    assert unread.is_unread(pod("ml/a", {}, claims=("one",)))
    assert not unread.is_unread(pod("ml/a", 1.0))
    assert not units_of(node(), claimed={"ml/a": 0.0}).is_unread(pod("ml/a", {}, claims=("one",)))
    # Claims were read, of other pods alone.
    assert units_of(node(), claimed={"ml/b": 1.0}).is_unread(pod("ml/a", {}, claims=("one",)))
    assert unread.holds(pod("ml/a", 1.0, claims=("one",))) == 1.0


def test_a_node_that_is_not_known_has_units_as_their_names_tell() -> None:
    assert units_of(node()).holds(pod("ml/a", {"nvidia.com/mig-1g.5gb": 7.0}, on="gone")) == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("hints", "requests", "shared"),
    [(SLICED, {GPU: 1.0}, True), ({}, {GPU: 1.0}, False), (A100, {"nvidia.com/mig-1g.5gb": 1.0}, False)],
)
def test_a_pod_shares_its_gpu_where_it_is_sold_in_shares(
    hints: dict[str, str], requests: dict[str, float], shared: bool
) -> None:
    assert units_of(node(gpus=dict.fromkeys(requests, 4.0), hints=hints)).shares(pod("ml/a", requests)) is shared


def test_gpus_of_nodes_are_means_over_the_interval() -> None:
    # g1 for the whole of it with 2; g2 came after 200 of 300 s with 6: 6/3 = 2 on the mean, of which 4/3 allocatable.
    nodes = (node("g1", 2.0), node("g2", 6.0, allocatable=4.0), node("n1", {}))
    shown = {"g1": [device("GPU-1"), device("GPU-2")]}
    found = units_of(*nodes, shown=shown).of_nodes(
        (*spans(nodes[0], nodes[2]), *spans(nodes[1], seconds=100)), {}, INTERVAL
    )
    assert found["g1"] == NodeGpus(2.0, 2.0, 32 * GIB)
    assert found["g2"].capacity == pytest.approx(2.0)
    assert found["g2"].memory is None
    assert found["g2"].allocatable == pytest.approx(4 / 3)
    assert "n1" not in found


@pytest.mark.parametrize("blank_first", [True, False])
def test_gpu_memory_of_a_node_that_was_made_anew_is_unknown_while_no_exporter_told_it_of_both(
    blank_first: bool,
) -> None:
    # 16 GiB for 100 of 300 s are no third of what was there.
    told, blank = node("g1", 1.0, uid="told"), node("g1", 1.0, uid="blank")
    memory = learn({}, spans(told), {"g1": [device("GPU-1")]}, INTERVAL)
    both = [*spans(told, seconds=100), *spans(blank, seconds=200)]
    found = GpuUnits(memory, {"g1": blank}).of_nodes(reversed(both) if blank_first else both, {}, INTERVAL)
    assert found["g1"].capacity == pytest.approx(1.0)
    assert found["g1"].memory is None


def test_a_node_that_changes_within_the_interval_has_all_its_gpus() -> None:
    # The plugin registers 100 s after the node: 4 GPUs from the start.
    before, after = node(gpus=0), node(gpus=4)
    changing = (*spans(before, seconds=100), *spans(after, seconds=200))
    memory = learn({}, changing, None, INTERVAL)
    assert GpuUnits(memory, {"g1": after}).of_nodes(changing, {}, INTERVAL)["g1"] == NodeGpus(4.0, 4.0, None)


@pytest.mark.parametrize(
    ("found", "held", "gpus"),
    [
        # Unhealthy, or the kubelet has just restarted: what is held is allocatable.
        (node(gpus=4, allocatable=0), 3.0, NodeGpus(4.0, 3.0, None)),
        (node(gpus=4, allocatable=2), 1.0, NodeGpus(4.0, 2.0, None)),
        (node(gpus=4), 4.0, NodeGpus(4.0, 4.0, None)),
        # Nothing advertised and no exporter: what is held is there.
        (node(gpus={}), 2.0, NodeGpus(2.0, 2.0, None)),
    ],
)
def test_neither_allocatable_nor_capacity_is_below_what_is_held(found: Node, held: float, gpus: NodeGpus) -> None:
    assert units_of(found).of_nodes(spans(found), {"g1": held}, INTERVAL) == {"g1": gpus}


def test_excluded_nodes_have_none() -> None:
    virtual = node(gpus=100, excluded=True)
    assert units_of(virtual).of_nodes(spans(virtual), {}, INTERVAL) == {}


def test_memory_is_unknown_while_no_exporter_answers() -> None:
    found = node()
    memory = learn(learn({}, spans(found), {"g1": [device()]}, 300), spans(found), None, 600)
    assert (
        GpuUnits(memory, {"g1": found}, exporter_answered=False).of_nodes(spans(found), {}, INTERVAL)["g1"].memory
        is None
    )
    assert GpuUnits(memory, {"g1": found}).of_nodes(spans(found), {}, INTERVAL)["g1"].memory == 16 * GIB


def test_gpus_that_no_exporter_can_show_are_named() -> None:
    nodes = (node(gpus=1), node("a1", {"amd.com/gpu": 8.0}), node("a2", {"amd.com/gpu": 8.0, "gpu.intel.com/xe": 1.0}))
    (spot,) = units_of(*nodes).blind_spots
    assert spot.code == "gpus_of_other_vendors"
    assert "amd.com/gpu (AMD), gpu.intel.com/xe (Intel)" in spot.text
    assert units_of(node(gpus=1), node("a1", {"amd.com/gpu": 0.0})).blind_spots == ()
