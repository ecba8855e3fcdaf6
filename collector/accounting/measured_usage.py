"""What was in use at one moment, by namespace and node, as far as metrics-server measured it.

An expected pod that is not measured adds nothing and lowers its entry's share; what is not expected and not measured
uses nothing: a pod whose containers start and crash, or whose node is dead. Of a pod that is listed twice the fresher
item is taken; two that differ and are as fresh contradict each other, and neither is.
"""

from __future__ import annotations

import logging
import math
from array import array
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median_low
from typing import get_args

from collector.accounting.believed_metrics import Usage, is_fresh, node_usage, pod_usage
from collector.errors import SourceError
from collector.model import UnmeasuredReason
from collector.observations import MetricsListing, Node, Pod, PodMetrics, UsageReading

log = logging.getLogger(__name__)

MIN_MEASURED_SHARE = 0.5
"""Share of what is expected that has to be measured for an entry's usage to count as known."""

WINDOWS_UNTIL_EXPECTED = 2
"""A container is measured from its second scrape on, which its kubelet may have answered from the scrape before."""

DEFAULT_WINDOW = 60.0
"""Seconds; of metrics-server before 0.5, the slowest there is. Newer ones scrape every 15 s, and tell it."""

_REASONS: tuple[UnmeasuredReason, ...] = get_args(UnmeasuredReason)
_MEASURED = len(_REASONS)
_ABSENT, _ODD = _REASONS.index("absent"), _REASONS.index("odd")


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


_NOTHING = EntryUsage(0.0, 0.0, 1.0)


@dataclass(frozen=True, slots=True)
class MeasuredUsage:
    """What one reading found, until its interval is over."""

    moment: float
    """UNIX seconds."""
    entries: Mapping[str | None, EntryUsage] | None
    """By namespace, and under None for everything that is not charged; None where metrics were not observed."""
    nodes: Mapping[str, tuple[float | None, float | None]] = field(default_factory=dict)
    """Cores and bytes in use by node, None where they are unknown."""
    unmeasured: Mapping[str, Mapping[UnmeasuredReason, int]] = field(default_factory=dict)
    """Expected pods that were not measured, by namespace, whether or not it is charged, and reason."""

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
    samples = _Samples([pod for pod in reading.pods if pod.node in nodes], nodes, reading.moment, interval)
    try:
        samples.take(reading.metrics)
    except SourceError as error:
        log.warning("usage of cpu and memory is unknown for this interval: %s", error)
        return MeasuredUsage(reading.moment, None)
    entries, unmeasured = _fold(samples, charged)
    return MeasuredUsage(reading.moment, entries, samples.node_usage(reading.metrics), unmeasured)


class _Samples:
    """The newest sample of each pod that was there, in 25 bytes a pod."""

    def __init__(self, pods: Sequence[Pod], nodes: Mapping[str, Node], moment: float, interval: float) -> None:
        self.pods = pods
        self._nodes = nodes
        self._moment = moment
        self._interval = interval
        self._places: dict[str, dict[str, int]] = {}
        for place, pod in enumerate(pods):
            self._places.setdefault(pod.namespace, {})[pod.name] = place
        self._verdicts = bytearray([_ABSENT]) * len(pods)
        self._times, self._cpu, self._memory = (array("d", bytes(8 * len(pods))) for _ in range(3))
        self._windows = array("d")
        self._oldest_expected = moment

    def take(self, metrics: MetricsListing) -> None:
        """Take a whole listing; `SourceError` where it breaks off or tells nothing that could be believed."""
        nearest, readable, count = -math.inf, 0, 0
        for item in metrics.pods:
            count += 1
            readable += item.containers is not None
            if item.timestamp is not None and abs(self._moment - item.timestamp) < abs(self._moment - nearest):
                nearest = item.timestamp
            if item.window is not None:
                self._windows.append(item.window)
            self._judge(item)
        window = median_low(self._windows) if self._windows else DEFAULT_WINDOW
        self._oldest_expected = self._moment - WINDOWS_UNTIL_EXPECTED * window
        if not count and any(map(self.is_expected, self.pods)):
            raise SourceError("metrics", "metrics-server lists no pod at all. Check that it reaches the kubelets.")
        if readable and not is_fresh(nearest, self._moment, self._interval):
            raise SourceError("metrics", self._stale(nearest))

    def _stale(self, nearest: float) -> str:
        away = self._moment - nearest
        age = "tells no time" if math.isinf(away) else f"is {abs(away):.0f} s {'old' if away > 0 else 'in the future'}"
        return f"the newest sample of metrics-server {age}. Check that it reaches the kubelets, and restart it."

    def _judge(self, item: PodMetrics) -> None:
        place = self._places.get(item.namespace, {}).get(item.name)
        if place is None:
            return
        pod = self.pods[place]
        found = pod_usage(pod, self._nodes[pod.node], item, self._moment, self._interval)
        verdict, usage = (_REASONS.index(found), (0.0, 0.0)) if isinstance(found, str) else (_MEASURED, found)
        time = -math.inf if item.timestamp is None else item.timestamp
        if self._verdicts[place] == _ABSENT or time > self._times[place]:
            self._verdicts[place], self._times[place] = verdict, time
            self._cpu[place], self._memory[place] = usage
        elif time == self._times[place] and (self._verdicts[place], *self._usage(place)) != (verdict, *usage):
            self._verdicts[place] = _ODD

    def _usage(self, place: int) -> Usage:
        return self._cpu[place], self._memory[place]

    def is_expected(self, pod: Pod) -> bool:
        """Say whether it should have been measured: it has run for long enough, on a node that is not dead."""
        for _, since in pod.running:
            if since < self._oldest_expected:
                node = self._nodes[pod.node]
                return node.ready or self._moment - node.ready_since < self._interval
        return False

    def __iter__(self) -> Iterator[tuple[Pod, Usage | UnmeasuredReason]]:
        for place, pod in enumerate(self.pods):
            verdict = self._verdicts[place]
            yield pod, self._usage(place) if verdict == _MEASURED else _REASONS[verdict]

    def node_usage(self, metrics: MetricsListing) -> dict[str, tuple[float | None, float | None]]:
        """Return what can be believed of nodes."""
        known = [item for item in metrics.nodes if item.name in self._nodes]
        return {item.name: node_usage(self._nodes[item.name], item, self._moment, self._interval) for item in known}


@dataclass(slots=True)
class _Tally:
    """What adds up to the usage of an entry; requested cpu in millicores, which Kubernetes rounds to as well."""

    cpu: float = 0.0
    memory: float = 0.0
    expected: int = 0
    measured: int = 0
    cpu_expected: int = 0
    cpu_measured: int = 0
    all_request: bool = True

    def use(self, usage: Usage) -> None:
        """Add what a pod uses."""
        self.cpu += usage[0]
        self.memory += usage[1]

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
        if not self.expected:
            return EntryUsage(self.cpu, self.memory, 1.0)
        by_number = self.measured / self.expected
        share = self.cpu_measured / self.cpu_expected if self.all_request else by_number
        known = min(by_number, share) >= MIN_MEASURED_SHARE
        return EntryUsage(self.cpu, self.memory, share) if known else EntryUsage(None, None, share)


def _fold(
    samples: _Samples, charged: Callable[[str], bool]
) -> tuple[dict[str | None, EntryUsage], dict[str, dict[UnmeasuredReason, int]]]:
    """Return usage by entry, and expected pods that were not measured by namespace and reason."""
    tallies: dict[str | None, _Tally] = {}
    reasons: dict[str, dict[UnmeasuredReason, int]] = {}
    for pod, found in samples:
        tally = tallies.setdefault(pod.namespace if charged(pod.namespace) else None, _Tally())
        expected = samples.is_expected(pod)
        if not isinstance(found, str):
            tally.use(found)
        elif expected:
            counts = reasons.setdefault(pod.namespace, {})
            counts[found] = counts.get(found, 0) + 1
        if expected:
            tally.expect(pod, measured=not isinstance(found, str))
    return {key: tally.usage() for key, tally in tallies.items()}, reasons
