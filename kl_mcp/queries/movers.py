"""Two periods against each other: which namespaces moved, and by how much."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from kl_mcp.dataset.model import ScaleName
from kl_mcp.errors import ToolArgumentError
from kl_mcp.queries.dates import GRANULARITY, Window, read_window, whole_window
from kl_mcp.queries.frame import Frame
from kl_mcp.queries.numbers import known, known_sum, percent, rounded

DEFAULT_BUCKETS: dict[ScaleName, int] = {"hourly_7d": 24, "daily_14d": 7, "monthly_12m": 1}
"""How many whole buckets are set against as many before them when no dates are given."""
_SAME_COVERAGE = 0.01


@dataclass(frozen=True)
class Periods:
    """`after` is the period asked about, `before` the baseline.

    `factor` brings the baseline to the hours of `after`.
    """

    view: Frame
    before: Window
    after: Window

    @property
    def scaled(self) -> bool:
        """Say whether the baseline is scaled: an open bucket, another number of buckets, or gaps on one side only.

        Whole months are compared as they are billed, with their own lengths. Percentages need no scaling.
        """
        if self.view.measure.cost_model == "normalized":
            return False
        covered = [window.observed_hours / (window.elapsed_hours or 1) for window in (self.before, self.after)]
        return (
            self.before.partial
            or self.after.partial
            or len(self.before.indices) != len(self.after.indices)
            or abs(covered[0] - covered[1]) > _SAME_COVERAGE
        )

    @cached_property
    def factor(self) -> float:
        """Return hours of the period ÷ hours of the baseline, or 1."""
        return (
            self.after.observed_hours / self.before.observed_hours
            if self.scaled and self.before.observed_hours
            else 1.0
        )

    def pair(self, name: str) -> tuple[float, float]:
        """Return a namespace's baseline, scaled, and its value."""
        found = self._pairs.get(name)
        if found is None:
            before, after = (view.total_of(name).value for view in self._views)
            found = self._pairs[name] = before * self.factor, after
        return found

    @cached_property
    def _pairs(self) -> dict[str, tuple[float, float]]:
        return {}

    @cached_property
    def _views(self) -> tuple[Frame, Frame]:
        return replace(self.view, window=self.before), replace(self.view, window=self.after)

    def amounts(self, names: Iterable[str]) -> tuple[float, float]:
        """Return the sums of some namespaces over each period, unscaled and before they are related to capacity."""
        return self._views[0].amount_of(names), self._views[1].amount_of(names)

    @cached_property
    def absorbed(self) -> frozenset[str]:
        """Return the shared namespaces nothing is left of in either period."""
        return self._views[0].absorbed & self._views[1].absorbed

    def known_in_both(self, names: Iterable[str]) -> list[str]:
        """Return the namespaces whose change is known."""
        return [name for name in names if all(map(known, self.pair(name)))]

    def describe(self, names: Iterable[str]) -> dict[str, Any]:
        """Return the two periods and the sums over each of the namespaces that are known in both."""
        pairs = [self.pair(name) for name in self.known_in_both(names)]
        before, after = known_sum(pair[0] for pair in pairs), known_sum(pair[1] for pair in pairs)
        return {
            "scale": self.view.scale.name,
            "date": self.after.label,
            "baseline": self.before.label,
            "hours": rounded(self.after.observed_hours),
            "baseline_hours": rounded(self.before.observed_hours),
            "scaled": self.scaled,
            "baseline_value": rounded(before),
            "value": rounded(after),
            "change": rounded(after - before),
            "change_pct": percent(after - before, before),
        }

    def warnings(self) -> list[str]:
        """Say that the baseline is scaled."""
        if not self.scaled:
            return []
        return [
            (
                f"The periods differ in hours ({rounded(self.after.observed_hours):g} against "
                f"{rounded(self.before.observed_hours):g}): baseline values are scaled to those of {self.after.label}."
            )
        ]


def periods(view: Frame, date: str | None, baseline: str | None) -> Periods | None:
    """Return the two periods; None where there are not two buckets to compare. Raises ToolArgumentError."""
    scale = view.scale
    everything = whole_window(scale)
    if not everything.indices:
        return None
    if date is None and baseline is None:
        return _default_periods(view, everything)
    after = read_window(scale, date or "latest")
    if baseline is not None:
        return Periods(view, read_window(scale, baseline, "baseline"), after)
    length = len(after.indices)
    if after.first < length:
        raise ToolArgumentError(
            "unknown_date",
            "baseline",
            f"{after.label} has {length} {GRANULARITY[scale.name]} bucket(s), and the data of {scale.name} "
            f"({everything.label}) does not hold as many before it: name a baseline.",
            allowed=f"a bucket or a range FIRST..LAST within {everything.label}",
            nearest=everything.dates[:1],
            example=f"baseline={everything.dates[0]}",
        )
    return Periods(view, Window(scale, after.first - length, after.first), after)


def _default_periods(view: Frame, everything: Window) -> Periods | None:
    """Set the latest whole buckets against as many before them; or, in a young dataset, the open one."""
    whole = everything.closed()
    length = min(DEFAULT_BUCKETS[view.scale.name], len(whole.indices) // 2)
    if length:
        middle = whole.stop - length
        return Periods(view, Window(view.scale, middle - length, middle), Window(view.scale, middle, whole.stop))
    if len(everything.indices) == 2:
        return Periods(view, Window(view.scale, 0, 1), Window(view.scale, 1, 2))
    return None


def mover(namespace: str, pair: tuple[float, float]) -> dict[str, Any]:
    """Return a row; `change_pct` is null for a namespace that was not there before."""
    before, after = pair
    return {
        "namespace": namespace,
        "baseline_value": rounded(before),
        "value": rounded(after),
        "change": rounded(after - before),
        "change_pct": percent(after - before, before),
    }


def order(pairs: dict[str, tuple[float, float]], sort: str) -> list[str]:
    """Return names sorted: by size of change, increase, decrease, relative change, value or name; unknown ones last."""

    def key(name: str) -> tuple[bool, float, str]:
        before, after = pairs[name]
        change = after - before
        value = {
            "change": -abs(change),
            "increase": -change,
            "decrease": change,
            "change_pct": -abs(change / before) if before else (-math.inf if change else 0.0),
            "value": -after,
            "namespace": 0.0,
        }[sort]
        return not known(value), value if known(value) else 0.0, name

    return sorted(pairs, key=key)
