"""What a node has, in cores, bytes and units of its GPU resources."""

from typing import Any

import pytest

from collector.kubernetes.nodes import parse_node
from collector.kubernetes.objects import Decoder, NodeObject
from tests.support.decoded import LATER, at, page, read_node
from tests.support.kubernetes_objects import node

T = 1_800_000_000
GIB = 2.0**30


def with_ready(**condition: Any) -> dict[str, Any]:
    item = node()
    item["status"]["conditions"] = [{"type": "DiskPressure", "status": "False"}, {"type": "Ready", **condition}]
    return item


def test_a_node_is_read_in_cores_and_bytes() -> None:
    found = read_node(node("n1", cpu="8", memory="32Gi", allocatable={"cpu": "7500m", "memory": "30Gi"})).node
    assert (found.name, found.cpu_capacity, found.cpu_allocatable) == ("n1", 8.0, 7.5)
    assert (found.memory_capacity, found.memory_allocatable) == (32 * GIB, 30 * GIB)
    assert (found.ready, found.ready_since, found.schedulable, found.excluded) == (True, 0.0, True, False)


def test_allocatable_huge_pages_are_allocatable_memory() -> None:
    # 32 GiB, of which 4 + 2 GiB are set aside as huge pages and 24 GiB are left: 24 + 4 + 2 = 30 GiB.
    pages = {"hugepages-2Mi": "4Gi", "hugepages-1Gi": "2Gi"}
    found = read_node(node(memory="32Gi", capacity=pages, allocatable={"memory": "24Gi", **pages})).node
    assert (found.memory_capacity, found.memory_allocatable) == (32 * GIB, 30 * GIB)


@pytest.mark.parametrize(
    ("cpu", "memory", "cores", "gib"), [("8", "32Gi", 8, 32), ("8001m", "33Gi", 8, 32), ("16", "64Gi", 8, 32)]
)
def test_no_more_can_be_allocated_than_there_is(cpu: str, memory: str, cores: float, gib: float) -> None:
    found = read_node(node(cpu="8", memory="32Gi", allocatable={"cpu": cpu, "memory": memory})).node
    assert (found.cpu_allocatable, found.memory_allocatable) == (cores, gib * GIB)


def test_what_a_node_does_not_call_allocatable_is_its_capacity() -> None:
    item = node(cpu="4", memory="16Gi", capacity={"nvidia.com/gpu": "2", "hugepages-2Mi": "1Gi"})
    del item["status"]["allocatable"]
    found = read_node(item).node
    assert (found.cpu_allocatable, found.memory_allocatable) == (4.0, 16 * GIB)
    assert found.gpu_allocatable == {"nvidia.com/gpu": 2.0}


def test_gpu_resources_are_kept_by_name() -> None:
    has = {"nvidia.com/gpu": "4", "nvidia.com/mig-1g.5gb": "7", "example.com/fpga": "1"}
    found = read_node(node(capacity=has, allocatable={"nvidia.com/gpu": "3"})).node
    assert found.gpu_capacity == {"nvidia.com/gpu": 4.0, "nvidia.com/mig-1g.5gb": 7.0}
    assert found.gpu_allocatable == {"nvidia.com/gpu": 3.0, "nvidia.com/mig-1g.5gb": 7.0}


def test_labels_and_annotations_that_tell_of_gpus_are_kept() -> None:
    item = node(labels={"nvidia.com/gpu.product": "A100", "zone": "a"})
    item["metadata"]["annotations"] = {"hami.io/node-nvidia-register": "GPU-a,10,32768:", "note": "x"}
    hints = read_node(item).node.gpu_hints
    assert hints == {"nvidia.com/gpu.product": "A100", "hami.io/node-nvidia-register": "10"}


def test_all_labels_are_kept() -> None:
    labels = {"nvidia.com/gpu.product": "A100", "zone": "a", "empty": ""}
    assert read_node(node(labels=labels)).node.labels == labels
    bare = node()
    del bare["metadata"]["labels"]
    assert read_node(bare).node.labels == {}


@pytest.mark.parametrize(("status", "ready"), [("True", True), ("False", False), ("Unknown", False)])
def test_a_node_is_ready_when_it_says_so(status: str, ready: bool) -> None:
    found = read_node(with_ready(status=status, lastTransitionTime=at(T))).node
    assert (found.ready, found.ready_since) == (ready, T)


def test_a_node_that_says_nothing_of_it_is_ready_and_old() -> None:
    item = node()
    item["status"]["conditions"] = None
    found = read_node(item)
    assert (found.node.ready, found.node.ready_since, found.created) == (True, 0.0, 0.0)


def test_a_cordoned_node_takes_no_pods() -> None:
    assert not read_node(node(unschedulable=True)).node.schedulable


def test_labels_decide_whether_a_node_is_a_machine() -> None:
    (found,) = Decoder(NodeObject).page(page("NodeList", node(labels={"type": "virtual-kubelet"}))).items
    assert parse_node(found, LATER, lambda labels: labels.get("type") == "virtual-kubelet")[0].excluded
    assert not parse_node(found, LATER, lambda labels: labels.get("type") == "other")[0].excluded


def test_a_node_is_there_since_its_creation_and_no_time_is_later_than_the_servers() -> None:
    item = with_ready(status="True", lastTransitionTime=at(T + 500))
    item["metadata"]["creationTimestamp"] = at(T)
    found = read_node(item, T + 100)
    assert (found.created, found.node.ready_since) == (T, T + 101)
    assert read_node(item, T - 50).created == T - 49
