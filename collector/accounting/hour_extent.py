"""How much of an hour there is, and what a value that is known in a part of it comes to in whole units.

A closed hour's amount is the mean over the seconds in which it is known, for all of its 3600; one that is known for
less than half of them is unknown. That of an hour that is still open is the sum over the seconds in which it is known.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from collector.hour import HOUR_SECONDS, MIN_KNOWN_SECONDS, HourAmount
from kl_core.vocabulary import Metric

_MIB = 2.0**20
UNITS_PER: Mapping[Metric, float] = {"cpu": 1000.0, "memory": 1 / _MIB, "gpu": 1000.0, "gpu_memory": 1 / _MIB}
"""Thousandths a core and a GPU, MiB a byte."""


@dataclass(slots=True)
class KnownSum:
    """Σ value x seconds, over the seconds in which the value is known."""

    total: float = 0.0
    seconds: int = 0

    def add(self, value: float | None, seconds: int) -> None:
        """Add a value that holds for so long."""
        if value is not None:
            self.total += value * seconds
            self.seconds += seconds


@dataclass(slots=True)
class ZeroFilled:
    """The same of a value that is zero in every tick that does not tell it."""

    known: KnownSum = field(default_factory=KnownSum)
    named_seconds: int = 0

    def add(self, value: float | None, seconds: int) -> None:
        """Add what a tick tells for so long, None where it is unknown."""
        self.known.add(value, seconds)
        self.named_seconds += seconds

    def among(self, seconds: int) -> KnownSum:
        """Return the sum over so many seconds, in all of which it was told or zero."""
        return KnownSum(self.known.total, self.known.seconds + seconds - self.named_seconds)


@dataclass(frozen=True, slots=True)
class Extent:
    """The part of an hour that is accounted."""

    start: int
    """UNIX seconds, a multiple of 3600."""
    seconds: int
    """How much of it has passed."""
    min_known: int
    """Seconds that a value has to be known for."""
    is_scaled: bool
    """Whether what is known stands for all of the hour."""

    @property
    def end(self) -> int:
        """Return until when it goes, UNIX seconds."""
        return self.start + self.seconds

    def knows(self, known: KnownSum) -> bool:
        """Say whether a value is known for long enough."""
        return known.seconds >= self.min_known

    def factor(self, seconds: int) -> float:
        """Return how much more the amount is than the sum over so many seconds, more than none."""
        return HOUR_SECONDS / seconds if self.is_scaled else 1.0

    def amount(self, known: KnownSum, units: float) -> HourAmount:
        """Return the amount in units, of which there are so many in a value of one, rounded half to even once."""
        if not self.knows(known):
            return None
        return round(known.total * self.factor(known.seconds) * units)


def closed(start: int) -> Extent:
    """Return the extent of an hour that is over; exactly half of it is enough to be known."""
    return Extent(start, HOUR_SECONDS, MIN_KNOWN_SECONDS, is_scaled=True)


def still_open(start: int, end: int) -> Extent:
    """Return the extent of an hour of which no more than what was until `end` is known, UNIX seconds."""
    return Extent(start, end - start, 1, is_scaled=False)
