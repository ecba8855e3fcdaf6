"""What the server counts while it runs. Read by the probes and by /metrics; one instance a process."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, defaultdict
from dataclasses import dataclass, field

BOUNDS_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
"""Upper bounds of the buckets of a latency histogram: most calls take milliseconds, the largest datasets a tenth of a
second."""
UNKNOWN_TOOL = "unknown"
"""Under which calls of tools that do not exist are counted, and their error code: names that callers invent must not
become time series."""


class Latencies:
    """A histogram of durations in seconds; a duration that equals a bound belongs to that bucket."""

    def __init__(self) -> None:
        self.counts = [0] * (len(BOUNDS_SECONDS) + 1)
        self.total_seconds = 0.0

    def add(self, seconds: float) -> None:
        """Count one call."""
        self.counts[bisect_left(BOUNDS_SECONDS, seconds)] += 1
        self.total_seconds += seconds


@dataclass(frozen=True, slots=True)
class Counts:
    """Counters that only grow: tool calls by tool, tool errors by (tool, code), dataset loads by outcome.

    `key_set_reads` counts attempts to read the keys of the issuer of JWTs by outcome, and how often keys lapsed.
    """

    calls: Counter[str] = field(default_factory=Counter)
    errors: Counter[tuple[str, str]] = field(default_factory=Counter)
    loads: Counter[str] = field(default_factory=Counter)
    key_set_reads: Counter[str] = field(default_factory=Counter)
    latencies: defaultdict[str, Latencies] = field(default_factory=lambda: defaultdict(Latencies))
