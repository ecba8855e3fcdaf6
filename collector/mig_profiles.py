"""What a MIG profile is worth in whole GPUs, for the sources that name one: Kubernetes and the DCGM exporter."""

from __future__ import annotations

import re
from functools import lru_cache

_PROFILE = re.compile(r"(?:(\d+)c\.)?(\d+)g\.(\d+)gb")

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
