"""The true answers to questions about a simulated cluster, from the formula alone.

Amounts are core-hours, GiB-hours and GPU-hours. They follow the definitions of the books without sharing any code with
them: a closed hour counts its observed steps' mean for the whole hour and nothing if fewer than half of its steps were
observed; the open hour counts its elapsed steps.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from itertools import pairwise
from typing import Literal

import numpy as np

from simulator.shapes import DAY, GIB, HOUR, STEP, STEPS_PER_HOUR, Floats
from simulator.workload import METRICS, Metric, Workload, step_ends

ScaleName = Literal["hourly_7d", "daily_14d", "monthly_12m"]
Dimension = Literal["usage", "requests"]

PRICES: dict[Metric, float] = {"cpu": 0.031611, "memory": 0.004237, "gpu": 0.95}
"""Per core-hour, GiB-hour and GPU-hour: what splits an hourly rate over the metrics."""


@dataclass(frozen=True, slots=True)
class Bucket:
    """UNIX times; `end` is where the next bucket starts, also for the open one."""

    start: int
    end: int
    complete: bool

    @property
    def date(self) -> str:
        """ISO 8601 start of the bucket, in seconds."""
        return datetime.fromtimestamp(self.start, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass(frozen=True, slots=True)
class Ranked:
    """A row of a ranking."""

    namespace: str
    value: float
    share_pct: float
    """Of all namespaces, listed or not."""
    cluster_share_pct: float
    """Of capacity."""


@dataclass(frozen=True, slots=True)
class Efficiency:
    """Usage over requests; `ratio` is None without requests."""

    usage: float
    requests: float
    ratio: float | None

    @property
    def classification(self) -> str:
        """As the tools name it."""
        if self.ratio is None:
            return "no_requests"
        if self.ratio < 0.5:
            return "over_provisioned"
        return "balanced" if self.ratio <= 1.0 else "under_provisioned"


def is_system(namespace: str) -> bool:
    """Whether a namespace belongs to the cluster itself."""
    return namespace.startswith(("kube-", "openshift-"))


def month_after(time: int, months: int) -> int:
    """Start of the UTC month `months` after the month of `time`."""
    moment = datetime.fromtimestamp(time, UTC)
    count = moment.year * 12 + moment.month - 1 + months
    return int(datetime(count // 12, count % 12 + 1, 1, tzinfo=UTC).timestamp())


@dataclass(frozen=True)
class Truth:
    """What is true of a cluster that was observed in every step of (`start`, `last_tick`]."""

    workload: Workload
    start: int
    """Start of the interval of the first tick; a multiple of 300."""
    last_tick: int
    _values: dict[tuple[str, Metric, Dimension], Floats] = field(default_factory=dict, repr=False, compare=False)

    @property
    def namespaces(self) -> tuple[str, ...]:
        """Namespaces that existed in any observed step."""
        ends = step_ends(self.start, self.last_tick)
        return tuple(spec.name for spec in self.workload.namespaces if self.workload.alive(spec.name, ends).any())

    def buckets(self, scale: ScaleName) -> list[Bucket]:
        """Buckets of a scale, oldest first; an open one without an elapsed step is not listed."""
        edges = {"hourly_7d": self._hours, "daily_14d": self._days, "monthly_12m": self._months}[scale]()
        pairs = pairwise(edges)
        return [
            Bucket(start, end, end <= self.last_tick)
            for start, end in pairs
            if end > self.start and start < self.last_tick
        ]

    def _hours(self) -> list[int]:
        now = self.last_tick // HOUR * HOUR
        return list(range(now - 168 * HOUR, now + 2 * HOUR, HOUR))

    def _days(self) -> list[int]:
        today = self.last_tick // DAY * DAY
        return list(range(today - 14 * DAY, today + 2 * DAY, DAY))

    def _months(self) -> list[int]:
        return [month_after(self.last_tick, months) for months in range(-12, 2)]

    def window(self, scale: ScaleName) -> tuple[int, int]:
        """Start of the first bucket and the last tick."""
        return self.buckets(scale)[0].start, self.last_tick

    def _weights(self) -> Floats:
        """Hours that each observed step stands for."""
        hours = (step_ends(self.start, self.last_tick) - STEP) // HOUR
        observed = np.bincount(hours - hours[0])[hours - hours[0]]
        closed = np.where(observed * 2 >= STEPS_PER_HOUR, 1.0 / observed, 0.0)
        return np.where((hours + 1) * HOUR <= self.last_tick, closed, 1.0 / STEPS_PER_HOUR)

    def _amounts(self, key: tuple[str, Metric, Dimension]) -> Floats:
        """Amount of each observed step."""
        if key not in self._values:
            name, metric, dimension = key
            ends = step_ends(self.start, self.last_tick)
            if name == "":
                of_cluster = self.workload.capacity if dimension == "usage" else self.workload.allocatable
                values = of_cluster(metric, ends)
            elif dimension == "usage":
                values = self.workload.step_values(name, metric, ends)
            else:
                values = self.workload.requests(name, metric, ends)
            self._values[key] = values * self._weights() / (GIB if metric in ("memory", "gpu_memory") else 1)
        return self._values[key]

    def _span(self, start: int, end: int) -> slice:
        first = max(0, (start - self.start) // STEP)
        return slice(first, max(first, (min(end, self.last_tick) - self.start) // STEP))

    def amount(self, namespace: str, metric: Metric, start: int, end: int, dimension: Dimension = "usage") -> float:
        """What a namespace used or requested in (start, end]."""
        return float(self._amounts((namespace, metric, dimension))[self._span(start, end)].sum())

    def capacity(self, metric: Metric, start: int, end: int) -> float:
        """Capacity of the cluster in (start, end]."""
        return float(self._amounts(("", metric, "usage"))[self._span(start, end)].sum())

    def allocatable(self, metric: Metric, start: int, end: int) -> float:
        """Allocatable of the cluster in (start, end]."""
        return float(self._amounts(("", metric, "requests"))[self._span(start, end)].sum())

    def total(self, metric: Metric, start: int, end: int, dimension: Dimension = "usage") -> float:
        """What all namespaces used or requested in (start, end]."""
        return sum(self.amount(name, metric, start, end, dimension) for name in self.namespaces)

    def idle(self, metric: Metric, start: int, end: int) -> float:
        """Allocatable that no namespace used in (start, end]."""
        return self.allocatable(metric, start, end) - self.total(metric, start, end)

    def series(self, namespace: str, metric: Metric, scale: ScaleName, dimension: Dimension = "usage") -> list[float]:
        """Amount of each bucket."""
        return [self.amount(namespace, metric, each.start, each.end, dimension) for each in self.buckets(scale)]

    def trajectory(self, namespace: str, metric: Metric) -> list[tuple[str, float]]:
        """(date, amount) of each month, the open one included."""
        values = self.series(namespace, metric, "monthly_12m")
        return [(bucket.date[:7], value) for bucket, value in zip(self.buckets("monthly_12m"), values, strict=True)]

    def top(
        self, metric: Metric, start: int, end: int, limit: int | None = 10, *, exclude_system: bool = True
    ) -> list[Ranked]:
        """Namespaces by usage in (start, end], highest first."""
        total, capacity = self.total(metric, start, end), self.capacity(metric, start, end)
        values = [(name, self.amount(name, metric, start, end)) for name in self.namespaces]
        listed = [(name, value) for name, value in values if not (exclude_system and is_system(name))]
        listed.sort(key=lambda item: (-item[1], item[0]))
        return [Ranked(name, value, 100 * value / total, 100 * value / capacity) for name, value in listed[:limit]]

    def efficiency(self, namespace: str, metric: Metric, start: int, end: int) -> Efficiency:
        """Usage over requests of a namespace in (start, end]."""
        usage = self.amount(namespace, metric, start, end)
        requests = self.amount(namespace, metric, start, end, "requests")
        return Efficiency(usage, requests, usage / requests if requests else None)

    def share_of_namespaces_pct(self, pattern: str, metric: Metric, start: int, end: int) -> float:
        """What namespaces that match a glob used, in per cent of all namespaces' usage."""
        matching = [name for name in self.namespaces if fnmatchcase(name, pattern)]
        part = sum(self.amount(name, metric, start, end) for name in matching)
        return 100 * part / self.total(metric, start, end)

    def share_of_capacity_pct(self, pattern: str, metric: Metric, start: int, end: int) -> float:
        """What namespaces that match a glob used, in per cent of capacity."""
        matching = [name for name in self.namespaces if fnmatchcase(name, pattern)]
        part = sum(self.amount(name, metric, start, end) for name in matching)
        return 100 * part / self.capacity(metric, start, end)

    def cost(self, namespaces: Sequence[str], metric: Metric, start: int, end: int, hourly_rate: float) -> float:
        """Money for the use of some namespaces at a constant rate and default weights, summed step by step."""
        if metric not in PRICES:
            return 0.0
        worth = {each: price * self._amounts(("", each, "usage")) for each, price in PRICES.items()}
        price = hourly_rate * self._weights() * PRICES[metric] / np.maximum(sum(worth.values()), 1e-300)
        used = sum((self._amounts((name, metric, "usage")) for name in namespaces), np.zeros(len(price)))
        return float((price * used)[self._span(start, end)].sum())

    def bill(self, start: int, end: int, hourly_rate: float) -> float:
        """What the whole cluster costs over the observed hours of (start, end]."""
        return hourly_rate * float(self._weights()[self._span(start, end)].sum())

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """Metrics that apply: those with capacity."""
        return tuple(metric for metric in METRICS if self.capacity(metric, self.start, self.last_tick) > 0)
