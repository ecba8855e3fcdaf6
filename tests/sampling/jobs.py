"""Jobs that start by the clock, and what is true of them to the second."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

STEP = 10
"""Seconds between two phases."""

MINUTE, HOUR = 60, 3600
PERIODS = (MINUTE, 5 * MINUTE, 10 * MINUTE, HOUR)
LENGTHS = (10, 30, 60, 290)
PAIRS = tuple((period, length) for period in PERIODS for length in LENGTHS if length < period)


@dataclass(frozen=True)
class Job:
    """Runs for `length` seconds each `period` seconds, `phase` seconds after a UTC multiple of the period.

    While it runs it requests a core and uses one.
    """

    period: int
    length: int
    phase: int

    @property
    def name(self) -> str:
        """Of its namespace."""
        return f"every-{self.period}-for-{self.length}"

    @property
    def share(self) -> float:
        """Of the time that it runs."""
        return self.length / self.period

    def begins(self, start: int, end: int) -> Iterator[int]:
        """Beginnings of the runs that run within [`start`, `end`)."""
        first = (start - self.length - self.phase) // self.period + 1
        yield from range(first * self.period + self.phase, end, self.period)

    def run_at(self, time: float) -> int | None:
        """When the run began that runs at a time."""
        into = (time - self.phase) % self.period
        return round(time - into) if into < self.length else None

    def seconds(self, start: int, end: int) -> int:
        """How long it runs within [`start`, `end`)."""
        return sum(min(begin + self.length, end) - max(begin, start) for begin in self.begins(start, end))


def phases(period: int) -> range:
    """All of a period."""
    return range(0, period, STEP)
