"""Which pods GPUs worked for: each answer computed by hand, in GPU equivalents and bytes."""

import pytest

from collector.accounting.gpu_attribution import GpuPod, GpuUse, attribute, framebuffer, seen_in_full
from collector.model import GpuDevice, Node

GIB = 2**30
A, B, C = ("ml", "train-a"), ("ml", "train-b"), ("vision", "serve-c")


def device(
    uuid: str = "GPU-1",
    *holders: tuple[str, str],
    node: str = "g1",
    busy: float | None = 0.5,
    used: float | None = 8.0,
    free: float | None = 8.0,
    share: float = 1.0,
    instance: str | None = None,
) -> GpuDevice:
    """A device of 16 GiB; memory in GiB."""
    memory = [None if size is None else size * GIB for size in (used, free)]
    return GpuDevice(node, uuid, instance, share, busy, memory[0], memory[1], holders)


def node(name: str = "g1", gpus: float | None = 1.0) -> Node:
    held = {} if gpus is None else {"gpu": gpus}
    return Node(name, held, held, True, True, 1)  # type: ignore[arg-type]


def test_a_device_goes_to_the_pod_its_labels_name() -> None:
    result = attribute([device("GPU-1", A, busy=0.9)], {A: GpuPod("g1", 1.0)}, {A})
    assert result.by_namespace == {"ml": GpuUse(0.9, 8 * GIB)}
    assert result.unattributed is None


def test_a_device_shared_by_several_pods_is_split_equally() -> None:
    # 0.9 over three pods, two of them of ml: ml 0.6, vision 0.3; 9 GiB: 6 and 3
    pods = {pod: GpuPod("g1", 0.25) for pod in (A, B, C)}
    result = attribute([device("GPU-1", A, B, C, busy=0.9, used=9.0)], pods, set(pods))
    assert result.by_namespace["ml"].gpu == pytest.approx(0.6)
    assert result.by_namespace["vision"].gpu == pytest.approx(0.3)
    assert result.by_namespace["ml"].gpu_memory == pytest.approx(6 * GIB)
    assert result.unattributed is None


def shared(node: str = "g1") -> GpuPod:
    """A pod that holds one of four replicas of a GPU."""
    return GpuPod(node, 0.25, shares=True)


@pytest.mark.parametrize("host", ["g1", "dcgm-exporter-x7k2p"], ids=["the node's", "its own name"])
def test_the_only_gpu_of_a_node_is_split_over_all_that_share_it_though_one_is_named(host: str) -> None:
    # 0.9 over three pods, two of them of ml, of which the label names the first: 0.6 and 0.3 all the same.
    pods = {A: shared(), B: shared(), C: shared()}
    result = attribute([device("GPU-1", A, node=host, busy=0.9, used=9.0)], pods, set(pods))
    assert result.by_namespace["ml"].gpu == pytest.approx(0.6)
    assert result.by_namespace["vision"].gpu == pytest.approx(0.3)
    assert result.by_namespace["vision"].gpu_memory == pytest.approx(3 * GIB)
    assert result.unattributed is None


def test_where_a_sharing_pod_is_on_one_of_several_gpus_the_named_ones_are_unattributed() -> None:
    # C shares one of the two with the pod it names, and none can tell which: 0.5 + 0.3.
    pods = {A: shared(), B: shared(), C: shared()}
    devices = [device("GPU-1", A, busy=0.5), device("GPU-2", B, busy=0.3)]
    result = attribute(devices, pods, set(pods))
    assert result.by_namespace == {}
    assert result.unattributed is not None
    assert result.unattributed.gpu == pytest.approx(0.8)
    assert result.unattributed.gpu_memory == 16 * GIB


def test_a_sharing_pod_of_another_node_takes_nothing_away() -> None:
    # C is on g2, whose only GPU names B: B and C have half of it each, A all of its own.
    pods = {A: shared(), B: shared("g2"), C: shared("g2")}
    devices = [device("GPU-1", A, busy=0.5), device("GPU-2", B, node="g2", busy=0.3)]
    result = attribute(devices, pods, set(pods))
    assert result.by_namespace["ml"].gpu == pytest.approx(0.5 + 0.15)
    assert result.by_namespace["vision"].gpu == pytest.approx(0.15)
    assert result.unattributed is None


def test_an_exporter_that_names_several_pods_of_a_gpu_names_all_and_one_it_does_not_know_yet_has_nothing() -> None:
    pods = {A: shared(), B: shared(), C: shared()}
    result = attribute([device("GPU-1", A, B, busy=0.9), device("GPU-2", busy=0.0, used=0.0)], pods, set(pods))
    assert result.by_namespace["ml"].gpu == pytest.approx(0.9)
    assert "vision" not in result.by_namespace


def test_a_pod_that_shares_no_gpu_and_is_not_named_takes_nothing_from_one_that_is() -> None:
    pods = {A: GpuPod("g1", 1.0), C: GpuPod("g1", 1.0)}
    assert attribute([device("GPU-1", A, busy=0.9)], pods, set(pods)).by_namespace == {"ml": GpuUse(0.9, 8 * GIB)}


def test_an_instance_counts_its_share_of_the_gpu() -> None:
    # 3g.20gb, active 0.7 of the time: 0.7 x 3/7 = 0.3
    result = attribute([device("GPU-1", A, busy=0.7, share=3 / 7, instance="2")], {A: GpuPod("g1", 3 / 7)}, {A})
    assert result.by_namespace["ml"].gpu == pytest.approx(0.3)
    assert result.unattributed is None


def test_a_device_with_no_pod_is_idle() -> None:
    result = attribute([device("GPU-1", A), device("GPU-2", busy=0.4)], {A: GpuPod("g1", 1.0)}, {A})
    assert result.by_namespace["ml"].gpu == 0.5
    assert result.unattributed is None


def test_a_device_whose_labels_name_no_pod_while_a_pod_holds_it_is_unattributed() -> None:
    # Two pods hold a GPU each, the labels name only one of them.
    pods = {A: GpuPod("g1", 1.0), C: GpuPod("g1", 1.0)}
    result = attribute([device("GPU-1", A), device("GPU-2", busy=0.4)], pods, set(pods))
    assert result.by_namespace == {"ml": GpuUse(0.5, 8 * GIB)}
    assert result.unattributed == GpuUse(0.4, 8 * GIB)


def test_a_pod_with_two_gpus_of_which_one_is_named_holds_the_other_too() -> None:
    result = attribute([device("GPU-1", A), device("GPU-2", busy=0.3)], {A: GpuPod("g1", 2.0)}, {A})
    assert result.unattributed == GpuUse(0.3, 8 * GIB)


def test_without_labels_as_many_devices_are_unattributed_as_pods_hold_the_busiest_first() -> None:
    # Three GPUs, one held: 0.9 is unattributed, 0.1 and 0.0 are idle.
    devices = [device("GPU-1", busy=0.1), device("GPU-2", busy=0.9), device("GPU-3", busy=0.0)]
    result = attribute(devices, {A: GpuPod("g1", 1.0)}, {A})
    assert result.by_namespace == {}
    assert result.unattributed == GpuUse(0.9, 8 * GIB)


def test_an_unnamed_device_of_another_node_is_not_taken_for_a_pod() -> None:
    devices = [device("GPU-1", node="g2", busy=0.9), device("GPU-2", node="g1", busy=0.2)]
    assert attribute(devices, {A: GpuPod("g1", 1.0)}, {A}).unattributed == GpuUse(0.2, 8 * GIB)


def test_an_exporter_with_a_host_name_of_its_own_is_matched_with_pods_no_device_accounts_for() -> None:
    result = attribute([device("GPU-1", node="dcgm-exporter-x7k2p", busy=0.9)], {A: GpuPod("g1", 1.0)}, {A})
    assert result.unattributed == GpuUse(0.9, 8 * GIB)


def test_a_pod_that_is_finished_holds_nothing_whatever_the_labels_say() -> None:
    result = attribute([device("GPU-1", A)], {}, set())
    assert result.by_namespace == {}
    assert result.unattributed is None


def test_a_device_of_a_finished_and_a_running_pod_goes_to_the_running_one() -> None:
    result = attribute([device("GPU-1", A, C)], {C: GpuPod("g1", 1.0)}, {C})
    assert result.by_namespace == {"vision": GpuUse(0.5, 8 * GIB)}


def test_a_value_the_device_does_not_report_makes_the_sum_unknown() -> None:
    devices = [device("GPU-1", A), device("GPU-2", A, busy=None)]
    result = attribute(devices, {A: GpuPod("g1", 2.0)}, {A})
    assert result.by_namespace == {"ml": GpuUse(None, 16 * GIB)}


@pytest.mark.parametrize(
    ("devices", "nodes", "full"),
    [
        ([device()], [node()], True),
        ([], [node()], False),
        ([], [node(gpus=None)], True),
        ([device()], [node("g1"), node("g2")], False),
        # A surplus on one node does not make up for another.
        ([device("GPU-1"), device("GPU-2")], [node("g1"), node("g2")], False),
        # Host names that are no node's: only the sum can be compared.
        ([device("GPU-1", node="x"), device("GPU-2", node="x")], [node("g1"), node("g2")], True),
        ([device("GPU-1", node="x")], [node("g1"), node("g2")], False),
        # Seven instances of one seventh each are one GPU.
        ([device("GPU-1", share=1 / 7, instance=str(i)) for i in range(7)], [node()], True),
        ([device("GPU-1", share=1 / 7, instance=str(i)) for i in range(6)], [node()], False),
    ],
)
def test_devices_have_to_add_up_to_what_nodes_advertise(
    devices: list[GpuDevice], nodes: list[Node], full: bool
) -> None:
    assert seen_in_full(devices, nodes) is full


def test_framebuffer_is_used_and_free_and_unknown_when_one_is_missing() -> None:
    assert framebuffer([device("GPU-1"), device("GPU-2", used=1.0, free=15.0)]) == 32 * GIB
    assert framebuffer([device("GPU-1"), device("GPU-2", free=None)]) is None
    assert framebuffer([]) == 0.0
