"""What namespaces requested of storage over an interval, by storage class."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from collector.observations import VolumeClaimSpan

StorageByEntry = Mapping[str | None, Mapping[str, float]]
"""Bytes by storage class, by namespace, and under None for everything that is not charged."""


def total_storage(spans: Iterable[VolumeClaimSpan], interval: float, charged: Callable[[str], bool]) -> StorageByEntry:
    """Add up bytes × seconds ÷ `interval`; a class of which nothing was held is left out."""
    totals: dict[str | None, dict[str, float]] = {}
    for span in spans:
        claim = span.claim
        held = claim.held * span.seconds / interval
        if held:
            classes = totals.setdefault(claim.namespace if charged(claim.namespace) else None, {})
            classes[claim.storage_class] = classes.get(claim.storage_class, 0.0) + held
    return totals
