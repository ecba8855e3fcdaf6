"""For how long each of the objects of one kind was as it was: the objects that are there, and what they were before.

Pure: it is told what there is and when, by listings and by events, and asked for the spans within an interval.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Kind(Generic[T]):
    """What has to be known of objects of a kind. Times are UNIX seconds."""

    begin: Callable[[T], float]
    """When an object began, 0.0 where it does not tell."""
    end: Callable[[T], float | None]
    """When it ended, None while it has not."""
    ended_at: Callable[[T, float], T]
    """The object with that end."""
    counts_alike: Callable[[T, T], bool]
    """Whether two versions of an object hold the same."""
    settled: Callable[[T, T, float], T]
    """What is to be believed of a version, with the one before it and the time of the change."""


class Lives(Generic[T]):
    """Objects by key, each with the versions that count in an interval to come."""

    def __init__(self, kind: Kind[T], horizon: float = 0.0) -> None:
        """Forget what ended before `horizon`."""
        self._kind = kind
        self._horizon = horizon
        self._newest: dict[str, T] = {}
        self._since: dict[str, float] = {}
        """When the newest version began, of objects that had another before."""
        self._earlier: dict[str, list[tuple[T, float, float]]] = {}
        self._contact: float | None = None

    def __len__(self) -> int:
        return len(self._newest)

    def get(self, key: str) -> T | None:
        """Return the newest version of an object."""
        return self._newest.get(key)

    def present(self) -> Iterator[T]:
        """Return the objects that have not ended."""
        return (each for each in self._newest.values() if self._kind.end(each) is None)

    @property
    def contact(self) -> float | None:
        """Until when all is known; None before anything was."""
        return self._contact

    def seen(self, time: float) -> None:
        """Note that nothing else has changed until then."""
        self._contact = time if self._contact is None else max(self._contact, time)

    def put(self, key: str, item: T, time: float) -> None:
        """Take an object as it is since `time`."""
        self.seen(time)
        self._take(key, item, time)

    def remove(self, key: str, time: float, last: T | None = None) -> None:
        """Take note that an object is gone since `time`; `last` is what it was then, where that is told."""
        self.seen(time)
        if last is not None:
            self._take(key, last, time)
        self._end(key, time)

    def replace(self, items: Mapping[str, T], time: float) -> None:
        """Take a whole listing; what changed unseen did so in the middle of the time without contact."""
        middle = time if self._contact is None else (min(self._contact, time) + time) / 2
        self.seen(time)
        for key in self._newest.keys() - items.keys():
            self._end(key, middle)
        for key, item in items.items():
            self._take(key, item, middle)

    def spans(self, start: float, end: float) -> Iterator[tuple[T, float]]:
        """Return what was there within [start, end) and for how many seconds. What ended before is forgotten."""
        return ((item, until - since) for item, since, until in self.stretches(start, end))

    def stretches(self, start: float, end: float) -> Iterator[tuple[T, float, float]]:
        """Return the same with from when to when within the interval it was there."""
        self.forget(start)
        for versions in self._earlier.values():
            for item, since, until in versions:
                if min(until, end) > max(since, start):
                    yield item, max(since, start), min(until, end)
        for key, item in self._newest.items():
            began, ended = self._began(key, item), self._kind.end(item)
            if ended is None and began <= start:
                yield item, start, end
            elif (until := end if ended is None else min(ended, end)) > max(began, start):
                yield item, max(began, start), until

    def forget(self, start: float) -> None:
        """Forget what ended before: no interval that starts earlier is asked for any more."""
        self._horizon = max(self._horizon, start)
        gone = [key for key, item in self._newest.items() if _over(self._kind.end(item), start)]
        for key in gone:
            del self._newest[key]
            self._since.pop(key, None)
        self._since = {key: since for key, since in self._since.items() if since > start}
        kept = {key: [each for each in versions if each[2] > start] for key, versions in self._earlier.items()}
        self._earlier = {key: versions for key, versions in kept.items() if versions}

    def _began(self, key: str, item: T) -> float:
        return self._since[key] if key in self._since else self._kind.begin(item)

    def _take(self, key: str, item: T, time: float) -> None:
        held = self._newest.get(key)
        if held is None:
            if not _over(self._kind.end(item), self._horizon):
                self._newest[key] = item
            return
        item = self._kind.settled(held, item, time)
        if not self._kind.counts_alike(held, item):
            ended = self._kind.end(item)
            self._change(key, held, time if ended is None else min(time, ended))
        self._newest[key] = item
        self._leave_out_unlived(key)

    def _change(self, key: str, held: T, time: float) -> None:
        since, was = self._began(key, held), self._kind.end(held)
        if time > since:
            self._earlier.setdefault(key, []).append((held, since, time if was is None else min(was, time)))
            self._since[key] = time

    def _end(self, key: str, time: float) -> None:
        held = self._newest.get(key)
        if held is not None and self._kind.end(held) is None:
            self._newest[key] = self._kind.ended_at(held, max(time, self._kind.begin(held)))
            self._leave_out_unlived(key)

    def _leave_out_unlived(self, key: str) -> None:
        """Forget versions that begin when the object has ended already: the one before them is the one that ended."""
        ended = self._kind.end(self._newest[key])
        while ended is not None and self._earlier.get(key) and ended <= self._since[key]:
            before, self._since[key], until = self._earlier[key].pop()
            ended = min(until, ended)
            self._newest[key] = self._kind.ended_at(before, ended)


def _over(end: float | None, start: float) -> bool:
    return end is not None and end <= start
