from __future__ import annotations

from collector.model import NodeState
from collector.publish.manifest import nodes_document
from collector.store.registry import NodeList
from tests.support.datasets import validate


def test_nodes_are_listed_by_name_with_units_and_unknown_as_null() -> None:
    gpu_node = NodeState(
        name="b",
        capacity={"cpu": 8.0, "memory": 1024.0, "gpu": 2.0, "gpu_memory": None},
        allocatable={"cpu": 7.5, "memory": 1000.0, "gpu": 2.0, "gpu_memory": None},
        usage={"cpu": None, "memory": None, "gpu": None, "gpu_memory": None},
        requests={"cpu": 1.0, "memory": 10.0, "gpu": 1.0},
        pods=3,
        ready=False,
        schedulable=True,
    )
    plain = NodeState("a", {"cpu": 4.0, "memory": 512.0}, {"cpu": 4.0, "memory": 512.0}, {}, {}, 0, True, False)
    document = nodes_document(NodeList(1795262400, (gpu_node, plain)))
    validate({**document, "generation": 1}, "nodes")
    assert document["at"] == "2026-11-21T12:00:00Z"
    assert [node["name"] for node in document["nodes"]] == ["a", "b"]
    assert document["nodes"][0]["capacity"] == {"cpu_cores": 4.0, "mem_bytes": 512.0}
    assert document["nodes"][1]["usage"] == {"cpu_cores": None, "mem_bytes": None, "gpus": None, "gpu_mem_bytes": None}
    assert document["nodes"][1]["requests"] == {"cpu_cores": 1.0, "mem_bytes": 10.0, "gpus": 1.0}


def test_before_the_first_listing_there_are_no_nodes() -> None:
    document = nodes_document(NodeList(None, ()))
    validate({**document, "generation": 1}, "nodes")
    assert document["nodes"] == []
