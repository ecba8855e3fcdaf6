"""Collects rows into the matrices of a table, one row at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from mmap import mmap
from struct import Struct
from typing import Any

import numpy as np

from kl_core.vocabulary import Metric, Special
from kl_query.dataset.derived import RULES
from kl_query.dataset.model import Scale
from kl_query.dataset.table import COLUMNS, Amounts, Block, Numbers, Row, Table
from kl_query.numbers import UNKNOWN
from kl_query.warnings.warning import RowId


class _Matrix:
    """A matrix that is filled line by line, and which of its lines were."""

    def __init__(self, rows: int, line: Struct) -> None:
        # Memory of its own goes back to the system with it, however large; and what is never written costs none.
        self._bytes = mmap(-1, max(1, rows * line.size))
        self.columns = np.frombuffer(self._bytes, np.float64, rows * line.size // 8).reshape(rows, -1)
        self.given: list[int] = []
        self.fill = partial(line.pack_into, self._bytes)


@dataclass(slots=True)
class _Growing:
    """The matrices of a metric by what they hold."""

    lines: Numbers
    count: int = 0
    matrices: dict[str, _Matrix] = field(default_factory=dict)


class Blocks:
    """Takes the rows of a scale, which are known by their numbers."""

    def __init__(self, rows: Sequence[RowId], buckets: int, *, unknown: float = UNKNOWN) -> None:
        """Take what stands for unknown in what is added, besides NaN."""
        self._rows, self._unknown = rows, unknown
        self._line = Struct(f"{buckets}d")
        self._growing: dict[Metric, _Growing] = {}

    def add(self, number: int, metric: Metric, columns: Mapping[str, Any]) -> None:
        """Add a metric of a row: its columns by their names in `Amounts`, None for those it has not.

        Raises struct.error where one is not as many numbers as there are buckets.
        """
        growing = self._growing.get(metric)
        if growing is None:
            growing = self._growing[metric] = _Growing(np.full(len(self._rows) + 1, -1, dtype=np.intp))
        line, growing.count = growing.count, growing.count + 1
        growing.lines[number] = line
        for name, values in columns.items():
            if values is None:
                continue
            matrix = growing.matrices.get(name)
            if matrix is None:
                matrix = growing.matrices[name] = _Matrix(len(self._rows), self._line)
            matrix.fill(line * self._line.size, *values)
            matrix.given.append(line)

    def completed(self, scale: Scale) -> Table:
        """Return the rows. Where some have a column, the others get what theirs is by the rules for their scale."""
        matrices = [matrix for each in self._growing.values() for matrix in each.matrices.values()]
        for matrix in matrices:
            matrix.columns[matrix.columns == self._unknown] = UNKNOWN
        growing = self._growing.items()
        return Table(self._rows, {metric: Block(each.lines, _amounts(each, scale, metric)) for metric, each in growing})


def _amounts(growing: _Growing, scale: Scale, metric: Metric) -> Amounts:
    matrices = growing.matrices
    amounts = Amounts(matrices["usage"].columns[: growing.count], None)
    for name in (name for name in RULES if name in matrices):
        columns, lacking = matrices[name].columns[: growing.count], np.ones(growing.count, bool)
        lacking[matrices[name].given] = False
        if lacking.any():
            columns[lacking] = RULES[name](scale, metric, amounts.at(np.flatnonzero(lacking)))
        amounts = replace(amounts, **{name: columns})
    return amounts


def table(scale: Scale, rows: Mapping[RowId, Row] | Mapping[str, Row] | Mapping[Special, Row]) -> Table:
    """Return the table of a scale's rows."""
    blocks = Blocks([*rows], len(scale.starts))
    for number, row in enumerate(rows.values()):
        for metric, amounts in row.items():
            blocks.add(number, metric, {name: getattr(amounts, name) for name in COLUMNS})
    return blocks.completed(scale)
