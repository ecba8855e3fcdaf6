"""On which node a GPU is that an exporter shows."""

from __future__ import annotations

import pytest

from collector.accounting.gpu_places import GpuSighting, sight
from collector.observations import GpuDevice, Node, Pod
from tests.support.gpus import INTERVAL, device, node, pod, reading


def seen(devices: list[GpuDevice], nodes: list[Node], pods: list[Pod] | None = None) -> GpuSighting:
    found = sight(reading(tuple(devices), tuple(nodes), tuple(pods or ())), INTERVAL)
    assert found is not None
    return found


def where(sighting: GpuSighting) -> dict[tuple[str, ...], list[str]]:
    """UUIDs by place, of places with any."""
    return {place.nodes: [item.uuid for item in place.devices] for place in sighting.places if place.devices}


def test_without_an_answer_nothing_is_seen() -> None:
    assert sight(reading(None, (node(),)), INTERVAL) is None


@pytest.mark.parametrize(
    ("host", "name", "is_node"),
    [
        ("g1", "g1", True),
        ("g1.corp.example", "g1", True),
        ("g1", "g1.corp.example", True),
        ("G1.Corp.Example", "g1", True),
        ("g1.corp.example", "g1.other.example", False),
        ("g10", "g1", False),
        ("10.0.0.1", "10.0.0.10", False),
    ],
)
def test_a_host_is_the_node_of_its_name_with_or_without_a_domain(host: str, name: str, is_node: bool) -> None:
    # g0 is there so that the host is not taken for the one that remains.
    found = seen([device("GPU-0", on="g0"), device("GPU-1", on=host)], [node("g0"), node(name)])
    assert where(found) == {("g0",): ["GPU-0"], **({(name,): ["GPU-1"]} if is_node else {})}
    assert {item.node for place in found.places for item in place.devices} == {"g0", *([name] if is_node else [])}


def test_a_short_name_that_fits_two_nodes_is_neither() -> None:
    nodes = [node("g0"), node("g1.a.example"), node("g1.b.example")]
    assert where(seen([device("GPU-0", on="g0"), device("GPU-1", on="g1")], nodes)) == {("g0",): ["GPU-0"]}


def test_the_pods_that_its_devices_name_tell_the_node_of_a_host() -> None:
    # The exporter tells the name of its own pod; its second device names nobody.
    devices = [
        device("GPU-1", "ml/a", on="g1"),
        device("GPU-2", "nlp/b", on="dcgm-exporter-6ldbb"),
        device("GPU-3", on="dcgm-exporter-6ldbb"),
    ]
    pods = [pod("ml/a", on="g1"), pod("nlp/b", on="g2")]
    found = where(seen(devices, [node("g1"), node("g2", 2.0)], pods))
    assert found == {("g1",): ["GPU-1"], ("g2",): ["GPU-2", "GPU-3"]}


def test_a_host_whose_devices_name_pods_of_two_nodes_is_neither() -> None:
    devices = [device("GPU-0", on="g0"), device("GPU-1", "ml/a", on="x"), device("GPU-2", "nlp/b", on="x")]
    pods = [pod("ml/a", on="g1"), pod("nlp/b", on="g2")]
    assert where(seen(devices, [node("g0"), node("g1"), node("g2")], pods)) == {("g0",): ["GPU-0"]}


@pytest.mark.parametrize("order", [1, -1], ids=["the node's first", "its own first"])
def test_a_gpu_that_two_exporters_show_is_one(order: int) -> None:
    twice = [device("GPU-1", "ml/a", on="g1"), device("GPU-1", on="dcgm-exporter-6ldbb")][::order]
    (place,) = seen(twice, [node()], [pod("ml/a")]).places
    assert [(item.uuid, item.node, item.holders) for item in place.devices] == [("GPU-1", "g1", (("ml", "a"),))]


def test_other_gpus_of_an_exporter_are_on_the_node_of_those_that_another_shows_too() -> None:
    devices = [device("GPU-1", on="g1"), device("GPU-1", on="pod-x"), device("GPU-2", on="pod-x")]
    assert where(seen(devices, [node(gpus=2.0)])) == {("g1",): ["GPU-1", "GPU-2"]}


def test_hosts_that_are_no_nodes_are_left_out() -> None:
    devices = [device("GPU-1", on="g1"), device("GPU-2", on="workstation")]
    assert where(seen(devices, [node("g1"), node("g2")])) == {("g1",): ["GPU-1"]}


def test_where_no_host_is_a_node_the_one_host_is_the_one_node_with_gpus() -> None:
    others = [node("n1", {}), node("a1", {"amd.com/gpu": 8.0})]
    found = seen([device("GPU-1", on="dcgm-exporter-x7k2p")], [node("g1"), *others])
    assert where(found) == {("g1",): ["GPU-1"]}
    assert found.shown["g1"][0].node == "g1"


def test_where_no_host_is_a_node_several_hosts_are_the_nodes_together() -> None:
    devices = [device("GPU-1", on="x"), device("GPU-2", on="y")]
    found = seen(devices, [node("g1"), node("g2")], [pod("ml/a", on="g1"), pod("nlp/b", on="g2")])
    assert where(found) == {("g1", "g2"): ["GPU-1", "GPU-2"]}
    assert [place.nodes for place in found.places] == [("g1", "g2")]
    assert {each.name for each in found.places[0].pods} == {"a", "b"}
    assert found.shown == {}


def test_a_host_that_is_no_node_is_none_that_is_no_machine_and_none_whose_host_is_known() -> None:
    devices = [device("GPU-1", "ml/a", on="x"), device("GPU-2", on="y")]
    nodes = [node("g1"), node("g2"), node("v1", excluded=True)]
    assert where(seen(devices, nodes, [pod("ml/a", on="g1")])) == {("g1",): ["GPU-1"], ("g2",): ["GPU-2"]}


@pytest.mark.parametrize(
    ("room", "shown", "fits"),
    [
        (node(gpus=2), 2, True),
        (node(gpus=2), 3, False),
        (node(gpus=8, hints={"nvidia.com/gpu.replicas": "4"}), 2, True),
        (node(gpus=8, hints={"nvidia.com/gpu.replicas": "4"}), 3, False),
        (node(gpus={}), 1, False),
        (node(gpus={}, hints={"nvidia.com/gpu.count": "1"}), 1, True),
    ],
)
def test_a_host_with_more_gpus_than_the_nodes_have_room_for_is_none_of_them(room: Node, shown: int, fits: bool) -> None:
    found = where(seen([device(f"GPU-{i}", on="x") for i in range(shown)], [room]))
    assert bool(found) is fits


@pytest.mark.parametrize(("claims", "fits"), [(("one",), True), ((), False)])
def test_a_node_whose_pods_name_claims_has_room_for_as_many(claims: tuple[str, ...], fits: bool) -> None:
    found = seen([device("GPU-1", on="x")], [node(gpus={})], [pod("ml/a", {}, claims=claims)])
    assert bool(where(found)) is fits


def test_gpus_of_an_excluded_node_and_its_pods_are_left_out() -> None:
    nodes = [node("v1", excluded=True), node("g1")]
    found = seen([device("GPU-1", on="v1")], nodes, [pod("ml/a", on="v1"), pod("ml/b", on="g1")])
    assert where(found) == {}
    assert [each.name for place in found.places for each in place.pods] == ["b"]


def test_only_pods_that_may_hold_gpus_are_kept() -> None:
    pods = [pod("ml/a"), pod("ml/b", {"cpu": 1.0}), pod("ml/c", {}, claims=("one",)), pod("ml/d", {"cpu": 1.0})]
    (place,) = seen([device("GPU-1", "ml/d")], [node()], pods).places
    assert [each.name for each in place.pods] == ["a", "c", "d"]


@pytest.mark.parametrize(
    ("found", "running", "at_work"),
    [
        (node(), True, True),
        (node(), False, False),
        # Not ready for 299 and for 300 s at the moment 10000.
        (node(ready=False, ready_since=9701.0), True, True),
        (node(ready=False, ready_since=9700.0), True, False),
    ],
)
def test_a_pod_that_runs_on_a_node_that_is_not_dead_is_at_work(found: Node, running: bool, at_work: bool) -> None:
    sighting = seen([], [found], [pod("ml/a", running=running)])
    assert (("ml", "a") in sighting.at_work) is at_work
