"""One tick: what the sources say is accounted, stored and published."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from collector.accounting.sample import account
from collector.accounting.scope import charged_by
from collector.model import Snapshot
from collector.publisher import Clock, Publisher
from collector.settings import Settings
from collector.store.ledger import Ledger


class Sources(Protocol):
    """Where a tick comes from."""

    def snapshot(self) -> Snapshot:
        """What the sources answer now; None for those that fail."""


@dataclass(frozen=True, slots=True)
class TickReport:
    """What became of a tick."""

    time: int
    """Nominal time, UNIX seconds."""
    stored: bool
    """False when the ledger already had a tick for that time or a later one, or was to be spared an unobserved one."""
    observed: bool
    """False when the listing of the cluster failed, so that nothing is known of this tick. The sources log why."""
    generation: int | None
    """Of the dataset that was published; None when nothing was, for nothing had changed."""


class Collector:
    """Does ticks: sources, accounting, ledger, books, publication. One per ledger."""

    def __init__(self, settings: Settings, sources: Sources, ledger: Ledger, clock: Clock) -> None:
        """Records the rate in `settings`; raises `StoreError` if the rate history cannot be read or written."""
        self._settings = settings
        self._sources = sources
        self._ledger = ledger
        self._charged = charged_by(settings.included_namespaces, settings.excluded_namespaces)
        self._publisher = Publisher(settings, ledger, clock)

    @property
    def last_tick(self) -> int | None:
        """Nominal time of the newest stored tick."""
        return self._ledger.last_tick

    def tick(self, time: int, *, keep_unobserved: bool = True) -> TickReport:
        """Samples now for the nominal `time`, a multiple of the interval; stores and publishes what was seen.

        A source that fails leaves its part unknown, and the tick is stored all the same; without `keep_unobserved` one
        whose listing of the cluster failed is not, so that it can be taken again. Raises `StoreError` when it
        cannot be stored and `PublishError` when it cannot be published; a stored tick is published with the next one.
        """
        snapshot = self._sources.snapshot()
        sample = account(snapshot, time=time, interval=self._settings.polling_interval_sec, charged=self._charged)
        observed = bool(sample.observed["kubernetes"])
        if not (observed or keep_unobserved):
            return TickReport(time, stored=False, observed=False, generation=None)
        stored = self._ledger.append([sample]).stored == 1
        return TickReport(time, stored, observed, self.publish())

    def publish(self) -> int:
        """Publishes the books as the ledger has them, and returns the generation."""
        return self._publisher.publish()
