"""One tick: what the sources say of an interval is accounted, stored and published, if its time is to be believed.

Usage is read within the interval, before its tick; requests and capacity are those of the whole of it.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from threading import Event
from typing import Protocol

from collector.accounting.gpu_memory import GpuMemory
from collector.accounting.observation import Observation, account_interval, observe
from collector.accounting.who_is_charged import charged_by
from collector.clock import Clock, ClockReading, Disagreement, Timekeeper, boot_time
from collector.metrics import Meter, unobserved_cause
from collector.model import TickSample, UnobservedCause
from collector.observations import Cluster, ClusterIdentity, UsageReading
from collector.publish.publication_lock import PublicationLock
from collector.publish.publisher import Publisher
from collector.sampling_times import reading_moment
from collector.settings import Settings
from collector.store import gpu_memory
from collector.store.ledger.form import LedgerCluster
from collector.store.store import Store
from kl_core.calendar import iso_or_none
from kl_core.vocabulary import Source

log = logging.getLogger(__name__)


class Sources(Protocol):
    """Where a tick comes from. Usage may be read in another thread than the rest is asked in."""

    @property
    def identity(self) -> ClusterIdentity:
        """What tells the cluster from others, as far as it is known."""

    @property
    def date(self) -> ClockReading | None:
        """The time that the API server told last; None if it told none."""

    @property
    def causes(self) -> Mapping[Source, UnobservedCause]:
        """Why each source told nothing when it was asked last; none for one that answered."""

    def read_usage(self) -> UsageReading | None:
        """Return what is in use now; None when the cluster's state is not known."""

    def cluster(self, start: int, end: int) -> Cluster | None:
        """Return what is known of the interval from `start` to `end`, UNIX seconds; None when it is not known."""


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
    cause: UnobservedCause = "error"
    """Why it is not observed."""


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
        stop: Event | None = None,
        meter: Meter | None = None,
    ) -> None:
        """`place` is held before anything is published; `stop` ends the sources' waiting once it is set.

        What is stored, published and known of the clock is told to `meter`.

        Raises `StoreError` if what the store keeps cannot be read.
        """
        self._settings = settings
        self._interval = settings.polling_interval_sec
        self._sources = sources
        self._store = store
        self._stop = stop or Event()
        self._meter = meter or Meter(self._interval)
        self._meter.know_samples(store.last_tick, store.registry.last_sample_at)
        self._meter.know_ledger(store.ledger)
        self._charged = charged_by(settings.included_namespaces, settings.excluded_namespaces)
        self._timekeeper = Timekeeper(clock, boot, self._interval, store.last_tick)
        self._publisher = Publisher(settings, store, self._timekeeper.now, place)
        self._observations: Mapping[int, Observation] = {}
        """What was read, by the end of its interval."""
        self._gpu_memory = gpu_memory.load(settings.db_location)
        self._rate_is_recorded = False
        self._published: Disagreement | None = None
        self._newest: TickSample | None = None
        self.disagreement: Disagreement | None = None
        """What contradicts the clock at present; no tick is taken meanwhile."""

    @property
    def last_tick(self) -> int | None:
        """Nominal time of the newest stored tick."""
        return self._store.last_tick

    def reading_moment(self, time: int) -> int:
        """Return when usage is to be read for the interval that ends at `time`, UNIX seconds."""
        return reading_moment(time, self._interval, self._sources.identity.uid or self._settings.cluster_name)

    def read_usage(self, time: int) -> bool:
        """Read usage now for the interval that ends at `time`, and return whether metrics-server answered.

        Where it did not, the reading may be done again, and counts if more sources answer than before: the first of two
        that tell as much is at the moment that nothing in the cluster decided. Exporters are asked again within one.
        """
        reading = self._sources.read_usage()
        if reading is None:
            return False
        observation = observe(reading, self._interval, self._charged, self._sources.causes)
        before = self._observations.get(time)
        # That of the interval before may not be accounted yet.
        kept = {each: self._observations[each] for each in (time - self._interval,) if each in self._observations}
        self._observations = {**kept, time: observation if before is None else before.or_better(observation)}
        return observation.measured.entries is not None

    def tick(self, time: int, *, keep_unobserved: bool = True) -> TickReport:
        """Account for the interval that ends at `time`, a multiple of it; store and publish what was seen.

        Its usage is what was read for it. A source that fails leaves its part unknown, and the tick is stored all the
        same. Without `keep_unobserved` one at which the cluster did not answer, now or whenever usage was to be read,
        is not, so that it can be taken again; nor is one whose time nothing vouches for, or that a stop cut short: the
        next process may take it. A tick whose time is contradicted is refused, which is published. Raises `StoreError`
        when it cannot be stored and `PublishError` when it cannot be published; a stored tick is published with the
        next one.
        """
        now = self._timekeeper.read()
        if not 0 <= now.time - time < self._interval:
            # The clock has jumped since it said that this tick is due: the tick's own time is to be judged.
            now = ClockReading(float(time), now.boot)
        refused, cluster, start = self._judge(now), None, self._start(time)
        if refused is None and time not in self._observations and not keep_unobserved:
            return TickReport(time, stored=False, observed=False, generation=None)
        if refused is None:
            cluster = self._sources.cluster(start, time)
            # Asking may have told the time.
            refused = self._judge(now)
        if refused is not None:
            return TickReport(time, stored=False, observed=False, generation=self._settle(refused), refused=refused)
        sample, memory = account_interval(
            cluster,
            self._observations.get(time),
            self._gpu_memory,
            time=time,
            interval=time - start,
            charged=self._charged,
            dcgm_configured=bool(self._settings.nvidia_dcgm_endpoints),
            cause=self._sources.causes.get("kubernetes"),
        )
        sample = replace(sample, interval=self._interval)
        observed = bool(sample.observed["kubernetes"])
        if not (observed or (keep_unobserved and self._timekeeper.knows and not self._stop.is_set())):
            cause = unobserved_cause(sample, "kubernetes")
            return TickReport(time, stored=False, observed=False, generation=None, cause=cause)
        self._believe(self._sources.date or now)
        self._tell_store(self._sources.identity)
        stored = self._store.append([sample]).stored == 1
        if stored:
            self._meter.know_tick(sample)
            self._meter.know_samples(self._store.last_tick, self._store.registry.last_sample_at)
            # One at which nothing was seen says nothing of what was not measured in the newest that did.
            self._newest = sample if observed else self._newest
            self._remember(memory)
        return TickReport(time, stored, observed, self.publish(), cause=unobserved_cause(sample, "kubernetes"))

    def _tell_store(self, identity: ClusterIdentity) -> None:
        """Say which cluster the ledger is of, once it has told."""
        if identity.uid is not None:
            name, created = self._settings.cluster_name, iso_or_none(identity.created)
            self._store.identity = LedgerCluster(name, identity.uid, created)

    def _start(self, time: int) -> int:
        """Return from when on the tick `time` counts: ticks of a shorter interval may have a part of its own."""
        begin, newest = time - self._interval, self._store.last_tick
        return begin if newest is None or newest >= time else max(begin, newest)

    def _remember(self, memory: GpuMemory) -> None:
        if memory != self._gpu_memory:
            self._gpu_memory = memory
            gpu_memory.save(self._settings.db_location, memory)

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
        generation = None
        try:
            generation = self._publisher.publish(self.disagreement, self._newest)
        finally:
            self._meter.count_publication(generation)
        self._published = self.disagreement
        return generation

    def _judge(self, now: ClockReading) -> Disagreement | None:
        self._timekeeper.hear(self._sources.date)
        return self._timekeeper.judge(now)

    def _believe(self, time: ClockReading) -> None:
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
        self._meter.know_clock(disagreement)
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
