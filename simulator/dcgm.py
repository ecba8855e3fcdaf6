"""The text page of a DCGM exporter, from the formula."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Literal

import numpy as np

from simulator.objects import uid
from simulator.pods import pod_name
from simulator.shapes import STEP, DeviceSpec, Floats, Holder
from simulator.workload import Workload, step_ends

DcgmFault = Literal["down", "no_labels", "partial_labels", "missing_node"]
"""`no_labels`: no device names its pods; `partial_labels`: every second one does; `missing_node`: the last GPU node's
devices are not on the page."""

_FAMILIES = {
    "DCGM_FI_DEV_GPU_UTIL": "GPU utilization (in %).",
    "DCGM_FI_PROF_GR_ENGINE_ACTIVE": "Ratio of time the graphics engine is active.",
    "DCGM_FI_DEV_FB_USED": "Framebuffer memory used (in MiB).",
    "DCGM_FI_DEV_FB_FREE": "Framebuffer memory free (in MiB).",
}


def exposition(
    workload: Workload, end: int, interval: int = STEP, node: str | None = None, fault: DcgmFault | None = None
) -> str:
    """Devices of one node, or of all, averaged over (end - interval, end]. Framebuffer is written in whole MiB."""
    there = [other.name for other in workload.nodes_at(end) if other.gpus]
    missing = there[-1:] if fault == "missing_node" else []
    devices = [device for device in workload.devices if device.node in there and device.node not in missing]
    samples = [
        (tuple(_labels(workload, device, end, fault)), _values(workload, device, end, interval))
        for device in devices
        if node in (None, device.node)
    ]
    lines = []
    for family, help_text in _FAMILIES.items():
        lines += [f"# HELP {family} {help_text}", f"# TYPE {family} gauge"]
        lines += [f"{family}{{{labels}}} {values[family]}" for each, values in samples for labels in each]
    return "\n".join(lines) + "\n"


def device_uuid(device: DeviceSpec) -> str:
    """As the exporter's label `UUID` has it."""
    return f"GPU-{uid('gpu', device.node, str(device.index))}"


def readings(workload: Workload, device: DeviceSpec, start: int, end: int, interval: int) -> tuple[Floats, Floats]:
    """Fraction of the device that is busy, and whole MiB of framebuffer used, in each interval of (start, end]."""
    ends = step_ends(start, end)
    busy, used = (
        workload.device_values(device, what, ends).reshape(-1, interval // STEP).mean(axis=1)
        for what in ("utilisation", "framebuffer")
    )
    return busy, np.round(used * device.framebuffer_mib)


def _values(workload: Workload, device: DeviceSpec, end: int, interval: int) -> Mapping[str, str]:
    busy, used = (float(values[0]) for values in readings(workload, device, end - interval, end, interval))
    return {
        "DCGM_FI_DEV_GPU_UTIL": f"{busy * 100:.6f}",
        "DCGM_FI_PROF_GR_ENGINE_ACTIVE": f"{busy:.8f}",
        "DCGM_FI_DEV_FB_USED": str(int(used)),
        "DCGM_FI_DEV_FB_FREE": str(device.framebuffer_mib - int(used)),
    }


def _labels(workload: Workload, device: DeviceSpec, end: int, fault: DcgmFault | None) -> Iterator[str]:
    """Label sets of a device's series: one for each pod that holds it, as the exporter does for shared GPUs."""
    device_labels = {
        "gpu": str(device.index),
        "UUID": device_uuid(device),
        "pci_bus_id": f"00000000:{device.index + 1:02X}:00.0",
        "device": f"nvidia{device.index}",
        "modelName": "NVIDIA A100-SXM4-80GB" if device.framebuffer_mib > 40960 else "NVIDIA A100-SXM4-40GB",
        "Hostname": device.node,
        "DCGM_FI_DRIVER_VERSION": "570.86.15",
    }
    named = fault != "no_labels" and not (fault == "partial_labels" and device.index % 2)
    if not named or not workload.held(device, np.array([end]))[0]:
        yield _join(device_labels)
        return
    for number, holder in enumerate(device.holders):
        shared = {"vgpu": str(number)} if len(device.holders) > 1 else {}
        yield _join(device_labels | shared | _pod_labels(workload, holder, device.node))


def _pod_labels(workload: Workload, holder: Holder, node: str) -> dict[str, str]:
    group = next(group for group in workload.namespace(holder.namespace).groups if group.name == holder.group)
    container = next(container.name for container in group.containers if container.gpus)
    name = pod_name(holder.namespace, group, holder.ordinal, node)
    return {"container": container, "namespace": holder.namespace, "pod": name}


def _join(labels: Mapping[str, str]) -> str:
    return ",".join(f'{name}="{value}"' for name, value in labels.items())
