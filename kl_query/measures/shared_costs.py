"""The costs of one window after sharing: per bucket, and summed over the window."""

from __future__ import annotations

import math
from array import array
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property

from kl_core.vocabulary import Special
from kl_query.dataset.model import Column, Dataset, Row, Sharing
from kl_query.measures.measure import Measure, sum_columns
from kl_query.measures.sharing import Parts, Spread, spread
from kl_query.numbers import known_sum
from kl_query.warnings.warning import RowId
from kl_query.windows import Window


@dataclass(frozen=True)
class SharedCosts:
    """What namespaces and special entries cost, in the dataset's currency.

    Columns are shared bucket by bucket, totals as sums over the window: the points of a column do not add up to its
    total.
    """

    dataset: Dataset
    window: Window
    measure: Measure

    def column(self, namespace: RowId) -> Column:
        """Return what a namespace costs per bucket."""
        return self._by_bucket.namespace(self._parts(namespace), shared=self._is_shared(namespace))

    def total(self, namespace: RowId) -> float:
        """Return what a namespace costs over the window."""
        return self._by_window.namespace(self._summed(self._parts(namespace)), shared=self._is_shared(namespace))[0]

    def special_column(self, entry: Special) -> Column:
        """Return what a special entry costs per bucket."""
        return self._by_bucket.special(self.measure.parts(self._special(entry)), entry)

    def special_total(self, entry: Special) -> float:
        """Return what a special entry costs over the window."""
        return self._by_window.special(self._summed(self.measure.parts(self._special(entry))), entry)[0]

    def cluster_column(self) -> Column:
        """Return what all namespaces cost per bucket."""
        return self._by_bucket.namespaces

    @property
    def borne_for_namespaces(self) -> float:
        """Return how much of what the others cost over the window is the costs of shared namespaces."""
        given = (self._summed(self._parts(name)) for name in self.dataset.shared)
        return math.fsum(self._by_window.borne(parts, of="shared") for parts in given)

    @property
    def borne_for_idle(self) -> float:
        """Return how much of what namespaces cost over the window is the cost of idle."""
        return self._by_window.borne(self._summed(self.measure.parts(self._special("idle"))), of="idle")

    @cached_property
    def _by_bucket(self) -> Spread:
        return self._spread(lambda parts: parts)

    @cached_property
    def _by_window(self) -> Spread:
        return self._spread(self._summed)

    def _spread(self, cut: Callable[[Parts], Parts]) -> Spread:
        names, shared = frozenset(self.window.scale.rows), self.dataset.shared
        zeros = cut(self.measure.parts({}))
        bearers, given = (
            _sums((cut(self._parts(name)) for name in some), zeros) for some in (names - shared, names & shared)
        )
        return spread(self.dataset.sharing, bearers, given, cut(self.measure.parts(self._special("idle"))))

    def _is_shared(self, namespace: RowId) -> bool:
        return namespace in self.dataset.shared

    def _special(self, entry: Special) -> Row:
        return self.window.scale.special.get(entry, {})

    def _parts(self, namespace: RowId) -> Parts:
        if namespace not in self._parts_of:
            self._parts_of[namespace] = self.measure.parts(self.window.scale.row(namespace))
        return self._parts_of[namespace]

    @cached_property
    def _parts_of(self) -> dict[RowId, Parts]:
        return {}

    def _summed(self, parts: Parts) -> Parts:
        window = self.window
        return {m: array("d", [known_sum(column[window.first : window.stop])]) for m, column in parts.items()}


def shared_costs(dataset: Dataset, window: Window, measure: Measure) -> SharedCosts | None:
    """Return the costs after sharing; None without sharing, and where amounts are no money or nothing has a price."""
    if dataset.sharing == Sharing() or measure.cost_model != "costs" or measure.per_cent or not measure.metrics:
        return None
    return SharedCosts(dataset, window, measure)


def _sums(rows: Iterable[Parts], zeros: Parts) -> Parts:
    kept = list(rows)
    return {metric: sum_columns((row[metric] for row in kept), zero) for metric, zero in zeros.items()}
