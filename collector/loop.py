"""The loop that does ticks as they come due and survives whatever happens in one of them.

Ticks are due at UTC multiples of the interval. One taken up to five minutes late stands for the interval that ended at
its nominal time; one that is later still is not taken, for what is seen then is not of that interval. When a tick
overran, the latest due one is done. The store records those that were not taken as unobserved. Usage is read within the
interval, at a moment of its own; when the process began after the interval's end, it is read at once.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Protocol

from collector import heartbeat as heartbeats
from collector.back_off import BackOff
from collector.clock import Clock, Disagreement, boot_time
from collector.metrics import Meter, tick_failure
from collector.sampling_times import due_at
from collector.survive import survive
from collector.tick import TickReport
from collector.usage_reader import Aside, Readings, UsageReader, begin_reading
from kl_core.calendar import iso

log = logging.getLogger(__name__)

GRACE_SEC = 5.0
"""How long after the end of its interval a tick is taken. The kubelet looks for ended containers once a second and
reports at once, so that the watch has heard of the interval's last second two or three seconds later."""

MAX_READING_SEC = 60.0
"""How long a reading of usage may last by then for a tick to wait for it."""

MAX_UNKNOWN_SEC = 120.0
"""How long a tick is tried again while the cluster does not answer."""

MAX_WAIT_SEC = 20.0
"""The clock is looked at, and the heartbeat given, at least this often."""

MAX_DELAY_SEC = 300.0
"""How late a tick may be taken: the step of the databases, and the shortest interval."""


class Ticks(Readings, Protocol):
    """What the loop drives."""

    @property
    def last_tick(self) -> int | None:
        """Nominal time of the newest stored tick."""

    @property
    def disagreement(self) -> Disagreement | None:
        """What contradicts the clock."""

    def check_clock(self) -> Disagreement | None:
        """Compare the clock with what is known of the time."""

    def tick(self, time: int, *, keep_unobserved: bool) -> TickReport:
        """Do the tick of the nominal `time`; one at which the cluster does not answer may be left to be done again."""

    def publish(self) -> int:
        """Publish what is stored."""


@dataclass(slots=True)
class TickCounts:
    """Ticks since the start."""

    done: int = 0
    failed: int = 0
    """Raised, or the cluster did not answer."""
    refused: int = 0
    """Their time was not believed."""


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
        aside: Aside = begin_reading,
        meter: Meter | None = None,
    ) -> None:
        """`wait` sleeps for some seconds or until `stop` is set; `heartbeat` is a file that is written each turn.

        Usage is read by `aside`. Ticks are counted in `meter`.
        """
        self._meter = meter or Meter(interval)
        self._ticks = ticks
        self._interval = interval
        self._stop = stop
        self._heartbeat = heartbeat
        self._clock = clock
        self._boot = boot
        self._wait = wait or stop.wait
        self._reader = UsageReader(ticks, interval, boot, aside)
        self._sampled = boot()
        """Time of the newest tick at which the cluster answered, else of the start, by the boot-time clock."""
        self._begun: int | None = None
        self._begun_at = 0.0
        self._again = BackOff(boot)
        """For the tick that was begun last."""
        self._is_to_be_read_again = False
        self._attempted: int | None = None
        self._behind = False
        self.counts = TickCounts()

    def run(self) -> None:
        """Until `stop` is set; a tick that has begun is finished. Publishes at once if the due tick is stored."""
        if self._is_stored(due_at(self._clock(), self._interval)):
            survive("looking at the clock", self._ticks.check_clock)
            survive("publishing", self._ticks.publish)
        while not self._stop.is_set():
            now = self._clock()
            due = self._due(now)
            if due is not None and self._is_to_be_read_again and self._again.seconds_left == 0:
                self._is_to_be_read_again = False
                self._reader.repeat(due)
            self._reader.turn(now, due)
            if due is None:
                survive("looking at the clock", self._ticks.check_clock)
                self._check_newest(due_at(now, self._interval))
            elif self._is_ready(due):
                self._turn(due)
            self._beat()
            self._wait(self._seconds_until_turn())

    def _due(self, now: float) -> int | None:
        """Return the time of the tick that is to be taken."""
        due = due_at(now, self._interval)
        is_taken = due == self._attempted or self._is_stored(due)
        return None if is_taken or not GRACE_SEC <= now - due <= MAX_DELAY_SEC else due

    def _is_stored(self, due: int) -> bool:
        return self._ticks.last_tick is not None and self._ticks.last_tick >= due

    def _is_ready(self, due: int) -> bool:
        if due == self._begun and self._again.seconds_left > 0:
            return False
        lasted = self._reader.seconds_reading(due)
        return lasted is None or lasted > MAX_READING_SEC

    def _seconds_until_turn(self) -> float:
        now = self._clock()
        due = self._due(now)
        next_due = due_at(now - GRACE_SEC, self._interval) + self._interval + GRACE_SEC - now
        again = self._again.seconds_left if due is not None and due == self._begun else MAX_WAIT_SEC
        return min(MAX_WAIT_SEC, next_due, again, self._reader.seconds_until_turn(now, due))

    def _turn(self, due: int) -> None:
        if due != self._begun:
            self._begun, self._begun_at = due, self._boot()
            self._again.reset()
        newest, begun = self._ticks.last_tick, self._boot()
        is_last_try = begun - self._begun_at >= MAX_UNKNOWN_SEC
        report = survive(
            f"tick {iso(due)}", lambda: self._ticks.tick(due, keep_unobserved=is_last_try), self._note_failure
        )
        if report is not None and report.refused is None and not report.observed and not is_last_try:
            self._again.fail()
            self._is_to_be_read_again = True
            return
        # Not the newest attempt: that may have been made by a clock that ran ahead.
        self._attempted, self._behind = due, False
        if report is not None and report.refused is not None:
            self.counts.refused += 1
            self._meter.count_tick("refused", next(iter(report.refused.contradicted_by)))
            return
        if newest is not None and due - newest > self._interval:
            skipped = (due - newest) // self._interval - 1
            log.warning("%d tick(s) before %s were not taken and stay unobserved", skipped, iso(due))
            self._meter.count_tick("missed", times=skipped)
        if report is not None and report.observed:
            self.counts.done += 1
            self._meter.count_tick("stored")
            self._sampled = max(self._sampled, self._boot() - (self._clock() - due))
            log.info("tick %s: generation %d in %.1f s", iso(due), report.generation, self._boot() - begun)
            return
        self._fail(due, report)

    def _note_failure(self, error: Exception) -> None:
        self._meter.count_tick("failed", tick_failure(error))

    def _fail(self, due: int, report: TickReport | None) -> None:
        self.counts.failed += 1
        if report is not None:
            self._meter.count_tick("unobserved", report.cause)
        ticks = self.counts.done + self.counts.failed
        what = "failed" if report is None else f"{_kept(report)}: the cluster could not be listed"
        log.error("tick %s %s; that makes %d of %d since the start", iso(due), what, self.counts.failed, ticks)

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
        clock = None if disagreement is None else str(disagreement)
        try:
            heartbeats.give(self._heartbeat, self._boot(), self._sampled, clock)
        except OSError as error:
            log.warning("cannot write the heartbeat file %s: %s", self._heartbeat, error.strerror)


def _kept(report: TickReport) -> str:
    return "is stored as unobserved" if report.stored else "is not stored"
