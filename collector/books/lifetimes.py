"""Who stands in the books, and when they existed.

Outside its lives an entry used and requested nothing, whatever its RRD holds there.

A life is a pair of nominal times: the first and the last tick that listed the namespace. The store fills a birth with
zero from the start of its hour and an end with zero to the end of its hour, so lives cover whole hours: inside them the
RRD is the truth, partly unknown if ticks failed.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from collector.store.paths import KINDS, EntryKey
from collector.store.store import Store
from kl_core.calendar import DAY, HOUR, hour_of_tick

FOREVER = 2**62
MAX_STRETCH_CELLS = 250_000
"""Entries x hours read at once: some 50 MB of arrays, and a year in one stretch for a small cluster."""


@dataclass(frozen=True, slots=True)
class Lifetimes:
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


def lifetimes(ticks: Sequence[Sequence[int]], *, active: bool, gpu_since: int | None) -> Lifetimes:
    """Return lifetimes from the registry's (first tick, last tick) pairs; that of an active entry has not ended.

    `gpu_since` is the time of the first tick that held a GPU, None for never.
    """
    spans = [(hour_of_tick(first), hour_of_tick(last) + HOUR) for first, last in ticks]
    if active and spans:
        spans[-1] = (spans[-1][0], FOREVER)
    return Lifetimes(tuple(spans), FOREVER if gpu_since is None else hour_of_tick(gpu_since))


Roster = Mapping[EntryKey, Lifetimes]


def roster(store: Store) -> dict[EntryKey, Lifetimes]:
    """Return the lives of every entry; namespaces by name, then the special entries."""
    return {
        EntryKey(kind, name): lifetimes(record.lives, active=record.active, gpu_since=record.gpu_since)
        for kind in KINDS
        for name, record in sorted(store.registry.records(kind).items())
    }


def stretches(begin: int, end: int, roster: Roster) -> Iterator[tuple[int, int]]:
    """Return whole days from `begin` to `end`, as many at once as memory allows."""
    while begin < end:
        alive = sum(lifetime.touch(begin, end) for lifetime in roster.values())
        stop = min(end, begin + max(1, MAX_STRETCH_CELLS // (24 * (1 + alive))) * DAY)
        yield begin, stop
        begin = stop
