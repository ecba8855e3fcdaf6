"""Mean levels: amounts over a window divided by the hours they are known for, such as cores of core-hours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from kl_query.date_windows import Window
from kl_query.measures.amounts_per_hour import KnownHours
from kl_query.measures.by_layout import rules_of
from kl_query.numbers import known_sum, ratio, rounded
from kl_query.view import Frame
from kl_query.warnings.warning import RowId


@dataclass(frozen=True)
class Means:
    """The mean levels of a view over its window, each over the hours that its own amount is known for."""

    view: Frame

    @cached_property
    def _known(self) -> KnownHours:
        window = self.view.window
        return KnownHours(self.view, {(window.first, window.stop): self.view})

    @property
    def unit(self) -> str | None:
        """Return the unit of every mean; None where there is nothing to be measured."""
        measure = self.view.measure
        return rules_of(self.view.scale).mean_unit(measure.unit, measure.metric) if self.view.window.indices else None

    def of(self, namespace: RowId) -> float | None:
        """Return a namespace's mean level."""
        return rounded(self._level(namespace))

    def together(self, names: Sequence[RowId]) -> float | None:
        """Return the sum of the mean levels of some namespaces; None as well where they cannot be added."""
        if not names:
            return self.part(self.view.sum_of(names))
        if len(names) > 1 and not self.view.measure.additive:
            return None
        return rounded(known_sum(map(self._level, names)))

    def part(self, value: float) -> float | None:
        """Return the mean level of a value of the answer that is known in every hour of known capacity."""
        return rounded(value * ratio(self._capacity, self.view.capacity_or_bill))

    def block(self, **more: float | None) -> dict[str, Any]:
        """Return the means of all namespaces and of the whole cluster, and `more` of them."""
        total, capacity = self.together(list(self.view.totals)), rounded(self._capacity)
        return {"unit": self.unit, "total": total, "capacity": capacity, **more}

    def _level(self, namespace: RowId) -> float:
        total, measure = self.view.totals.get(namespace), self.view.measure
        if total is None or total.unknown or measure.per_cent or measure.dimension == "requests":
            return self._known.level(namespace, self.view.window)
        # Known throughout: the sum is there already, and its hours are those of all.
        return ratio(total.value, self._hours)

    @cached_property
    def _hours(self) -> float:
        return sum(self.view.window.of(self._known.all_rows))

    @cached_property
    def _capacity(self) -> float:
        measure, window = self.view.measure, self.view.window
        return ratio(
            measure.amount(measure.capacity_or_bill, window).value, sum(window.of(self._known.capacity_or_bill))
        )


def means_of_last_bucket(view: Frame) -> Means:
    """Return the mean levels in the last bucket of a window; of an open one, up to the last sample."""
    window = view.window
    return Means(replace(view, window=Window(window.scale, max(window.first, window.stop - 1), window.stop)))


def in_last_bucket(means: Means, names: Sequence[RowId]) -> dict[str, Any]:
    """Return what a series says of its last bucket: which it is, and the mean level of some namespaces in it."""
    return {"date": means.view.window.label, "unit": means.unit, "mean": means.together(names)}
