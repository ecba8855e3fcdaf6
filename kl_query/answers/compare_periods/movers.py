"""Two periods against each other: which namespaces moved, and by how much."""

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from kl_core.calendar import GRANULARITY, HOUR
from kl_core.vocabulary import ScaleName
from kl_query.dataset.model import Column
from kl_query.date_windows import Window, full_window, read_window
from kl_query.errors import ToolArgumentError
from kl_query.measures.amounts_per_hour import KnownHours, Pair, change, change_pct
from kl_query.numbers import UNKNOWN, known, known_sum, ratio, rounded
from kl_query.view import Frame
from kl_query.warnings.codes import Code
from kl_query.warnings.warning import DataWarning, Plain, RowId, text, warning

DEFAULT_BUCKETS: dict[ScaleName, int] = {"hourly_7d": 24, "daily_14d": 7, "monthly_12m": 1}
"""How many whole buckets are set against as many before them when no dates are given."""
_SAME_COVERAGE = 0.01


@dataclass(frozen=True)
class Periods:
    """`after` is the period asked about, `before` the baseline.

    Baselines are scaled row by row, to the hours for which the row is known in `after`.
    """

    view: Frame
    before: Window
    after: Window
    _pairs: dict[RowId, Pair] = field(default_factory=dict, compare=False)

    @cached_property
    def hours(self) -> KnownHours:
        """Return for how many hours rows are known."""
        return KnownHours(self.view)

    @cached_property
    def scaled(self) -> bool:
        """Say whether every baseline is scaled: an open bucket, another number of them, or hours missing on one side.

        Whole months are compared as they are billed, with their own lengths. Percentages need no scaling.
        """
        return not self.view.measure.per_cent and (
            self.before.partial
            or self.after.partial
            or len(self.before.indices) != len(self.after.indices)
            or self._differ(*self._hours)
        )

    @cached_property
    def _hours(self) -> Pair:
        """Return the hours of both periods that any row can be known for."""
        return self._in_both(self.hours.all_rows)

    def _in_both(self, hours: Column) -> Pair:
        return sum(self.before.of(hours)), sum(self.after.of(hours))

    def _differ(self, before: float, after: float) -> bool:
        """Say whether these hours are different parts of the two periods."""
        parts = before / (_calendar_hours(self.before) or 1), after / (_calendar_hours(self.after) or 1)
        return abs(parts[0] - parts[1]) > _SAME_COVERAGE

    def scales(self, name: RowId) -> bool:
        """Say whether a namespace's baseline is scaled: that of all is, or it is known for other parts of each period.

        What is unknown in either period cannot be scaled by its own hours.
        """
        own = self._in_both(self.hours.of(name))
        return self.scaled or (not self.view.measure.per_cent and all(own) and self._differ(*own))

    def pair(self, name: RowId) -> Pair:
        """Return a namespace's baseline, scaled, and its value."""
        if name not in self._pairs:
            self._pairs[name] = self._share(name) if self.view.measure.per_cent else self._scaled(name)
        return self._pairs[name]

    def _scaled(self, name: RowId) -> Pair:
        before, after = (view.total_of(name).value for view in self._views)
        own = self._in_both(self.hours.of(name))
        hours = own if all(own) else self._hours
        return (before * hours[1] / hours[0] if all(hours) and self.scales(name) else before), after

    def _share(self, name: RowId) -> Pair:
        """Return per cent of capacity over the hours for which usage is known: a gap is no lower share."""
        before, after = (
            100 * ratio(self.hours.level(name, view.window), ratio(view.measure.base_amount(view.window), hours))
            for view, hours in zip(self._views, self._in_both(self.hours.base), strict=True)
        )
        return before, after

    @cached_property
    def _views(self) -> tuple[Frame, Frame]:
        return self.hours.frame(self.before), self.hours.frame(self.after)

    @property
    def named(self) -> list[str]:
        """Return the namespaces that the caller may know, but for those nothing is left of in either period."""
        before, after = self._views
        return [name for name in self.view.scale.namespaces if name not in before.absorbed & after.absorbed]

    def known_in_both(self, names: Iterable[RowId]) -> list[RowId]:
        """Return the namespaces whose change is known."""
        return [name for name in names if all(map(known, self.pair(name)))]

    def describe(self, names: Iterable[RowId]) -> dict[str, Any]:
        """Return the two periods and the sums over each of the namespaces that are known in both."""
        both = self.known_in_both(names)
        pairs = [self.pair(name) for name in both]
        both_sums = known_sum(pair[0] for pair in pairs), known_sum(pair[1] for pair in pairs)
        if not self.view.measure.additive and len(pairs) > 1:
            both_sums = UNKNOWN, UNKNOWN
        return {
            "scale": self.view.scale.name,
            "date": self.after.label,
            "baseline": self.before.label,
            "hours": rounded(self.after.observed_hours),
            "baseline_hours": rounded(self.before.observed_hours),
            "scaled": self.scaled or any(map(self.scales, both)),
            **moved(both_sums, self.view.measure.unit),
        }

    def warnings(self, names: Iterable[RowId]) -> list[DataWarning]:
        """Say that the baseline is scaled, or that of some namespaces."""
        label = Plain(str(self.after.label))
        if self.scaled:
            before, after = self._hours
            kind = text("hours with a price" if self.view.measure.cost_model == "costs" else "hours")
            return [warning(Code.BASELINE_SCALED, kind=kind, hours=after, baseline_hours=before, label=label)]
        some = sum(1 for name in self.known_in_both(names) if self.scales(name))
        return [warning(Code.BASELINES_SCALED, namespaces=some, label=label)] if some else []


def periods(view: Frame, date: str | None, baseline: str | None) -> Periods | None:
    """Return the two periods; None where there are not two buckets to compare. Raises ToolArgumentError."""
    scale = view.scale
    everything = full_window(scale)
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
            corrections=[{"baseline": date} for date in everything.dates[:1]],
        )
    return Periods(view, Window(scale, after.first - length, after.first), after)


def _default_periods(view: Frame, everything: Window) -> Periods | None:
    """Set the latest whole buckets against as many before them; or, in a young dataset, the open one against the last.

    As many as leave at least half of either period observed: the hours after an installation are no month.
    """
    scale, closed = view.scale, everything.closed()
    for length in range(min(DEFAULT_BUCKETS[scale.name], len(closed.indices) // 2), 0, -1):
        middle = closed.stop - length
        pair = Window(scale, middle - length, middle), Window(scale, middle, closed.stop)
        if all(map(_half_observed, pair)):
            return Periods(view, *pair)
    last = Window(scale, max(closed.first, closed.stop - 1), closed.stop)
    if everything.partial and last.indices and _half_observed(last):
        return Periods(view, last, Window(scale, closed.stop, everything.stop))
    return None


def _calendar_hours(window: Window) -> float:
    """Return the hours of whole buckets, also of one that a rolling window has cut."""
    scale = window.scale
    return sum(scale.ends[i] - scale.starts[i] for i in window.indices) / HOUR


def _half_observed(window: Window) -> bool:
    return bool(2 * window.observed_hours >= window.elapsed_hours)


def moved(pair: Pair, unit: str) -> dict[str, Any]:
    """Return an amount in both periods; `change_pct` is null for one that was nothing before."""
    before, after = pair
    return {
        "baseline_value": rounded(before, unit),
        "value": rounded(after, unit),
        "change": rounded(change(before, after), unit),
        "change_pct": change_pct(before, after),
    }


def order(pairs: dict[str, Pair], sort: str) -> list[str]:
    """Return names sorted: by size of change, increase, decrease, relative change, value or name; unknown ones last."""

    def key(name: str) -> tuple[bool, float, str]:
        before, after = pairs[name]
        step = change(before, after)
        value = {
            "change": -abs(step),
            "increase": -step,
            "decrease": step,
            "change_pct": -abs(step / before) if before else (-math.inf if step else 0.0),
            "value": -after,
            "namespace": 0.0,
        }[sort]
        return not known(value), value if known(value) else 0.0, name

    return sorted(pairs, key=key)
