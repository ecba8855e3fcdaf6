"""What the store holds, published: the books of the moment, priced, as one generation of the dataset."""

import logging

from collector import __version__
from collector.books.cost import currency_in_force
from collector.books.hour_closing import Bookkeeper
from collector.books.page import Page
from collector.clock import Clock, Disagreement
from collector.model import TickSample
from collector.publish.generation import publish
from collector.publish.history import PublishedHistory
from collector.publish.legacy import files as layout
from collector.publish.legacy.shares import Keeper
from collector.publish.manifest import manifest, nodes_document
from collector.publish.publication_lock import PublicationLock
from collector.publish.scale_document import metrics_present, scale_documents
from collector.settings import Settings
from collector.store import rates
from collector.store.store import Store
from kl_core.calendar import hour_of_tick, iso
from kl_core.vocabulary import COST_MODELS, HISTORY, METRICS, NODES

log = logging.getLogger(__name__)


class Publisher:
    """Publishes one store. Keeps what is closed between two publications."""

    def __init__(self, settings: Settings, store: Store, clock: Clock, place: PublicationLock | None = None) -> None:
        """`place` is held before anything is published. Raises `StoreError` if the rate history cannot be read."""
        self._settings = settings
        self._store = store
        self._clock = clock
        self._place = place
        self._history = PublishedHistory(settings.data_dir)
        self._bookkeeper = Bookkeeper(store, self._days_over)
        self._shares = Keeper(store) if settings.publish_kubeledger_layout else None
        self._rates = rates.load(settings.db_location)

    def record_rate(self, now: float) -> None:
        """Record the rate in the settings as set at `now`, UNIX seconds; raises `StoreError` if that cannot be kept.

        Until then what is charged stays as it was. `now` has to be a time that is believed: it is not taken back.
        """
        settings, newest_tick = self._settings, self._store.last_tick
        before = rates.load(settings.db_location)
        history = rates.record(
            before,
            settings.billing_hourly_rate,
            settings.billing_currency,
            settings.billing_resource_weights,
            # A clock that stepped back must not price hours anew that have been published.
            now=max(int(now), newest_tick or 0),
            has_samples=newest_tick is not None,
        )
        if history != before:
            rates.save(settings.db_location, history)
            if history:
                newest = history[-1]
                log.info("rate of %s %s an hour from %s on", newest.rate, newest.currency, iso(newest.effective))
        self._rates = history

    def _days_over(self, month: int, days: Page) -> None:
        self._history.add(month, days, currency_in_force(self._rates, hour_of_tick(self._store.last_tick or 0)))

    def publish(self, clock_disagrees: Disagreement | None = None, newest: TickSample | None = None) -> int:
        """Publish the books as the store has them, and return the generation; `PublishError` if it cannot.

        `clock_disagrees` is why no ticks are taken at present; `newest` is the newest tick that this process stored.
        """
        if self._place is not None:
            self._place.hold()
        if self._history.forget_lost():
            # Of days that are over it is told once.
            self._bookkeeper = Bookkeeper(self._store, self._days_over)
        books = self._bookkeeper.books(self._rates)
        documents = {
            **scale_documents(books),
            NODES: nodes_document(self._store.nodes),
            HISTORY: self._history.index,
        }
        registry = self._store.registry
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
                last_sample_at=registry.last_sample_at,
                metrics=[METRICS[index] for index in metrics_present(books.longest)],
                namespaces={name: registry.namespaces[name] for name in books.namespaces},
                clock_disagrees=clock_disagrees,
                newest=newest,
                ledger=self._store.ledger,
            ),
        )
        self._history.tidy()
        if self._shares is not None:
            files = layout.documents(
                self._shares.figures(self._rates),
                COST_MODELS[self._settings.cost_model],
                books.currency or self._settings.billing_currency,
            )
            layout.write(self._settings.layout_dir, files)
        return generation
