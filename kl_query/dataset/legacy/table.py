"""One file in memory: per name, which date each value belongs to. Compact, as it is kept for the next load."""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kl_query.dataset.legacy.files import File
from kl_query.dataset.legacy.json_stream import records

BILLING_RATE = ".billing-hourly-rate"
NON_ALLOCATABLE = "non-allocatable"
_SUFFIXES = ("__gpu__rf", "__gpu", "__rf")
_LONGEST_NAME = 253
_LARGEST = 1e15
"""Beyond any amount of money or per cent; sums of what is larger might not be numbers."""


@dataclass(slots=True)
class Cells:
    """The values of one name, and the position in `dates` of each."""

    dates: array[int] = field(default_factory=lambda: array("I"))
    values: array[float] = field(default_factory=lambda: array("d"))


@dataclass(frozen=True, slots=True)
class Table:
    """The usable rows of a file. `dates` are as written; `skipped` counts rows that could not be used."""

    dates: tuple[str, ...]
    cells: dict[str, Cells]
    skipped: int

    def values(self, name: str) -> Iterator[tuple[int, float]]:
        """Yield (position in `dates`, value) in the order of the file, known values only."""
        found = self.cells.get(name)
        if found is not None:
            yield from ((d, v) for d, v in zip(found.dates, found.values, strict=True) if not math.isnan(v))

    def dates_with_values(self) -> set[int]:
        """Return the positions in `dates` that have any known value."""
        return {position for name in self.cells for position, _ in self.values(name)}


def read_table(path: Path, file: File) -> Table:
    """Return a file's rows. Raises MalformedError and OSError.

    A suffix is no part of a name. A row whose suffix is another than the file's own counts only for a name that has no
    row of its own, so that a stray `NAME__rf` never takes the place of NAME.
    """
    positions: dict[str, int] = {}
    own: dict[str, Cells] = {}
    stray: dict[str, Cells] = {}
    named: dict[str, tuple[str, bool]] = {}
    skipped = 0
    for record in records(path):
        row = _row(record, file)
        if row is None:
            skipped += 1
            continue
        written, date, value = row
        if written not in named:
            named[written] = _name(written, file)
        name, belongs = named[written]
        cells = (own if belongs else stray).setdefault(name, Cells())
        cells.dates.append(positions.setdefault(date, len(positions)))
        cells.values.append(value)
    return Table(tuple(positions), {**stray, **own}, skipped)


def _row(record: Any, file: File) -> tuple[str, str, float] | None:
    if not isinstance(record, dict):
        return None
    name, date = record.get("stack", record.get("name")), record.get("date", record.get("dateUTC"))
    if not isinstance(name, str) or not isinstance(date, str) or not 0 < len(name) <= _LONGEST_NAME:
        return None
    if name in _SUFFIXES:
        return None
    value = record["usage"] if "usage" in record else record.get(file.kind)
    if value is None:
        return name, date, math.nan
    if isinstance(value, bool) or not isinstance(value, (int, float)) or _LARGEST < value < math.inf:
        return None
    return name, date, float(value) if 0 <= value <= _LARGEST else math.nan


def _name(written: str, file: File) -> tuple[str, bool]:
    suffix = next((suffix for suffix in _SUFFIXES if written.endswith(suffix)), "")
    expected = ("gpu" in suffix) == file.gpu and ("rf" in suffix) == (file.kind == "rf")
    return written.removesuffix(suffix), expected
