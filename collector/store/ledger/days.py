"""Reads the days of a ledger, for everybody who does not write it: no lock, and while a collector goes on."""

from collections.abc import Iterator
from pathlib import Path

from collector.errors import DamagedDayError, StoreError
from collector.store.ledger.day import LedgerDay
from collector.store.ledger.day_file import DayFile, day_files
from collector.store.ledger.line_error import LineError
from collector.store.ledger.reading import read_day
from collector.store.ledger.writing import day_name


def days(directory: Path, start: int, end: int) -> Iterator[LedgerDay]:
    """Yield each day, whole, that has a file and may have hours from `start` on, before `end`; oldest first.

    StoreError if a file cannot be read, DamagedDayError for one that is not what was written.
    """
    files = day_files(directory)
    for file in _between(files, day_name(start), day_name(end - 1)):
        yield load(file, is_newest=file is files[-1])


def chosen_files(directory: Path, first: str | None, last: str | None) -> tuple[list[DayFile], DayFile]:
    """Return the days that have files from `first` to `last`, oldest first, and the newest of all.

    StoreError where there is none.
    """
    files = day_files(directory)
    chosen = _between(files, first or "", last or "9999-12-31")
    if not chosen:
        period = f" from {first or 'its beginning'} to {last or 'its end'}" if first or last else ""
        raise StoreError(
            f"there is no day of a ledger{period} under {directory}. Set KL_DB_LOCATION to that of the collector"
        )
    return chosen, files[-1]


def _between(files: list[DayFile], first: str, last: str) -> list[DayFile]:
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
