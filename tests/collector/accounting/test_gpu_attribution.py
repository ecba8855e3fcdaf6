"""Who used the GPUs: each answer computed by hand, in GPU equivalents and bytes."""

from __future__ import annotations

import pytest

from collector.accounting.gpu_attribution import GpuUsage, GpuUse, ShownGpus, attribute
from collector.accounting.gpu_memory import learn
from collector.accounting.gpu_places import sight
from collector.accounting.gpu_units import GpuUnits
from collector.observations import GpuDevice, Node, Pod
from tests.support.gpus import GIB, GPU, INTERVAL, device, node, pod, reading, spans

SLICED = {"nvidia.com/gpu.replicas": "4"}
SEVENTHS = {"nvidia.com/gpu.product": "NVIDIA-A100-SXM4-40GB"}


def used(
    devices: list[GpuDevice],
    pods: list[Pod],
    *nodes: Node,
    claimed: dict[str, float | None] | None = None,
    not_charged: tuple[str, ...] = (),
) -> GpuUsage:
    """What came of one moment; the nodes are g1 with one GPU where none is given."""
    there = nodes or (node(),)
    sighting = sight(reading(tuple(devices), there, tuple(pods)), INTERVAL)
    assert sighting is not None
    memory = learn({}, spans(*there), sighting.shown, INTERVAL)
    units = GpuUnits(memory, {each.name: each for each in there}, claimed or {})
    return attribute(sighting, units, lambda name: None if name in not_charged else name)


def test_a_device_goes_to_the_pod_its_labels_name() -> None:
    found = used([device("GPU-1", "ml/a", busy=0.9)], [pod("ml/a")])
    assert found == GpuUsage(
        {"ml": GpuUse(0.9, 8 * GIB)},
        {"g1": GpuUse(0.9, 8 * GIB)},
        None,
        {},
        shown={"ml": ShownGpus(1.0, 1.0)},
        pods={"ml/a": 0.9},
    )


def test_a_device_shared_by_several_pods_is_split_equally() -> None:
    # 0.9 over three pods, two of them of ml: ml 0.6, vision 0.3; 9 GiB: 6 and 3.
    pods = [pod(name) for name in ("ml/a", "ml/b", "vision/c")]
    found = used([device("GPU-1", "ml/a", "ml/b", "vision/c", busy=0.9, used=9.0)], pods, node(gpus=4, hints=SLICED))
    assert found.entries["ml"].gpu == pytest.approx(0.6)
    assert found.entries["vision"].gpu == pytest.approx(0.3)
    assert found.entries["ml"].gpu_memory == pytest.approx(6 * GIB)
    assert found.unattributed is None
    assert found.unseen == {}
    # Each holds a quarter of the GPU, and 0.3 of what it does is its own.
    assert found.pods == pytest.approx({"ml/a": 0.3, "ml/b": 0.3, "vision/c": 0.3})
    assert [found.shown[name].requests for name in ("ml", "vision")] == [0.5, 0.25]


def test_a_pod_with_more_shares_than_its_neighbour_holds_all_of_them() -> None:
    # 0.9 in equal parts, though a holds 3 of 4 shares and c one
    pods = [pod("ml/a", 3), pod("vision/c", 1)]
    found = used([device("GPU-1", "ml/a", "vision/c", busy=0.9)], pods, node(gpus=4, hints=SLICED))
    assert found.pods == pytest.approx({"ml/a": 0.45, "vision/c": 0.45})
    assert found.shown == {"ml": ShownGpus(1.0, 0.75), "vision": ShownGpus(1.0, 0.25)}


def test_of_what_a_pod_holds_only_the_devices_that_name_it_are_set_against_its_use() -> None:
    # It holds two; one names it, the other names nobody and is busy.
    found = used([device("GPU-1", "ml/a"), device("GPU-2", busy=0.4)], [pod("ml/a", 2)], node(gpus=2))
    assert (found.entries["ml"].gpu, found.shown["ml"]) == (0.5, ShownGpus(1.0, 1.0))


def test_a_device_that_names_a_pod_and_tells_no_use_is_not_set_against_it() -> None:
    devices = [device("GPU-1", "ml/a", busy=0.9), device("GPU-2", "ml/a", busy=None)]
    found = used(devices, [pod("ml/a", 2)], node(gpus=2))
    assert (found.entries["ml"].gpu, found.shown["ml"]) == (0.9, ShownGpus(0.5, 1.0))


@pytest.mark.parametrize("host", ["g1", "dcgm-exporter-x7k2p"], ids=["the node's", "its own name"])
def test_the_only_gpu_of_a_node_is_split_over_all_that_share_it_though_one_is_named(host: str) -> None:
    # 0.9 over three pods, two of them of ml, of which the label names the first: 0.6 and 0.3 all the same.
    pods = [pod(name) for name in ("ml/a", "ml/b", "vision/c")]
    found = used([device("GPU-1", "ml/a", on=host, busy=0.9, used=9.0)], pods, node(gpus=4, hints=SLICED))
    assert found.entries["ml"].gpu == pytest.approx(0.6)
    assert found.entries["vision"].gpu == pytest.approx(0.3)
    assert found.entries["vision"].gpu_memory == pytest.approx(3 * GIB)
    assert found.unattributed is None
    assert found.unseen == {}


def test_where_a_sharing_pod_is_on_one_of_several_gpus_the_named_ones_are_unattributed() -> None:
    # c shares one of the two with the pod it names, and none can tell which: 0.5 + 0.3.
    pods = [pod(name) for name in ("ml/a", "ml/b", "vision/c")]
    devices = [device("GPU-1", "ml/a", busy=0.5), device("GPU-2", "ml/b", busy=0.3)]
    found = used(devices, pods, node(gpus=8, hints=SLICED))
    assert (found.entries, found.pods, found.shown) == ({}, {}, {})
    assert found.unattributed is not None
    assert found.unattributed.gpu == pytest.approx(0.8)
    assert found.unattributed.gpu_memory == 16 * GIB


def test_a_sharing_pod_of_another_node_takes_nothing_away() -> None:
    # c is on g2, whose only GPU names b: b and c have half of it each, a all of its own.
    pods = [pod("ml/a"), pod("ml/b", on="g2"), pod("vision/c", on="g2")]
    devices = [device("GPU-1", "ml/a", busy=0.5), device("GPU-2", "ml/b", on="g2", busy=0.3)]
    found = used(devices, pods, node(gpus=4, hints=SLICED), node("g2", 4, hints=SLICED))
    assert found.entries["ml"].gpu == pytest.approx(0.5 + 0.15)
    assert found.entries["vision"].gpu == pytest.approx(0.15)
    assert found.unattributed is None


def test_an_exporter_that_names_several_pods_of_a_gpu_names_all_and_one_it_does_not_know_yet_has_nothing() -> None:
    pods = [pod(name) for name in ("ml/a", "ml/b", "vision/c")]
    devices = [device("GPU-1", "ml/a", "ml/b", busy=0.9), device("GPU-2", busy=0.0, used=0.0)]
    found = used(devices, pods, node(gpus=8, hints=SLICED))
    assert found.entries["ml"].gpu == pytest.approx(0.9)
    assert "vision" not in found.entries


def test_an_instance_counts_its_share_of_the_gpu() -> None:
    # 3g.20gb, active 0.7 of the time: 0.7 x 3/7 = 0.3.
    there = node(gpus={"nvidia.com/mig-3g.20gb": 1.0}, hints=SEVENTHS)
    held = pod("ml/a", {"nvidia.com/mig-3g.20gb": 1.0})
    found = used([device("GPU-1", "ml/a", busy=0.7, share=3 / 7, instance="2")], [held], there)
    assert found.entries["ml"].gpu == pytest.approx(0.3)
    assert found.unattributed is None


@pytest.mark.parametrize(("held", "gpu"), [(2, 1 / 7), (3, None)], ids=["half is shown", "a third is shown"])
def test_of_instances_that_a_pod_holds_those_that_are_not_shown_are_unknown(held: int, gpu: float | None) -> None:
    # One of two or three instances of 2g is shown, active half of the time: 0.5 x 2/7 = 1/7.
    size = {"nvidia.com/mig-2g.10gb": float(held)}
    found = used(
        [device("GPU-1", "ml/a", busy=0.5, share=2 / 7, instance="3")],
        [pod("ml/a", size)],
        node(gpus=size, hints=SEVENTHS),
    )
    assert found.entries["ml"].gpu == (None if gpu is None else pytest.approx(gpu))
    assert found.unseen == {"ml": 1}


@pytest.mark.parametrize(("busy", "idle"), [(0.0, True), (0.0499, True), (0.05, False), (0.95, False)])
@pytest.mark.parametrize(
    "holders",
    [(), ("ml/gone",), ("ml/elsewhere",), ("ml/without",)],
    ids=["no label", "a pod that has gone", "a pod of another node", "a pod without a gpu"],
)
def test_a_device_with_no_pod_is_idle_below_five_per_cent_and_else_unattributed(
    busy: float, idle: bool, holders: tuple[str, ...]
) -> None:
    pods = [pod("ml/elsewhere", on="g2"), pod("ml/without", {"cpu": 1.0})]
    devices = [device("GPU-1", *holders, busy=busy), device("GPU-2", "ml/elsewhere", on="g2", busy=0.0, used=0.0)]
    found = used(devices, pods, node(), node("g2"))
    assert found.entries == {"ml": GpuUse(0.0, 0.0)}
    assert found.unattributed == (None if idle else GpuUse(busy, 8 * GIB))
    assert found.nodes["g1"] == GpuUse(busy, 8 * GIB)


def test_a_device_of_a_pod_that_has_gone_and_one_that_is_there_goes_to_the_latter() -> None:
    assert used([device("GPU-1", "ml/gone", "vision/c")], [pod("vision/c")]).entries == {"vision": GpuUse(0.5, 8 * GIB)}


def test_a_held_device_whose_labels_name_no_pod_is_unattributed() -> None:
    # Two pods hold a GPU each, the labels name only one of them: c used what nobody can tell.
    devices = [device("GPU-1", "ml/a"), device("GPU-2", busy=0.4)]
    found = used(devices, [pod("ml/a"), pod("vision/c")], node(gpus=2))
    assert found.entries == {"ml": GpuUse(0.5, 8 * GIB)}
    assert found.unattributed == GpuUse(0.4, 8 * GIB)
    assert found.unseen == {}


def test_where_gpus_are_not_sold_as_units_a_label_is_believed() -> None:
    # DRA while claims cannot be read: the kubelet told the exporter who holds it.
    found = used([device("GPU-1", "ml/a", busy=0.8)], [pod("ml/a", {"cpu": 1.0})], node(gpus={}))
    assert found.entries == {"ml": GpuUse(0.8, 8 * GIB)}


def test_a_pod_that_holds_a_claimed_gpu_is_believed_and_unknown_when_it_is_not_shown() -> None:
    pods = [pod("ml/a", {}, claims=("one",)), pod("vision/c", {}, claims=("one",))]
    found = used([device("GPU-1", "ml/a", busy=0.8)], pods, node(gpus={}), claimed={"ml/a": 1.0, "vision/c": 1.0})
    assert found.entries == {"ml": GpuUse(0.8, 8 * GIB), "vision": GpuUse(None, None)}
    assert found.unseen == {"vision": 1}


def test_a_gpu_that_is_not_shown_is_unknown_use_of_its_holder_alone() -> None:
    # 24 GPUs on three nodes at 50 %; one of g2 has fallen off the bus: 7 of 8 are known of team2.
    nodes = [node(f"g{n}", 8) for n in range(3)]
    pods = [pod(f"team{n}/a", 8, on=f"g{n}") for n in range(3)]
    devices = [device(f"GPU-{n}-{i}", f"team{n}/a", on=f"g{n}") for n in range(3) for i in range(8)]
    found = used(devices[:-1], pods, *nodes)
    assert [found.entries[f"team{n}"].gpu for n in range(3)] == [4.0, 4.0, 3.5]
    assert found.entries["team2"].gpu_memory == 7 * 8 * GIB
    assert found.unseen == {"team2": 1}
    assert found.nodes["g2"] == GpuUse(3.5, 7 * 8 * GIB)
    assert found.unattributed is None


@pytest.mark.parametrize(("shown", "gpu"), [(4, 2.0), (3, None), (0, None)])
def test_what_is_known_counts_while_it_is_at_least_half(shown: int, gpu: float | None) -> None:
    devices = [device(f"GPU-{i}", "ml/a") for i in range(shown)]
    found = used([*devices, device("GPU-x", on="other")], [pod("ml/a", 8)], node(gpus=8), node("other"))
    assert found.entries["ml"].gpu == gpu
    assert found.nodes["g1"].gpu == gpu
    assert found.unseen == {"ml": 1}


def test_the_half_is_that_of_all_pods_of_an_entry() -> None:
    # a holds 3 GPUs that are shown, b 1 that is not: 3 of 4 are known. Of excluded pods too, together.
    nodes = [node(gpus=3), node("g2")]
    pods = [pod("ml/a", 3), pod("ml/b", on="g2")]
    devices = [device(f"GPU-{i}", "ml/a") for i in range(3)]
    assert used(devices, pods, *nodes).entries == {"ml": GpuUse(1.5, 24 * GIB)}
    assert used(devices, pods, *nodes, not_charged=("ml",)).entries == {None: GpuUse(1.5, 24 * GIB)}


def test_a_missing_gpu_that_nobody_holds_is_unknown_use_of_nobody() -> None:
    # g2 is not ready and its exporter gone; ml is on g1.
    found = used([device("GPU-1", "ml/a", busy=0.8)], [pod("ml/a")], node(), node("g2", ready=False))
    assert found.entries == {"ml": GpuUse(0.8, 8 * GIB)}
    assert found.unattributed is None
    assert found.unseen == {}


@pytest.mark.parametrize(
    ("found", "running"),
    [(node("g2"), False), (node("g2", ready=False, ready_since=0.0), True)],
    ids=["it does not run yet", "its node is dead"],
)
def test_a_pod_that_is_not_at_work_uses_nothing_of_what_is_not_shown(found: Node, running: bool) -> None:
    pods = [pod("ml/a"), pod("ml/b", on="g2", running=running)]
    result = used([device("GPU-1", "ml/a", busy=0.8)], pods, node(), found)
    assert result.entries == {"ml": GpuUse(0.8, 8 * GIB)}
    assert result.unseen == {}


def test_of_fewer_missing_gpus_than_unnamed_holders_each_may_hold_one() -> None:
    # Three GPUs, one is not shown and one names nobody: it may be a's or b's that is missing.
    devices = [device("GPU-1", "vision/c", busy=0.9), device("GPU-2", busy=0.0)]
    found = used(devices, [pod("vision/c"), pod("ml/a"), pod("nlp/b")], node(gpus=3))
    assert found.entries == {"vision": GpuUse(0.9, 8 * GIB), "ml": GpuUse(None, None), "nlp": GpuUse(None, None)}
    assert found.unseen == {"ml": 1, "nlp": 1}


def test_a_device_that_does_not_tell_its_use_is_unknown_of_its_pod_alone() -> None:
    devices = [device("GPU-1", "ml/a", busy=0.4), device("GPU-2", "vision/c", busy=None)]
    found = used(devices, [pod("ml/a"), pod("vision/c")], node(gpus=2))
    assert found.entries == {"ml": GpuUse(0.4, 8 * GIB), "vision": GpuUse(None, 8 * GIB)}
    assert found.unseen == {"vision": 1}


def test_a_device_that_does_not_tell_its_memory_is_unknown_memory_alone() -> None:
    found = used([device("GPU-1", "ml/a", used=None)], [pod("ml/a")])
    assert found.entries == {"ml": GpuUse(0.5, None)}
    assert found.unseen == {}


@pytest.mark.parametrize(
    ("idle", "blank", "unattributed"),
    [
        (0, 1, GpuUse(None, None)),
        # At least half of the devices that name nobody tell their use: nobody used them, as far as that goes.
        (1, 1, None),
        (1, 2, GpuUse(None, None)),
    ],
)
def test_a_device_that_tells_no_use_and_names_nobody_is_not_known_to_be_idle(
    idle: int, blank: int, unattributed: GpuUse | None
) -> None:
    unnamed = [device(f"GPU-i{i}", busy=0.04) for i in range(idle)] + [
        device(f"GPU-b{i}", busy=None) for i in range(blank)
    ]
    found = used([device("GPU-1", "ml/a"), *unnamed], [pod("ml/a")], node(gpus=1 + idle + blank))
    assert found.entries == {"ml": GpuUse(0.5, 8 * GIB)}
    assert found.unattributed == unattributed
    assert found.unseen == {}
    (spot,) = found.blind_spots
    assert spot.code == "gpus_without_use"
    assert spot.text.startswith("GPUs on g1 name no pod and tell no use, so nobody knows whether they are idle.")


def test_what_is_used_by_nobody_who_can_be_told_counts_while_half_of_the_unnamed_devices_tell_their_use() -> None:
    # One names nobody at 0.3; of those that tell nothing there is one, then there are two.
    busy, blank = device("GPU-1", busy=0.3), [device(f"GPU-b{i}", busy=None, used=None) for i in range(2)]
    assert used([busy, *blank[:1]], [], node(gpus=2)).unattributed == GpuUse(0.3, 8 * GIB)
    assert used([busy, *blank], [], node(gpus=3)).unattributed == GpuUse(None, None)


@pytest.mark.parametrize(("claims", "gpu", "unattributed"), [(("x",), 0.5, None), ((), None, GpuUse(0.5, 8 * GIB))])
def test_a_pod_whose_claims_are_unread_may_hold_the_device_that_names_it(
    claims: tuple[str, ...], gpu: float | None, unattributed: GpuUse | None
) -> None:
    # The node sells its GPU as a unit too, so that a pod without a request or a claim holds none.
    found = used([device("GPU-1", "ml/a")], [pod("ml/a", {}, claims=claims)], node(), claimed={"ml/a": None})
    assert (found.entries["ml"].gpu if "ml" in found.entries else None) == gpu
    assert found.unattributed == unattributed


def test_a_blank_device_that_a_pod_lacks_is_unknown_of_that_pod_and_of_nobody_else() -> None:
    found = used([device("GPU-1", "ml/a"), device("GPU-2", busy=None)], [pod("ml/a"), pod("vision/c")], node(gpus=2))
    assert found.entries["ml"] == GpuUse(0.5, 8 * GIB)
    assert found.entries["vision"].gpu is None
    assert found.unattributed is None
    assert found.unseen == {"vision": 1}
    assert found.blind_spots == ()


def test_a_blank_device_that_names_nobody_is_not_taken_for_the_blank_one_that_names_a_pod() -> None:
    # The pod's one GPU is the one that names it: whether the other is idle nobody knows.
    devices = [device("GPU-1", "ml/a", busy=None), device("GPU-2", busy=None)]
    found = used(devices, [pod("ml/a")], node(gpus=2))
    assert found.entries["ml"].gpu is None
    assert found.unseen == {"ml": 1}
    assert found.unattributed == GpuUse(None, None)
    assert [spot.code for spot in found.blind_spots] == ["gpus_without_use"]


def test_a_pod_of_two_gpus_lacks_the_blank_one_that_names_nobody_as_well() -> None:
    devices = [device("GPU-1", "ml/a", busy=None), device("GPU-2", busy=None)]
    found = used(devices, [pod("ml/a", 2)], node(gpus=2))
    assert found.entries["ml"].gpu is None
    assert found.unattributed is None
    assert found.blind_spots == ()


def test_an_instance_without_a_profile_that_names_nobody_is_not_known_to_be_idle() -> None:
    parts = [device("GPU-1", "ml/a", instance="1", share=3 / 7), device("GPU-1", instance="2", share=None, busy=0.0)]
    hints = {"nvidia.com/gpu.product": "NVIDIA-A100-SXM4-40GB"}
    found = used(
        parts, [pod("ml/a", {"nvidia.com/mig-3g.20gb": 1.0})], node(gpus={"nvidia.com/mig-3g.20gb": 2.0}, hints=hints)
    )
    assert found.entries["ml"].gpu == pytest.approx(0.5 * 3 / 7)
    assert found.unattributed == GpuUse(None, None)


def test_an_instance_without_a_profile_is_unknown_of_its_pod_alone() -> None:
    # g2 was cut up anew; its exporter tells no profile: ml on g1 is known, vision on g2 is not.
    mig = {GPU: 0.0, "nvidia.com/mig-1g.5gb": 7.0}
    pods = [pod("ml/a"), pod("vision/c", {"nvidia.com/mig-1g.5gb": 1.0}, on="g2")]
    devices = [
        device("GPU-1", "ml/a", busy=0.8),
        device("GPU-2", "vision/c", on="g2", busy=0.1, share=None, instance="7"),
    ]
    found = used(devices, pods, node(), node("g2", mig))
    assert found.entries == {"ml": GpuUse(0.8, 8 * GIB), "vision": GpuUse(None, None)}
    assert found.unseen == {"vision": 1}


def test_gpus_of_other_vendors_are_unknown_use_of_their_holders() -> None:
    nodes = [node(), node("a1", {"amd.com/gpu": 8.0})]
    pods = [pod("ml/a"), pod("hpc/b", {"amd.com/gpu": 4.0}, on="a1")]
    found = used([device("GPU-1", "ml/a", busy=0.8)], pods, *nodes)
    assert found.entries == {"ml": GpuUse(0.8, 8 * GIB), "hpc": GpuUse(None, None)}
    assert found.unseen == {"hpc": 1}


def test_gpus_of_another_vendor_on_the_same_node_are_not_taken_for_missing_ones() -> None:
    # An integrated GPU sold ten times beside one of NVIDIA's, whose exporter names nobody: nothing of it is missing.
    mixed = node(gpus={GPU: 1.0, "gpu.intel.com/i915": 10.0})
    pods = [pod("ml/a"), pod("video/b", {"gpu.intel.com/i915": 1.0})]
    found = used([device("GPU-1", busy=0.8)], pods, mixed)
    assert found.entries == {"video": GpuUse(None, None)}
    assert found.unattributed == GpuUse(0.8, 8 * GIB)
    assert found.unseen == {"video": 1}
    assert used([], pods, mixed).entries == {"ml": GpuUse(None, None), "video": GpuUse(None, None)}


def test_what_is_known_of_a_pod_with_gpus_of_two_vendors_counts_while_it_is_at_least_half() -> None:
    there = node(gpus={GPU: 2.0, "amd.com/gpu": 2.0})
    for amd, gpu in ((1.0, 0.8), (2.0, None)):
        held = pod("ml/a", {GPU: 1.0, "amd.com/gpu": amd})
        assert used([device("GPU-1", "ml/a", busy=0.8)], [held], there).entries["ml"].gpu == gpu


def test_a_sharing_pod_that_does_not_run_yet_has_no_part_of_the_only_gpu() -> None:
    pods = [pod("ml/a"), pod("vision/c", running=False)]
    found = used([device("GPU-1", "ml/a", busy=0.9)], pods, node(gpus=4, hints=SLICED))
    assert found.entries == {"ml": GpuUse(0.9, 8 * GIB)}


def test_a_page_without_the_fields_leaves_those_who_hold_gpus_unknown() -> None:
    assert used([], [pod("ml/a")]).entries == {"ml": GpuUse(None, None)}


def test_a_gpu_cut_up_in_part_misses_nothing_when_all_its_instances_are_shown() -> None:
    mig = {"nvidia.com/mig-3g.20gb": 1.0, "nvidia.com/mig-1g.5gb": 2.0}
    shares = {"1": 3 / 7, "2": 1 / 7, "3": 1 / 7}
    devices = [device("GPU-1", instance=name, share=share, busy=0.0, used=1.0) for name, share in shares.items()]
    found = used(devices, [pod("ml/a", {"nvidia.com/mig-1g.5gb": 1.0})], node(gpus=mig, hints=SEVENTHS))
    assert found.unseen == {}
    assert found.nodes == {"g1": GpuUse(0.0, 3 * GIB)}


def test_use_of_entries_that_are_not_charged_is_one() -> None:
    # a 0.5 and b 0.25.
    devices = [device("GPU-1", "kube-a/x"), device("GPU-2", "kube-b/y", busy=0.25)]
    found = used(devices, [pod("kube-a/x"), pod("kube-b/y")], node(gpus=2), not_charged=("kube-a", "kube-b"))
    assert found.entries == {None: GpuUse(0.75, 16 * GIB)}
