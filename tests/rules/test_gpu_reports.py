"""GPUs as public bug reports tell of them, an hour each from the API's objects and exporters' pages to the books."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest

from collector.accounting.gpu_memory import NodeMemory
from tests.rules.telling import Told, Work, at, collected, column, machine, published, special, ticks, work

START, HALF, END = "2026-11-21T13:00", "2026-11-21T13:30", "2026-11-21T14:00"
GPU = "nvidia.com/gpu"


def page(*devices: str) -> str:
    """Lines of `HOST UUID [POD] PER_CENT`, where a pod is `NAMESPACE/NAME`, for GPUs of 16 GiB of which 1 is in use."""
    lines = []
    for line in devices:
        host, uuid, *pod, busy = line.split()
        namespace, _, name = (pod or ["/"])[0].partition("/")
        labels = f'gpu="0",UUID="{uuid}",Hostname="{host}",namespace="{namespace}",pod="{name}"'
        lines += [f"DCGM_FI_DEV_GPU_UTIL{{{labels}}} {busy}"]
        lines += [f"DCGM_FI_DEV_FB_USED{{{labels}}} 1024", f"DCGM_FI_DEV_FB_FREE{{{labels}}} 15360"]
    return "\n".join(lines) + "\n"


def holder(name: str, node: str, count: int = 1, resource: str = GPU) -> Work:
    namespace, _, pod = name.partition("/")
    return work(namespace, pod, cores=0.0, node=node, gpu={resource: str(count)})


def hour(directory: Path, works: Sequence[Work], nodes: Sequence[Any], *pages: str) -> Mapping[str, Any]:
    told = Told(works, nodes, exporters=pages or None, dcgm=bool(pages))
    found: Mapping[str, Any] = published(directory, ticks(told, START, END))["hourly_7d"]
    return found


def gpus(document: Mapping[str, Any], *names: str) -> list[float | None]:
    """Usage of these namespaces."""
    return [column(document, name, "usage", "gpu")[0] for name in names]


def test_gke_sells_one_gpu_to_four_clients(tmp_path: Path) -> None:
    # NVIDIA/dcgm-exporter#222: the label names one of two pods that share the only GPU; 0.8 in all.
    labels = {
        "cloud.google.com/gke-gpu-sharing-strategy": "time-sharing",
        "cloud.google.com/gke-max-shared-clients-per-gpu": "4",
    }
    node = machine("g1", labels=labels, gpu={GPU: "4"})
    found = hour(tmp_path, [holder("ml/a", "g1"), holder("nlp/b", "g1")], [node], page("g1 GPU-1 ml/a 80"))
    assert found["capacity"]["gpu"] == [1.0]
    assert gpus(found, "ml", "nlp") == pytest.approx([0.4, 0.4])
    assert column(found, "ml", "requests", "gpu") == column(found, "nlp", "requests", "gpu") == [0.25]
    assert special(found, "idle", "gpu") == [pytest.approx(0.2)]


def test_a_gpu_is_handed_out_by_dynamic_resource_allocation(tmp_path: Path) -> None:
    # NVIDIA/dcgm-exporter#501: neither node nor pod names a resource, the exporter names the pod.
    found = hour(tmp_path, [work("ml", "a", cores=1.0, node="g1")], [machine("g1")], page("g1 GPU-1 ml/a 80"))
    assert found["capacity"]["gpu"] == [1.0]
    assert gpus(found, "ml") == pytest.approx([0.8])
    assert special(found, "idle", "gpu") == [pytest.approx(0.2)]


def test_a_device_plugin_restarts_while_its_gpus_are_in_use(tmp_path: Path) -> None:
    # kubernetes/kubernetes#73948: the node advertises 0 for half an hour, and the pod goes on.
    shown = page(*(f"g1 GPU-{i} ml/a 100" for i in range(4)))
    told = Told([holder("ml/a", "g1", 4)], [machine("g1", gpu={GPU: "4"})], exporters=[shown], dcgm=True)
    memory: dict[str, NodeMemory] = {}
    samples = ticks(told, START, HALF, memory=memory)
    samples += ticks(replace(told, nodes=[machine("g1", gpu={GPU: "0"})]), HALF, END, memory=memory)
    found = published(tmp_path, samples)["hourly_7d"]
    assert (found["capacity"]["gpu"], found["allocatable"]["gpu"]) == ([4.0], [4.0])
    assert gpus(found, "ml") == column(found, "ml", "requests", "gpu") == [4.0]
    assert special(found, "idle", "gpu") == [0.0]


def test_gpus_that_are_called_unhealthy_go_on_being_used(tmp_path: Path) -> None:
    # NVIDIA/k8s-device-plugin#58: allocatable 0 of 4; the four are not idle -4 and non-allocatable 4 at once.
    node = machine("g1", gpu={GPU: "4"})
    node["status"]["allocatable"][GPU] = "0"
    shown = page(*(f"g1 GPU-{i} ml/a 100" for i in range(4)))
    found = hour(tmp_path, [holder("ml/a", "g1", 4)], [node], shown)
    assert gpus(found, "ml") == [4.0]
    assert special(found, "idle", "gpu") == special(found, "non-allocatable", "gpu") == [0.0]


@pytest.mark.parametrize("order", [1, -1])
def test_two_exporters_show_one_gpu(tmp_path: Path, order: int) -> None:
    # NVIDIA/dcgm-exporter#188: the second one tells its own name, and no pod.
    pages = page("g1 GPU-1 ml/a 80"), page("dcgm-exporter-6ldbb GPU-1 80")
    found = hour(tmp_path, [holder("ml/a", "g1")], [machine("g1", gpu={GPU: "1"})], *pages[::order])
    assert gpus(found, "ml") == pytest.approx([0.8])
    assert found["capacity"]["gpu"] == [1.0]
    assert "unattributed" not in found["special"]


def test_exporters_tell_full_names_or_their_own(tmp_path: Path) -> None:
    nodes = [machine(name, gpu={GPU: "1"}) for name in ("g1", "g2")]
    shown = page("g1.corp.example GPU-1 ml/a 80", "dcgm-exporter-6ldbb GPU-2 nlp/b 30")
    found = hour(tmp_path, [holder("ml/a", "g1"), holder("nlp/b", "g2")], nodes, shown)
    assert gpus(found, "ml", "nlp") == pytest.approx([0.8, 0.3])
    assert special(found, "idle", "gpu") == [pytest.approx(0.9)]


def test_a_plugin_advertises_gpus_under_another_name(tmp_path: Path) -> None:
    node = machine("g1", gpu={"nvidia.com/a100-80g": "2"})
    shown = page("g1 GPU-1 ml/a 80", "g1 GPU-2 0")
    found = hour(tmp_path, [holder("ml/a", "g1", resource="nvidia.com/a100-80g")], [node], shown)
    assert found["capacity"]["gpu"] == [2.0]
    assert gpus(found, "ml") == pytest.approx([0.8])
    assert column(found, "ml", "requests", "gpu") == [1.0]
    assert special(found, "idle", "gpu") == [pytest.approx(1.2)]


def test_an_instance_without_a_profile_blinds_nobody_else(tmp_path: Path) -> None:
    # NVIDIA/dcgm-exporter#714: the exporter of g2 names an instance whose profile is blank; nobody holds it.
    nodes = [machine("g1", gpu={GPU: "1"}), machine("g2", gpu={GPU: "0", "nvidia.com/mig-1g.5gb": "7"})]
    blank = 'DCGM_FI_PROF_GR_ENGINE_ACTIVE{gpu="0",UUID="GPU-2",Hostname="g2",GPU_I_ID="7",GPU_I_PROFILE=""} 0.1\n'
    found = hour(tmp_path, [holder("ml/a", "g1")], nodes, page("g1 GPU-1 ml/a 80"), blank)
    assert gpus(found, "ml") == pytest.approx([0.8])
    assert found["capacity"]["gpu"] == [2.0]


def test_one_gpu_of_24_has_fallen_off_the_bus(tmp_path: Path) -> None:
    # NVIDIA/dcgm-exporter#348: seven of eight are known of the third team, and the others are not concerned.
    nodes = [machine(f"g{n}", gpu={GPU: "8"}) for n in range(3)]
    works = [holder(f"team{n}/a", f"g{n}", 8) for n in range(3)]
    lines = [f"g{n} GPU-{n}-{i} team{n}/a 50" for n in range(3) for i in range(8)]
    found = hour(tmp_path, works, nodes, page(*lines[:-1]))
    assert gpus(found, "team0", "team1", "team2") == pytest.approx([4.0, 4.0, 3.5])
    assert found["capacity"]["gpu"] == [24.0]


def test_a_bound_pod_whose_image_cannot_be_pulled_holds_its_gpu_and_uses_none(tmp_path: Path) -> None:
    waiting = {"containerStatuses": [{"name": "app", "state": {"waiting": {"reason": "ImagePullBackOff"}}}]}
    pod = work("ml", "a", node="g1", gpu={GPU: "1"}, phase="Pending", status=waiting)
    found = hour(tmp_path, [pod], [machine("g1", gpu={GPU: "1"})], page("g1 GPU-1 0"))
    assert column(found, "ml", "requests", "gpu") == [1.0]
    assert gpus(found, "ml") == [0.0]
    assert special(found, "idle", "gpu") == [1.0]


def test_only_gpus_of_another_vendor(tmp_path: Path) -> None:
    node = machine("a1", gpu={"amd.com/gpu": "8"})
    found = hour(tmp_path, [holder("ml/a", "a1", 4, "amd.com/gpu")], [node])
    assert found["capacity"]["gpu"] == [8.0]
    assert column(found, "ml", "requests", "gpu") == [4.0]
    assert gpus(found, "ml") == [None]


def test_what_is_learnt_of_sharing_outlasts_a_restart(tmp_path: Path) -> None:
    # One GPU sold four times, of which nothing tells: believed at the third tick, which another process takes.
    shown = page("g1 GPU-1 ml/a 80")
    told = Told([holder("ml/a", "g1")], [machine("g1", gpu={GPU: "4"})], exporters=[shown], dcgm=True)
    first = at("2026-11-21T13:05")
    data = collected(tmp_path, [(first, told), (first + 300, told)])
    assert nodes_of(data)[0]["capacity"]["gpus"] == 4.0
    collected(tmp_path, [(first + 600, told)])
    assert nodes_of(data)[0]["capacity"]["gpus"] == 1.0


def nodes_of(data: Path) -> list[dict[str, Any]]:
    """The nodes of the newest generation."""
    manifest = orjson.loads((data / "dataset.json").read_bytes())
    path = next(file for file in data.glob("nodes-*.json") if str(manifest["generation"]) in file.name)
    found: list[dict[str, Any]] = orjson.loads(path.read_bytes())["nodes"]
    return found
