"""How far the demo has come: a bar on a terminal, plain lines in a log."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from tqdm import tqdm

from simulator.history import Progress

PERCENT_A_LINE = 25


@contextmanager
def shown(output: TextIO) -> Iterator[Progress]:
    """Show on `output` what the function that is returned is told."""
    if not output.isatty():
        yield _lines(output)
        return
    with tqdm(unit=" ticks", leave=False, file=output) as bar:

        def update(done: int, due: int) -> None:
            bar.total = due
            bar.update(done)

        yield update


def _lines(output: TextIO) -> Progress:
    so_far = 0

    def update(done: int, due: int) -> None:
        nonlocal so_far
        before = 100 * so_far // due // PERCENT_A_LINE
        so_far += done
        now = 100 * so_far // due // PERCENT_A_LINE
        if now > before:
            print(f"    {now * PERCENT_A_LINE} % of {due} ticks", file=output, flush=True)

    return update
