"""The known values of a file by name and instant, and matrices of them: a line a name, with buckets as last axis."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import compress
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from kl_core.vocabulary import Metric
from kl_query.dataset.legacy.table import FileTable, Places, Tables
from kl_query.dataset.table import Column, Numbers
from kl_query.numbers import UNKNOWN, Flags, ratios

Instants: TypeAlias = NDArray[np.int64]
_NEVER = int(np.iinfo(np.int64).min)

StartOf: TypeAlias = Callable[[str], int | None]
"""The instant of a point, or the start of a bucket, by the date it is written with; None for one that is none."""


@dataclass(frozen=True, slots=True, eq=False)
class NamedLines:
    """A matrix with a line for each of `names`."""

    names: tuple[str, ...]
    matrix: Column

    def of(self, names: Sequence[str], absent: Column | float = UNKNOWN) -> Column:
        """Return the lines of some names; `absent` of one that is not among these."""
        if names == self.names:
            return self.matrix
        numbers = {name: number for number, name in enumerate(self.names)}
        lines = np.array([numbers.get(name, -1) for name in names], dtype=np.intp)
        return np.vstack([self.matrix, np.broadcast_to(absent, self.matrix.shape[1:])])[lines]


@dataclass(frozen=True, slots=True, eq=False)
class DatedValues:
    """The number of each value's name and the start of its date, in order of both.

    Of several for the same name and start, the last that is known. `moments` are all starts, `left_out` the dates that
    have none.
    """

    names: tuple[str, ...]
    name: Places
    starts: Instants
    values: Column
    moments: Instants
    left_out: frozenset[str]
    rows: Numbers
    """How many rows the file has of each name, whether or not their values are known."""
    newest: int | None
    """What it is for the table."""

    @property
    def counts(self) -> Numbers:
        """Return how many values each name has."""
        return np.bincount(self.name, minlength=len(self.names))

    def over(self, starts: Instants) -> NamedLines:
        """Return the values at each of some starts, which are in order."""
        counts, values = self.tally(places_in(starts, self.starts), len(starts))
        return NamedLines(self.names, ratios(values.matrix, counts.matrix))

    def tally(self, places: Numbers, buckets: int) -> tuple[NamedLines, NamedLines]:
        """Return how many values of each name are in each of so many buckets, and their sums.

        `places` are the buckets of the values, of which there may be others.
        """
        inside = (places >= 0) & (places < buckets)
        cells = self.name[inside] * np.int64(buckets) + places[inside]
        shape = len(self.names), buckets
        counts, sums = (
            NamedLines(self.names, np.bincount(cells, weights, shape[0] * buckets).reshape(shape).astype(np.float64))
            for weights in (None, self.values[inside])
        )
        return counts, sums


ValuesByKind: TypeAlias = Mapping[tuple[Metric, str], DatedValues]
"""By metric and kind."""


def dated(tables: Tables, start_of: StartOf) -> ValuesByKind:
    """Return the known values of files."""
    return {key: values_of(table, start_of) for key, table in tables.items()}


def values_of(table: FileTable, start_of: StartOf) -> DatedValues:
    """Return the known values of a file."""
    read = {date: start_of(date) for date in table.dates}
    by_date = np.array([_NEVER if start is None else start for start in read.values()], dtype=np.int64)
    known = np.flatnonzero(~np.isnan(table.values) & (by_date[table.date] != _NEVER))
    name, starts, values = table.name[known], by_date[table.date[known]], table.values[known]
    moments = np.unique(by_date[np.bincount(table.date[known], minlength=len(by_date)) > 0])
    # Files are written name by name in order of time: sorting is for those that others made.
    order = name * np.int64(len(moments) + 1) + np.searchsorted(moments, starts)
    if not (np.diff(order) > 0).all():
        ordered = np.argsort(order, kind="stable")
        last = ordered[np.append(np.diff(order[ordered]) > 0, True)]
        name, starts, values = name[last], starts[last], values[last]
    left_out = frozenset(compress(read, by_date == _NEVER))
    rows = np.bincount(table.name, minlength=len(table.names))
    return DatedValues(table.names, name, starts, values, moments, left_out, rows, table.newest)


def places_in(starts: Instants, instants: Instants) -> Numbers:
    """Return which of some starts, in order, each instant is; -1 for none of them."""
    places = np.searchsorted(starts, instants)
    return np.where(np.append(starts, _NEVER)[places] == instants, places, -1)


def moments_of_usage(files: ValuesByKind) -> Instants:
    """Return the starts for which any usage is known, in order."""
    moments = [values.moments for (_, kind), values in files.items() if kind == "usage"]
    return np.unique(np.concatenate([np.empty(0, np.int64), *moments]))


def is_same(values: Column, other: float) -> Flags:
    """Say which values are another but for the last digits of a floating-point number."""
    same: Flags = abs(values - other) <= 1e-9 * other
    return same
