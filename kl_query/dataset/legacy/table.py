"""One file in memory: per name, which date each value belongs to. Compact, as it is kept for the next load."""

from __future__ import annotations

import math
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

from kl_core.vocabulary import Metric
from kl_query.dataset.legacy.files import File
from kl_query.dataset.legacy.json_stream import records

BILLING_RATE = ".billing-hourly-rate"
NON_ALLOCATABLE = "non-allocatable"
_SUFFIXES = ("__gpu__rf", "__gpu", "__rf")
_MAX_NAME_CHARS = 253
_MAX_VALUE = 1e15
"""Beyond any amount of money or per cent; sums of what is larger might not be numbers."""

StartOf: TypeAlias = Callable[[str], int | None]
"""The instant of a point, or the start of a bucket, by the date it is written with; None for one that is none."""


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
    newest: int | None = None
    """The newest hourly point when it was read, which is where a rolling window ended; None: unknown."""

    def rows(self, start_of: StartOf, names: Iterable[str] | None = None) -> Iterator[tuple[str, dict[int, float]]]:
        """Yield each name, of `names` where they are given, with its known values by the start of their date."""
        starts = [start_of(date) for date in self.dates]
        for name in self.cells if names is None else filter(self.cells.__contains__, names):
            cells = self.cells[name]
            pairs = ((starts[date], value) for date, value in zip(cells.dates, cells.values, strict=True))
            yield name, {start: value for start, value in pairs if start is not None and not math.isnan(value)}


Tables: TypeAlias = Mapping[tuple[Metric, str], Table]
"""By metric and kind."""


def starts_with_usage(tables: Tables, start_of: StartOf) -> set[int]:
    """Return the starts for which any usage is known."""
    usage = (table for (_, kind), table in tables.items() if kind == "usage")
    return {start for table in usage for _, row in table.rows(start_of) for start in row}


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
    if not isinstance(name, str) or not isinstance(date, str) or not 0 < len(name) <= _MAX_NAME_CHARS:
        return None
    value = record["usage"] if "usage" in record else record.get(file.kind)
    if value is None:
        value = math.nan
    if name in _SUFFIXES or type(value) not in (int, float) or _MAX_VALUE < value < math.inf:
        return None
    return name, date, float(value) if 0 <= value <= _MAX_VALUE else math.nan


def _name(written: str, file: File) -> tuple[str, bool]:
    suffix = next((suffix for suffix in _SUFFIXES if written.endswith(suffix)), "")
    expected = ("gpu" in suffix) == file.gpu and ("rf" in suffix) == (file.kind == "rf")
    return written.removesuffix(suffix), expected
