"""A loop on a clock that only waiting moves."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from threading import Event

from collector.clock import Disagreement
from collector.loop import Loop
from collector.metrics import Meter
from collector.tick import TickReport
from collector.usage_reader import Aside
from tests.support.at_once import at_once


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


NOON = at("2026-11-21T12:00")


class World:
    """Clock, collector and stop event in one place; `until` ends the loop."""

    def __init__(self, now: float, until: float, last_tick: int | None = None) -> None:
        self.now = now
        self.until = until
        self.stop = Event()
        self.last_tick = last_tick
        self.done: list[int] = []
        self.at: list[float] = []
        """When each of them was done."""
        self.read: list[tuple[int, float]] = []
        """For which time usage was read, and when."""
        self.phase = 100
        self.on_read: Callable[[int], bool] = lambda _time: True
        self.published = 0
        self.on_tick: Callable[[int], None] = lambda _time: None
        self.observed = True
        self.disagreement: Disagreement | None = None
        self.refuse: Callable[[], Disagreement | None] = lambda: None
        self.waits: list[float] = []
        self.aside: Aside = at_once
        self.meter = Meter()

    def reading_moment(self, time: int) -> int:
        return time - 300 + self.phase

    def read_usage(self, time: int) -> bool:
        self.read.append((time, self.now))
        return self.on_read(time)

    def tick(self, time: int, *, keep_unobserved: bool) -> TickReport:
        self.done.append(time)
        self.at.append(self.now)
        self.on_tick(time)
        refused = self.refuse()
        if refused is not None:
            return TickReport(time, False, False, None, refused)
        if not (self.observed or keep_unobserved):
            return TickReport(time, False, False, None)
        self.last_tick = time
        return TickReport(time, True, self.observed, len(self.done))

    def publish(self) -> int:
        self.published += 1
        return 1

    def check_clock(self) -> Disagreement | None:
        return self.disagreement

    def wait(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.now += max(seconds, 0.001)
        if self.now > self.until:
            self.stop.set()

    def run(self, heartbeat: Path, interval: int = 300, clock: Callable[[], float] | None = None) -> Loop:
        loop = Loop(
            self,
            interval,
            self.stop,
            heartbeat=heartbeat,
            clock=clock or (lambda: self.now),
            boot=lambda: self.now,
            wait=self.wait,
            aside=self.aside,
            meter=self.meter,
        )
        loop.run()
        return loop


AHEAD = Disagreement(NOON + 86400.0, {"api_server": float(NOON)}, vouched=False, time=float(NOON))
