"""Which resources of Kubernetes are GPUs, of which vendor, and what labels and annotations tell of their sharing.

Names are those of the vendors' device plugins; a plugin of NVIDIA may give its GPUs any name under `nvidia.com/`
(`nvidia.com/a100-80g`). Resources that are parts of a GPU which another resource counts are none: HAMi's
`nvidia.com/gpumem`, Intel's `gpu.intel.com/millicores`. Nor are accelerators that are no GPUs.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

from collector.mig_profiles import is_mig_profile, profile_share

_NO_GPUS_OF_NVIDIA = re.compile(
    r"gpu-?mem.*|gpu-?cores?.*|priority|gpu\.(?!shared$).*"  # HAMi's amounts; labels that look like resources
    r"|hostdev.*|mlnx.*|rdma.*|sriov.*|roce.*|ib.*|nics?|bf\d.*|cx\d.*|.*_vf|nvswitch.*"  # network, NVSwitch
    r"|(?-i:.*-\d+[ABCQ])",  # vGPUs of virtual machines, such as GRID_T4-4Q: how many make a GPU is not told
    re.IGNORECASE,
)
_AMD = re.compile(r"amd\.com/(?:gpu|([sdtqc]px)_nps\d+)")
_INTEL = frozenset({"gpu.intel.com/i915", "gpu.intel.com/xe", "intel.com/gpu"})
_SPLIT_BY_NVIDIA_PLUGINS = frozenset({"k8s.amazonaws.com/vgpu", "volcano.sh/vgpu-number", "volcano.sh/gpu-number"})
_OF_OTHERS = re.compile(r"(?!koordinator\.sh/)[a-z0-9.-]+/(?:gpu|(\d+)-(\d+)-gpu)|hygon\.com/dcu")
# Partitions of an Instinct accelerator; those of an MI300A are six at most.
_PARTITIONS = {"spx": 1, "dpx": 2, "tpx": 3, "qpx": 4, "cpx": 8}

_GKE = "cloud.google.com/gke-"
_GKE_STRATEGY, _GKE_CLIENTS = f"{_GKE}gpu-sharing-strategy", f"{_GKE}max-shared-clients-per-gpu"
_GKE_PARTITION, _GKE_COUNT = f"{_GKE}gpu-partition-size", f"{_GKE}gpu-count"
_PRODUCTS = ("nvidia.com/gpu.product", f"{_GKE}accelerator")
_AMD_PARTITIONS = ("amd.com/gpu.compute-memory-partition", "amd.com/compute-memory-partition")
_AMD_PRODUCT = "amd.com/gpu.product-name"
_INTEL_COUNT = "gpu.intel.com/device.count"
_INTEL_DEVICE = re.compile(r"gpu\.intel\.com/device-id\.[0-9a-f.-]+\.count")
_REPLICAS = re.compile(r"nvidia\.com/[^/]+\.replicas")
_LABELS = frozenset(
    {_GKE_STRATEGY, _GKE_CLIENTS, _GKE_PARTITION, _GKE_COUNT, *_PRODUCTS, "nvidia.com/gpu.count"}
    | {*_AMD_PARTITIONS, _AMD_PRODUCT, _INTEL_COUNT}
)
# HAMi, its earlier name, and Volcano's plugin: each device with the number it is split into.
_REGISTERS = ("hami.io/node-nvidia-register", "4pd.io/node-nvidia-register", "volcano.sh/node-vgpu-register")

_COUNT = re.compile(r"[1-9]\d{0,5}")
_SPLIT = re.compile(r"(?:^|:)[^,:]+,([1-9]\d{0,5}),")

_SINGLE_STRATEGY = re.compile(r"-MIG-((?:\d+c\.)?\d+g\.\d+gb)")


@lru_cache(maxsize=4096)
def is_gpu_resource(name: str) -> bool:
    """Whether units of a resource are GPUs or shares of GPUs, of any vendor."""
    return vendor(name) is not None


def is_measured(name: str) -> bool:
    """Whether exporters can show the GPUs that a resource counts."""
    return vendor(name) == "NVIDIA"


@lru_cache(maxsize=4096)
def vendor(name: str) -> str | None:
    """Who makes the GPUs that a resource counts: `NVIDIA`, `AMD`, `Intel` or a domain; None when it counts none."""
    domain, _, resource = name.partition("/")
    if domain == "nvidia.com" or name in _SPLIT_BY_NVIDIA_PLUGINS:
        return "NVIDIA" if resource and not _NO_GPUS_OF_NVIDIA.fullmatch(resource) else None
    if domain == "amd.com":
        return "AMD" if _AMD.fullmatch(name) else None
    if domain in ("intel.com", "gpu.intel.com"):
        return "Intel" if name in _INTEL else None
    return domain if _OF_OTHERS.fullmatch(name) else None


def gpu_hints(labels: Mapping[str, str], annotations: Mapping[str, str]) -> dict[str, str]:
    """Return what a node's labels and annotations tell of its GPUs: few short texts by label or annotation name.

    Of a register of devices only the number that each GPU is split into is kept.
    """
    hints = {name: text for name, text in labels.items() if _is_hint(name)}
    for name in _REGISTERS:
        splits = _split_counts(annotations.get(name, ""))
        if splits:
            hints[name] = f"{sum(splits) / len(splits):g}"
    return hints


def _is_hint(label: str) -> bool:
    return label in _LABELS or _REPLICAS.fullmatch(label) is not None or _INTEL_DEVICE.fullmatch(label) is not None


def _split_counts(register: str) -> list[int]:
    """Into how many each registered device is split. A register is JSON, or `uuid,count,…:uuid,count,…:` before 2.5."""
    if register.lstrip().startswith("["):
        try:
            devices: Any = json.loads(register)
        except ValueError:
            return []
        counts = [device.get("count") for device in devices if isinstance(device, dict)]
        return [count for count in counts if isinstance(count, int) and count > 0]
    return [int(count) for count in _SPLIT.findall(register)]


def slice_of(resource: str, hints: Mapping[str, str]) -> float:
    """GPUs that one unit of a resource is while nobody shares it: 1.0, or its part of a partitioned GPU."""
    maker = vendor(resource)
    if maker == "NVIDIA":
        return profile_share(_mig_profile(resource, hints), _first(hints, _PRODUCTS))
    if maker == "AMD":
        match = _AMD.fullmatch(resource)
        mode = (match and match[1]) or _first(hints, _AMD_PARTITIONS)[:3]
        most = 6 if mode == "cpx" and "MI300A" in hints.get(_AMD_PRODUCT, "") else _PARTITIONS.get(mode, 1)
        return 1 / most
    match = _OF_OTHERS.fullmatch(resource)
    return int(match[1]) / int(match[2]) if match and match[1] and int(match[2]) else 1.0


def _mig_profile(resource: str, hints: Mapping[str, str]) -> str:
    name = resource.partition("/")[2]
    if name.startswith("mig-"):
        return name
    # Under the single strategy every unit of the plain resource is an instance of the one profile.
    single = _SINGLE_STRATEGY.search(hints.get("nvidia.com/gpu.product", ""))
    partition = single[1] if single else hints.get(_GKE_PARTITION, "")
    return partition if is_mig_profile(partition) else ""


def declared_clients(resource: str, advertised: float, hints: Mapping[str, str]) -> float | None:
    """Into how many shares each GPU (or part of one) is sold as a resource, as its node tells; None when it does not.

    `advertised` are the units of the resource on that node.
    """
    maker = vendor(resource)
    if maker == "NVIDIA":
        return _clients_of_nvidia(resource, advertised, hints)
    if maker == "Intel":
        counts = (_count(hints, name) or 0 for name in hints if _INTEL_DEVICE.fullmatch(name))
        return _ratio(advertised, _count(hints, _INTEL_COUNT) or sum(counts))
    return None


def _clients_of_nvidia(resource: str, advertised: float, hints: Mapping[str, str]) -> float | None:
    register = next((float(hints[name]) for name in _REGISTERS if name in hints), None)
    if register is not None and not resource.startswith("nvidia.com/mig-"):
        return register
    clients = _count(hints, _GKE_CLIENTS)
    if clients is not None:
        return clients
    if resource.startswith("nvidia.com/"):
        own = resource.removesuffix(".shared")
        replicas = _count(hints, f"{own}.replicas")
        if replicas is None and not own.startswith("nvidia.com/mig-"):
            replicas = _count(hints, "nvidia.com/gpu.replicas")
        if replicas is not None:
            return replicas
    return _ratio(advertised * slice_of(resource, hints), _count(hints, _GKE_COUNT))


def declared_gpus(hints: Mapping[str, str]) -> float:
    """GPUs that a node's labels tell it has, for one that advertises none; 0.0 when they do not."""
    if _SINGLE_STRATEGY.search(hints.get("nvidia.com/gpu.product", "")):
        return 0.0
    return float(_count(hints, "nvidia.com/gpu.count") or _count(hints, _GKE_COUNT) or 0)


def _first(hints: Mapping[str, str], names: Iterable[str]) -> str:
    return next((hints[name] for name in names if hints.get(name)), "")


def _count(hints: Mapping[str, str], name: str) -> int | None:
    text = hints.get(name, "")
    return int(text) if _COUNT.fullmatch(text) else None


def _ratio(advertised: float, gpus: int | None) -> float | None:
    """`advertised` ÷ `gpus` where that is a whole number of at least 1."""
    ratio = round(advertised / gpus) if gpus else 0
    return float(ratio) if ratio and gpus and abs(ratio * gpus - advertised) < 1e-6 else None
