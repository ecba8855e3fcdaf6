"""Statistics of a series over its whole buckets."""

import math
from dataclasses import dataclass
from typing import Annotated

import numpy as np

from kl_query.dataset.table import Column
from kl_query.date_windows import Window, instant
from kl_query.fields import Instant, InUnit, doc
from kl_query.numbers import UNKNOWN


@dataclass(frozen=True, slots=True)
class Stats:
    """Over whole, known hours: the open one is left out."""

    min: InUnit
    max: InUnit
    mean: InUnit
    p50: Annotated[InUnit, doc("Median; percentiles interpolate linearly")]
    p95: InUnit
    stdev: Annotated[InUnit, doc("Of the population")]
    peak_hour: Annotated[Instant | None, doc("Hour of the maximum")]
    points: Annotated[int, doc("Hours in these statistics")]
    window_start_utc: Instant | None
    window_end_utc: Instant | None


def stats(column: Column, window: Window) -> Stats:
    """Return min, max, mean, p50, p95, stdev and peak of a window's column (one element a bucket of `window`).

    The open bucket is left out: it is shorter than the others. Unknown buckets are left out too. `stdev` is that of the
    population; percentiles interpolate linearly between the two nearest values. Unknown where no whole bucket is known.
    """
    closed = window.closed()
    places = np.flatnonzero(~np.isnan(column[: len(closed.indices)]))
    known = column[places] if len(places) else np.full(1, UNKNOWN)
    mean = math.fsum(known) / len(known)
    p50, p95 = np.interp(np.array([50, 95]) * (len(known) - 1) / 100, np.arange(len(known)), np.sort(known))
    return Stats(
        min=known.min(),
        max=known.max(),
        mean=mean,
        p50=p50,
        p95=p95,
        stdev=math.sqrt(math.fsum((known - mean) ** 2) / len(known)),
        peak_hour=closed.dates[places[known.argmax()]] if len(places) else None,
        points=len(places),
        window_start_utc=instant(closed.start),
        window_end_utc=instant(closed.end),
    )
