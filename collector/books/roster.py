"""Who stands in the books and since when, and what the store has of all of them together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from collector.books.amounts import Stored, amounts
from collector.books.lifetimes import Lives, lives
from collector.books.page import Key, Page
from collector.store.store import Ledger
from kl_core.calendar import DAY, floor_hour

MAX_STRETCH_CELLS = 250_000
"""Entries x hours read at once: some 50 MB of arrays, and a year in one stretch for a small cluster."""

Roster = Mapping[Key, Lives]


def roster(store: Ledger) -> dict[Key, Lives]:
    """Return the lives of every entry; namespaces by name, then the special entries."""
    records = {
        **{Key("namespace", name): record for name, record in sorted(store.namespaces.items())},
        **{Key("special", name): record for name, record in sorted(store.special.items())},
    }
    return {
        key: lives(record.lives, active=record.active, gpu_since=record.gpu_since) for key, record in records.items()
    }


def read(store: Ledger, roster: Roster, start: int, end: int, step: int) -> Page:
    """Return the amounts of who lifetime between two times, not priced yet; raises what the store raises."""
    stored = [
        Stored(key, lifetime, store.entry(key.kind, key.name, start, end, step))
        for key, lifetime in roster.items()
        if lifetime.touch(floor_hour(start), end)
    ]
    return amounts(store.cluster(start, end, step), stored)


def stretches(begin: int, end: int, roster: Roster) -> Iterator[tuple[int, int]]:
    """Return whole days from `begin` to `end`, as many at once as memory allows."""
    while begin < end:
        alive = sum(lifetime.touch(begin, end) for lifetime in roster.values())
        stop = min(end, begin + max(1, MAX_STRETCH_CELLS // (24 * (1 + alive))) * DAY)
        yield begin, stop
        begin = stop
