"""What metrics-server can see of a job by its rules, reckoned from the job's age and not from scrapes."""

from __future__ import annotations

from math import ceil

from tests.sampling.jobs import HOUR, Job
from tests.sampling.meters import FRESH_SEC

ASKED_SEC = 0.5
"""How long after a moment, which is a whole second, its question is answered."""


def known_from(age: float, resolution: int) -> float:
    """Seconds after its start from which a container is known that has run for `age` seconds at its first scrape."""
    return age if age >= FRESH_SEC else age + resolution


def moments_known(length: int, age: float, resolution: int) -> int:
    """At how many of the moments in which a container runs it is known; it starts and ends at whole seconds."""
    return max(0, length - ceil(known_from(age, resolution) - ASKED_SEC))


def moments_known_of(job: Job, resolution: int, phase: float) -> int:
    """At how many moments of an hour a job is known to a metrics-server that scrapes at `phase`."""
    begins = range(job.phase, HOUR, job.period)
    return sum(moments_known(job.length, (phase - begin) % resolution, resolution) for begin in begins)


def share_known(length: int, resolution: int) -> float:
    """For what share of its run a container is known, over all ages that it may have at its first scrape."""
    aged = min(max(length, FRESH_SEC), resolution)
    known = length * (aged - FRESH_SEC) - (aged**2 - FRESH_SEC**2) / 2
    rest = max(0, length - resolution)
    fresh = min(rest, FRESH_SEC)
    known += rest * fresh - fresh**2 / 2
    return known / resolution / length
