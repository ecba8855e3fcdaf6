"""What tests read from a store, as plain lists with None for unknown."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
import pytest

from collector.store.paths import EntryKind
from collector.store.rrd.database import Array
from collector.store.store import Store
from kl_core.calendar import HOUR
from kl_core.vocabulary import Metric, Source

Values = list[float | None]


def plain(column: Array) -> Values:
    return [None if np.isnan(value) else float(value) for value in column]


def usage(
    store: Store,
    name: str,
    start: int,
    count: int = 1,
    *,
    step: int = HOUR,
    metric: Metric = "cpu",
    kind: EntryKind = "namespace",
) -> Values:
    return plain(store.entry(kind, name, start, start + count * step, step).usage[metric])


def requests(store: Store, name: str, start: int, count: int = 1, *, step: int = HOUR) -> Values:
    return plain(store.entry("namespace", name, start, start + count * step, step).requests["cpu"])


def measured(store: Store, name: str, start: int, count: int = 1, *, step: int = HOUR) -> Values:
    return plain(store.entry("namespace", name, start, start + count * step, step).measured)


def coverage(store: Store, start: int, count: int = 1, *, source: Source = "kubernetes", step: int = HOUR) -> Values:
    return plain(store.cluster(start, start + count * step, step).observed[source])


def capacity(store: Store, start: int, count: int = 1, *, metric: Metric = "cpu", step: int = HOUR) -> Values:
    return plain(store.cluster(start, start + count * step, step).capacity[metric])


@contextmanager
def ordinary_user() -> Iterator[Path]:
    """A directory of a user whom permissions bind, which they do not bind root; the effective user inside the block."""
    directory = Path(tempfile.mkdtemp(dir="/tmp"))
    root = os.geteuid() == 0
    try:
        if root:
            os.chown(directory, 65534, 65534)
            try:
                os.seteuid(65534)
            except PermissionError:
                pytest.skip("root without the right to become another user")
        yield directory
    finally:
        if root:
            with suppress(PermissionError):
                os.seteuid(0)
        for folder, _, _ in os.walk(directory):
            Path(folder).chmod(0o700)
        shutil.rmtree(directory)
