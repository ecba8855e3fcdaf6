"""What a GPU resource or a MIG profile is worth in whole GPUs.

Resource and label names are those of the NVIDIA device plugin and GPU feature discovery: `nvidia.com/gpu`,
`nvidia.com/mig-1g.5gb` (mixed strategy), either with `.shared` when time-slicing renames it; node labels
`nvidia.com/gpu.product` (`…-MIG-1g.5gb` under the single strategy) and `RESOURCE.replicas`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

_RESOURCE = re.compile(r"nvidia\.com/(gpu|mig-[0-9a-z.+-]+?)(\.shared)?")
_PROFILE = re.compile(r"(?:(\d+)c\.)?(\d+)g\.(\d+)gb")
_SINGLE_STRATEGY = re.compile(r"-MIG-((?:\d+c\.)?\d+g\.\d+gb)")

_SLICES = 7
# Largest number of instances per product, NVIDIA MIG user guide, "Supported GPUs"; all others have 7.
_SLICES_BY_PRODUCT = (
    (re.compile(r"\bA30\b", re.IGNORECASE), 4),
    (re.compile(r"\bRTX[ -]PRO[ -]6000\b", re.IGNORECASE), 4),
    (re.compile(r"\bRTX[ -]PRO[ -](?:5000|4500)\b", re.IGNORECASE), 2),
    (re.compile(r"\bThor\b", re.IGNORECASE), 2),
)
# Profiles that only a product with four slices has, for when the product is not known.
_PROFILES_OF_FOUR = frozenset({"1g.6gb", "2g.12gb", "4g.24gb", "2g.48gb", "4g.96gb"})


def is_gpu_resource(name: str) -> bool:
    """Whether a resource name stands for NVIDIA GPUs or MIG instances."""
    return name.startswith("nvidia.com/") and _RESOURCE.fullmatch(name) is not None


def is_mig_profile(profile: str) -> bool:
    """Whether a profile tells slices. The memory in an exporter's `GPU_I_PROFILE` is rounded down: `7g.79gb`."""
    return _PROFILE.search(profile) is not None


@lru_cache(maxsize=1024)
def profile_share(profile: str, product: str = "") -> float:
    """GPU equivalents of one MIG instance, such as 1/7 for `1g.5gb`; 1.0 for what is not a MIG profile.

    `product` is the GPU's model name, which tells four slices from seven. A compute instance (`1c.3g.20gb`) counts
    its own slices.
    """
    match = _PROFILE.search(profile)
    if match is None:
        return 1.0
    compute, instance, memory = match.groups()
    return int(compute or instance) / _slices(product, f"{instance}g.{memory}gb")


def _slices(product: str, profile: str) -> int:
    for pattern, slices in _SLICES_BY_PRODUCT:
        if pattern.search(product):
            return slices
    return 4 if not product and profile in _PROFILES_OF_FOUR else _SLICES


@lru_cache(maxsize=1024)
def resource_share(name: str) -> float:
    """GPU equivalents of one unit as the resource's name alone tells, without the node's product and replicas."""
    match = _RESOURCE.fullmatch(name)
    return profile_share(match[1]) if match and match[1] != "gpu" else 1.0


def unit_shares(resources: Mapping[str, object], labels: Mapping[str, str]) -> dict[str, float]:
    """GPU equivalents of one unit of each GPU resource among `resources`, on a node with these labels."""
    product = labels.get("nvidia.com/gpu.product", "")
    single = _SINGLE_STRATEGY.search(product)
    shares = {}
    for name in resources:
        match = _RESOURCE.fullmatch(name)
        if match:
            profile = match[1] if match[1] != "gpu" else (single[1] if single else "")
            shares[name] = profile_share(profile, product) / replicas(labels, match[1])
    return shares


def replicas(labels: Mapping[str, str], resource: str = "gpu") -> int:
    """Pods that may hold one unit under time-slicing or MPS; 1 without a label that is a number above 0."""
    text = labels.get(f"nvidia.com/{resource}.replicas", "")
    return max(1, int(text)) if text.isdecimal() else 1
