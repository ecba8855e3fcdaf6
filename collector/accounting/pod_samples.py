"""What metrics-server says of the pods that were there, each judged once, and which of them it should have measured.

Of a pod that is listed twice the fresher item is taken; two that differ and are as fresh contradict each other, and
neither is.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import get_args

from collector.accounting.believed_metrics import NodeUsage, Usage, is_fresh, node_usage, pod_usage
from collector.errors import SourceError
from collector.model import UnmeasuredReason
from collector.observations import HUGE_PAGES, MetricsListing, Node, Pod, PodMetrics

WINDOWS_UNTIL_EXPECTED = 2
"""A container is measured from its second scrape on, which its kubelet may have answered from the scrape before."""

SHARE_OF_WINDOWS = 0.9
"""Of the windows that are told, the one that as many are shorter than counts as metrics-server's."""

DEFAULT_WINDOW_SEC = 60.0
"""Seconds; of metrics-server before 0.5, the slowest there is. Newer ones scrape every 15 s, and tell it."""

_REASONS: tuple[UnmeasuredReason, ...] = get_args(UnmeasuredReason)
_MEASURED = len(_REASONS)
_ABSENT, _ODD = _REASONS.index("absent"), _REASONS.index("odd")


class PodSamples:
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
        # Of containers that have just started the window is shorter, and one item's can be odd.
        windows = sorted(self._windows)
        window = windows[int(len(windows) * SHARE_OF_WINDOWS)] if windows else DEFAULT_WINDOW_SEC
        # A longer one than an interval would let whatever is not measured use nothing.
        self._oldest_expected = self._moment - WINDOWS_UNTIL_EXPECTED * min(window, self._interval)
        if not count and any(map(self.is_expected, self.pods)):
            reason = "metrics-server lists no pod at all. Check that it reaches the kubelets."
            raise SourceError("metrics", reason, cause="empty")
        if readable and not is_fresh(nearest, self._moment, self._interval):
            raise SourceError("metrics", self._stale(nearest), cause="stale")

    def _stale(self, nearest: float) -> str:
        away = self._moment - nearest
        age = (
            "tells no time"
            if math.isinf(away)
            else f"is {timedelta(seconds=round(abs(away)))} {'old' if away > 0 else 'ahead'}"
        )
        return f"the newest sample of metrics-server {age}. Check that it reaches the kubelets, and restart it."

    def _judge(self, item: PodMetrics) -> None:
        place = self._places.get(item.namespace, {}).get(item.name)
        if place is None:
            return
        pod = self.pods[place]
        usage_or_reason = pod_usage(pod, self._nodes[pod.node], item, self._moment, self._interval)
        verdict, usage = (
            (_REASONS.index(usage_or_reason), (0.0, 0.0))
            if isinstance(usage_or_reason, str)
            else (_MEASURED, usage_or_reason)
        )
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

    def node_usage(self, metrics: MetricsListing) -> dict[str, NodeUsage]:
        """Return what can be believed of nodes, with the huge pages of the pods that run on them."""
        pages: dict[str, float] = {}
        for pod in self.pods:
            if pod.running and (more := pod.requests.get(HUGE_PAGES)):
                pages[pod.node] = pages.get(pod.node, 0.0) + more
        usages: dict[str, NodeUsage] = {}
        for item in metrics.nodes:
            if item.name in self._nodes:
                cpu, memory = node_usage(self._nodes[item.name], item, self._moment, self._interval)
                usages[item.name] = cpu, None if memory is None else memory + pages.get(item.name, 0.0)
        return usages
