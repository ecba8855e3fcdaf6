"""What pods held over an interval, added up by entry and node."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from collector.accounting.gpu_units import GpuUnits
from collector.observations import HUGE_PAGES, PodSpan

K = TypeVar("K")

_WITHOUT_GPU = frozenset({"cpu", "memory", HUGE_PAGES})
"""Resources that a pod without GPUs requests at most."""


@dataclass(slots=True)
class Held:
    """Means over an interval: cores, bytes, GPUs; and how many pods still held something at its end."""

    cpu: float = 0.0
    memory: float = 0.0
    gpu: float = 0.0
    pods: int = 0
    claims_unread: bool = False
    """Whether it may hold more GPUs by resource claims that could not be read."""


@dataclass(slots=True)
class PodTotals:
    """What pods held. `entries` is keyed by namespace, or by None for everything that is not charged."""

    entries: dict[str | None, Held] = field(default_factory=dict)
    nodes: dict[str, Held] = field(default_factory=dict)


def total_pods(
    spans: Iterable[PodSpan],
    present: Mapping[str, float],
    interval: float,
    units: GpuUnits,
    charged: Callable[[str], bool],
) -> PodTotals:
    """Add up requests × seconds ÷ `interval`; consumes `spans`, whose errors pass through.

    `present` are the seconds of the interval for which each node was there: no pod holds anything of it for longer, so
    that a pod on another node, or one that is no machine, holds nothing. `units` tells how many GPUs a pod holds.
    """
    totals = PodTotals()
    left: dict[str, float] = {}
    for span in spans:
        pod, seconds = span.pod, min(span.seconds, present.get(span.pod.node, 0.0))
        is_first = True
        if seconds < interval:
            # A pod that was resized has several spans, which share the time for which its node was there.
            is_first = pod.identity not in left
            room = left.get(pod.identity, present.get(pod.node, 0.0))
            seconds = min(seconds, room)
            left[pod.identity] = room - seconds
        if seconds <= 0:
            continue
        part = seconds / interval
        gpu = 0.0 if pod.requests.keys() <= _WITHOUT_GPU and not pod.claims else part * units.holds(pod)
        unread = bool(pod.claims) and units.is_unread(pod)
        # Of a pod that was resized, what it is last says whether it has ended.
        more_pods = int(pod.ended is None) if is_first else -int(pod.ended is not None)
        key = pod.namespace if charged(pod.namespace) else None
        for held in (_at(totals.entries, key), _at(totals.nodes, pod.node)):
            held.cpu += part * pod.requests.get("cpu", 0.0)
            held.memory += part * pod.requests.get("memory", 0.0)
            held.gpu += gpu
            held.claims_unread |= unread
            held.pods += more_pods
    return totals


def _at(table: dict[K, Held], key: K) -> Held:
    held = table.get(key)
    if held is None:
        held = table[key] = Held()
    return held
