"""One tick: what the sources say is accounted, stored and published."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from collector import __version__
from collector.accounting.sample import account
from collector.accounting.scope import charged_by
from collector.books.bookkeeper import Bookkeeper
from collector.books.manifest import manifest
from collector.books.nodes import nodes_document
from collector.books.periods import iso
from collector.model import Snapshot
from collector.publish import publish
from collector.settings import Settings
from collector.store import rates
from collector.store.ledger import Ledger

log = logging.getLogger(__name__)

Clock = Callable[[], float]
"""UNIX seconds."""


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
    """False when the ledger already had a tick for that time or a later one."""
    observed: bool
    """False when the listing of the cluster failed, so that nothing is known of this tick. The sources log why."""
    generation: int
    """Of the dataset that was published."""


class Collector:
    """Does ticks: sources, accounting, ledger, books, publication. One per ledger."""

    def __init__(self, settings: Settings, sources: Sources, ledger: Ledger, clock: Clock) -> None:
        """Records the rate in `settings`; raises `StoreError` if the rate history cannot be read or written."""
        self._settings = settings
        self._sources = sources
        self._ledger = ledger
        self._clock = clock
        self._charged = charged_by(settings.included_namespaces, settings.excluded_namespaces)
        self._bookkeeper = Bookkeeper(ledger)
        self._rates = _record_rate(settings, ledger, clock)

    @property
    def last_tick(self) -> int | None:
        """Nominal time of the newest stored tick."""
        return self._ledger.last_tick

    def tick(self, time: int) -> TickReport:
        """Samples now for the nominal `time`, a multiple of the interval; stores and publishes what was seen.

        A source that fails leaves its part unknown, and the tick is stored all the same. Raises `StoreError` when it
        cannot be stored and `PublishError` when it cannot be published; a stored tick is published with the next one.
        """
        snapshot = self._sources.snapshot()
        sample = account(snapshot, time=time, interval=self._settings.polling_interval_sec, charged=self._charged)
        stored = self._ledger.append([sample]).stored == 1
        return TickReport(time, stored, bool(sample.observed["kubernetes"]), self.publish())

    def publish(self) -> int:
        """Publishes the books as the ledger has them, and returns the generation."""
        books = self._bookkeeper.books(self._rates)
        documents: dict[str, Any] = {str(scale): document for scale, document in books.scales.items()}
        documents["nodes"] = nodes_document(self._ledger.nodes, self._ledger.nodes_at)
        known = self._ledger.namespaces
        return publish(
            self._settings.data_dir,
            documents,
            manifest(
                version=__version__,
                cluster=self._settings.cluster_name,
                cost_model=self._settings.cost_model,
                currency=books.currency,
                rates=self._rates,
                polling_interval_seconds=self._settings.polling_interval_sec,
                generated_at=int(self._clock()),
                last_sample_at=self._ledger.last_sample_at,
                metrics=books.metrics,
                namespaces={name: known[name] for name in books.namespaces},
            ),
        )


def _record_rate(settings: Settings, ledger: Ledger, clock: Clock) -> rates.History:
    before = rates.load(settings.db_location)
    # A clock that stepped back must not price hours anew that have been published.
    now = max(int(clock()), ledger.last_tick or 0)
    history = rates.record(
        before,
        settings.billing_hourly_rate,
        settings.billing_currency_symbol,
        settings.billing_resource_weights,
        now=now,
        has_samples=ledger.last_tick is not None,
    )
    if history != before:
        rates.save(settings.db_location, history)
        newest = history[-1] if history else None
        if newest is not None:
            log.info("rate of %s %s an hour from %s on", newest.rate, newest.currency, iso(newest.effective))
    return history
