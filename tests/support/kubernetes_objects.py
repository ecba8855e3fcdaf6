"""Kubernetes objects as the API writes them, with as little in them as a test needs."""

from __future__ import annotations

from typing import Any

Object = dict[str, Any]


def container(
    name: str = "app", *, restart_policy: str | None = None, limits: Object | None = None, **requests: str
) -> Object:
    """A container; resources as keywords, `gpu` for `nvidia.com/gpu`."""
    made: Object = {"name": name, "resources": {"requests": resources(**requests)}}
    if limits:
        made["resources"]["limits"] = limits
    if restart_policy:
        made["restartPolicy"] = restart_policy
    return made


def resources(**quantities: str) -> Object:
    """A ResourceList; `gpu` stands for `nvidia.com/gpu`."""
    return {"nvidia.com/gpu" if name == "gpu" else name: text for name, text in quantities.items()}


def pod(
    *containers: Object,
    namespace: str = "shop",
    name: str = "web-0",
    node: str | None = "n1",
    phase: str = "Running",
    spec: Object | None = None,
    status: Object | None = None,
) -> Object:
    """A Pod; `spec` and `status` are added to what the other arguments say."""
    made_spec = {"containers": list(containers), **({"nodeName": node} if node else {}), **(spec or {})}
    return {
        "metadata": {"namespace": namespace, "name": name, "uid": f"{namespace}-{name}"},
        "spec": made_spec,
        "status": {"phase": phase, **(status or {})},
    }


def node(
    name: str = "n1",
    *,
    cpu: str = "4",
    memory: str = "16Gi",
    labels: Object | None = None,
    unschedulable: bool = False,
    ready: str = "True",
    allocatable: Object | None = None,
    capacity: Object | None = None,
) -> Object:
    """A Node; `capacity` beyond cpu and memory, and `allocatable` where it differs from capacity."""
    total = {"cpu": cpu, "memory": memory, **(capacity or {})}
    return {
        "metadata": {"name": name, "labels": labels or {}},
        "spec": {"unschedulable": True} if unschedulable else {},
        "status": {
            "capacity": total,
            "allocatable": {**total, **(allocatable or {})},
            "conditions": [{"type": "MemoryPressure", "status": "False"}, {"type": "Ready", "status": ready}],
        },
    }


def volume_claim(
    name: str = "data",
    namespace: str = "shop",
    storage: str | None = "10Gi",
    storage_class: str | None = None,
    *,
    phase: str | None = "Bound",
    **metadata: Any,
) -> Object:
    """A PersistentVolumeClaim."""
    requests = {} if storage is None else {"requests": {"storage": storage}}
    spec = {"accessModes": ["ReadWriteOnce"], "resources": requests}
    return {
        "metadata": {"namespace": namespace, "name": name, "uid": f"{namespace}-{name}", **metadata},
        "spec": spec if storage_class is None else {**spec, "storageClassName": storage_class},
        "status": {} if phase is None else {"phase": phase},
    }


def listing(kind: str, items: list[Object], **metadata: str) -> Object:
    """A list object such as PodList."""
    return {"kind": kind, "apiVersion": "v1", "metadata": metadata, "items": items}


def pod_metrics(
    namespace: str, name: str, *containers: tuple[str, str], at: str = "2026-11-21T14:00:00Z", window: str = "15s"
) -> Object:
    """A PodMetrics with (cpu, memory) per container, the first of which is `app`."""
    return {
        "metadata": {"namespace": namespace, "name": name},
        "timestamp": at,
        "window": window,
        "containers": [
            {"name": f"c{i}" if i else "app", "usage": {"cpu": cpu, "memory": memory}}
            for i, (cpu, memory) in enumerate(containers)
        ],
    }


def node_metrics(name: str, cpu: str, memory: str, *, at: str = "2026-11-21T14:00:00Z") -> Object:
    """A NodeMetrics."""
    return {"metadata": {"name": name}, "timestamp": at, "window": "15s", "usage": {"cpu": cpu, "memory": memory}}
