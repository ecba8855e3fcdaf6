"""What was in use at one moment, by namespace and node, as far as metrics-server measured it.

An expected pod that is not measured adds nothing and lowers its entry's share; what is not expected and not measured
uses nothing: a pod whose containers start and crash, or whose node is dead.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from collector.accounting.believed_metrics import NodeUsage, Usage
from collector.accounting.pod_rates import PodRates
from collector.accounting.pod_samples import PodSamples
from collector.errors import SourceError
from collector.model import UnmeasuredReason, UnobservedCause
from collector.observations import Pod, UsageReading

log = logging.getLogger(__name__)

MIN_MEASURED_SHARE = 0.5
"""Share of what is expected that has to be measured for an entry's usage to count as known."""


@dataclass(frozen=True, slots=True)
class EntryUsage:
    """What one entry used: cores and bytes, None where too little of it was measured, and the share measured.

    `share` is what was measured of what was expected, 1.0 where nothing was: by requested cpu where every expected pod
    requests some, else by number of pods. So usage ÷ (requests × share) is the efficiency of the measured pods: exact
    for cpu where all request some, and for pods that request alike; for memory, and where a pod requests nothing, as
    near as the measured pods are like the others.
    """

    cpu: float | None
    memory: float | None
    share: float
    requests: Usage = (0.0, 0.0)
    """Cores and bytes that the measured pods requested at the same moment, whether or not they were expected."""


_NOTHING = EntryUsage(0.0, 0.0, 1.0)


@dataclass(frozen=True, slots=True)
class MeasuredUsage:
    """What one reading found, until its interval is over."""

    moment: float
    """UNIX seconds."""
    entries: Mapping[str | None, EntryUsage] | None
    """By namespace, and under None for everything that is not charged; None where metrics were not observed."""
    nodes: Mapping[str, NodeUsage] = field(default_factory=dict)
    """Cores and bytes in use by node, None where they are unknown."""
    unmeasured: Mapping[str, Mapping[UnmeasuredReason, int]] = field(default_factory=dict)
    """Expected pods that were not measured, by namespace, whether or not it is charged, and reason."""
    rates: PodRates = field(default_factory=PodRates)
    """What each measured pod used; also those of entries of which too little was measured."""
    cause: UnobservedCause | None = None
    """Why what metrics-server listed was of no use; None where it was, or where it listed nothing."""

    def of(self, key: str | None) -> EntryUsage | None:
        """Return what an entry used: nothing where no pod of it was there, None where metrics were not observed."""
        return None if self.entries is None else self.entries.get(key, _NOTHING)


def measure(reading: UsageReading, interval: float, charged: Callable[[str], bool]) -> MeasuredUsage:
    """Judge what was read; consumes the listing of metrics.

    `interval` is in seconds, `charged` tells by name whether a namespace is charged. Pods on nodes that are not listed,
    or excluded, count nowhere. A listing that fails, has nothing of what is expected or nothing that is fresh leaves
    metrics unobserved, and is logged.
    """
    if reading.metrics is None:
        return MeasuredUsage(reading.moment, None)
    nodes = {node.name: node for node in reading.nodes if not node.excluded}
    samples = PodSamples([pod for pod in reading.pods if pod.node in nodes], nodes, reading.moment, interval)
    try:
        samples.take(reading.metrics)
    except SourceError as error:
        log.warning("usage of cpu and memory is unknown for this interval: %s", error)
        return MeasuredUsage(reading.moment, None, cause=error.cause)
    entries, unmeasured, rates = _fold(samples, charged)
    return MeasuredUsage(reading.moment, entries, samples.node_usage(reading.metrics), unmeasured, rates)


@dataclass(slots=True)
class _Tally:
    """What adds up to the usage of an entry; requested cpu in millicores, which Kubernetes rounds to as well."""

    cpu: float = 0.0
    memory: float = 0.0
    cpu_requests: float = 0.0
    memory_requests: float = 0.0
    expected: int = 0
    measured: int = 0
    cpu_expected: int = 0
    cpu_measured: int = 0
    all_request: bool = True

    def use(self, pod: Pod, usage: Usage) -> None:
        """Add what a measured pod uses, and what it requests."""
        self.cpu += usage[0]
        self.memory += usage[1]
        self.cpu_requests += pod.requests.get("cpu", 0.0)
        self.memory_requests += pod.requests.get("memory", 0.0)

    def expect(self, pod: Pod, *, measured: bool) -> None:
        """Count a pod that should have been measured."""
        millicores = round(pod.requests.get("cpu", 0.0) * 1000)
        self.expected += 1
        self.measured += measured
        self.cpu_expected += millicores
        self.cpu_measured += millicores * measured
        self.all_request &= millicores > 0

    def usage(self) -> EntryUsage:
        """Return the sum, unknown where less than half of the expected pods, or of what they request, was measured."""
        requests = self.cpu_requests, self.memory_requests
        if not self.expected:
            return EntryUsage(self.cpu, self.memory, 1.0, requests)
        by_number = self.measured / self.expected
        share = self.cpu_measured / self.cpu_expected if self.all_request else by_number
        known = min(by_number, share) >= MIN_MEASURED_SHARE
        return EntryUsage(self.cpu, self.memory, share, requests) if known else EntryUsage(None, None, share)


def _fold(
    samples: PodSamples, charged: Callable[[str], bool]
) -> tuple[dict[str | None, EntryUsage], dict[str, dict[UnmeasuredReason, int]], PodRates]:
    """Return usage by entry, expected pods that were not measured by namespace and reason, and usage by pod."""
    rates = PodRates()
    tallies: dict[str | None, _Tally] = {}
    reasons: dict[str, dict[UnmeasuredReason, int]] = {}
    for pod, usage_or_reason in samples:
        tally = tallies.setdefault(pod.namespace if charged(pod.namespace) else None, _Tally())
        expected = samples.is_expected(pod)
        if not isinstance(usage_or_reason, str):
            tally.use(pod, usage_or_reason)
            rates.put(pod.identity, usage_or_reason)
        elif expected:
            counts = reasons.setdefault(pod.namespace, {})
            counts[usage_or_reason] = counts.get(usage_or_reason, 0) + 1
        if expected:
            tally.expect(pod, measured=not isinstance(usage_or_reason, str))
    return {key: tally.usage() for key, tally in tallies.items()}, reasons, rates
