"""One tick: what the sources say is accounted, stored and published, if its time is to be believed."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Protocol

from collector.accounting.tick_sample import account
from collector.accounting.who_is_charged import charged_by
from collector.clock import Clock, Disagreement, Reading, Timekeeper, boot_time
from collector.model import Snapshot, TickSample
from collector.publish.publication_lock import PublicationLock
from collector.publish.publisher import Publisher
from collector.settings import Settings
from collector.store.store import Store

log = logging.getLogger(__name__)


class Sources(Protocol):
    """Where a tick comes from."""

    def snapshot(self) -> Snapshot:
        """Return what the sources answer now; None for those that fail."""


@dataclass(frozen=True, slots=True)
class TickReport:
    """What became of a tick."""

    time: int
    """Nominal time, UNIX seconds."""
    stored: bool
    """False when the store already had a tick for that time or a later one, or was to be spared an unobserved one."""
    observed: bool
    """False when the listing of the cluster failed, so that nothing is known of this tick. The sources log why."""
    generation: int | None
    """Of the dataset that was published; None when nothing was, for nothing had changed."""
    refused: Disagreement | None = None
    """Why its time is not believed; then nothing is stored."""


class Collector:
    """Does ticks: sources, accounting, store, books, publication. One per store."""

    def __init__(
        self,
        settings: Settings,
        sources: Sources,
        store: Store,
        clock: Clock,
        boot: Clock = boot_time,
        *,
        place: PublicationLock | None = None,
    ) -> None:
        """`place` is held before anything is published. Raises `StoreError` if the rate history cannot be read."""
        self._settings = settings
        self._sources = sources
        self._store = store
        self._charged = charged_by(settings.included_namespaces, settings.excluded_namespaces)
        self._timekeeper = Timekeeper(clock, boot, settings.polling_interval_sec, store.last_tick)
        self._publisher = Publisher(settings, store, self._timekeeper.now, place)
        self._rate_is_recorded = False
        self._published: Disagreement | None = None
        self._newest: TickSample | None = None
        self.disagreement: Disagreement | None = None
        """What contradicts the clock at present; no tick is taken meanwhile."""

    @property
    def last_tick(self) -> int | None:
        """Nominal time of the newest stored tick."""
        return self._store.last_tick

    def tick(self, time: int, *, keep_unobserved: bool = True) -> TickReport:
        """Sample now for the nominal `time`, a multiple of the interval; store and publish what was seen.

        A source that fails leaves its part unknown, and the tick is stored all the same; without `keep_unobserved` one
        whose listing of the cluster failed is not, so that it can be taken again, nor is one whose time nothing vouches
        for. A tick whose time is contradicted is refused, which is published. Raises `StoreError` when it cannot be
        stored and `PublishError` when it cannot be published; a stored tick is published with the next one.
        """
        now = self._timekeeper.read()
        if not 0 <= now.time - time < self._settings.polling_interval_sec:
            # The clock has jumped since it said that this tick is due: the tick's own time is to be judged.
            now = Reading(float(time), now.boot)
        snapshot = self._sources.snapshot()
        self._timekeeper.hear(snapshot.date)
        refused = self._timekeeper.judge(now)
        if refused is not None:
            return TickReport(time, stored=False, observed=False, generation=self._settle(refused), refused=refused)
        sample = account(snapshot, time=time, interval=self._settings.polling_interval_sec, charged=self._charged)
        observed = bool(sample.observed["kubernetes"])
        if not (observed or (keep_unobserved and self._timekeeper.knows)):
            return TickReport(time, stored=False, observed=False, generation=None)
        self._believe(snapshot.date or now)
        stored = self._store.append([sample]).stored == 1
        if stored:
            self._newest = sample
        return TickReport(time, stored, observed, self.publish())

    def check_clock(self) -> Disagreement | None:
        """Compare the clock with what is known of the time; what is new is logged and published, `PublishError`."""
        self._settle(self._timekeeper.judge(self._timekeeper.read()))
        return self.disagreement

    def record_rate(self, now: float) -> None:
        """Record the rate in the settings as set at `now`, UNIX seconds.

        Without this the first tick does, as set at the start of this process. Raises `StoreError` if it cannot be kept.
        """
        self._publisher.record_rate(now)
        self._rate_is_recorded = True

    def publish(self) -> int:
        """Publish the books as the store has them, and return the generation."""
        generation = self._publisher.publish(self.disagreement, self._newest)
        self._published = self.disagreement
        return generation

    def _believe(self, time: Reading) -> None:
        """Note the time of a tick that is taken, before it is stored: the first rate holds from then on."""
        if not self._timekeeper.knows:
            log.warning("the API server sends no Date header, so the time is that of this machine's clock alone")
        self._timekeeper.take(time)
        self._note(None)
        if not self._rate_is_recorded:
            self.record_rate(self._timekeeper.began())

    def _settle(self, disagreement: Disagreement | None) -> int | None:
        """Note what contradicts the clock, and publish it where readers know otherwise."""
        self._note(disagreement)
        return None if self._is_same(self._published, self.disagreement) else self.publish()

    def _note(self, disagreement: Disagreement | None) -> None:
        if self._is_same(self.disagreement, disagreement):
            return
        self.disagreement = disagreement
        if disagreement is None:
            log.warning("nothing contradicts the clock any more, so ticks are taken again")
        else:
            log.error("%s", disagreement)

    def _is_same(self, one: Disagreement | None, other: Disagreement | None) -> bool:
        if one is None or other is None:
            return one is other
        return one.is_like(other, self._timekeeper.allowed)
