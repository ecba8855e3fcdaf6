"""When ticks are due, and the loop that survives whatever happens in one of them.

Ticks are due at UTC multiples of the interval. One taken up to five minutes late stands for the interval that ended at
its nominal time; one that is later still is not taken, for what is seen then is not of that interval. When a tick
overran, the latest due one is done. The store records those that were not taken as unobserved.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Protocol, TypeVar

from collector import heartbeat as heartbeats
from collector.clock import Clock, Disagreement, boot_time
from collector.tick import TickReport
from kl_core.calendar import iso
from kl_core.errors import KubeLedgerError

log = logging.getLogger(__name__)

T = TypeVar("T")

MAX_WAIT_SEC = 20.0
"""The clock is looked at, and the heartbeat given, at least this often."""

MAX_DELAY_SEC = 300.0
"""How late a tick may be taken: the step of the databases, and the shortest interval."""


class Ticks(Protocol):
    """What the loop drives."""

    @property
    def last_tick(self) -> int | None:
        """Nominal time of the newest stored tick."""

    @property
    def disagreement(self) -> Disagreement | None:
        """What contradicts the clock."""

    def check_clock(self) -> Disagreement | None:
        """Compare the clock with what is known of the time."""

    def tick(self, time: int) -> TickReport:
        """Do the tick of the nominal `time`."""

    def publish(self) -> int:
        """Publish what is stored."""


@dataclass(slots=True)
class Counts:
    """Ticks since the start."""

    done: int = 0
    failed: int = 0
    """Raised, or the cluster did not answer."""
    refused: int = 0
    """Their time was not believed."""


def due_at(now: float, interval: int) -> int:
    """Nominal time of the newest tick due at `now`, both UNIX seconds."""
    return math.floor(now / interval) * interval


class Loop:
    """Does ticks as they come due, until it is told to stop."""

    def __init__(
        self,
        ticks: Ticks,
        interval: int,
        stop: Event,
        *,
        heartbeat: Path,
        clock: Clock = time.time,
        boot: Clock = boot_time,
        wait: Callable[[float], object] | None = None,
    ) -> None:
        """`wait` sleeps for some seconds or until `stop` is set; `heartbeat` is a file that is written each turn."""
        self._ticks = ticks
        self._interval = interval
        self._stop = stop
        self._heartbeat = heartbeat
        self._clock = clock
        self._boot = boot
        self._wait = wait or stop.wait
        self._attempted: int | None = None
        self._behind = False
        self.counts = Counts()

    def run(self) -> None:
        """Until `stop` is set; a tick that has begun is finished. Publishes at once if the due tick is stored."""
        if self._is_stored(due_at(self._clock(), self._interval)):
            self._survive("looking at the clock", self._ticks.check_clock)
            self._survive("publishing", self._ticks.publish)
        while not self._stop.is_set():
            now = self._clock()
            due = due_at(now, self._interval)
            if self._is_stored(due) or due == self._attempted or now - due > MAX_DELAY_SEC:
                self._survive("looking at the clock", self._ticks.check_clock)
                self._check_newest(due)
            else:
                self._turn(due)
            self._beat()
            now = self._clock()
            self._wait(min(MAX_WAIT_SEC, max(0.0, due_at(now, self._interval) + self._interval - now)))

    def _is_stored(self, due: int) -> bool:
        return self._ticks.last_tick is not None and self._ticks.last_tick >= due

    def _turn(self, due: int) -> None:
        # Not the newest attempt: that may have been made by a clock that ran ahead.
        newest, self._attempted, self._behind = self._ticks.last_tick, due, False
        begun = self._boot()
        report = self._survive(f"tick {iso(due)}", lambda: self._ticks.tick(due))
        if report is not None and report.refused is not None:
            self.counts.refused += 1
            return
        if newest is not None and due - newest > self._interval:
            skipped = (due - newest) // self._interval - 1
            log.warning("%d tick(s) before %s were not taken and stay unobserved", skipped, iso(due))
        if report is not None and report.observed:
            self.counts.done += 1
            log.info("tick %s: generation %d in %.1f s", iso(due), report.generation, self._boot() - begun)
            return
        self.counts.failed += 1
        ticks = self.counts.done + self.counts.failed
        what = "failed" if report is None else f"{_kept(report)}: the cluster could not be listed"
        log.error("tick %s %s; that makes %d of %d since the start", iso(due), what, self.counts.failed, ticks)

    def _survive(self, what: str, action: Callable[[], T]) -> T | None:
        try:
            return action()
        except KubeLedgerError as error:
            log.error("%s failed: %s", what, error)  # noqa: TRY400 - the message is meant for the operator
        except Exception:
            # Whatever it is, the next tick has its chance: history that is not taken cannot be taken later.
            log.exception("%s failed for a reason that is a defect of KubeLedger", what)
        return None

    def _check_newest(self, due: int) -> None:
        """Says once that the clock has stepped back behind the newest tick, where that is not said already."""
        newest = self._ticks.last_tick
        behind = newest is not None and due < newest and self._ticks.disagreement is None
        if behind and not self._behind:
            log.warning(
                "the clock says %s, but the newest tick is that of %s: nothing is taken until the clock has passed it",
                iso(int(self._clock())),
                iso(newest or 0),
            )
        self._behind = behind

    def _beat(self) -> None:
        disagreement = self._ticks.disagreement
        try:
            heartbeats.give(self._heartbeat, self._boot(), None if disagreement is None else str(disagreement))
        except OSError as error:
            log.warning("cannot write the heartbeat file %s: %s", self._heartbeat, error.strerror)


def _kept(report: TickReport) -> str:
    return "is stored as unobserved" if report.stored else "is not stored"
