"""The forms in which rows of the ledger are written: CSV, JSON Lines, Parquet."""

import csv
import json
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from itertools import islice
from typing import IO, Any

from collector.errors import StoreError
from collector.store.ledger.export_rows import Cell, ExportRow, Step
from kl_core.calendar import bucket_name

Writer = Callable[[IO[bytes], Iterable[ExportRow], Step], None]

_BATCH = 50_000
"""Rows of a Parquet row group."""
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def write_csv(file: IO[bytes], rows: Iterable[ExportRow], step: Step) -> None:
    """Write a line of names and a line a row; what is unknown is empty, and no text becomes a formula."""
    lines = csv.writer(_Encoded(file), lineterminator="\n")
    lines.writerow(ExportRow._fields)
    lines.writerows([_cell(each) for each in _plain(row, step).values()] for row in rows)


def write_jsonl(file: IO[bytes], rows: Iterable[ExportRow], step: Step) -> None:
    """Write an object a line; what is unknown is null. Numbers are plain decimals."""
    for row in rows:
        members = (f'"{name}":{_json(cell)}' for name, cell in _plain(row, step).items())
        file.write(f"{{{','.join(members)}}}\n".encode())


def write_parquet(file: IO[bytes], rows: Iterable[ExportRow], step: Step) -> None:
    """Write columns: times as UTC timestamps, dates of days as dates, amounts and costs as decimals of nine places."""
    try:
        import pyarrow as pa
        from pyarrow import parquet
    except ModuleNotFoundError as error:
        raise StoreError(
            "Parquet needs the library pyarrow, which is not installed. Install it: pip install 'kubeledger[parquet]'; "
            "or export csv, which every warehouse reads"
        ) from error
    schema = pa.schema([(name, _arrow_type(pa, name, step)) for name in ExportRow._fields])
    remaining = iter(rows)
    with parquet.ParquetWriter(file, schema, compression="zstd") as writer:
        while batch := list(islice(remaining, _BATCH)):
            columns = zip(*(row._replace(time=_arrow_time(row.time, step)) for row in batch), strict=True)
            arrays = [pa.array(column, field.type) for column, field in zip(columns, schema, strict=True)]
            writer.write_table(pa.Table.from_arrays(arrays, schema=schema))


WRITERS: Mapping[str, Writer] = {"csv": write_csv, "jsonl": write_jsonl, "parquet": write_parquet}


class _Encoded:
    """What `csv` writes text to."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def write(self, text: str) -> None:
        self._file.write(text.encode())


def _plain(row: ExportRow, step: Step) -> dict[str, Cell]:
    return {**row._asdict(), "time": bucket_name("hourly_7d" if step == "hour" else "daily_14d", row.time)}


def _cell(cell: Cell) -> str:
    if isinstance(cell, str) and cell.startswith(_FORMULA):
        return f"'{cell}"
    return _text(cell) or ""


def _json(cell: Cell) -> str:
    if cell is None or isinstance(cell, str):
        return json.dumps(cell)
    return _text(cell)


def _text(cell: Cell) -> str:
    if isinstance(cell, Decimal):
        return f"{cell:f}"
    return "" if cell is None else str(cell)


def _arrow_time(time: int, step: Step) -> int:
    return time if step == "hour" else time // 86_400


def _arrow_type(pa: Any, name: str, step: Step) -> Any:
    if name == "time":
        return pa.timestamp("s", tz="UTC") if step == "hour" else pa.date32()
    if name in ("namespace", "kind", "metric", "storage_class", "currency"):
        return pa.string()
    return pa.int32() if name in ("hours", "usage_hours") else pa.decimal128(38, 9)
