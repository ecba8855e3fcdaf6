"""What is to be proved of jobs at every phase, and how far a finite number of readings may be from it."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import sqrt

from tests.sampling.jobs import HOUR, PAIRS, STEP, Job
from tests.sampling.meters import IdealMeter, Meter, MetricsServer
from tests.sampling.rules import moments_known_of

BEGIN = 1_795_262_400
"""2026-11-21T12:00Z"""
RESOLUTIONS = (15, 60)
METERS = (None, *RESOLUTIONS)
"""The resolution of metrics-server; None for the ideal meter."""
CLUSTERS = HOUR // STEP
"""As many as the longest period has phases. Each has a UID, and so moments, of its own."""
STANDARD_ERRORS = 4


@dataclass(frozen=True)
class Cluster:
    """One of them: a job of each pair at one phase, and a meter."""

    number: int
    resolution: int | None

    @property
    def uid(self) -> str:
        return f"cluster-{self.number}"

    @property
    def jobs(self) -> list[Job]:
        return [Job(period, length, self.number * STEP % period) for period, length in PAIRS]

    @property
    def scrape_phase(self) -> float:
        return random.Random(self.number).uniform(0, self.resolution or 0)

    def meter(self) -> Meter:
        return IdealMeter() if self.resolution is None else MetricsServer(self.resolution, self.scrape_phase)

    def share_visible(self, job: Job) -> float:
        """The share of the time in which the job is measured if it is looked at."""
        if self.resolution is None:
            return job.share
        return moments_known_of(job, self.resolution, self.scrape_phase) / HOUR


def clusters(resolution: int | None) -> Iterator[Cluster]:
    for number in range(CLUSTERS):
        yield Cluster(number, resolution)


@dataclass
class Found:
    """What was measured of one pair, in readings that saw it, and what should have been."""

    seen: dict[int, float] = field(default_factory=lambda: defaultdict(float))
    """By phase."""
    readings: dict[int, int] = field(default_factory=lambda: defaultdict(int))
    due: dict[int, float] = field(default_factory=lambda: defaultdict(float))

    def add(self, job: Job, used: Sequence[float], visible: float) -> None:
        self.seen[job.phase] += sum(used)
        self.readings[job.phase] += len(used)
        self.due[job.phase] += visible * len(used)

    @property
    def share_seen(self) -> float:
        """The mean over phases."""
        return sum(self.seen.values()) / sum(self.readings.values())

    @property
    def share_due(self) -> float:
        return sum(self.due.values()) / sum(self.readings.values())

    @property
    def relative_error(self) -> float:
        """The standard error of `share_seen`, relative to it."""
        p = self.share_due
        return sqrt((1 - p) / (p * sum(self.readings.values())))

    @property
    def spread(self) -> tuple[float, float]:
        """Chi-square over the phases, and how great it may be by four standard errors.

        Where every moment is as likely as another, what a phase is seen scatters no more than drawn lots.
        """
        found = allowed = variance = 0.0
        for phase, n in self.readings.items():
            p = self.due[phase] / n
            if p in (0.0, 1.0):
                assert self.seen[phase] == n * p
                continue
            lots = n * p * (1 - p)
            found += (self.seen[phase] - n * p) ** 2 / lots
            allowed += 1
            variance += 2 + (1 - 6 * p * (1 - p)) / lots
        return found, allowed + STANDARD_ERRORS * sqrt(variance)

    def check(self) -> None:
        """The mean is right, and no phase is seen more often than by chance."""
        if self.share_due == 0:
            assert self.share_seen == 0
            return
        allowed = STANDARD_ERRORS * self.relative_error
        assert abs(self.share_seen / self.share_due - 1) <= allowed, (self.share_seen, self.share_due, allowed)
        found, most = self.spread
        assert found <= most


Pair = tuple[int, int]


def of_pairs(results: Iterator[tuple[Cluster, Mapping[str, Sequence[float]]]]) -> dict[Pair, Found]:
    """What was found of each pair: clusters, and by the name of a job the cores that it used at each reading."""
    found: dict[Pair, Found] = defaultdict(Found)
    for cluster, used in results:
        for job in cluster.jobs:
            found[(job.period, job.length)].add(job, used[job.name], cluster.share_visible(job))
    return found
