"""What the ledger holds, published: the books of the moment, priced, as one generation of the dataset."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from collector import __version__
from collector.books.bookkeeper import Bookkeeper
from collector.books.manifest import manifest
from collector.books.nodes import nodes_document
from collector.books.periods import iso
from collector.kubeledger import layout
from collector.kubeledger.shares import Keeper
from collector.publish import publish
from collector.settings import Settings
from collector.store import rates
from collector.store.ledger import Ledger

log = logging.getLogger(__name__)

Clock = Callable[[], float]
"""UNIX seconds."""


class Publisher:
    """Publishes one ledger. Keeps what is closed between two publications."""

    def __init__(self, settings: Settings, ledger: Ledger, clock: Clock, *, records_rate: bool = True) -> None:
        """Records the rate in `settings`; raises `StoreError` if the rate history cannot be read or written.

        Without `records_rate` the history stays as it is: what is charged from now on is not the caller's to decide.
        """
        self._settings = settings
        self._ledger = ledger
        self._clock = clock
        self._bookkeeper = Bookkeeper(ledger)
        self._shares = Keeper(ledger) if settings.publish_kubeledger_layout else None
        self._rates = _record_rate(settings, ledger, clock) if records_rate else rates.load(settings.db_location)

    def publish(self) -> int:
        """Publishes the books as the ledger has them, and returns the generation; `PublishError` if it cannot."""
        books = self._bookkeeper.books(self._rates)
        documents: dict[str, Any] = {str(scale): document for scale, document in books.scales.items()}
        documents["nodes"] = nodes_document(self._ledger.nodes, self._ledger.nodes_at)
        known = self._ledger.namespaces
        generation = publish(
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
        if self._shares is not None:
            self._publish_layout(self._shares, books.currency)
        return generation

    def _publish_layout(self, shares: Keeper, currency: str | None) -> None:
        settings = self._settings
        files = layout.documents(
            shares.views(self._rates),
            layout.MODELS[settings.cost_model],
            currency or settings.billing_currency_symbol,
        )
        layout.write(settings.layout_dir, files)


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
