"""Numbers, NaN where unknown; and as they are shown: six significant digits, money to the cent at least, or null."""

import math
from collections.abc import Iterable
from itertools import filterfalse
from math import isnan
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = NDArray[np.float64]
Flags: TypeAlias = NDArray[np.bool_]
"""Yes or no, element by element."""
UNKNOWN = math.nan
MONEY = "currency"
"""The unit of amounts that are billed."""
_CENTS_FROM = 10_000
"""From here on six significant digits are coarser than cents."""


def rounded(value: float | None, unit: str | None = None) -> float | None:
    """Return a value with 6 significant digits, money with cents too; None when it is unknown or not finite."""
    if value is None or not math.isfinite(value):
        return None
    if unit == MONEY and abs(value) >= _CENTS_FROM:
        return round(float(value), 2)
    return float(f"{value:.6g}") + 0.0  # adding 0.0 turns -0.0 into 0.0


def ratio(part: float | None, total: float | None) -> float:
    """Return part ÷ whole; unknown when either is, or when the whole is zero."""
    if part is None or total is None or total == 0:
        return UNKNOWN
    return part / total


def percent(part: float | None, total: float | None) -> float:
    """Return part ÷ whole in per cent."""
    return 100 * ratio(part, total)


def known_sum(values: Iterable[float]) -> float:
    """Return the sum of the known values; unknown when there is none, also for no values at all."""
    kept = list(filterfalse(isnan, values))
    return math.fsum(kept) if kept else UNKNOWN


def known_sums(values: Array, axis: int = -1) -> Array:
    """Return the sums of the known values along an axis; unknown where there is none, also for no values at all."""
    sums = values.sum(axis)
    if values.shape[axis] and not np.isnan(sums).any():
        return np.asarray(sums)
    missing = np.isnan(values)
    return np.where(missing.all(axis), UNKNOWN, np.where(missing, 0.0, values).sum(axis))


def ratios(parts: Array | float, wholes: Array | float) -> Array:
    """Return part ÷ whole, element by element; unknown when either is, or when the whole is zero."""
    wholes = np.asarray(wholes)
    unknown = np.full(np.broadcast_shapes(np.shape(parts), wholes.shape), UNKNOWN)
    return np.asarray(np.divide(parts, wholes, out=unknown, where=wholes != 0))


def largest_first(values: Array) -> NDArray[np.intp]:
    """Return where values stand, largest first, unknown ones last, equal ones as they were."""
    return np.argsort(-values, kind="stable")
