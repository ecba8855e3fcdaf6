"""`kl-collector verify` and `kl-collector export`: beside a collector that runs, and without its lock."""

import argparse
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import IO, Never

from tqdm import tqdm

from collector.errors import StoreError
from collector.store.ledger.export import appearing, export
from collector.store.ledger.verify import Verdict, verify
from kl_core.errors import SettingsError


def _run_verify(arguments: argparse.Namespace, directory: Path) -> None:
    """Say what the ledger under a database location is. DamagedDayError names its first bad line."""
    with tqdm(unit=" days", desc="verifying", leave=False, disable=None) as bar:
        verdict = verify(directory, arguments.first, arguments.last, arguments.head, partial(_show, bar))
    if verdict.fault is not None:
        raise verdict.fault
    print(_described(verdict))


def _show(bar: "tqdm[Never]", done: int, total: int) -> None:
    bar.total = total
    bar.update(done - bar.n)


def _described(verdict: Verdict) -> str:
    counts = f"{verdict.lines} lines of {verdict.days} days; the newest is {verdict.head}"
    if verdict.proven_until is not None:
        return f"proven until {verdict.proven_until}: {counts}"
    return (
        f"consistent: {counts}. Whether it was written anew as a whole, only a head tells that was kept elsewhere: "
        "give one with --head"
    )


def _run_export(arguments: argparse.Namespace, directory: Path) -> None:
    """Write what was asked for. SettingsError for Parquet without a file, StoreError where that is impossible."""
    path: Path | None = arguments.output
    if path is None and arguments.format == "parquet":
        raise SettingsError("--format parquet needs a file: add --output FILE")
    with (
        tqdm(unit=" days", desc="exporting", leave=False, disable=None) as bar,
        _standard_output() if path is None else appearing(path) as file,
    ):
        export(
            directory,
            file,
            arguments.format,
            arguments.by,
            first=arguments.first,
            last=arguments.last,
            progress=partial(_show, bar),
        )
    if path is not None:
        print(f"exported to {path}")


@contextmanager
def _standard_output() -> Iterator[IO[bytes]]:
    try:
        yield sys.stdout.buffer
        sys.stdout.flush()
    except BrokenPipeError as error:
        # Else the interpreter tries once more at its end, and complains.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise StoreError("standard output was closed before all was exported") from error


COMMANDS: Mapping[str, Callable[[argparse.Namespace, Path], None]] = {"verify": _run_verify, "export": _run_export}
"""By name. Each takes its arguments and the database location."""
