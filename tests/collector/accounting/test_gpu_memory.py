"""What is remembered of GPUs: each limit at both of its sides. Ticks are 300 s apart."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from collector.accounting.gpu_memory import GpuMemory, NodeMemory, learn
from collector.observations import GpuDevice, Node
from tests.support.gpus import GPU, device, node, spans

TICK = 300


class Node1:
    """What is learnt of node g1, tick by tick."""

    def __init__(self, memory: GpuMemory | None = None) -> None:
        self.memory: GpuMemory = memory or {}
        self.time = 0
        self.node = node()

    def tick(self, gpus: float | Node, devices: int | Sequence[GpuDevice] | None, times: int = 1) -> NodeMemory:
        """So many ticks alike; None: no exporter answered."""
        self.node = gpus if isinstance(gpus, Node) else node(gpus=gpus)
        seen = [device(f"GPU-{i}") for i in range(devices)] if isinstance(devices, int) else devices
        for _ in range(times):
            self.time += TICK
            self.memory = learn(self.memory, spans(self.node), None if seen is None else {"g1": seen}, self.time)
        return self.memory["g1"]

    @property
    def worth(self) -> float:
        return self.memory["g1"].worth(self.node, GPU)


def test_a_ratio_is_believed_after_three_ticks() -> None:
    # One GPU sold four times, and nobody tells.
    seen = Node1()
    seen.tick(4, 1, times=2)
    assert seen.worth == 1.0
    seen.tick(4, 1)
    assert seen.worth == 0.25


@pytest.mark.parametrize(
    ("units", "devices", "worth"),
    [
        (4, 2, 1 / 2),
        (2, 2, 1.0),
        (5, 2, 1.0),
        (8, 7, 1.0),
        (10, 4, 1.0),
        (2, 4, 1.0),
        (10, 1, 1 / 10),
    ],
)
def test_only_a_whole_number_of_at_least_two_is_believed(units: int, devices: int, worth: float) -> None:
    seen = Node1()
    seen.tick(units, devices, times=5)
    assert seen.worth == worth


def test_a_tick_that_is_done_again_counts_once() -> None:
    seen = Node1()
    seen.tick(4, 1, times=2)
    for _ in range(3):
        again = learn(seen.memory, spans(node(gpus=4)), {"g1": [device()]}, seen.time)
    assert again["g1"].worth(seen.node, GPU) == 1.0


def test_an_exporter_that_is_away_changes_no_worth() -> None:
    seen = Node1()
    seen.tick(4, 2, times=3)
    for devices in (None, 0, 1, None, 0, 1, 2):
        seen.tick(4, devices, times=13)
        assert seen.worth == 0.5


def test_gpus_that_fall_off_the_bus_do_not_make_the_others_worth_less() -> None:
    # 8 of 8 are shown, then 4 for two hours: 4 of 8 lost, not 8 units of 4 GPUs.
    seen = Node1()
    seen.tick(8, 8, times=3)
    seen.tick(8, 4, times=24)
    assert seen.worth == 1.0


def test_more_gpus_than_before_correct_a_worth_after_three_ticks() -> None:
    # Two exporters: the second one starts later.
    seen = Node1()
    seen.tick(8, 4, times=3)
    assert seen.worth == 0.5
    seen.tick(8, 8, times=2)
    assert seen.worth == 0.5
    seen.tick(8, 8)
    assert seen.worth == 1.0


def test_a_worth_is_forgotten_when_the_advertised_number_changes_while_the_exporter_is_there() -> None:
    seen = Node1()
    seen.tick(4, 1, times=3)
    seen.tick(10, 0, times=5)
    assert seen.worth == 0.25
    seen.tick(10, 1, times=2)
    assert seen.worth == 1.0
    seen.tick(10, 1)
    assert seen.worth == 0.1


def test_a_plugin_that_restarts_changes_no_worth() -> None:
    seen = Node1()
    seen.tick(4, 1, times=3)
    for units in (0, 4, 0, 4):
        seen.tick(units, 1)
        assert seen.worth == 0.25


@pytest.mark.parametrize("hints", [{"cloud.google.com/gke-gpu-count": "1"}, {"nvidia.com/gpu.replicas": "4"}])
def test_what_a_node_tells_holds_at_once_and_while_its_plugin_is_away(hints: dict[str, str]) -> None:
    seen = Node1()
    for units in (4, 0, 4):
        seen.tick(node(gpus=units, hints=hints), 4)
        assert seen.worth == 0.25
    seen.tick(node(gpus=0, hints=hints), 4, times=30)
    assert seen.worth == 0.25


def test_what_is_learnt_takes_over_where_a_node_tells_no_longer() -> None:
    seen = Node1()
    seen.tick(node(gpus=4, hints={"nvidia.com/gpu.replicas": "4"}), 1, times=3)
    seen.tick(4, 1)
    assert seen.worth == 0.25


def test_instances_are_compared_with_the_gpus_that_they_are_cut_out_of() -> None:
    # An A100 in seven, each instance sold twice: 14/7 = 2 of 1. A whole GPU beside it is not shared.
    units = {GPU: 1.0, "nvidia.com/mig-1g.5gb": 14.0}
    instances = [device("GPU-0", instance=str(i), share=1 / 7) for i in range(7)]
    seen = Node1()
    found = seen.tick(node(gpus=units), [device("GPU-1"), *instances], times=3)
    assert found.worth(seen.node, "nvidia.com/mig-1g.5gb") == pytest.approx(1 / 14)
    assert found.worth(seen.node, GPU) == 1.0
    assert found.devices.value == 2


def test_instances_that_are_not_shown_do_not_make_the_others_worth_less() -> None:
    # One of seven is shown: 7/7 of a GPU are advertised, and one GPU is there.
    seen = Node1()
    found = seen.tick(node(gpus={"nvidia.com/mig-1g.5gb": 7.0}), [device("GPU-0", instance="1", share=1 / 7)], times=5)
    assert found.worth(seen.node, "nvidia.com/mig-1g.5gb") == pytest.approx(1 / 7)


def test_instances_of_several_sizes_are_taken_together() -> None:
    # 3/7 + 4 x 1/7 of two GPUs; then both twice: (6 + 8)/7 = 2 of 1.
    large, small = "nvidia.com/mig-3g.20gb", "nvidia.com/mig-1g.5gb"
    shown = [device("GPU-0", instance="1", share=3 / 7), device("GPU-0", instance="2", share=1 / 7)]
    seen = Node1()
    found = seen.tick(node(gpus={large: 1.0, small: 4.0}), shown, times=5)
    assert found.worth(seen.node, small) == pytest.approx(1 / 7)
    found = seen.tick(node(gpus={large: 2.0, small: 8.0}), shown, times=3)
    assert found.worth(seen.node, small) == pytest.approx(1 / 14)
    assert found.worth(seen.node, large) == pytest.approx(3 / 14)


def test_instances_of_which_nobody_tells_the_profile_are_shares_of_their_gpu() -> None:
    # The single strategy without labels: seven units of a GPU that is shown as seven instances.
    seen = Node1()
    seen.tick(7, [device("GPU-0", instance=str(i), share=1 / 7) for i in range(7)], times=3)
    assert seen.worth == pytest.approx(1 / 7)


def test_whole_gpus_of_several_names_are_taken_together() -> None:
    # 5 + 2 units of 2 GPUs make no whole number; 4 + 2 of 3 are halves.
    seen = Node1()
    found = seen.tick(node(gpus={"nvidia.com/a100": 5.0, "nvidia.com/t4": 2.0}), 2, times=5)
    assert found.worth(seen.node, "nvidia.com/a100") == 1.0
    found = seen.tick(node(gpus={"nvidia.com/a100": 4.0, "nvidia.com/t4": 2.0}), 3, times=5)
    assert found.worth(seen.node, "nvidia.com/a100") == 0.5


def test_gpus_of_other_vendors_are_not_compared_with_nvidias() -> None:
    seen = Node1()
    found = seen.tick(node(gpus={"amd.com/gpu": 8.0}), 2, times=5)
    assert found.worth(seen.node, "amd.com/gpu") == 1.0


def test_the_advertised_number_falls_when_it_has_been_lower_for_an_hour() -> None:
    seen = Node1()
    seen.tick(4, None)
    # First seen lower at 600: an hour later is 4200, the 13th such tick.
    found = seen.tick(0, None, times=12)
    assert (seen.time, dict(found.advertised.value)) == (3900, {GPU: 4})
    found = seen.tick(0, None)
    assert (seen.time, dict(found.advertised.value)) == (4200, {GPU: 0})


def test_an_hour_begins_anew_when_the_number_was_back_meanwhile() -> None:
    seen = Node1()
    seen.tick(4, None)
    seen.tick(0, None, times=12)
    seen.tick(4, None)
    found = seen.tick(0, None, times=12)
    assert dict(found.advertised.value) == {GPU: 4}


def test_it_falls_to_the_most_that_there_was_in_the_hour() -> None:
    seen = Node1()
    seen.tick(8, None)
    seen.tick(2, None, times=6)
    seen.tick(4, None, times=6)
    found = seen.tick(0, None)
    assert dict(found.advertised.value) == {GPU: 4}
    # Lower than 4 since that tick.
    found = seen.tick(0, None, times=11)
    assert dict(found.advertised.value) == {GPU: 4}
    found = seen.tick(0, None)
    assert dict(found.advertised.value) == {GPU: 0}


def test_the_number_of_shown_gpus_falls_when_it_has_been_lower_for_an_hour() -> None:
    seen = Node1()
    found = seen.tick(0, 2)
    assert (found.devices.value, found.framebuffer.value) == (2, 2 * 16 * 2**30)
    found = seen.tick(0, 0, times=12)
    assert (found.devices.value, found.framebuffer.value) == (2, 2 * 16 * 2**30)
    found = seen.tick(0, 0)
    assert (found.devices.value, found.framebuffer.value) == (0, 0)


def test_while_no_exporter_answers_nothing_is_known_to_be_lower() -> None:
    seen = Node1()
    seen.tick(0, 2)
    found = seen.tick(0, None, times=40)
    assert found.devices.value == 2


def test_a_repartitioned_gpu_is_not_counted_twice() -> None:
    # One whole GPU becomes seven instances: at no time two GPUs.
    seen = Node1()
    seen.tick(1, None)
    found = seen.tick(node(gpus={GPU: 0.0, "nvidia.com/mig-1g.5gb": 7.0}), None)
    assert sum(found.advertised.value.values()) == pytest.approx(1.0)
    found = seen.tick(node(gpus={GPU: 0.0, "nvidia.com/mig-1g.5gb": 5.0}), None)
    assert sum(found.advertised.value.values()) == pytest.approx(1.0)


REPLICAS = "nvidia.com/gpu.replicas"
PRODUCT = "nvidia.com/gpu.product"


def sold(replicas: int, told: int | None = None) -> Node:
    """One GPU sold in so many replicas, of which the label tells another number."""
    return node(gpus=replicas, hints={REPLICAS: str(told or replicas)})


@pytest.mark.parametrize("exporter", [None, 1])
@pytest.mark.parametrize(("before", "after"), [(8, 1), (8, 4), (4, 8), (1, 8)])
def test_a_gpu_that_is_sold_in_another_number_of_shares_stays_one(
    before: int, after: int, exporter: int | None
) -> None:
    seen = Node1()
    seen.tick(sold(before), exporter)
    found = seen.tick(sold(after), exporter)
    assert found.advertised.value == {GPU: 1.0}
    assert seen.worth == 1 / after


def test_a_label_that_comes_later_than_the_shares_it_tells_of_leaves_no_gpus_behind() -> None:
    seen = Node1()
    seen.tick(sold(1), None)
    found = seen.tick(sold(8, told=1), None)
    assert found.advertised.value == {GPU: 8.0}
    found = seen.tick(sold(8), None)
    assert (found.advertised.value, found.advertised.since) == ({GPU: 1.0}, None)
    # All of it in one interval.
    seen = Node1()
    seen.tick(sold(1), None)
    seen.memory = learn(seen.memory, spans(sold(1), sold(8, told=1), sold(8), seconds=100), None, 600)
    assert seen.memory["g1"].advertised.value == {GPU: 1.0}


def test_a_repartitioned_gpu_under_the_plain_name_stays_one() -> None:
    # Seven instances of one slice, then two of three, then none.
    seen = Node1()
    for units, product in ((7, "A100-MIG-1g.5gb"), (2, "A100-MIG-3g.20gb"), (1, "A100")):
        found = seen.tick(node(gpus=units, hints={PRODUCT: product}), None)
        assert sum(found.advertised.value.values()) == pytest.approx(1.0)


def test_what_a_node_told_is_remembered_while_it_advertises_as_many() -> None:
    seen = Node1()
    seen.tick(sold(4), None)
    for units in (4, 0, 4):
        found = seen.tick(units, None, times=20)
        assert seen.worth == 0.25
    assert found.advertised.value == {GPU: 1.0}
    seen.tick(5, None)
    assert seen.worth == 1.0


def test_gpus_that_have_gone_while_labels_changed_are_missed_for_an_hour() -> None:
    seen = Node1()
    seen.tick(node(gpus=8, hints={REPLICAS: "4"}), None)
    found = seen.tick(node(gpus=8, hints={REPLICAS: "8"}), None)
    assert found.advertised.value == {GPU: 1.0}
    found = seen.tick(node(gpus=0, hints={REPLICAS: "8"}), None, times=12)
    assert found.advertised.value == {GPU: 1.0}


def test_the_most_of_an_interval_counts() -> None:
    memory = learn({}, (*spans(node(gpus=4), seconds=100), *spans(node(gpus=0), seconds=200)), None, TICK)
    assert dict(memory["g1"].advertised.value) == {GPU: 4}
    assert memory["g1"].advertised.since is None


@pytest.mark.parametrize(("later", "known"), [(3300, True), (3600, False)])
def test_a_node_that_has_gone_is_forgotten_after_an_hour(later: int, known: bool) -> None:
    memory = learn({}, spans(node(gpus=4)), None, TICK)
    assert ("g1" in learn(memory, (), None, TICK + later)) is known


def test_a_node_is_known_by_its_uid() -> None:
    # Replaced under the same name: what was learnt of the other says nothing of it.
    memory: GpuMemory = {}
    for time in (300, 600, 900):
        memory = learn(memory, spans(node(gpus=4, uid="old")), {"g1": [device()]}, time)
    new = node(gpus=4, uid="new")
    memory = learn(memory, spans(new), {"g1": [device()]}, 1200)
    assert memory["old"].worth(new, GPU) == 0.25
    assert memory["new"].worth(new, GPU) == 1.0


def test_nodes_without_gpus_and_excluded_ones_are_not_kept() -> None:
    plain, virtual = node("n1", {}), node("v1", 1000.0, excluded=True)
    assert learn({}, spans(plain, virtual), {"v1": [device()]}, TICK) == {}


def test_what_goes_in_is_left_as_it_was() -> None:
    memory = learn({}, spans(node(gpus=4)), {"g1": [device()]}, TICK)
    before = repr(memory)
    learn(memory, spans(node(gpus=2)), {"g1": []}, 2 * TICK)
    assert repr(memory) == before


def test_memory_of_devices_that_do_not_tell_both_parts_is_left_out_and_a_full_one_counts() -> None:
    devices = [device("GPU-1", used=16.0, free=0.0), device("GPU-2", free=None), device("GPU-3", used=None)]
    assert learn({}, spans(node()), {"g1": devices}, TICK)["g1"].framebuffer.value == 16 * 2**30
