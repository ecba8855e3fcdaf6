"""Mean levels: amounts over a window divided by the hours they are known for, such as cores of core-hours."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from kl_query.dataset.table import Numbers
from kl_query.date_windows import Window
from kl_query.measures.amounts_per_hour import KnownHours
from kl_query.measures.by_layout import rules_of
from kl_query.numbers import UNKNOWN, Array, known_sums, ratio, ratios
from kl_query.view import Frame


@dataclass(frozen=True)
class Means:
    """The mean levels of a view over its window, each over the hours that its own amount is known for."""

    view: Frame

    @cached_property
    def _known(self) -> KnownHours:
        return KnownHours(self.view)

    @property
    def unit(self) -> str | None:
        """Return the unit of every mean; None where there is nothing to be measured."""
        measure = self.view.measure
        return rules_of(self.view.scale).mean_unit(measure.unit, measure.metric) if self.view.window.indices else None

    @cached_property
    def each(self) -> Array:
        """Return the mean level of every row of the scale."""
        return self._of(self.view.table.everyone)

    def of(self, numbers: Numbers) -> Array:
        """Return the mean levels of some namespaces."""
        return self.each if numbers is self.view.table.everyone else self._of(numbers)

    def _of(self, numbers: Numbers) -> Array:
        view, measure = self.view, self.view.measure
        levels = self._known.levels(numbers, view.window)
        if measure.per_cent or measure.dimension == "requests":
            return levels
        # Known throughout: of all hours, also where a metric of a total had no price in some of them and cost nothing.
        hours = view.window.of(measure.all_hours).sum()
        return np.where(view.left_out(numbers) == 0, ratios(view.amounts(numbers), hours), levels)

    @property
    def total(self) -> float:
        """Return the mean level of all namespaces."""
        return self.together(self.view.table.everyone)

    def together(self, numbers: Numbers) -> float:
        """Return the sum of the mean levels of some namespaces; unknown as well where they cannot be added."""
        if not len(numbers):
            return self.part(self.view.sum_of(numbers))
        if len(numbers) > 1 and not self.view.measure.additive:
            return UNKNOWN
        return float(known_sums(self.of(numbers)))

    def part(self, value: float) -> float:
        """Return the mean level of a value of the answer that is known in every hour of known capacity."""
        return value * ratio(self.capacity, self.view.capacity_or_bill)

    @cached_property
    def capacity(self) -> float:
        """Return the mean level of the whole cluster; under costs, its bill per hour."""
        measure, window = self.view.measure, self.view.window
        return ratio(float(known_sums(window.of(measure.capacity_or_bill))), window.of(measure.base_hours).sum())


def means_of_last_bucket(view: Frame) -> Means:
    """Return the mean levels in the last bucket of a window; of an open one, up to the last sample."""
    return Means(view.over(Window(view.scale, max(view.window.first, view.window.stop - 1), view.window.stop)))
