"""Versions of a pod and of a node, and an interval."""

from __future__ import annotations

from typing import Any

from collector.kubernetes.cluster_state import NodeLife
from collector.observations import Node, Pod

START, END = 3000.0, 3300.0


def a_pod(uid: str = "u", *, cpu: float = 1.0, bound: float = 0.0, ended: float | None = None, **rest: Any) -> Pod:
    return Pod(
        "shop", rest.pop("name", "web-0"), uid, "n1", {"cpu": cpu}, bound, ended, ("app",), rest.pop("running", ())
    )


def a_node(
    name: str = "n1",
    *,
    cpu: float = 4.0,
    ready: bool = True,
    created: float = 0.0,
    labels: dict[str, str] | None = None,
) -> NodeLife:
    node = Node(name, name, cpu, cpu, 0.0, 0.0, ready, 0.0, True, False, labels=labels or {})
    return NodeLife(node, created)
