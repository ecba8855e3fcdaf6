"""The buckets each scale lists."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from kl_core.calendar import HOUR, boundaries, bucket_start, next_bucket
from kl_core.vocabulary import ScaleName

CLOSED_BUCKETS: Mapping[ScaleName, int] = {"hourly_7d": 168, "daily_14d": 14, "monthly_12m": 12}
"""Whole buckets a scale lists before the open one."""


@dataclass(frozen=True, slots=True)
class Buckets:
    """What a scale lists: consecutive buckets, oldest first, of which only the last can be open."""

    scale: ScaleName
    starts: tuple[int, ...]
    ends: tuple[int, ...]
    last_tick: int

    @property
    def complete(self) -> tuple[bool, ...]:
        """False for the bucket that the last tick lies inside of."""
        return tuple(end <= self.last_tick for end in self.ends)

    @property
    def elapsed_hours(self) -> tuple[float, ...]:
        """Length of each bucket, of the open one up to the last tick."""
        return tuple(
            (min(end, self.last_tick) - start) / HOUR for start, end in zip(self.starts, self.ends, strict=True)
        )


def buckets(scale: ScaleName, first_tick: int, last_tick: int) -> Buckets:
    """Return the buckets of `scale` after `last_tick`.

    The whole ones it holds and the open one, none before the first sample.

    A last tick exactly on a boundary leaves no open bucket: nothing of the next one has elapsed.
    """
    newest = bucket_start(scale, last_tick - 1)
    is_open = next_bucket(scale, newest) > last_tick
    oldest = next_bucket(scale, newest, -CLOSED_BUCKETS[scale] + (0 if is_open else 1))
    bounds = boundaries(scale, max(oldest, bucket_start(scale, first_tick - 1)), newest)
    return Buckets(scale, bounds[:-1], bounds[1:], last_tick)
