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

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal, TypeAlias

import numpy as np
from fnmatch2 import fnmatchcase2
from numpy.typing import NDArray

from kl_core.vocabulary import Metric, Special
from kl_query.dataset.model import Dataset, Scale, Sharing
from kl_query.dataset.table import Column, Numbers, Table
from kl_query.date_windows import Window
from kl_query.measures.measure import Measure
from kl_query.numbers import UNKNOWN, known_sum, known_sums, ratios
from kl_query.warnings.warning import RowId

Parts: TypeAlias = Mapping[Metric, Column]
"""The costs of a row by metric, or of several rows: one element a bucket, or a single one for a window."""
_MAX_FACTOR = 1e100
"""Beyond it what bears is nothing; two of them and a multiplier still make a number."""
RowKind: TypeAlias = Literal["bearers", "shared", "idle"]


@dataclass(frozen=True, slots=True)
class Factors:
    """What sums are multiplied by: those of a namespace that bears, of a shared one, of idle."""

    bearers: Column | float
    shared: Column | float
    idle: Column | float


def shared_by(dataset: Dataset, sharing: Sharing) -> Dataset:
    """Return the dataset with a policy, which every answer in money then follows, its history's too."""

    def names(rows: Iterable[RowId]) -> frozenset[RowId]:
        return frozenset(row for row in rows if any(fnmatchcase2(str(row), glob) for glob in sharing.namespaces))

    def past(scale: Scale) -> Scale:
        return replace(scale, shared=names(row for row in scale.namespaces if row not in dataset.namespaces))

    history = dataset.history.seen_as(past) if dataset.history is not None and sharing.namespaces else dataset.history
    return replace(dataset, sharing=sharing, shared=names(dataset.namespaces), history=history)


def all_shared(dataset: Dataset, scale: Scale) -> frozenset[RowId]:
    """Return the namespaces whose costs others bear, of a scale also those that no table knows any more."""
    return dataset.shared | scale.shared


def factors(sharing: Sharing, bearers: Column | float, shared: Column | float, idle: Column | float) -> Factors:
    """Return the factors of one metric from the sums of the three kinds of row; NaN where none is known."""
    own, given, more = map(np.nan_to_num, (bearers, shared, idle))
    first = np.where(sharing.spreads_namespaces, _raised(own, given), UNKNOWN)
    second = np.where(sharing.idle & (more > 0), _raised(own + given, more), UNKNOWN)
    after = sharing.multiplier * np.where(np.isnan(second), 1.0, second)
    return Factors(
        bearers=after * np.where(np.isnan(first), 1.0, first),
        shared=np.where(np.isnan(first), after, 0.0),
        idle=np.where(np.isnan(second), sharing.multiplier, 0.0),
    )


def note(sharing: Sharing) -> str:
    """Say in words what was done to the costs of an answer."""
    kinds = {"shared namespaces": sharing.spreads_namespaces, "idle, where positive,": sharing.idle}
    borne = " and then of ".join(kind for kind, is_borne in kinds.items() if is_borne)
    done = {
        "Costs only; usage and requests are as measured.": True,
        f"Costs of {borne} are borne by the other namespaces in proportion to their own, per metric.": bool(borne),
        f"All costs, and the bill, are multiplied by {sharing.multiplier:g}.": sharing.multiplier != 1,
        "Shared anew for each bucket and each window: points do not add up to the total of their window.": bool(borne),
    }
    return " ".join(sentence for sentence, applies in done.items() if applies)


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

    @cached_property
    def over_window(self) -> SharedCosts:
        """Return the costs shared as one sum over the window; of a column, its only element."""
        return SharedCosts(self.dataset, self.window, self.measure, summed=True)

    def namespaces(self, numbers: Numbers) -> Column:
        """Return what namespaces cost, a line each."""
        parts = self._parts(self._table, numbers)
        is_shared = self.is_shared[numbers][:, np.newaxis]
        return np.where(is_shared, self._applied("shared", parts), self._applied("bearers", parts))

    @property
    def all_namespaces(self) -> Column:
        """Return what all of them cost together."""
        return known_sums(np.stack([self._applied(kind, self._sums[kind]) for kind in ("bearers", "shared")]), 0)

    def special(self, entry: Special) -> Column:
        """Return what a special entry costs: those besides idle are multiplied only."""
        if entry == "idle":
            return self._applied(entry, self._special(entry))
        return self.dataset.sharing.multiplier * known_sums(np.stack([*self._special(entry).values()]), 0)

    def borne(self, of: Literal["shared", "idle"]) -> float:
        """Return how much of the costs of all shared namespaces, or of idle, others bear; 0 where nothing is known."""
        shared = np.flatnonzero(self.is_shared[:-1])
        parts = self._parts(self._table, shared) if of == "shared" else self._special("idle")
        gone = (column[..., getattr(self._factors[metric], of) == 0] for metric, column in parts.items())
        return known_sum([0.0, *(self.dataset.sharing.multiplier * float(np.nansum(each)) for each in gone)])

    @cached_property
    def _factors(self) -> Mapping[Metric, Factors]:
        sums = self._sums
        return {m: factors(self.dataset.sharing, *(parts[m] for parts in sums.values())) for m in sums["idle"]}

    @cached_property
    def _sums(self) -> Mapping[RowKind, Parts]:
        """Return the sums of the three kinds of row, in the order of `Factors`."""
        shared = self.is_shared[:-1]
        zeros = self._parts(Table(), np.array([-1]))
        bearers, given = (
            {
                metric: known_sums(matrix, 0) if len(matrix) else zeros[metric][0]
                for metric, matrix in self._parts(self._table, np.flatnonzero(which)).items()
            }
            for which in (~shared, shared)
        )
        return {"bearers": bearers, "shared": given, "idle": self._special("idle")}

    def _applied(self, kind: RowKind, parts: Parts) -> Column:
        """Return the sum over metrics of what is known; unknown where no metric is."""
        costs = [column * getattr(self._factors[metric], kind) for metric, column in parts.items()]
        return known_sums(np.stack(costs), 0)

    @property
    def _table(self) -> Table:
        return self.window.scale.namespaces

    @cached_property
    def is_shared(self) -> NDArray[np.bool_]:
        """Return of each row whether others bear its costs; the last element is of what is not in the scale."""
        shared = all_shared(self.dataset, self.window.scale)
        return np.array([*(row in shared for row in self._table), False])

    def _special(self, entry: Special) -> Parts:
        special = self.window.scale.special
        return {metric: matrix[0] for metric, matrix in self._parts(special, special.numbers((entry,))).items()}

    def _parts(self, table: Table, numbers: Numbers) -> Parts:
        parts, window = self.measure.parts(table, numbers), self.window
        if not self.summed:
            return parts
        return {metric: known_sums(window.of(matrix))[:, np.newaxis] for metric, matrix in parts.items()}


def _raised(own: Column, more: Column) -> Column:
    """Return what turns `own` into `own + more`; unknown where there is nothing to be in proportion to."""
    with np.errstate(over="ignore"):
        factor = ratios(own + more, own)
    return np.where((own > 0) & (factor < _MAX_FACTOR), factor, UNKNOWN)
