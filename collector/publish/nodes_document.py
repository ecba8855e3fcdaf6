"""The nodes document: every node at the latest successful listing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from collector.model import MetricValues, NodeState
from kl_core.calendar import iso_or_none
from kl_core.vocabulary import METRICS, SCHEMA_VERSION, Metric

_NAMES: dict[Metric, str] = {"cpu": "cpu_cores", "memory": "mem_bytes", "gpu": "gpus", "gpu_memory": "gpu_mem_bytes"}


def nodes_document(nodes: Sequence[NodeState], at: int | None) -> dict[str, Any]:
    """Return the document of `spec/dataset/nodes.schema.json` without its generation, by node name.

    `at` is UNIX seconds.
    """
    return {
        "schema_version": SCHEMA_VERSION,
        "at": iso_or_none(at),
        "nodes": [_node(node) for node in sorted(nodes, key=lambda node: node.name)],
    }


def _node(node: NodeState) -> dict[str, Any]:
    return {
        "name": node.name,
        "ready": node.ready,
        "schedulable": node.schedulable,
        "pods": node.pods,
        "capacity": _rates(node.capacity),
        "allocatable": _rates(node.allocatable),
        "usage": _rates(node.usage),
        "requests": _rates(node.requests),
    }


def _rates(values: MetricValues) -> dict[str, float | None]:
    return {_NAMES[metric]: values[metric] for metric in METRICS if metric in values}
