"""Pods of a simulated cluster as the Kubernetes API shows them."""

from __future__ import annotations

from collections.abc import Mapping
from zlib import crc32

import numpy as np

from simulator.objects import Json, resource_version, timestamp, uid
from simulator.pods import PodInstance
from simulator.shapes import DAY, HOUR, Container
from simulator.workload import Workload

_SETTLED_HOURS = 7 * DAY // HOUR
"""How far back the start of a pod that comes and goes is looked for."""
_OWNER_APIS = {
    "Deployment": "apps/v1",
    "StatefulSet": "apps/v1",
    "DaemonSet": "apps/v1",
    "Job": "batch/v1",
    "Node": "v1",
}


def created_at(workload: Workload, pod: PodInstance, end: int) -> int:
    """When this incarnation of the pod appeared, UNIX time; a pod that comes and goes is a new one each time."""
    group, spec = pod.group, workload.namespace(pod.namespace)
    joined = workload.joined(spec, group, pod.ordinal)
    if not group.replicas.extra:
        return joined
    ends = np.arange(end - end % HOUR - _SETTLED_HOURS * HOUR, end + HOUR, HOUR, dtype=np.int64)
    absent = np.flatnonzero(workload.replicas(spec, group, ends[ends <= end]) <= pod.ordinal)
    return max(joined, int(ends[absent[-1]])) if len(absent) else joined


def pod_object(workload: Workload, pod: PodInstance, end: int) -> Json:
    """A core/v1 Pod as `kubectl get pod -o json` would show it, without managed fields."""
    created = created_at(workload, pod, end)
    group = pod.group
    spec: Json = {
        "containers": [_container(container) for container in group.containers],
        "restartPolicy": "Never" if group.kind == "Job" else "Always",
        "terminationGracePeriodSeconds": 30,
        "dnsPolicy": "ClusterFirst",
        "serviceAccountName": "default",
        "schedulerName": "default-scheduler",
        "priority": 0,
        "enableServiceLinks": True,
    }
    if group.init:
        spec["initContainers"] = [_container(container) for container in group.init]
    if pod.node is not None:
        spec["nodeName"] = pod.node
    return {"metadata": _pod_metadata(pod, created), "spec": spec, "status": _pod_status(pod, created)}


def _pod_metadata(pod: PodInstance, created: int) -> Json:
    group = pod.group
    owner = pod.name.rsplit("-", 1)[0] if group.kind == "Deployment" else group.name
    owner = str(pod.node) if group.kind == "Node" else owner
    kind, api = ("ReplicaSet", "apps/v1") if group.kind == "Deployment" else (group.kind, _OWNER_APIS[group.kind])
    metadata: Json = {
        "name": pod.name,
        "namespace": pod.namespace,
        "uid": uid("pod", pod.namespace, pod.name, str(created)),
        "resourceVersion": resource_version(created),
        "creationTimestamp": timestamp(created),
        "labels": {"app": group.name},
        "ownerReferences": [
            {"apiVersion": api, "kind": kind, "name": owner, "uid": uid(kind, pod.namespace, owner), "controller": True}
        ],
    }
    if group.kind == "Node":
        mirror = uid("static", pod.name).replace("-", "")
        metadata["annotations"] = {
            "kubernetes.io/config.hash": mirror,
            "kubernetes.io/config.mirror": mirror,
            "kubernetes.io/config.source": "file",
        }
    return metadata


def _container(container: Container) -> Json:
    requests: dict[str, str] = {}
    if container.millicores is not None:
        requests["cpu"] = _cpu(container.millicores)
    if container.mebibytes is not None:
        requests["memory"] = _memory(container.mebibytes)
    resources: Json = {"requests": requests} if requests else {}
    if container.gpus:
        requests["nvidia.com/gpu"] = str(container.gpus)
        resources["limits"] = {"nvidia.com/gpu": str(container.gpus)}
    result: Json = {
        "name": container.name,
        "image": container.image,
        "resources": resources,
        "imagePullPolicy": "IfNotPresent",
        "terminationMessagePath": "/dev/termination-log",
        "terminationMessagePolicy": "File",
    }
    if container.sidecar:
        result["restartPolicy"] = "Always"
    return result


def _cpu(millicores: int) -> str:
    return str(millicores // 1000) if millicores % 1000 == 0 else f"{millicores}m"


def _memory(mebibytes: int) -> str:
    return f"{mebibytes // 1024}Gi" if mebibytes % 1024 == 0 else f"{mebibytes}Mi"


def _pod_status(pod: PodInstance, created: int) -> Json:
    state, group = pod.group.state, pod.group
    if state == "unbound":
        message = "0/9 nodes are available: insufficient cpu."
        return {
            "phase": "Pending",
            "qosClass": "Burstable",
            "conditions": [_condition("PodScheduled", created, "Unschedulable", message)],
        }
    host = f"10.0.0.{10 + crc32(str(pod.node).encode()) % 200}"
    status: Json = {
        "phase": {"running": "Running", "succeeded": "Succeeded", "pulling": "Pending"}[state],
        "qosClass": "Burstable" if group.held.millicores or group.held.mebibytes else "BestEffort",
        "hostIP": host,
        "startTime": timestamp(created),
        "conditions": [
            _condition("Initialized", created),
            _condition("Ready", created, "" if state == "running" else "PodNotReady"),
            _condition("PodScheduled", created),
        ],
        "containerStatuses": [_container_status(container, pod, created) for container in group.containers],
    }
    if state != "pulling":
        number = crc32(f"{pod.namespace}/{pod.name}".encode())
        status["podIP"] = f"10.{64 + number % 64}.{number // 64 % 256}.{2 + number // 16384 % 250}"
        status["podIPs"] = [{"ip": status["podIP"]}]
    if group.init:
        status["initContainerStatuses"] = [_init_status(container, pod, created) for container in group.init]
    return status


def _condition(kind: str, since: int, reason: str = "", message: str = "") -> Json:
    condition = {"type": kind, "status": "False" if reason else "True", "lastTransitionTime": timestamp(since)}
    return condition | ({"reason": reason} if reason else {}) | ({"message": message} if message else {})


def _container_status(container: Container, pod: PodInstance, created: int) -> Json:
    state = pod.group.state
    states: Mapping[str, Json] = {
        "running": {"running": {"startedAt": timestamp(created)}},
        "succeeded": {"terminated": _completed(created)},
        "pulling": {"waiting": {"reason": "ContainerCreating"}},
    }
    return _status_of(container, pod, states[state], ready=state == "running")


def _init_status(container: Container, pod: PodInstance, created: int) -> Json:
    running: Json = {"running": {"startedAt": timestamp(created)}}
    state = running if container.sidecar else {"terminated": _completed(created)}
    return _status_of(container, pod, state, ready=True)


def _completed(created: int) -> Json:
    moment = timestamp(created)
    return {"exitCode": 0, "reason": "Completed", "startedAt": moment, "finishedAt": moment}


def _status_of(container: Container, pod: PodInstance, state: Json, *, ready: bool) -> Json:
    return {
        "name": container.name,
        "image": container.image,
        "imageID": f"sha256:{uid('image', container.image).replace('-', '') * 2}",
        "containerID": f"containerd://{uid(pod.namespace, pod.name, container.name).replace('-', '') * 2}",
        "ready": ready,
        "started": "running" in state,
        "restartCount": 0,
        "state": state,
        "lastState": {},
    }
