"""Usage of nodes and pods from `metrics.k8s.io/v1beta1`, as metrics-server answers it.

The API does not page, so the listing of pods is parsed while it arrives.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import ijson

from collector.errors import SourceError
from collector.kubernetes.quantity import quantity
from collector.kubernetes.session import Session
from collector.model import NodeUsage, PodUsage

API = "/apis/metrics.k8s.io/v1beta1"
_BUFFER = 1 << 16

Object = Mapping[str, Any]


def parse_pod_usage(item: Object) -> PodUsage:
    """Return a PodMetrics as the sum over its containers, in cores and bytes."""
    metadata = item["metadata"]
    cpu = memory = 0.0
    for container in item.get("containers") or ():
        usage = container["usage"]
        cpu += quantity(usage.get("cpu", "0"))
        memory += quantity(usage.get("memory", "0"))
    return PodUsage(metadata["namespace"], metadata["name"], cpu, memory)


def parse_node_usage(item: Object) -> NodeUsage:
    """Return a NodeMetrics in cores and bytes."""
    usage = item["usage"]
    return NodeUsage(item["metadata"]["name"], quantity(usage["cpu"]), quantity(usage["memory"]))


def list_node_usage(session: Session) -> tuple[NodeUsage, ...]:
    """Usage of all nodes; raises `SourceError`, with what to do when metrics-server is not installed."""
    listing = session.get_json("metrics", f"{API}/nodes", {}, "list nodes in the API group metrics.k8s.io")
    if not str(listing.get("kind", "")).endswith("List"):
        raise SourceError("metrics", f"{API}/nodes did not answer with a list. Check that this is a Kubernetes API.")
    try:
        return tuple(parse_node_usage(item) for item in listing.get("items") or ())
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise _not_understood(f"{API}/nodes", error) from error


def list_pod_usage(session: Session) -> Iterator[PodUsage]:
    """Usage of all pods, requested when the first is asked for; raises `SourceError` wherever the answer breaks off."""
    path = f"{API}/pods"
    permission = "list pods in the API group metrics.k8s.io"
    with session.stream("metrics", path, {}, permission) as body:
        try:
            for item in ijson.items(body, "items.item", use_float=True, buf_size=_BUFFER):
                yield parse_pod_usage(item)
        except ijson.JSONError as error:
            raise SourceError("metrics", f"{path} answered with broken or truncated JSON: {error}") from error
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise _not_understood(path, error) from error


def _not_understood(path: str, error: Exception) -> SourceError:
    return SourceError("metrics", f"{path} holds an object that cannot be understood ({type(error).__name__}: {error})")
