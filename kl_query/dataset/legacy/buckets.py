"""What every scale is made of: rows over buckets, oldest first, that each end where the next begins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import compress
from typing import TypeAlias

import numpy as np

from kl_core.vocabulary import CostModel, Metric, ScaleName
from kl_query.dataset.legacy.table import BILLING_RATE, NON_ALLOCATABLE
from kl_query.dataset.model import LegacyFacts, Scale
from kl_query.dataset.table import Amounts, Block, Column, Table
from kl_query.numbers import UNKNOWN

RowsByMetric: TypeAlias = Mapping[Metric, tuple[Sequence[str], Amounts]]
"""Per metric the names that the files have, and their amounts, a line each."""


def scale(
    name: ScaleName,
    file: str,
    bounds: Sequence[int],
    elapsed: Column,
    *,
    rows: RowsByMetric,
    newest: int,
    cost_model: CostModel,
    open_from: int | None = None,
    observed: Column | None = None,
) -> Scale:
    """Return the scale of some rows, the special entries among them apart.

    `bounds` are the starts of the buckets, and the end of the last; `newest` is the newest sample, `open_from` the
    instant from which on a bucket that ends later is open, by default `newest`; `observed` are the hours with data, by
    default all of `elapsed`; a bucket in which no row has a value has none.
    """
    sampled = newest if open_from is None else open_from
    there = [(names, ~np.isnan(amounts.usage)) for names, amounts in rows.values()]
    seen = np.any([known.any(0) for _, known in there], axis=0) if there else False
    known = {name for names, known in there for name in compress(names, np.any(known, axis=1))}
    named = dict.fromkeys(name for names, _ in there for name in names if name in known)
    special = {metric: (names, Amounts(amounts.usage, None)) for metric, (names, amounts) in rows.items()}
    return Scale(
        name=name,
        file=file,
        starts=tuple(bounds[:-1]),
        ends=tuple(bounds[1:]),
        complete=tuple(end < bounds[-1] or end <= sampled for end in bounds[1:]),
        elapsed_hours=elapsed,
        observed_hours=np.where(seen, elapsed if observed is None else observed, 0.0),
        coverage={},
        capacity={},
        allocatable={},
        bill={},
        namespaces=_table(rows, [name for name in named if name not in (NON_ALLOCATABLE, BILLING_RATE)]),
        special=_table(special, [NON_ALLOCATABLE] if any(NON_ALLOCATABLE in names for names, _ in there) else []),
        cost_model=cost_model,
        newest_sample=newest,
        absent=UNKNOWN,
        legacy=LegacyFacts(),
    )


def _table(rows: RowsByMetric, names: Sequence[str]) -> Table:
    numbers = {name: number for number, name in enumerate(names)}
    blocks: dict[Metric, Block] = {}
    for metric, (written, amounts) in rows.items():
        kept = [line for line, name in enumerate(written) if name in numbers]
        if kept:
            lines = np.full(len(names) + 1, -1, dtype=np.intp)
            lines[[numbers[written[line]] for line in kept]] = np.arange(len(kept))
            blocks[metric] = Block(lines, amounts.at(np.array(kept, dtype=np.intp)))
    return Table(names, blocks)
