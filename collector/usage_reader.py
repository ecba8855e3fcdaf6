"""Reads usage once an interval at its moment, in a thread of its own.

A source that hangs holds up neither ticks nor heartbeats nor a stop, and a tick holds up no reading: were readings late
by what a tick takes, what runs at that time would be seen too rarely.
"""

from __future__ import annotations

import logging
import math
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from typing import Protocol

from collector.back_off import BackOff
from collector.clock import Clock
from collector.sampling_times import due_at
from collector.survive import survive
from kl_core.calendar import iso
from kl_core.daemon_threads import begin

log = logging.getLogger(__name__)

LOOK_SEC = 0.5
"""How often it is looked whether a reading has ended."""

Aside = Callable[[Callable[[], bool]], Future[bool]]
"""Runs something without waiting for it."""


class Readings(Protocol):
    """What can be read."""

    def reading_moment(self, time: int) -> int:
        """When usage is to be read for the interval that ends at `time`."""

    def read_usage(self, time: int) -> bool:
        """Read usage now for that interval, and return whether that need not be done again."""


def begin_reading(action: Callable[[], bool]) -> Future[bool]:
    """Start `action`; a process that ends does not wait for it. RuntimeError where the system has no thread left."""
    return begin(action, "usage")[1]


class UsageReader:
    """Starts each interval's reading when it is due, and again while it fails and the interval is not over."""

    def __init__(self, readings: Readings, interval: int, boot: Clock, aside: Aside = begin_reading) -> None:
        self._readings = readings
        self._interval = interval
        self._boot = boot
        self._aside = aside
        self._reading: int | None = None
        self._outcome: Future[bool] | None = None
        """Of the reading that goes on."""
        self._begun = 0.0
        # That of an interval may be read before the tick of the one before it is taken.
        self._tried: deque[int] = deque(maxlen=2)
        self._again = BackOff(boot)
        """For the newest of them."""

    def seconds_reading(self, time: int) -> float | None:
        """How long the reading for the interval that ends at `time` has lasted by now; None if none goes on."""
        self._look()
        return self._boot() - self._begun if self._reading == time else None

    def turn(self, now: float, unread: int | None) -> None:
        """Start the reading that is due at `now`: for `unread`, which ended without one, else for what goes on."""
        self._look()
        if self._reading is None:
            for time in self._wanted(now, unread):
                if self._seconds_until(time, now) <= 0:
                    self._start(time)
                    return

    def seconds_until_turn(self, now: float, unread: int | None) -> float:
        """Return when `turn` has something to do, in seconds from `now` on."""
        self._look()
        if self._reading is not None:
            return LOOK_SEC
        wanted = self._wanted(now, unread)
        # The one after it may be due as soon as it is over.
        wanted += (wanted[-1] + self._interval,)
        return max(0.0, min(self._seconds_until(time, now) for time in wanted))

    def repeat(self, time: int) -> None:
        """Let the reading for an interval that is over be done again if it failed: its tick will be."""
        self._look()
        if self._again.has_failed and self._tried[-1] == time:
            self._tried.pop()

    def _wanted(self, now: float, unread: int | None) -> tuple[int, ...]:
        coming = due_at(now, self._interval) + self._interval
        return (coming,) if unread is None else (unread, coming)

    def _seconds_until(self, time: int, now: float) -> float:
        if time in self._tried:
            return self._again.seconds_left if time == self._tried[-1] and time > now else math.inf
        return self._readings.reading_moment(time) - now

    def _start(self, time: int) -> None:
        if time not in self._tried:
            self._tried.append(time)
            self._again.reset()
        self._reading, self._begun = time, self._boot()
        what = f"reading usage for {iso(time)}"
        try:
            self._outcome = self._aside(lambda: bool(survive(what, lambda: self._readings.read_usage(time))))
        except RuntimeError as error:
            log.warning("usage is not read for %s: %s", iso(time), error)
            self._end(succeeded=False)
        self._look()

    def _look(self) -> None:
        """Take note of the end of a reading, in whatever way it came."""
        if self._reading is None or self._outcome is None or not self._outcome.done():
            return
        error = self._outcome.exception()
        if error is not None:
            # Whatever ends a thread, as SystemExit does, is to end no other reading.
            log.error("the thread that read usage for %s was ended", iso(self._reading), exc_info=error)
        self._end(succeeded=error is None and self._outcome.result())

    def _end(self, *, succeeded: bool) -> None:
        if succeeded:
            self._again.reset()
        else:
            self._again.fail()
        self._reading = self._outcome = None
