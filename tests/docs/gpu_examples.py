"""The examples of docs/accounting.md about GPUs; see `examples`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.rules.telling import Told, Work, column, machine, published, special, ticks, work

PAGES = Path(__file__).parents[1] / "collector" / "dcgm" / "data"
ONE_GPU = {"nvidia.com/gpu": "1"}
ONE_HOUR = ("2026-11-21T13:00", "2026-11-21T14:00")


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
    down = hour("down", Told([ml, vision], [*two, machine("x", gpu=ONE_GPU)], exporters=page("labelled"), dcgm=True))
    sliced_node = machine("gpu-node-1", labels={"nvidia.com/gpu.replicas": "4"}, gpu={"nvidia.com/gpu": "4"})
    replicas = [holding(*pod, ONE_GPU) for pod in (("ml", "nb-0"), ("ml", "nb-1"), ("vision", "nb-2"))]
    sliced = hour("sliced", Told(replicas, [sliced_node], exporters=page("time_slicing"), dcgm=True))
    large, small = "nvidia.com/mig-3g.20gb", "nvidia.com/mig-1g.5gb"
    mig_node = machine(
        "gpu-node-2", labels={"nvidia.com/gpu.product": "NVIDIA-A100-SXM4-40GB"}, gpu={large: "1", small: "2"}
    )
    instances = [
        holding("ml", "train-0", {large: "1"}, "gpu-node-2"),
        holding("vision", "serve-a", {small: "1"}, "gpu-node-2"),
    ]
    mig = hour("mig", Told(instances, [mig_node], exporters=page("mig"), dcgm=True))
    second = "two GPUs, the second names no pod (40 %)"
    return {
        "two GPUs: usage of ml": column(plain, "ml", "usage", "gpu")[0],
        "two GPUs: idle": special(plain, "idle", "gpu")[0],
        f"{second}, vision holds one: unattributed": special(unnamed, "unattributed", "gpu")[0],
        f"{second}, nobody holds it: idle": special(unheld, "idle", "gpu")[0],
        "four replicas: usage of ml": column(sliced, "ml", "usage", "gpu")[0],
        "four replicas: requests of ml": column(sliced, "ml", "requests", "gpu")[0],
        "four replicas: capacity": sliced["capacity"]["gpu"][0],
        "MIG: usage of ml": column(mig, "ml", "usage", "gpu")[0],
        "MIG: usage of vision": column(mig, "vision", "usage", "gpu")[0],
        "MIG: requests of ml": column(mig, "ml", "requests", "gpu")[0],
        "MIG: capacity, five of seven slices": mig["capacity"]["gpu"][0],
        "an exporter is down: usage of ml": column(down, "ml", "usage", "gpu")[0],
        "an exporter is down: requests of ml": column(down, "ml", "requests", "gpu")[0],
    }
