"""When a namespace existed. Outside its lives it used and requested nothing, whatever its RRD holds there.

A life is a pair of nominal times: the first and the last tick that listed the namespace. The store fills a birth with
zero from the start of its hour and an end with zero to the end of its hour, so lives cover whole hours: inside them the
RRD is the truth, partly unknown if ticks failed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kl_core.calendar import HOUR, hour_of_tick

FOREVER = 2**62


@dataclass(frozen=True, slots=True)
class Lives:
    """Hours [start, end) in which an entry existed, and the first hour in which it could hold a GPU."""

    spans: tuple[tuple[int, int], ...]
    gpu_since: int

    def touch(self, start: int, end: int) -> bool:
        """Whether any life reaches into [start, end)."""
        return any(begin < end and start < stop for begin, stop in self.spans)

    def alive(self, starts: NDArray[np.int64]) -> NDArray[np.bool_]:
        """For cells that start at `starts`, hours or steps: whether the hour around it lies in a life."""
        hours = starts // HOUR * HOUR
        alive = np.zeros(len(hours), dtype=bool)
        for begin, stop in self.spans:
            alive |= (begin <= hours) & (hours < stop)
        return alive


def lives(ticks: Sequence[Sequence[int]], *, active: bool, gpu_since: int | None) -> Lives:
    """Lives from the registry's (first tick, last tick) pairs; that of an active entry has not ended.

    `gpu_since` is the time of the first tick that held a GPU, None for never.
    """
    spans = [(hour_of_tick(first), hour_of_tick(last) + HOUR) for first, last in ticks]
    if active and spans:
        spans[-1] = (spans[-1][0], FOREVER)
    return Lives(tuple(spans), FOREVER if gpu_since is None else hour_of_tick(gpu_since))
