"""`kl-collector verify` and `kl-collector export`: beside a collector that runs, and without its lock."""

import argparse
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Never

from tqdm import tqdm

from collector.store.ledger.verify import Verdict, verify


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


COMMANDS: Mapping[str, Callable[[argparse.Namespace, Path], None]] = {"verify": _run_verify}
"""By name. Each takes its arguments and the database location."""
