"""One file in memory: of each row its name, its date and its value. Compact, as it is kept for the next load."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import compress, count
from pathlib import Path
from types import NoneType
from typing import Any, TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray

from kl_core.vocabulary import Metric
from kl_query.dataset.legacy.files import File
from kl_query.dataset.legacy.json_stream import records
from kl_query.dataset.table import Column
from kl_query.numbers import UNKNOWN, Flags

BILLING_RATE = ".billing-hourly-rate"
NON_ALLOCATABLE = "non-allocatable"
_SUFFIXES = ("__gpu__rf", "__gpu", "__rf")
_MAX_NAME_CHARS = 253
_MAX_VALUE = 1e15
"""Beyond any amount of money or per cent; sums of what is larger might not be numbers."""

Places: TypeAlias = NDArray[np.int32]


class _Point(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    """A row as KubeLedger writes it."""

    name: str
    date: str = msgspec.field(name="dateUTC")
    usage: float | None


class _Sum(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    """The same in a period file."""

    name: str = msgspec.field(name="stack")
    date: str
    usage: float | None


_DECODERS = tuple(msgspec.json.Decoder(list[row]).decode for row in (_Point, _Sum))  # type: ignore[valid-type]


@dataclass(frozen=True, slots=True, eq=False)
class FileTable:
    """The usable rows of a file, in its order: the places of name and date of each, and its value; NaN is unknown.

    Each of `names` has a row. `dates` are as written; `skipped` counts rows that could not be used.
    """

    names: tuple[str, ...]
    dates: tuple[str, ...]
    name: Places
    date: Places
    values: Column
    skipped: int = 0
    newest: int | None = None
    """The newest hourly point when it was read, which is where a rolling window ended; None: unknown."""

    def without(self, rows: Flags) -> FileTable:
        """Return the table without some rows, which count as skipped."""
        names, name = _used(self.names, self.name[~rows])
        dates, date = _used(self.dates, self.date[~rows])
        return FileTable(names, dates, name, date, self.values[~rows], self.skipped + int(rows.sum()), self.newest)


Tables: TypeAlias = Mapping[tuple[Metric, str], FileTable]
"""By metric and kind."""


def read_table(path: Path, file: File) -> FileTable:
    """Return a file's rows. Raises MalformedError and OSError.

    A suffix is no part of a name. A row whose suffix is another than the file's own counts only for a name that has no
    row of its own, so that a stray `NAME__rf` never takes the place of NAME.
    """
    names: defaultdict[str, int] = defaultdict(count().__next__)
    dates: defaultdict[str, int] = defaultdict(count().__next__)
    parts = [(np.empty(0, np.int32), np.empty(0, np.int32), np.empty(0))]
    skipped = 0
    for batch in records(path, decoders=_DECODERS):
        rows = batch
        if not isinstance(batch[0], _Point | _Sum):
            rows = [row for record in batch if (row := _row(record, file.kind)) is not None]
            skipped += len(batch) - len(rows)
        parts.append(
            (
                np.array([names[row.name] for row in rows], np.int32),
                np.array([dates[row.date] for row in rows], np.int32),
                np.array([row.usage for row in rows], np.float64),
            )
        )
    name, date, values = (np.concatenate(each) for each in zip(*parts, strict=True))
    unusable = np.array([not 0 < len(n) <= _MAX_NAME_CHARS or n in _SUFFIXES for n in names], bool)
    table = FileTable(tuple(names), tuple(dates), name, date, values, skipped)
    table = table.without(unusable[name] | (values > _MAX_VALUE))
    return _unsuffixed(replace(table, values=np.where(table.values >= 0, table.values, UNKNOWN)), file)


def _used(texts: Sequence[str], places: Places) -> tuple[tuple[str, ...], Places]:
    """Return the texts at some places, and these places in them."""
    used = np.bincount(places, minlength=len(texts)) > 0
    return tuple(compress(texts, used)), (np.cumsum(used) - 1).astype(np.int32)[places]


def _row(record: Any, kind: str) -> _Point | None:
    if not isinstance(record, dict):
        return None
    name, date = record.get("stack", record.get("name")), record.get("date", record.get("dateUTC"))
    value = record["usage"] if "usage" in record else record.get(kind)
    if not isinstance(name, str) or not isinstance(date, str) or type(value) not in (int, float, NoneType):
        return None
    return _Point(name, date, value)


def _unsuffixed(table: FileTable, file: File) -> FileTable:
    named = [_name(written, file) for written in table.names]
    own = {name for name, belongs in named if belongs}
    stray = np.array([not belongs and name in own for name, belongs in named], bool)
    numbers = {name: number for number, name in enumerate(dict.fromkeys(name for name, _ in named))}
    places = np.array([numbers[name] for name, _ in named], np.int32)
    kept = ~stray[table.name]
    return replace(
        table, names=tuple(numbers), name=places[table.name[kept]], date=table.date[kept], values=table.values[kept]
    )


def _name(written: str, file: File) -> tuple[str, bool]:
    """Return a name without its suffix, and whether that is the one of the file."""
    suffix = next((suffix for suffix in _SUFFIXES if written.endswith(suffix)), "")
    expected = ("gpu" in suffix) == file.gpu and ("rf" in suffix) == (file.kind == "rf")
    return written.removesuffix(suffix), expected
