import pytest
from prometheus_client.parser import text_string_to_metric_families

from simulator.dcgm import exposition
from simulator.faults import parse_time
from simulator.objects import (
    Json,
    namespace_object,
    node_metrics_objects,
    node_object,
    pod_metrics_object,
    running_pods,
    timestamp,
)
from simulator.pod_objects import created_at, pod_object
from simulator.pods import PodInstance
from simulator.shapes import HOUR, MIB
from simulator.workload import Workload

NOW = parse_time("2026-11-20T14:05:00Z")
WORKLOAD = Workload(parse_time("2025-10-01T00:00:00Z"))


def pod_of(namespace: str, group: str) -> PodInstance:
    return next(pod for pod in WORKLOAD.pods(NOW) if (pod.namespace, pod.group.name) == (namespace, group))


def shown(namespace: str, group: str) -> Json:
    return pod_object(WORKLOAD, pod_of(namespace, group), NOW)


def test_a_pod_states_requests_owner_node_and_phase() -> None:
    pod = shown("search", "search-node")
    assert pod["metadata"]["name"] == "search-node-0"
    assert pod["metadata"]["ownerReferences"][0]["kind"] == "StatefulSet"
    assert pod["spec"]["containers"][0]["resources"]["requests"] == {"cpu": "5", "memory": "28Gi"}
    assert pod["spec"]["nodeName"].startswith("worker-")
    assert pod["status"]["phase"] == "Running"
    assert pod["metadata"]["creationTimestamp"] == "2025-10-01T00:00:00Z"


def test_a_pod_of_a_deployment_belongs_to_its_replica_set() -> None:
    owner = shown("payments", "payments-api")["metadata"]["ownerReferences"][0]
    name = shown("payments", "payments-api")["metadata"]["name"]
    assert owner["kind"] == "ReplicaSet"
    assert name.startswith(owner["name"] + "-")


def test_a_sidecar_is_a_restartable_init_container_that_runs_and_is_measured() -> None:
    pod = shown("payments", "payments-api")
    assert [container.get("restartPolicy") for container in pod["spec"]["initContainers"]] == ["Always", None]
    states = [status["state"] for status in pod["status"]["initContainerStatuses"]]
    assert ["running" in state for state in states] == [True, False]
    metrics = pod_metrics_object(pod_of("payments", "payments-api"), (1_000_000_000, 1000), NOW)
    usage = {each["name"]: each["usage"] for each in metrics["containers"]}
    assert usage == {
        "vault-agent": {"cpu": "100000000n", "memory": "100Ki"},
        "payments-api": {"cpu": "900000000n", "memory": "900Ki"},
    }


def test_pods_that_are_not_charged_or_do_not_run_look_like_it() -> None:
    finished, unbound = shown("batch-nightly", "nightly-archive"), shown("dev-sandbox", "huge-experiment")
    pulling = shown("reporting", "report-viewer")
    assert finished["status"]["phase"] == "Succeeded"
    assert unbound["status"]["phase"] == "Pending"
    assert "nodeName" not in unbound["spec"]
    assert pulling["status"]["phase"] == "Pending"
    assert pulling["spec"]["nodeName"]
    assert pulling["status"]["containerStatuses"][0]["state"] == {"waiting": {"reason": "ContainerCreating"}}


def test_a_static_pod_is_the_mirror_of_its_node() -> None:
    pod = shown("openshift-etcd", "etcd")
    assert pod["metadata"]["annotations"]["kubernetes.io/config.mirror"]
    assert pod["metadata"]["ownerReferences"][0] | {"uid": ""} == {
        "apiVersion": "v1",
        "kind": "Node",
        "name": pod["spec"]["nodeName"],
        "uid": "",
        "controller": True,
    }


def test_pods_without_requests_state_none() -> None:
    assert shown("dev-sandbox", "sandbox")["spec"]["containers"][0]["resources"] == {}


def test_a_pod_that_comes_with_office_hours_is_new_every_day() -> None:
    # Friday 14:05: the extra pods of the shop came at 07:00; a new incarnation has another uid.
    pods = [pod for pod in WORKLOAD.pods(NOW) if pod.namespace == "shop-frontend"]
    assert [timestamp(created_at(WORKLOAD, pod, NOW)) for pod in pods[4:6]] == [
        "2025-10-01T00:00:00Z",
        "2026-11-20T07:00:00Z",
    ]
    next_day = NOW + 24 * HOUR
    uids = {pod_object(WORKLOAD, pods[5], end)["metadata"]["uid"] for end in (NOW, NOW + HOUR, next_day)}
    assert len(uids) == 2


def test_a_node_tells_its_pool_and_a_gpu_node_advertises_its_devices_once_for_each_replica() -> None:
    nodes = {node.name: node_object(WORKLOAD, node, NOW) for node in WORKLOAD.nodes}
    assert nodes["gpu-0"]["status"]["capacity"]["nvidia.com/gpu"] == "4"
    assert nodes["gpu-1"]["status"]["capacity"]["nvidia.com/gpu"] == "8"
    assert nodes["gpu-1"]["metadata"]["labels"]["nvidia.com/gpu.replicas"] == "2"
    pools = {name: node["metadata"]["labels"]["karpenter.sh/nodepool"] for name, node in nodes.items()}
    assert (pools["gpu-0"], pools["worker-0"], pools["worker-3"]) == ("gpu", "worker", "worker-spot")
    assert nodes["worker-3"]["metadata"]["labels"]["node.kubernetes.io/instance-type"] == "sim.64x256"
    # 64 cores less 500m, 256 GiB less 3072 MiB: 253 GiB = 265289728 Ki.
    assert nodes["worker-0"]["status"]["capacity"]["cpu"] == "64"
    assert nodes["worker-0"]["status"]["allocatable"]["cpu"] == "63500m"
    assert nodes["worker-0"]["status"]["allocatable"]["memory"] == "265289728Ki"


def test_a_label_of_a_namespace_changes_its_value() -> None:
    spec = WORKLOAD.namespace("payments")
    labels = [
        namespace_object(WORKLOAD, spec, end)["metadata"]["labels"]["team"] for end in (WORKLOAD.origin + 300, NOW)
    ]
    assert labels == ["payments", "fintech"]


def test_written_quantities_are_within_a_ten_thousandth_of_the_formula() -> None:
    cpu: dict[str, int] = {}
    memory: dict[str, int] = {}
    for pod, units in running_pods(WORKLOAD, NOW):
        for container in pod_metrics_object(pod, units, NOW)["containers"]:
            cpu[pod.namespace] = cpu.get(pod.namespace, 0) + int(container["usage"]["cpu"].removesuffix("n"))
            memory[pod.namespace] = memory.get(pod.namespace, 0) + int(container["usage"]["memory"].removesuffix("Ki"))
    assert len(cpu) > 20
    for name, nanocores in cpu.items():
        assert nanocores / 1e9 == pytest.approx(WORKLOAD.usage(name, "cpu", NOW), rel=1e-6)
        assert memory[name] * 1024 == pytest.approx(WORKLOAD.usage(name, "memory", NOW), rel=1e-5)


def test_a_node_uses_what_its_pods_use_and_a_little_more() -> None:
    pods = running_pods(WORKLOAD, NOW)
    total = sum(nanocores for _, (nanocores, _) in pods)
    nodes = list(node_metrics_objects(WORKLOAD, pods, NOW, NOW))
    # 9 nodes, 0.15 cores each for the kubelet and the system.
    assert sum(int(node["usage"]["cpu"].removesuffix("n")) for node in nodes) == total + 9 * 150_000_000


def samples(text: str, family: str) -> list[tuple[dict[str, str], float]]:
    families = {each.name: each for each in text_string_to_metric_families(text)}
    return [(sample.labels, sample.value) for sample in families[family].samples]


def test_the_dcgm_page_names_every_device_and_its_pods() -> None:
    utilisation = samples(exposition(WORKLOAD, NOW), "DCGM_FI_DEV_GPU_UTIL")
    assert len({labels["UUID"] for labels, _ in utilisation}) == 8
    unheld = [labels["gpu"] for labels, _ in utilisation if "pod" not in labels]
    assert unheld == ["3"]
    shared = [labels["pod"] for labels, _ in utilisation if (labels["Hostname"], labels["gpu"]) == ("gpu-1", "0")]
    assert shared == ["predictor-0", "notebook-1"]
    running = {(pod.namespace, pod.name) for pod in WORKLOAD.pods(NOW)}
    assert {(labels["namespace"], labels["pod"]) for labels, _ in utilisation if "pod" in labels} <= running


def test_the_dcgm_page_agrees_with_the_formula() -> None:
    text = exposition(WORKLOAD, NOW, HOUR)
    busy = [
        value for labels, value in samples(text, "DCGM_FI_DEV_GPU_UTIL") if labels.get("namespace") == "ml-training"
    ]
    used = [value for labels, value in samples(text, "DCGM_FI_DEV_FB_USED") if labels.get("namespace") == "ml-training"]
    free = [value for labels, value in samples(text, "DCGM_FI_DEV_FB_FREE") if labels.get("namespace") == "ml-training"]
    assert sum(busy) / 100 == pytest.approx(WORKLOAD.usage("ml-training", "gpu", NOW, HOUR), rel=1e-6)
    assert sum(used) * MIB == pytest.approx(WORKLOAD.usage("ml-training", "gpu_memory", NOW, HOUR), rel=1e-4)
    assert [a + b for a, b in zip(used, free, strict=True)] == [81920.0] * 3


def test_dcgm_faults_drop_labels_or_devices() -> None:
    def of(fault: object) -> list[dict[str, str]]:
        page = exposition(WORKLOAD, NOW, fault=fault)  # type: ignore[arg-type]
        return [labels for labels, _ in samples(page, "DCGM_FI_DEV_GPU_UTIL")]

    assert not [labels for labels in of("no_labels") if "pod" in labels]
    assert {labels["gpu"] for labels in of("partial_labels") if "pod" in labels} == {"0", "2"}
    assert {labels["Hostname"] for labels in of("missing_node")} == {"gpu-0"}
    assert {
        labels["Hostname"] for labels, _ in samples(exposition(WORKLOAD, NOW, node="gpu-1"), "DCGM_FI_DEV_FB_USED")
    } == {"gpu-1"}


def test_before_inference_moved_to_gpus_its_devices_were_idle() -> None:
    early = WORKLOAD.origin + 30 * 24 * HOUR
    named = [labels for labels, _ in samples(exposition(WORKLOAD, early), "DCGM_FI_DEV_GPU_UTIL") if "pod" in labels]
    assert {labels["namespace"] for labels in named} == {"ml-training", "ml-notebooks"}
    assert WORKLOAD.usage("ml-inference", "gpu", early) == 0.0
