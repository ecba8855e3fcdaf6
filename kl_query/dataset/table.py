"""Amounts of rows as matrices: what the scales of a dataset are made of.

A column has one element a bucket; NaN is unknown. A matrix has a line a namespace, and the buckets as its last axis:
what is written for a column holds for a matrix too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from kl_core.vocabulary import Metric
from kl_query.warnings.warning import RowId

Column: TypeAlias = NDArray[np.float64]
Numbers: TypeAlias = NDArray[np.intp]
"""Which rows of a scale; -1 is a namespace that is not in it."""


@dataclass(frozen=True, slots=True, eq=False)
class Amounts:
    """One metric of one row, or of several as matrices. What is None follows from the other columns, for all of them.

    `requests` is None where nobody knows them.
    """

    usage: Column
    requests: Column | None
    requests_matched: Column | None = None
    cost: Column | None = None
    usage_matched: Column | None = None
    """Usage of the hours in which requests are known too; None: all of it."""
    matched_hours: Column | None = None
    """Observed hours in which both are known; None: `usage_hours`."""
    usage_hours: Column | None = None
    """Observed hours in which usage is known; None: all of them."""
    cost_hours: Column | None = None
    """Those of `usage_hours` in which a rate was in force; None: these or the priced hours, whichever are fewer."""

    def at(self, lines: Numbers | int) -> Amounts:
        """Return one of several rows, or several of them; all of them, in their order, are not copied."""
        if isinstance(lines, np.ndarray) and np.array_equal(lines, np.arange(len(self.usage))):
            return self
        columns = (getattr(self, name) for name in COLUMNS)
        return Amounts(*(None if column is None else column[lines] for column in columns))  # type: ignore[arg-type]


COLUMNS = tuple(each.name for each in fields(Amounts))
"""What is held of a metric."""
Row: TypeAlias = Mapping[Metric, Amounts]
"""A metric that is absent was zero in every observed bucket."""


@dataclass(frozen=True, slots=True)
class Block:
    """The amounts of a metric of all rows that have it, as matrices.

    `lines` tells each row's line in them; -1 of one that lacks the metric. Its last element, which -1 picks, is -1.
    """

    lines: Numbers
    amounts: Amounts


class Table(Mapping[RowId, Row]):
    """The rows of a scale: a mapping, which makes the row that is asked for, and matrices over any of them."""

    def __init__(self, rows: Sequence[RowId] = (), blocks: Mapping[Metric, Block] | None = None) -> None:
        self.rows = tuple(rows)
        self.blocks = blocks or {}
        self.index: Mapping[RowId, int] = {row: number for number, row in enumerate(self.rows)}
        self.everyone: Numbers = np.arange(len(self.rows))
        self.is_named = np.array([isinstance(row, str) for row in self.rows], bool)
        """Which rows go by a name."""
        named = sorted(row for row in self.rows if isinstance(row, str))
        self.by_name: Numbers = np.array([self.index[row] for row in named], np.intp)
        """Those that do, by it."""

    @cached_property
    def ranks(self) -> Numbers:
        """Return where each row stands by name; those without one, and the last element, which -1 picks, are last."""
        ranks = np.full(len(self.rows) + 1, len(self.rows))
        ranks[self.by_name] = np.arange(len(self.by_name))
        return ranks

    def __getitem__(self, row: RowId) -> Row:
        lines = {metric: int(block.lines[self.index[row]]) for metric, block in self.blocks.items()}
        return {metric: self.blocks[metric].amounts.at(line) for metric, line in lines.items() if line >= 0}

    def __iter__(self) -> Iterator[RowId]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    def __contains__(self, row: object) -> bool:
        return row in self.index

    def numbers(self, rows: Iterable[RowId]) -> Numbers:
        """Return the numbers of some rows."""
        return self.everyone if rows is self.rows else np.array([self.index.get(row, -1) for row in rows], np.intp)

    def name(self, number: int) -> str:
        """Return what a row goes by."""
        return str(self.rows[number])

    def has(self, metric: Metric, numbers: Numbers) -> NDArray[np.bool_]:
        """Return of some rows whether each has a metric."""
        block = self.blocks.get(metric)
        return np.zeros(len(numbers), bool) if block is None else block.lines[numbers] >= 0

    def matrix(self, metric: Metric, numbers: Numbers, values: Callable[[Amounts], Column], absent: Column) -> Column:
        """Return `values` of a metric of some rows, a line each; `absent` of those that lack the metric."""
        has = self.has(metric, numbers)
        if has.all() and len(has):
            return values(self.blocks[metric].amounts.at(self.blocks[metric].lines[numbers]))
        matrix = np.tile(absent, (len(numbers), 1))
        if has.any():
            matrix[has] = values(self.blocks[metric].amounts.at(self.blocks[metric].lines[numbers[has]]))
        return matrix
