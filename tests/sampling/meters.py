"""Two meters: one that knows everything, and metrics-server by its rules.

The rules are those of its `pkg/storage/pod.go`. It keeps the last two points of each container. A container is answered
for when it has both, measured after it began, or when it had run for 10 seconds but less than a resolution at its last
scrape: then its beginning is the first of them. A pod is answered for when all containers of its last scrape are.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from collector.observations import ContainerMetrics, PodMetrics

FRESH_SEC = 10
MIB = 2.0**20

Key = tuple[str, str]
"""Namespace and name of a pod, which has one container."""


class Lives(Protocol):
    """What runs."""

    def running(self, time: float) -> Mapping[Key, float]:
        """The pods that run at a time, and since when."""


class Meter(Protocol):
    """What answers for `metrics.k8s.io`."""

    def read(self, lives: Lives, moment: float) -> Iterable[PodMetrics]:
        """Its `PodMetricsList` at a moment."""


def item(key: Key, cores: float, timestamp: float, window: float) -> PodMetrics:
    """A pod's metrics."""
    return PodMetrics(*key, timestamp, window, (ContainerMetrics("app", cores, 64 * MIB),))


class IdealMeter:
    """Measures every pod at every moment."""

    def read(self, lives: Lives, moment: float) -> Iterable[PodMetrics]:
        return [item(key, 1.0, moment, 1.0) for key in lives.running(moment)]


@dataclass(frozen=True)
class Point:
    """What a kubelet tells of a container."""

    started: float
    timestamp: float
    cpu_seconds: float


class MetricsServer:
    """Scrapes each `resolution` seconds, `phase` seconds after a UTC multiple of it."""

    def __init__(self, resolution: int, phase: float) -> None:
        self._resolution = resolution
        self._phase = phase
        self._last: Mapping[Key, Point] = {}
        self._previous: Mapping[Key, Point] = {}

    def scrape(self, time: float, running: Mapping[Key, float]) -> None:
        """Take a point of each container that runs; what runs no more is forgotten."""
        last = {key: Point(started, time, time - started) for key, started in running.items()}
        previous: dict[Key, Point] = {}
        for key, point in last.items():
            age, before = time - point.started, self._last.get(key)
            if FRESH_SEC <= age < self._resolution:
                previous[key] = Point(point.started, point.started, 0.0)
            elif before is not None and point.started < before.timestamp:
                previous[key] = before if time > before.timestamp else self._previous.get(key, before)
        self._last, self._previous = last, previous

    def answer(self) -> list[PodMetrics]:
        """What it answers since its last scrape."""
        found = []
        for key, before in self._previous.items():
            point = self._last[key]
            window = point.timestamp - before.timestamp
            found.append(item(key, (point.cpu_seconds - before.cpu_seconds) / window, point.timestamp, window))
        return found

    def read(self, lives: Lives, moment: float) -> Iterable[PodMetrics]:
        """It has scraped all the time; of that, the last three scrapes count."""
        newest = moment - (moment - self._phase) % self._resolution
        for back in (2, 1, 0):
            time = newest - back * self._resolution
            self.scrape(time, lives.running(time))
        return self.answer()
