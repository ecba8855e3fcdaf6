"""Sharing: spreads the costs of named namespaces and of idle capacity over the other namespaces, and applies a mark-up.

Three steps, in this order, each over sums: of every bucket where buckets are shown, of the window where it is summed.

1. What the namespaces named by the setting cost is borne by all others, in proportion to their own cost.
2. What idle costs, where that is positive, is borne in proportion to the costs after step 1.
3. Every cost, and the bill, is multiplied.

A proportional share multiplies every bearer by the same number, so a step is a factor a metric. Where nobody has a cost
to be proportional to, the amount stays where it was: every step keeps the sum of all rows. Each metric is shared for
itself, so that cpu, memory and gpu add up to the total and only users of GPUs bear idle GPUs. Amounts other than money
are never shared: a core-hour was used where it was used.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from math import isnan
from typing import Any, Literal, TypeAlias

from fnmatch2 import fnmatchcase2

from kl_core.vocabulary import Metric, Special
from kl_query.dataset.model import Column, Dataset, Row, Sharing
from kl_query.date_windows import Window
from kl_query.measures.by_layout import layout_of
from kl_query.measures.measure import Measure, sum_columns
from kl_query.numbers import known_sum, rounded
from kl_query.warnings.warning import RowId

Parts: TypeAlias = Mapping[Metric, Column]
"""The costs of a row by metric: one element a bucket, or a single one for a window."""
_MAX_FACTOR = 1e100
"""Beyond it what bears is nothing; two of them and a multiplier still make a number."""
RowKind: TypeAlias = Literal["bearers", "shared", "idle"]


@dataclass(frozen=True, slots=True)
class Factors:
    """What a sum is multiplied by: that of a namespace that bears, of a shared one, of idle."""

    bearers: float
    shared: float
    idle: float


@dataclass(frozen=True, slots=True)
class Spread:
    """Per kind of row, the factors of every metric and bucket. `namespaces` is what all namespaces cost, after sharing.

    `multiplier` is that of the special entries besides idle.
    """

    factors: Mapping[RowKind, Parts]
    multiplier: float
    namespaces: Column

    def namespace(self, parts: Parts, *, shared: bool) -> Column:
        """Return what a namespace costs, over all metrics."""
        return _applied(self.factors["shared" if shared else "bearers"], parts)

    def special(self, parts: Parts, entry: Special) -> Column:
        """Return what a special entry costs, over all metrics."""
        if entry == "idle":
            return _applied(self.factors["idle"], parts)
        return array("d", [self.multiplier * value for value in _add(parts.values())])

    def borne(self, parts: Parts, *, of: Literal["shared", "idle"]) -> float:
        """Return how much of a shared namespace's costs, or of idle's, others bear; 0 where nothing is known."""
        gone = (
            self.multiplier * value
            for metric, column in parts.items()
            for value, factor in zip(column, self.factors[of][metric], strict=True)
            if factor == 0
        )
        return known_sum([0.0, *gone])


def shared_by(dataset: Dataset, sharing: Sharing) -> Dataset:
    """Return the dataset with a policy, which every answer in money then follows."""
    names = (name for name in dataset.namespaces if any(fnmatchcase2(name, glob) for glob in sharing.namespaces))
    return replace(dataset, sharing=sharing, shared=frozenset(names))


def factors(sharing: Sharing, bearers: float, shared: float, idle: float) -> Factors:
    """Return the factors of one metric and bucket, from the sums of the three kinds of row; NaN where none is known."""
    own, given = (0.0 if isnan(value) else value for value in (bearers, shared))
    first = _raise(own, given) if sharing.spreads_namespaces else None
    borne = own + given
    second = _raise(borne, idle) if sharing.idle and idle > 0 else None
    after = sharing.multiplier * (1.0 if second is None else second)
    return Factors(
        bearers=after if first is None else after * first,
        shared=after if first is None else 0.0,
        idle=sharing.multiplier if second is None else 0.0,
    )


def spread(sharing: Sharing, bearers: Parts, shared: Parts, idle: Parts) -> Spread:
    """Return the factors from the sums of the bearers, of the shared namespaces and of idle, which have one length."""
    by_metric = {
        metric: [factors(sharing, *sums) for sums in zip(bearers[metric], shared[metric], idle[metric], strict=True)]
        for metric in bearers
    }
    by_kind: dict[RowKind, Parts] = {
        "bearers": {metric: array("d", [f.bearers for f in row]) for metric, row in by_metric.items()},
        "shared": {metric: array("d", [f.shared for f in row]) for metric, row in by_metric.items()},
        "idle": {metric: array("d", [f.idle for f in row]) for metric, row in by_metric.items()},
    }
    both = zip(_applied(by_kind["bearers"], bearers), _applied(by_kind["shared"], shared), strict=True)
    return Spread(by_kind, sharing.multiplier, array("d", map(known_sum, both)))


def block(dataset: Dataset, *, applies: bool) -> dict[str, Any] | None:
    """Return what the metadata of an answer says; None without sharing, and where no amount is money."""
    sharing = dataset.sharing
    if not applies or sharing == Sharing():
        return None
    return {
        "shared_namespaces": list(sharing.namespaces),
        "matched": len(dataset.shared),
        "idle": sharing.idle,
        "multiplier": rounded(sharing.multiplier),
        "note": note(sharing) + (layout_of(dataset).idle_note if sharing.idle else ""),
    }


def note(sharing: Sharing) -> str:
    """Say in words what was done to the costs of an answer."""
    done = ["Costs only; usage and requests are as measured."]
    spread_over = [
        *(["shared namespaces"] if sharing.spreads_namespaces else []),
        *(["idle, where positive,"] if sharing.idle else []),
    ]
    if spread_over:
        done.append(
            f"Costs of {' and then of '.join(spread_over)} are borne by the other namespaces in proportion to their "
            "own, per metric."
        )
    if sharing.multiplier != 1:
        done.append(f"All costs, and the bill, are multiplied by {sharing.multiplier:g}.")
    if spread_over:
        done.append("Shared anew for each bucket and each window: points do not add up to the total of their window.")
    return " ".join(done)


@dataclass(frozen=True)
class SharedCosts:
    """What namespaces and special entries cost after sharing, in the dataset's currency.

    Shared bucket by bucket, or `summed`: as one sum over the window. The points of the former do not add up to the
    latter.
    """

    dataset: Dataset
    window: Window
    measure: Measure
    summed: bool = False
    _parts_of: dict[RowId, Parts] = field(default_factory=dict, compare=False)

    @cached_property
    def over_window(self) -> SharedCosts:
        """Return the costs shared as one sum over the window; of a column, its only element."""
        return SharedCosts(self.dataset, self.window, self.measure, summed=True)

    def namespace(self, name: RowId) -> Column:
        """Return what a namespace costs."""
        return self.spread.namespace(self._parts(name), shared=name in self.dataset.shared)

    def special(self, entry: Special) -> Column:
        """Return what a special entry costs."""
        return self.spread.special(self._cut(self.window.scale.special.get(entry, {})), entry)

    def borne(self, of: Literal["shared", "idle"]) -> float:
        """Return how much of the costs of all shared namespaces, or of idle, others bear."""
        idle = self._cut(self.window.scale.special.get("idle", {}))
        given = [self._parts(name) for name in self.dataset.shared] if of == "shared" else [idle]
        return math.fsum(self.spread.borne(parts, of=of) for parts in given)

    @cached_property
    def spread(self) -> Spread:
        """Return by what every row is multiplied, and what all namespaces cost."""
        names, shared = frozenset(self.window.scale.rows), self.dataset.shared
        zeros = self._cut({})
        bearers, given = (
            {metric: sum_columns((self._parts(name)[metric] for name in some), zeros[metric]) for metric in zeros}
            for some in (names - shared, names & shared)
        )
        return spread(self.dataset.sharing, bearers, given, self._cut(self.window.scale.special.get("idle", {})))

    def _parts(self, name: RowId) -> Parts:
        if name not in self._parts_of:
            self._parts_of[name] = self._cut(self.window.scale.row(name))
        return self._parts_of[name]

    def _cut(self, row: Row) -> Parts:
        parts, window = self.measure.parts(row), self.window
        if not self.summed:
            return parts
        return {m: array("d", [known_sum(window.of(column))]) for m, column in parts.items()}


def shared_costs(dataset: Dataset, window: Window, measure: Measure) -> SharedCosts | None:
    """Return the costs after sharing; None without sharing, and where amounts are no money or nothing has a price."""
    if dataset.sharing == Sharing() or measure.cost_model != "costs" or measure.per_cent or not measure.metrics:
        return None
    return SharedCosts(dataset, window, measure)


def _raise(own: float, more: float) -> float | None:
    """Return what turns `own` into `own + more`; None where there is nothing to be in proportion to."""
    if not own > 0:
        return None
    factor = (own + more) / own
    return factor if factor < _MAX_FACTOR else None


def _applied(factor: Parts, parts: Parts) -> Column:
    return _add(array("d", map(float.__mul__, column, factor[metric])) for metric, column in parts.items())


def _add(columns: Iterable[Column]) -> Column:
    """Add up what is known; unknown where no metric is."""
    first, *others = columns
    return array("d", map(known_sum, zip(first, *others, strict=True))) if others else first
