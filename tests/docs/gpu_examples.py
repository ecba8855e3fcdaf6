"""The examples of docs/accounting.md about GPUs; see `examples`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from collector.accounting.gpu_memory import NodeMemory
from tests.rules.telling import Told, Work, column, machine, published, special, ticks, work

PAGES = Path(__file__).parents[1] / "collector" / "dcgm" / "data"
ONE_GPU = {"nvidia.com/gpu": "1"}
ONE_HOUR = ("2026-11-21T13:00", "2026-11-21T14:00")
TWO_HOURS = "2026-11-21T15:00"


def gpus(directory: Path) -> Mapping[str, float | None]:
    def hour(name: str, told: Told) -> dict[str, Any]:
        document: dict[str, Any] = published(directory / name, ticks(told, *ONE_HOUR))["hourly_7d"]
        return document

    def page(name: str) -> list[str]:
        return [(PAGES / f"{name}.prom").read_text()]

    def holding(namespace: str, name: str, gpu: Mapping[str, str], node: str = "gpu-node-1") -> Work:
        return work(namespace, name, cores=0.0, node=node, gpu=gpu)

    two = [machine("gpu-node-1", gpu={"nvidia.com/gpu": "2"})]
    ml, vision = holding("ml", "train-0", ONE_GPU), holding("vision", "serve-5c9d-x2x", ONE_GPU)
    plain = hour("plain", Told([ml, vision], two, exporters=page("labelled"), dcgm=True))
    unnamed = hour("unnamed", Told([ml, vision], two, exporters=page("partly_labelled"), dcgm=True))
    unheld = hour("unheld", Told([ml], two, exporters=page("partly_labelled"), dcgm=True))
    quiet = [re.sub(r"(GPU_UTIL\{.*nvidia1.*\}) 40", r"\1 4", text) for text in page("partly_labelled")]
    nearly = hour("nearly", Told([ml], two, exporters=quiet, dcgm=True))
    blank = [
        re.sub(r"(GPU_UTIL\{.*nvidia1.*\}) 40", r"\1 9223372036854775794", text) for text in page("partly_labelled")
    ]
    untold_use = hour("untold_use", Told([ml], two, exporters=blank, dcgm=True))
    sliced_node = machine("gpu-node-1", labels={"nvidia.com/gpu.replicas": "4"}, gpu={"nvidia.com/gpu": "4"})
    replicas = [holding(*pod, ONE_GPU) for pod in (("ml", "nb-0"), ("ml", "nb-1"), ("vision", "nb-2"))]
    sliced = hour("sliced", Told(replicas, [sliced_node], exporters=page("time_slicing"), dcgm=True))
    untold_node = machine("gpu-node-1", gpu={"nvidia.com/gpu": "4"})
    two_hours = ticks(Told(replicas, [untold_node], exporters=page("time_slicing"), dcgm=True), ONE_HOUR[0], TWO_HOURS)
    untold = published(directory / "untold", two_hours)["hourly_7d"]
    large, small = "nvidia.com/mig-3g.20gb", "nvidia.com/mig-1g.5gb"
    mig_node = machine(
        "gpu-node-2", labels={"nvidia.com/gpu.product": "NVIDIA-A100-SXM4-40GB"}, gpu={large: "1", small: "2"}
    )
    instances = [
        holding("ml", "train-0", {large: "1"}, "gpu-node-2"),
        holding("vision", "serve-a", {small: "1"}, "gpu-node-2"),
    ]
    mig = hour("mig", Told(instances, [mig_node], exporters=page("mig"), dcgm=True))
    eight = [*two, machine("gpu-node-8", gpu={"nvidia.com/gpu": "8"})]
    works = [ml, vision, holding("hpc", "solve", {"nvidia.com/gpu": "8"}, "gpu-node-8")]
    lost, dark = (
        hour(name, Told(works, eight, exporters=[*page("labelled"), half_busy(shown)], dcgm=True))
        for name, shown in (("lost", 7), ("dark", 3))
    )
    there = Told([ml, vision], two, exporters=page("labelled"), dcgm=True)
    away = replace(there, nodes=[machine("gpu-node-1", gpu={"nvidia.com/gpu": "0"})])
    memory: dict[str, NodeMemory] = {}
    half = "2026-11-21T13:30"
    restarting = ticks(there, ONE_HOUR[0], half, memory=memory) + ticks(away, half, ONE_HOUR[1], memory=memory)
    restart = published(directory / "restart", restarting)["hourly_7d"]
    on_amd = holding("hpc", "solve", {"amd.com/gpu": "4"}, "amd-node")
    amd = hour("amd", Told([on_amd], [machine("amd-node", gpu={"amd.com/gpu": "8"})]))
    second = "two GPUs, the second names no pod (40 %)"
    return {
        "two GPUs: usage of ml": column(plain, "ml", "usage", "gpu")[0],
        "two GPUs: idle": special(plain, "idle", "gpu")[0],
        f"{second}, vision holds one: unattributed": special(unnamed, "unattributed", "gpu")[0],
        f"{second}, nobody holds it: unattributed": special(unheld, "unattributed", "gpu")[0],
        f"{second}, nobody holds it: idle".replace("40", "4"): special(nearly, "idle", "gpu")[0],
        "two GPUs, the second names no pod and tells no use, nobody holds it: usage of ml": column(
            untold_use, "ml", "usage", "gpu"
        )[0],
        "two GPUs, the second names no pod and tells no use, nobody holds it: idle": special(untold_use, "idle", "gpu")[
            0
        ],
        "two GPUs, the second names no pod and tells no use, nobody holds it: unmeasured": special(
            untold_use, "unmeasured", "gpu"
        )[0],
        "four replicas: usage of ml": column(sliced, "ml", "usage", "gpu")[0],
        "four replicas: requests of ml": column(sliced, "ml", "requests", "gpu")[0],
        "four replicas: capacity": sliced["capacity"]["gpu"][0],
        "MIG: usage of ml": column(mig, "ml", "usage", "gpu")[0],
        "MIG: usage of vision": column(mig, "vision", "usage", "gpu")[0],
        "MIG: requests of ml": column(mig, "ml", "requests", "gpu")[0],
        "four replicas without labels, the first hour: capacity": untold["capacity"]["gpu"][0],
        "four replicas without labels, the second hour: capacity": untold["capacity"]["gpu"][1],
        "four replicas without labels, the second hour: requests of ml": column(untold, "ml", "requests", "gpu")[1],
        "MIG: capacity": mig["capacity"]["gpu"][0],
        "MIG: non-allocatable, two of seven slices": special(mig, "non-allocatable", "gpu")[0],
        "eight GPUs, one is not shown: usage of hpc": column(lost, "hpc", "usage", "gpu")[0],
        "eight GPUs, five are not shown: usage of hpc": column(dark, "hpc", "usage", "gpu")[0],
        "eight GPUs, five are not shown: usage of ml": column(dark, "ml", "usage", "gpu")[0],
        "eight GPUs, five are not shown: requests of hpc": column(dark, "hpc", "requests", "gpu")[0],
        "eight GPUs, five are not shown: capacity": dark["capacity"]["gpu"][0],
        "a plugin restarts: capacity": restart["capacity"]["gpu"][0],
        "a plugin restarts: idle": special(restart, "idle", "gpu")[0],
        "AMD: capacity": amd["capacity"]["gpu"][0],
        "AMD: requests of hpc": column(amd, "hpc", "requests", "gpu")[0],
        "AMD: usage of hpc": column(amd, "hpc", "usage", "gpu")[0],
    }


def half_busy(gpus: int) -> str:
    """A page of so many GPUs of gpu-node-8, all held by hpc."""
    labels = 'Hostname="gpu-node-8",namespace="hpc",pod="solve"'
    return "".join(f'DCGM_FI_DEV_GPU_UTIL{{gpu="{i}",UUID="GPU-8-{i}",{labels}}} 50\n' for i in range(gpus))
