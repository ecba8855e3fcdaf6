"""Kubernetes objects as they come out of the decoder."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from collector.kubernetes.cluster_state import NodeLife
from collector.kubernetes.nodes import parse_node
from collector.kubernetes.objects import Decoder, NodeObject, PodObject
from collector.kubernetes.pods import Shared, parse_pod
from collector.observations import Pod

LATER = 4e9
"""A server's time that clamps nothing."""


def at(time: float) -> str:
    """A time as the API writes it."""
    return datetime.fromtimestamp(time, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def page(kind: str, *items: Any, **metadata: str) -> bytes:
    """A page of a listing."""
    return json.dumps({"kind": kind, "apiVersion": "v1", "metadata": metadata, "items": list(items)}).encode()


def read_pod(item: dict[str, Any], now: float = LATER) -> Pod:
    """A Pod that is bound."""
    (found,) = Decoder(PodObject).page(page("PodList", item)).items
    pod = parse_pod(found, now, Shared())
    assert pod is not None
    return pod


def read_node(item: dict[str, Any], now: float = LATER, *, excluded: bool = False) -> NodeLife:
    """A Node and since when it is there."""
    (found,) = Decoder(NodeObject).page(page("NodeList", item)).items
    return NodeLife(*parse_node(found, now, lambda _labels: excluded))
