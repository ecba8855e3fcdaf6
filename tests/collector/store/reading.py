"""What tests read from a store, as plain lists with None for unknown."""

from __future__ import annotations

import numpy as np

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
