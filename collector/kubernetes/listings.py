"""Namespaces, nodes and pods from the Kubernetes API, page by page.

A listing whose continue token expired (410) goes on with the token that the API server offers for the rest as it is
now, or begins again where it offers none. Objects already delivered are known by (namespace, name) and not delivered
twice, so that a sum over the listing stays right; what changed in between is seen as it was, or as it is now.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

import msgspec

from collector.errors import SourceError
from collector.kubernetes.gpu_resources import replicas, unit_shares
from collector.kubernetes.objects import PodObject
from collector.kubernetes.pod_keys import PodKeys
from collector.kubernetes.pod_requests import effective_requests
from collector.kubernetes.quantity import quantity
from collector.kubernetes.session import ExpiredListingError, Session
from collector.model import MetricValues, Node, Pod
from kl_core.vocabulary import Metric

log = logging.getLogger(__name__)

PAGE_SIZE = 500
MAX_LISTING_RESTARTS = 5
UNFINISHED = "status.phase!=Succeeded,status.phase!=Failed"
"""Finished pods can be most of a cluster's and hold nothing: they are not asked for."""

Object = Mapping[str, Any]
T = TypeVar("T")


def parse_namespace(item: Object) -> tuple[str, dict[str, str]]:
    """Name and labels of a Namespace."""
    metadata = item["metadata"]
    return metadata["name"], dict(metadata.get("labels") or {})


def parse_node(item: Object) -> Node:
    """Return a Node in cores, bytes and GPU equivalents; `gpu` only where it advertises GPUs.

    GPU equivalents take MIG slices and time-slicing replicas from the labels of GPU feature discovery.
    """
    metadata, status = item["metadata"], item.get("status") or {}
    labels = metadata.get("labels") or {}
    capacity = status.get("capacity") or {}
    units = unit_shares(capacity, labels)
    advertises = any(quantity(capacity[name]) > 0 for name in units)
    conditions = status.get("conditions") or ()
    return Node(
        name=metadata["name"],
        capacity=_node_amounts(capacity, units, advertises),
        allocatable=_node_amounts(status.get("allocatable") or {}, units, advertises),
        ready=any(condition.get("type") == "Ready" and condition.get("status") == "True" for condition in conditions),
        schedulable=not (item.get("spec") or {}).get("unschedulable", False),
        gpu_replicas=replicas(labels),
        gpu_units=units,
    )


def _node_amounts(resources: Mapping[str, str], units: Mapping[str, float], advertises: bool) -> MetricValues:
    result: dict[Metric, float | None] = {
        "cpu": quantity(resources.get("cpu", "0")),
        "memory": quantity(resources.get("memory", "0")),
    }
    if advertises:
        result["gpu"] = sum(quantity(resources.get(name, "0")) * share for name, share in units.items())
    return result


def parse_pod(item: Object) -> Pod:
    """Return a Pod with its effective requests."""
    metadata, node = item["metadata"], item["spec"].get("nodeName") or ""
    return Pod(
        namespace=metadata["namespace"],
        name=metadata["name"],
        node=node,
        phase=(item.get("status") or {}).get("phase", "Pending"),
        # What a pod that waits for a node asks for is set aside nowhere.
        requests=effective_requests(msgspec.convert(item, PodObject)) if node else {},
    )


def list_namespaces(session: Session) -> dict[str, dict[str, str]]:
    """Labels by namespace name."""
    return dict(_parsed(parse_namespace, item) for item in list_items(session, "namespaces"))


def list_nodes(session: Session) -> tuple[Node, ...]:
    """All nodes."""
    return tuple(_parsed(parse_node, item) for item in list_items(session, "nodes"))


def list_pods(session: Session) -> Iterator[Pod]:
    """Return the unfinished pods, each page when its first pod is asked for."""
    return (_parsed(parse_pod, item) for item in list_items(session, "pods", {"fieldSelector": UNFINISHED}))


def list_items(session: Session, resource: str, query: Mapping[str, str] | None = None) -> Iterator[Object]:
    """Objects of a core/v1 listing over all pages, none twice; raises `SourceError` when a page cannot be had."""
    delivered = PodKeys()
    token: str | None = None
    restarts = 0
    while True:
        try:
            page = _page(session, resource, query or {}, token)
        except ExpiredListingError as error:
            restarts += 1
            if restarts > MAX_LISTING_RESTARTS:
                raise
            log.info("the listing of %s expired on the API server; going on with a newer one", resource)
            token = error.resume
            continue
        for item in page["items"]:
            metadata = item["metadata"]
            if delivered.add(metadata.get("namespace", ""), metadata["name"]):
                yield item
        token = (page.get("metadata") or {}).get("continue")
        if not token:
            return


def _page(session: Session, resource: str, query: Mapping[str, str], token: str | None) -> dict[str, Any]:
    path = f"/api/v1/{resource}"
    query = {**query, "limit": str(PAGE_SIZE), **({"continue": token} if token else {})}
    page = session.get_json("kubernetes", path, query, f"list {resource} in the whole cluster")
    if not str(page.get("kind", "")).endswith("List"):
        raise SourceError("kubernetes", f"{path} did not answer with a list. Check that this is a Kubernetes API.")
    page["items"] = page.get("items") or []
    return page


def _parsed(parse: Callable[[Object], T], item: Object) -> T:
    try:
        return parse(item)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        name = (item.get("metadata") or {}).get("name")
        reason = f"{type(error).__name__}: {error}"
        raise SourceError("kubernetes", f"the object {name!r} cannot be understood ({reason})") from error
