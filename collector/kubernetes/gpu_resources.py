"""What a GPU resource of Kubernetes is worth in whole GPUs.

Resource and label names are those of the NVIDIA device plugin and GPU feature discovery: `nvidia.com/gpu`,
`nvidia.com/mig-1g.5gb` (mixed strategy), either with `.shared` when time-slicing renames it; node labels
`nvidia.com/gpu.product` (`…-MIG-1g.5gb` under the single strategy) and `RESOURCE.replicas`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

from collector.mig_profiles import profile_share

_RESOURCE = re.compile(r"nvidia\.com/(gpu|mig-[0-9a-z.+-]+?)(\.shared)?")
_SINGLE_STRATEGY = re.compile(r"-MIG-((?:\d+c\.)?\d+g\.\d+gb)")


def is_gpu_resource(name: str) -> bool:
    """Whether a resource name stands for NVIDIA GPUs or MIG instances."""
    return name.startswith("nvidia.com/") and _RESOURCE.fullmatch(name) is not None


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
