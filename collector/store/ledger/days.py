"""Reads the days of a ledger, for everybody who does not write it: no lock, and while a collector goes on."""

from collections.abc import Iterator
from pathlib import Path

from collector.errors import DamagedDayError
from collector.store.ledger.day import LedgerDay
from collector.store.ledger.day_file import DayFile, day_files
from collector.store.ledger.line_error import LineError
from collector.store.ledger.reading import read_day
from kl_core.calendar import bucket_name


def days(directory: Path, start: int, end: int) -> Iterator[LedgerDay]:
    """Yield each day, whole, that has a file and may have hours from `start` on, before `end`; oldest first.

    StoreError if a file cannot be read, DamagedDayError for one that is not what was written.
    """
    files = day_files(directory)
    for file in between(files, start, end):
        yield load(file, is_newest=file is files[-1])


def between(files: list[DayFile], start: int, end: int) -> list[DayFile]:
    """Return those of the files whose days begin before `end` and end after `start`, UNIX seconds."""
    first, last = bucket_name("daily_14d", start), bucket_name("daily_14d", end - 1)
    return [file for file in files if first <= file.date <= last]


def load(file: DayFile, *, is_newest: bool) -> LedgerDay:
    """Return a day. The newest may end in a line that is being written, which is not read. Raises as `days` does."""
    lines, rest = file.lines()
    if rest and not is_newest:
        raise DamagedDayError(str(file.path), len(lines) + 1, "it has no end")
    try:
        return read_day(lines, file.date)
    except LineError as error:
        raise DamagedDayError(str(file.path), error.number, error.fault) from error
