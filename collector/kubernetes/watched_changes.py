"""What listings and a stream tell of one kind of objects, dated and taken into their lives.

A change counts from when the stream tells it; what comes first on a stream happened before it began, at some time since
all was known last. Its middle stands for that, as it does for what a listing finds changed.
"""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock
from typing import Generic

from collector.kubernetes.listings import Listing, OddObjects, Resource, T
from collector.kubernetes.lives import Lives
from collector.kubernetes.objects import Event, K, Odd, key_of
from collector.observations import BlindSpot


class WatchedChanges(Generic[K, T]):
    """Keeps `lives` up to date; `lock` is held whenever they change."""

    def __init__(
        self,
        resource: Resource[K, T],
        lives: Lives[T],
        lock: Lock,
        now: Callable[[], float],
        *,
        backlog_sec: float,
        monotonic: Callable[[], float],
    ) -> None:
        """`now` is the API server's time. What happened before a stream may come for `backlog_sec` at its beginning."""
        self._resource: Resource[K, T] = resource
        self._lives = lives
        self._lock = lock
        self._now = now
        self._backlog_sec = backlog_sec
        self._monotonic = monotonic
        self._odd = OddObjects(resource.name)
        self._known_until: float | None = None
        """By the API server's time, before the stream began."""
        self._backlog_until = 0.0
        """By this machine's monotonic clock."""

    @property
    def are_expected(self) -> bool:
        """Whether objects are known that have not ended."""
        with self._lock:
            return any(True for _ in self._lives.present())

    def held(self, key: str) -> T | None:
        """Return the newest version of an object."""
        return self._lives.get(key)

    def forget(self, seconds: float) -> None:
        """Forget what ended longer ago."""
        with self._lock:
            self._lives.forget(self._now() - seconds)

    def seen(self) -> None:
        """Note that nothing else has changed until now."""
        with self._lock:
            self._lives.seen(self._now())

    def replace(self, listing: Listing[T], began: float) -> None:
        """Take a whole listing that began at a time of the API server."""
        with self._lock:
            self._lives.replace(listing.items, began)
            self._odd.replace(listing.odd)

    def begin_stream(self) -> None:
        """Date what comes next as of before now."""
        self._known_until = self._lives.contact
        self._backlog_until = self._monotonic() + self._backlog_sec

    def take(self, event: Event[K]) -> None:
        """Take one event of the stream."""
        with self._lock:
            time = self._time_of_change()
            if event.object is not None:
                self._put(event.type, event.object, time)
            elif event.odd is not None:
                self._leave_out(event.type, event.odd, time)
            else:
                self._lives.seen(self._now())

    def blind_spots(self) -> tuple[BlindSpot, ...]:
        """Say what cannot be understood."""
        with self._lock:
            return self._odd.blind_spots()

    def _time_of_change(self) -> float:
        now = self._now()
        if self._known_until is None or self._monotonic() > self._backlog_until:
            return now
        return (min(self._known_until, now) + now) / 2

    def _put(self, kind: str, item: K, time: float) -> None:
        key = key_of(item.metadata)
        understood = self._resource.understood(item, self._now())
        if isinstance(understood, Odd):
            self._leave_out(kind, understood, time)
            return
        self._odd.drop(key)
        if kind == "DELETED":
            self._lives.remove(key, time, understood)
        elif understood is not None:
            self._lives.put(key, understood, time)

    def _leave_out(self, kind: str, odd: Odd, time: float) -> None:
        self._lives.remove(odd.key, time)
        if kind == "DELETED":
            self._odd.drop(odd.key)
        else:
            self._odd.add(odd)
