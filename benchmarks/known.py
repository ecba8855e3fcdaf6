"""What is true of a simulated year, in the terms questions are asked in. Nothing here uses the product's code.

Amounts are core-hours, GiB-hours and GPU-hours, money is in the dataset's currency. The year was observed in every
step, and each step stands for a twelfth of an hour.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Literal

import numpy as np

from benchmarks.periods import Periods, Span
from benchmarks.year import Year
from simulator.shapes import GIB, HOUR, STEP, Floats
from simulator.truth import PRICES, Dimension, ScaleName, Truth, is_system
from simulator.workload import Metric, step_ends

MetricOrTotal = Literal["cpu", "memory", "gpu", "gpu_memory", "total"]
Names = Sequence[str]


@dataclass(frozen=True)
class Known:
    """The truth about a year."""

    year: Year

    @property
    def truth(self) -> Truth:
        """The formula's own answers."""
        return self.year.truth

    @property
    def when(self) -> Periods:
        """The periods that questions speak of."""
        return self.year.when

    @property
    def namespaces(self) -> tuple[str, ...]:
        """Namespaces that existed at any time of the year, in order."""
        return tuple(sorted(self.truth.namespaces))

    def living(self, span: Span) -> list[str]:
        """Namespaces that existed at any time of a period."""
        ends = step_ends(span.start, min(span.end, self.truth.last_tick))
        return [name for name in self.namespaces if self.truth.workload.alive(name, ends).any()]

    def matching(self, *patterns: str) -> list[str]:
        """Namespaces that match any glob, each once."""
        return [name for name in self.namespaces if any(fnmatchcase(name, pattern) for pattern in patterns)]

    def applications(self) -> list[str]:
        """Namespaces that are not the cluster's own."""
        return [name for name in self.namespaces if not is_system(name)]

    def system(self) -> list[str]:
        """Namespaces of the cluster itself."""
        return [name for name in self.namespaces if is_system(name)]

    def amount(self, names: Names | str, metric: Metric, span: Span, dimension: Dimension = "usage") -> float:
        """What namespaces used or requested together."""
        each = (names,) if isinstance(names, str) else names
        return sum(self.truth.amount(name, metric, span.start, span.end, dimension) for name in each)

    def capacity(self, metric: Metric, span: Span) -> float:
        """Of the cluster."""
        return self.truth.capacity(metric, span.start, span.end)

    def allocatable(self, metric: Metric, span: Span) -> float:
        """Of the cluster."""
        return self.truth.allocatable(metric, span.start, span.end)

    def elapsed_hours(self, span: Span) -> float:
        """Hours of a period up to the last tick."""
        return (min(span.end, self.truth.last_tick) - span.start) / HOUR

    def cost(self, names: Names | str, metric: MetricOrTotal, span: Span) -> float:
        """Money for what namespaces used."""
        each = (names,) if isinstance(names, str) else tuple(names)
        billed = tuple(PRICES) if metric == "total" else (metric,)
        rate = self.year.hourly_rate
        return sum(self.truth.cost(each, one, span.start, span.end, rate) for one in billed)

    def bill(self, span: Span) -> float:
        """Money for the whole cluster."""
        return self.truth.bill(span.start, span.end, self.year.hourly_rate)

    def bill_of(self, metric: Metric, span: Span) -> float:
        """The part of the bill that is for one metric."""
        return float((self._price(metric, span) * self._steps(metric, span)).sum())

    def cost_of_idle(self, metric: MetricOrTotal, span: Span) -> float:
        """Money for allocatable that no namespace used."""
        billed: tuple[Metric, ...] = tuple(PRICES) if metric == "total" else (metric,)
        return sum(float((self._price(one, span) * self._idle(one, span)).sum()) for one in billed)

    def _steps(self, metric: Metric, span: Span, *, allocatable: bool = False) -> Floats:
        """Capacity or allocatable of each step, as amounts."""
        ends = step_ends(span.start, min(span.end, self.truth.last_tick))
        workload = self.truth.workload
        values = workload.allocatable(metric, ends) if allocatable else workload.capacity(metric, ends)
        amounts: Floats = values * STEP / HOUR / (GIB if metric == "memory" else 1)
        return amounts

    def _idle(self, metric: Metric, span: Span) -> Floats:
        ends = step_ends(span.start, min(span.end, self.truth.last_tick))
        scale = STEP / HOUR / (GIB if metric == "memory" else 1)
        used = sum(
            (self.truth.workload.step_values(name, metric, ends) * scale for name in self.namespaces),
            np.zeros(len(ends)),
        )
        idle: Floats = self._steps(metric, span, allocatable=True) - used
        return idle

    def _price(self, metric: Metric, span: Span) -> Floats:
        """Money per core-hour, GiB-hour or GPU-hour in each step: the rate, split by what capacity is worth."""
        worth = sum((price * self._steps(each, span) for each, price in PRICES.items()), np.zeros(1))
        prices: Floats = self.year.hourly_rate * STEP / HOUR * PRICES[metric] / worth
        return prices

    def ranked(
        self,
        metric: Metric,
        span: Span,
        limit: int | None = None,
        *,
        names: Names | None = None,
        dimension: Dimension = "usage",
    ) -> list[tuple[str, float]]:
        """Namespaces (application ones by default) with their amounts, largest first, ties by name."""
        chosen = self.applications() if names is None else names
        amounts = [(name, self.amount(name, metric, span, dimension)) for name in chosen]
        return sorted(amounts, key=lambda item: (-item[1], item[0]))[:limit]

    def ranked_by_cost(
        self, metric: MetricOrTotal, span: Span, limit: int | None = None, *, names: Names | None = None
    ) -> list[tuple[str, float]]:
        """As `ranked`, by money."""
        chosen = self.applications() if names is None else names
        costs = [(name, self.cost(name, metric, span)) for name in chosen]
        return sorted(costs, key=lambda item: (-item[1], item[0]))[:limit]

    def ratio(self, names: Names | str, metric: Metric, span: Span) -> float | None:
        """Usage over requests of those of the namespaces that request any, together; None without requests."""
        each = (names,) if isinstance(names, str) else names
        asking = [name for name in each if self.amount(name, metric, span, "requests")]
        requests = self.amount(asking, metric, span, "requests")
        return self.amount(asking, metric, span) / requests if requests else None

    def ratios(self, metric: Metric, span: Span) -> dict[str, float]:
        """Usage over requests of every namespace that requests any, by name."""
        ratios = {name: self.ratio(name, metric, span) for name in self.living(span)}
        return {name: ratio for name, ratio in ratios.items() if ratio is not None}

    def unused(self, name: str, metric: Metric, span: Span) -> float:
        """Requests less usage."""
        return self.amount(name, metric, span, "requests") - self.amount(name, metric, span)

    def series(
        self, names: Names | str, metric: Metric, scale: ScaleName, dimension: Dimension = "usage"
    ) -> list[float]:
        """What namespaces used or requested together in each bucket of a scale."""
        each = (names,) if isinstance(names, str) else names
        columns = [self.truth.series(name, metric, scale, dimension) for name in each]
        return [sum(values) for values in zip(*columns, strict=True)]

    def dates(self, scale: ScaleName) -> list[str]:
        """Buckets of a scale as answers write them."""
        length = {"hourly_7d": 20, "daily_14d": 10, "monthly_12m": 7}[scale]
        return [bucket.date[:length] for bucket in self.truth.buckets(scale)]

    def full_hours(self, names: Names | str, metric: Metric, dimension: Dimension = "usage") -> dict[str, float]:
        """What namespaces used or requested together in each whole hour of the last seven days."""
        values = self.series(names, metric, "hourly_7d", dimension)
        buckets = self.truth.buckets("hourly_7d")
        return {bucket.date: value for bucket, value in zip(buckets, values, strict=True) if bucket.complete}

    def trend_pct(self, names: Names, metric: Metric) -> float:
        """Rise of the least-squares line through the amounts per hour of the whole months, in per cent of the mean.

        Of months in every step of which one of the namespaces existed.
        """
        months = [
            Span("month", bucket.start, bucket.end) for bucket in self.truth.buckets("monthly_12m") if bucket.complete
        ]
        levels = [self.amount(names, metric, span) / span.hours for span in months if self._exist(names, span)]
        slope = float(np.polyfit(range(len(levels)), levels, 1)[0])
        return 100 * slope * (len(levels) - 1) / float(np.mean(levels))

    def _exist(self, names: Names, span: Span) -> bool:
        ends = step_ends(span.start, span.end)
        return bool(np.any([self.truth.workload.alive(name, ends) for name in names], axis=0).all())

    def needed_for(self, part: float, metric: Metric, span: Span) -> int:
        """Fewest namespaces that use `part` of what all of them use."""
        amounts = [amount for _, amount in self.ranked(metric, span, names=self.namespaces)]
        reached = np.cumsum(amounts) >= part * sum(amounts)
        return int(np.argmax(reached)) + 1


def direction(rise_pct: float) -> str:
    """Of a trend: more than a tenth up or down, or neither."""
    if rise_pct > 10:
        return "growing"
    return "decreasing" if rise_pct < -10 else "stable"


def peak(series: dict[str, float]) -> str:
    """Where a series is highest."""
    return max(series, key=lambda date: series[date])
