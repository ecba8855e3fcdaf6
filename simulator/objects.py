"""Kubernetes API objects of a simulated cluster, as JSON-ready dictionaries.

`end` is the end of the 5-minute step that is shown, `interval` the seconds before it over which usage is averaged.
Memory is written in Ki and CPU usage in nanocores, as metrics-server does.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import NAMESPACE_URL, uuid5
from zlib import crc32

from simulator.pods import PodInstance, pod_units, split
from simulator.shapes import STEP, Container, NamespaceSpec, NodeSpec, PodGroup
from simulator.workload import Workload

Json = dict[str, Any]

METRICS_WINDOW_SECONDS = 15
METRICS_WINDOW = f"{METRICS_WINDOW_SECONDS}s"
KUBELET_NANOCORES = 150_000_000
KUBELET_KIBIBYTES = 900_000


def timestamp(time: int) -> str:
    """RFC 3339 in UTC, whole seconds, as the Kubernetes API writes it."""
    return datetime.fromtimestamp(time, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def uid(*parts: str) -> str:
    """The same UUID for the same parts."""
    return str(uuid5(NAMESPACE_URL, "/".join(parts)))


def resource_version(end: int) -> str:
    """Grows by one with each 5-minute step."""
    return str(end // STEP)


def namespace_object(workload: Workload, spec: NamespaceSpec, end: int) -> Json:
    """A core/v1 Namespace."""
    created = max(workload.origin, workload.life(spec.name)[0])
    return {
        "metadata": {
            "name": spec.name,
            "uid": uid("namespace", spec.name),
            "resourceVersion": resource_version(created),
            "creationTimestamp": timestamp(created),
            "labels": dict(workload.labels(spec.name, end)),
        },
        "spec": {"finalizers": ["kubernetes"]},
        "status": {"phase": "Active"},
    }


def node_object(workload: Workload, node: NodeSpec, end: int) -> Json:
    """A core/v1 Node."""
    created = max(workload.origin, workload.time_of(node.since))
    address = f"10.0.0.{10 + [other.name for other in workload.nodes].index(node.name) % 240}"
    tainted = node.pool == "control-plane"
    taints = [{"key": "node-role.kubernetes.io/control-plane", "effect": "NoSchedule"}] if tainted else []
    return {
        "metadata": {
            "name": node.name,
            "uid": uid("node", node.name),
            "resourceVersion": resource_version(end),
            "creationTimestamp": timestamp(created),
            "labels": _node_labels(node),
        },
        "spec": {"providerID": f"sim://{node.name}", **({"taints": taints} if taints else {})},
        "status": {
            "capacity": _node_resources(node, 0, 0),
            "allocatable": _node_resources(node, node.reserved_millicores, node.reserved_mebibytes),
            "conditions": _node_conditions(created, end),
            "addresses": [{"type": "InternalIP", "address": address}, {"type": "Hostname", "address": node.name}],
            "nodeInfo": {
                "machineID": uid("machine", node.name),
                "systemUUID": uid("system", node.name),
                "bootID": uid("boot", node.name),
                "kernelVersion": "6.1.0-18-amd64",
                "osImage": "Debian GNU/Linux 12 (bookworm)",
                "containerRuntimeVersion": "containerd://1.7.24",
                "kubeletVersion": "v1.32.4",
                "kubeProxyVersion": "v1.32.4",
                "operatingSystem": "linux",
                "architecture": "amd64",
            },
        },
    }


def _node_labels(node: NodeSpec) -> dict[str, str]:
    """Those that Kubernetes and Karpenter give; each pool is of one type of machine."""
    role = "worker" if node.pool == "gpu" else node.pool
    labels = {
        "kubernetes.io/hostname": node.name,
        "kubernetes.io/os": "linux",
        "kubernetes.io/arch": "amd64",
        "topology.kubernetes.io/zone": f"zone-{'abc'[crc32(node.name.encode()) % 3]}",
        f"node-role.kubernetes.io/{role}": "",
        "node.kubernetes.io/instance-type": f"sim.{node.cores}x{node.gibibytes}{'g' if node.gpus else ''}",
        "karpenter.sh/nodepool": f"{node.pool}-spot" if node.spot else node.pool,
        "karpenter.sh/capacity-type": "spot" if node.spot else "on-demand",
    }
    if node.gpus:
        labels["nvidia.com/gpu.count"] = str(node.gpus)
        labels["nvidia.com/gpu.replicas"] = str(node.gpu_replicas)
        labels["nvidia.com/gpu.product"] = "NVIDIA-A100-SXM4-80GB" + ("-SHARED" if node.gpu_replicas > 1 else "")
    return labels


def _node_resources(node: NodeSpec, less_millicores: int, less_mebibytes: int) -> dict[str, str]:
    millicores = node.cores * 1000 - less_millicores
    resources = {
        "cpu": str(node.cores) if not less_millicores else f"{millicores}m",
        "memory": f"{(node.gibibytes * 1024 - less_mebibytes) * 1024}Ki",
        "ephemeral-storage": "209715200Ki",
        "hugepages-2Mi": "0",
        "pods": "250",
    }
    if node.gpus:
        resources["nvidia.com/gpu"] = str(node.gpus * node.gpu_replicas)
    return resources


def _node_conditions(created: int, end: int) -> list[Json]:
    def condition(kind: str, status: str, reason: str) -> Json:
        return {
            "type": kind,
            "status": status,
            "reason": reason,
            "message": reason,
            "lastHeartbeatTime": timestamp(end),
            "lastTransitionTime": timestamp(created),
        }

    return [
        condition("MemoryPressure", "False", "KubeletHasSufficientMemory"),
        condition("DiskPressure", "False", "KubeletHasNoDiskPressure"),
        condition("PIDPressure", "False", "KubeletHasSufficientPID"),
        condition("Ready", "True", "KubeletReady"),
    ]


def measured_containers(group: PodGroup) -> tuple[Container, ...]:
    """Containers that metrics-server knows: app containers and restartable init containers."""
    return (*(container for container in group.init if container.sidecar), *group.containers)


def pod_metrics_object(pod: PodInstance, units: tuple[int, int], scraped: int) -> Json:
    """A metrics.k8s.io/v1beta1 PodMetrics; `units` are the pod's nanocores and KiB."""
    containers = measured_containers(pod.group)
    shares = [container.share for container in containers]
    usages = zip(containers, split(units[0], shares), split(units[1], shares), strict=True)
    return {
        "metadata": {
            "name": pod.name,
            "namespace": pod.namespace,
            "creationTimestamp": timestamp(scraped),
            "labels": {"app": pod.group.name},
        },
        "timestamp": timestamp(scraped),
        "window": METRICS_WINDOW,
        "containers": [
            {"name": container.name, "usage": {"cpu": f"{nanocores}n", "memory": f"{kibibytes}Ki"}}
            for container, nanocores, kibibytes in usages
        ],
    }


def usage_totals(workload: Workload, end: int, interval: int = STEP) -> dict[str, tuple[float, float]]:
    """Cores and bytes each living namespace uses on average over (end - interval, end]."""
    return {
        spec.name: (
            workload.usage(spec.name, "cpu", end, interval),
            workload.usage(spec.name, "memory", end, interval),
        )
        for spec in workload.living(end)
    }


def running_pods(workload: Workload, end: int, interval: int = STEP) -> list[tuple[PodInstance, tuple[int, int]]]:
    """Pods that metrics-server knows, with their nanocores and KiB."""
    pods = workload.pods(end)
    units = pod_units(pods, usage_totals(workload, end, interval))
    return [(pod, unit) for pod, unit in zip(pods, units, strict=True) if pod.running]


def node_metrics_objects(
    workload: Workload, pods: Sequence[tuple[PodInstance, tuple[int, int]]], end: int, scraped: int
) -> Iterator[Json]:
    """metrics.k8s.io/v1beta1 NodeMetrics: the pods of each node and what the kubelet and the system use themselves."""
    totals = {node.name: (KUBELET_NANOCORES, KUBELET_KIBIBYTES) for node in workload.nodes_at(end)}
    for pod, (nanocores, kibibytes) in pods:
        cpu, memory = totals[str(pod.node)]
        totals[str(pod.node)] = (cpu + nanocores, memory + kibibytes)
    for name, (nanocores, kibibytes) in totals.items():
        yield {
            "metadata": {
                "name": name,
                "creationTimestamp": timestamp(scraped),
                "labels": {"kubernetes.io/hostname": name},
            },
            "timestamp": timestamp(scraped),
            "window": METRICS_WINDOW,
            "usage": {"cpu": f"{nanocores}n", "memory": f"{kibibytes}Ki"},
        }
