"""Discovery documents: which resources the simulated API serves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

Json = dict[str, Any]

VERSION: Json = {
    "major": "1",
    "minor": "32",
    "gitVersion": "v1.32.4",
    "gitCommit": "0000000000000000000000000000000000000000",
    "gitTreeState": "clean",
    "buildDate": "2025-04-22T00:00:00Z",
    "goVersion": "go1.23.6",
    "compiler": "gc",
    "platform": "linux/amd64",
}

API_VERSIONS: Json = {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []}

METRICS_GROUP_VERSION = "metrics.k8s.io/v1beta1"
_METRICS_VERSION = {"groupVersion": METRICS_GROUP_VERSION, "version": "v1beta1"}
METRICS_GROUP: Json = {
    "kind": "APIGroup",
    "apiVersion": "v1",
    "name": "metrics.k8s.io",
    "versions": [_METRICS_VERSION],
    "preferredVersion": _METRICS_VERSION,
}


def groups(*, with_metrics: bool) -> Json:
    """The APIGroupList at /apis."""
    return {"kind": "APIGroupList", "apiVersion": "v1", "groups": [METRICS_GROUP] if with_metrics else []}


def _resources(group_version: str, resources: Sequence[Json]) -> Json:
    return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": group_version, "resources": list(resources)}


def _resource(name: str, kind: str, short: Sequence[str] = (), *, namespaced: bool, verbs: Sequence[str]) -> Json:
    result: Json = {
        "name": name,
        "singularName": kind.lower(),
        "namespaced": namespaced,
        "kind": kind,
        "verbs": list(verbs),
    }
    return result | ({"shortNames": list(short)} if short else {})


_READ = ("get", "list")
_WATCH = ("get", "list", "watch")

CORE_RESOURCES = _resources(
    "v1",
    [
        _resource("events", "Event", ["ev"], namespaced=True, verbs=_READ),
        _resource("namespaces", "Namespace", ["ns"], namespaced=False, verbs=_WATCH),
        _resource("nodes", "Node", ["no"], namespaced=False, verbs=_WATCH),
        _resource("persistentvolumeclaims", "PersistentVolumeClaim", ["pvc"], namespaced=True, verbs=_WATCH),
        _resource("pods", "Pod", ["po"], namespaced=True, verbs=_WATCH),
    ],
)

METRICS_RESOURCES = _resources(
    METRICS_GROUP_VERSION,
    [
        _resource("nodes", "NodeMetrics", namespaced=False, verbs=_READ),
        _resource("pods", "PodMetrics", namespaced=True, verbs=_READ),
    ],
)
