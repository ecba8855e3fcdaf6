"""What pods held over an interval, and what they are charged for it, added up by entry and node.

A pod is charged for the larger of what it requests and what it used, for as long as it held something: what was read of
it at one moment stands for all of that time. One that was resized is charged span by span, with the same use. What was
not measured is charged as it was requested.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from collector.accounting.gpu_units import GpuUnits
from collector.accounting.pod_rates import PodRates
from collector.observations import HUGE_PAGES, PodSpan

K = TypeVar("K")
T = TypeVar("T")

_WITHOUT_GPU = frozenset({"cpu", "memory", HUGE_PAGES})
"""Resources that a pod without GPUs requests at most."""
_NOTHING_USED = 0.0, 0.0


@dataclass(frozen=True, slots=True)
class UsedByPods:
    """What single pods used when usage was read."""

    rates: PodRates = field(default_factory=PodRates)
    """Of cpu and memory, where measured."""
    gpus: Mapping[str, float] = field(default_factory=dict)
    """GPU equivalents by `Pod.identity`, as far as exporters showed them."""


_NOTHING_KNOWN = UsedByPods()


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
class Charge:
    """Means over an interval: cores, bytes, GPUs; each at least what was held."""

    cpu: float = 0.0
    memory: float = 0.0
    gpu: float = 0.0


@dataclass(slots=True)
class PodTotals:
    """What pods held. Entries are keyed by namespace, or by None for everything that is not charged."""

    entries: dict[str | None, Held] = field(default_factory=dict)
    charges: dict[str | None, Charge] = field(default_factory=dict)
    nodes: dict[str, Held] = field(default_factory=dict)


def total_pods(
    spans: Iterable[PodSpan],
    present: Mapping[str, float],
    interval: float,
    units: GpuUnits,
    charged: Callable[[str], bool],
    *,
    used: UsedByPods = _NOTHING_KNOWN,
) -> PodTotals:
    """Add up requests × seconds ÷ `interval`, and max(use, requests) likewise; consumes `spans`.

    Errors of `spans` pass through.

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
        cpu, memory = pod.requests.get("cpu", 0.0), pod.requests.get("memory", 0.0)
        used_cpu, used_memory = used.rates.of(pod.identity) or _NOTHING_USED
        gpu = 0.0 if pod.requests.keys() <= _WITHOUT_GPU and not pod.claims else units.holds(pod)
        used_gpu = used.gpus.get(pod.identity, 0.0)
        unread = bool(pod.claims) and units.is_unread(pod)
        # Of a pod that was resized, what it is last says whether it has ended.
        more_pods = int(pod.ended is None) if is_first else -int(pod.ended is not None)
        key = pod.namespace if charged(pod.namespace) else None
        charge = _at(totals.charges, key, Charge)
        charge.cpu += part * max(cpu, used_cpu)
        charge.memory += part * max(memory, used_memory)
        charge.gpu += part * max(gpu, used_gpu)
        for held in (_at(totals.entries, key, Held), _at(totals.nodes, pod.node, Held)):
            held.cpu += part * cpu
            held.memory += part * memory
            held.gpu += part * gpu
            held.claims_unread |= unread
            held.pods += more_pods
    return totals


def _at(table: dict[K, T], key: K, new: Callable[[], T]) -> T:
    item = table.get(key)
    if item is None:
        item = table[key] = new()
    return item
