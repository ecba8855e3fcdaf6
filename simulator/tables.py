"""Tables (meta.k8s.io/v1) of nodes, namespaces, pods and volume claims: what kubectl prints is made on the server."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

Json = dict[str, Any]
Cells = Callable[[Json, int], list[Any]]

_POD = (("Name", 0), ("Ready", 0), ("Status", 0), ("Restarts", 0), ("Age", 0), ("IP", 1), ("Node", 1))
_NODE = (("Name", 0), ("Status", 0), ("Roles", 0), ("Age", 0), ("Version", 0), ("Internal-IP", 1), ("OS-Image", 1))
_VOLUME_CLAIM = (
    *(("Name", 0), ("Status", 0), ("Volume", 0), ("Capacity", 0)),
    *(("Access Modes", 0), ("StorageClass", 0), ("Age", 0)),
)
_SHORT_MODES = {"ReadWriteOnce": "RWO", "ReadWriteMany": "RWX"}
_NAMESPACE = (("Name", 0), ("Status", 0), ("Age", 0))


def age(created: str, now: int) -> str:
    """Time since `created` in the short form that kubectl prints: `45s`, `7m30s`, `5h12m`, `30h`, `3d4h`, `90d`."""
    seconds = max(0, now - int(datetime.fromisoformat(created).timestamp()))
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86400
    forms = (
        (120, f"{seconds}s"),
        (600, f"{minutes}m{seconds % 60}s"),
        (3 * 3600, f"{minutes}m"),
        (8 * 3600, f"{hours}h{minutes % 60}m"),
        (2 * 86400, f"{hours}h"),
        (8 * 86400, f"{days}d{hours % 24}h"),
    )
    return next((text for limit, text in forms if seconds < limit), f"{days}d")


def _pod_cells(pod: Json, now: int) -> list[Any]:
    sidecars = [each["name"] for each in pod["spec"].get("initContainers", []) if each.get("restartPolicy") == "Always"]
    init_statuses = pod["status"].get("initContainerStatuses", [])
    statuses = [status for status in init_statuses if status["name"] in sidecars]
    statuses += pod["status"].get("containerStatuses", [])
    ready = f"{sum(status['ready'] for status in statuses)}/{len(pod['spec']['containers']) + len(sidecars)}"
    return [
        pod["metadata"]["name"],
        ready,
        _pod_state(pod["status"]["phase"], statuses),
        sum(status["restartCount"] for status in statuses),
        age(pod["metadata"]["creationTimestamp"], now),
        pod["status"].get("podIP", "<none>"),
        pod["spec"].get("nodeName", "<none>"),
    ]


def _pod_state(phase: str, statuses: Sequence[Json]) -> str:
    for status in statuses:
        for state in ("waiting", "terminated"):
            if state in status["state"]:
                return str(status["state"][state]["reason"])
    return phase


def _node_cells(node: Json, now: int) -> list[Any]:
    prefix = "node-role.kubernetes.io/"
    roles = sorted(label.removeprefix(prefix) for label in node["metadata"]["labels"] if label.startswith(prefix))
    ready = next(each["status"] for each in node["status"]["conditions"] if each["type"] == "Ready")
    return [
        node["metadata"]["name"],
        "Ready" if ready == "True" else "NotReady",
        ",".join(roles) or "<none>",
        age(node["metadata"]["creationTimestamp"], now),
        node["status"]["nodeInfo"]["kubeletVersion"],
        node["status"]["addresses"][0]["address"],
        node["status"]["nodeInfo"]["osImage"],
    ]


def _namespace_cells(namespace: Json, now: int) -> list[Any]:
    metadata = namespace["metadata"]
    return [metadata["name"], namespace["status"]["phase"], age(metadata["creationTimestamp"], now)]


def _volume_claim_cells(claim: Json, now: int) -> list[Any]:
    metadata, spec, status = claim["metadata"], claim["spec"], claim["status"]
    return [
        metadata["name"],
        status["phase"],
        spec.get("volumeName", ""),
        status.get("capacity", {}).get("storage", ""),
        ",".join(_SHORT_MODES[mode] for mode in status.get("accessModes", [])),
        spec["storageClassName"],
        age(metadata["creationTimestamp"], now),
    ]


TABLES: Mapping[str, tuple[Sequence[tuple[str, int]], Cells]] = {
    "Pod": (_POD, _pod_cells),
    "Node": (_NODE, _node_cells),
    "Namespace": (_NAMESPACE, _namespace_cells),
    "PersistentVolumeClaim": (_VOLUME_CLAIM, _volume_claim_cells),
}


def table(kind: str, items: Sequence[Json], metadata: Json, now: int, *, with_objects: bool = False) -> Json:
    """A Table of `items`; its rows carry the objects' metadata, or the whole objects if the client sorts by them."""
    columns, cells = TABLES[kind]

    def included(item: Json) -> Json:
        if with_objects:
            return {"kind": kind, "apiVersion": "v1", **item}
        return {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": item["metadata"]}

    return {
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": metadata,
        "columnDefinitions": [
            {
                "name": name,
                "type": "integer" if name == "Restarts" else "string",
                "format": "name" if name == "Name" else "",
                "description": name,
                "priority": priority,
            }
            for name, priority in columns
        ],
        "rows": [{"cells": cells(item, now), "object": included(item)} for item in items],
    }
