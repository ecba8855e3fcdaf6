"""Writes the ledger, or some days of it, as a table: beside a collector that runs, and without its lock."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from collector.errors import StoreError
from collector.store.ledger.day_file import DayFile
from collector.store.ledger.days import chosen_files, load
from collector.store.ledger.export_files import WRITERS
from collector.store.ledger.export_rows import ExportRow, Step, rows
from kl_core.durable_files import UNFINISHED


def export(
    directory: Path,
    file: IO[bytes],
    form: str,
    step: Step,
    *,
    first: str | None = None,
    last: str | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """Write the rows of the days from `first` to `last` (`2026-10-03`) to a file in one of the forms of `WRITERS`.

    `progress` is told how many of how many days are done. StoreError where there is no such day or a file cannot be
    read, DamagedDayError for a day that is not what was written; OSError of the file is the caller's.
    """
    chosen, newest = chosen_files(directory, first, last)
    WRITERS[form](file, _rows(chosen, newest, step, progress), step)


@contextmanager
def appearing(path: Path) -> Iterator[IO[bytes]]:
    """Give a file to write that appears under `path` when it is complete. StoreError where that is impossible."""
    unfinished = path.with_name(path.name + UNFINISHED)
    try:
        with unfinished.open("wb") as file:
            yield file
        unfinished.replace(path)
    except OSError as error:
        raise StoreError(f"cannot write {path}: {error.strerror}. Choose another file with --output") from error
    finally:
        with suppress(OSError):
            unfinished.unlink()


def _rows(
    chosen: Sequence[DayFile], newest: DayFile, step: Step, progress: Callable[[int, int], None] | None
) -> Iterator[ExportRow]:
    for done, file in enumerate(chosen, 1):
        yield from rows(load(file, is_newest=file is newest), step)
        if progress is not None:
            progress(done, len(chosen))
