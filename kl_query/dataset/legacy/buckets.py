"""What every scale is made of: the buckets that values go into, and the scale of their rows."""

from __future__ import annotations

import math
from array import array
from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass

from kl_core.vocabulary import CostModel, ScaleName
from kl_query.dataset.legacy.table import BILLING_RATE, NON_ALLOCATABLE
from kl_query.dataset.model import Amounts, Column, LegacyFacts, Row, Scale


@dataclass(frozen=True, slots=True)
class Buckets:
    """Consecutive buckets, oldest first."""

    starts: tuple[int, ...]
    ends: tuple[int, ...]

    @property
    def unknown(self) -> Column:
        """Return a column in which nothing is known."""
        return array("d", [math.nan]) * len(self.starts)

    def index(self, start: int) -> int | None:
        """Return which bucket starts at `start`; None for one that is not among them."""
        position = bisect_left(self.starts, start)
        return position if position < len(self.starts) and self.starts[position] == start else None


def scale(
    name: ScaleName,
    file: str,
    buckets: Buckets,
    elapsed: Column,
    *,
    rows: Mapping[str, Row],
    newest: int,
    cost_model: CostModel,
    open_from: int | None = None,
    observed: Column | None = None,
) -> Scale:
    """Return the scale of some rows, the special entries among them apart.

    `newest` is the newest sample, `open_from` the instant from which on a bucket that ends later is open, by default
    `newest`; `observed` are the hours with data, by default all of `elapsed`; a bucket in which no row has a value has
    none.
    """
    sampled = newest if open_from is None else open_from
    count = len(buckets.starts)
    special = {metric: Amounts(amounts.usage, None) for metric, amounts in rows.get(NON_ALLOCATABLE, {}).items()}
    return Scale(
        name=name,
        file=file,
        starts=buckets.starts,
        ends=buckets.ends,
        complete=tuple(i < count - 1 or end <= sampled for i, end in enumerate(buckets.ends)),
        elapsed_hours=elapsed,
        observed_hours=_where_any(rows, elapsed if observed is None else observed),
        coverage={},
        capacity={},
        allocatable={},
        bill={},
        namespaces={n: row for n, row in rows.items() if n not in (NON_ALLOCATABLE, BILLING_RATE) and _known(row)},
        special={"non-allocatable": special} if NON_ALLOCATABLE in rows else {},
        cost_model=cost_model,
        newest_sample=newest,
        legacy=LegacyFacts(),
    )


def _where_any(rows: Mapping[str, Row], hours: Column) -> Column:
    columns = [amounts.usage for row in rows.values() for amounts in row.values()]
    known = [not all(map(math.isnan, values)) for values in zip(*columns, strict=True)]
    return array("d", [hour if seen else 0.0 for hour, seen in zip(hours, known, strict=True)])


def _known(row: Row) -> bool:
    return not all(math.isnan(value) for amounts in row.values() for value in amounts.usage)
