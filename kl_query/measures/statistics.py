"""Statistics of a series over its whole buckets."""

import math
from math import isnan
from typing import Any

from kl_query.dataset.model import Column
from kl_query.date_windows import Window, bucket_name, instant
from kl_query.numbers import rounded


def stats(column: Column, window: Window, unit: str | None = None) -> dict[str, Any]:
    """Return min, max, mean, p50, p95, stdev and peak of a window's column (one element a bucket of `window`).

    The open bucket is left out: it is shorter than the others. Unknown buckets are left out too. `stdev` is that of the
    population; percentiles interpolate linearly between the two nearest values. Null where no whole bucket is known.
    """
    closed = window.closed()
    numbered = [(value, i) for value, i in zip(column, closed.indices, strict=False) if not isnan(value)]
    values = sorted(value for value, _ in numbered)
    mean = math.fsum(values) / len(values) if values else None
    variance = math.fsum((value - mean) ** 2 for value in values) / len(values) if mean is not None else None
    peak = max(numbered, key=lambda pair: (pair[0], -pair[1]))[1] if numbered else None
    return {
        "min": rounded(values[0] if values else None, unit),
        "max": rounded(values[-1] if values else None, unit),
        "mean": rounded(mean, unit),
        "p50": rounded(percentile(values, 50), unit),
        "p95": rounded(percentile(values, 95), unit),
        "stdev": rounded(None if variance is None else math.sqrt(variance), unit),
        "peak_hour": None if peak is None else bucket_name(window.scale.name, window.scale.starts[peak]),
        "points": len(values),
        "window_start_utc": instant(closed.start),
        "window_end_utc": instant(closed.end),
    }


def percentile(ordered: list[float], rank: float) -> float | None:
    """Return the percentile of sorted values, by linear interpolation; None for none."""
    if not ordered:
        return None
    position = (len(ordered) - 1) * rank / 100
    low = math.floor(position)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (position - low)
