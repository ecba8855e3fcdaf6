"""Numbers as answers carry them: six significant digits, money to the cent at least, and null for what is unknown."""

import math
from collections.abc import Iterable
from itertools import filterfalse
from math import isnan

UNKNOWN = math.nan
MONEY = "currency"
"""The unit of amounts that are billed."""
_CENTS_FROM = 10_000
"""From here on six significant digits are coarser than cents."""


def known(value: float | None) -> bool:
    """Say whether a value was measured."""
    return value is not None and not isnan(value)


def rounded(value: float | None, unit: str | None = None) -> float | None:
    """Return a value with 6 significant digits, money with cents too; None when it is unknown or not finite."""
    if value is None or not math.isfinite(value):
        return None
    if unit == MONEY and abs(value) >= _CENTS_FROM:
        return round(value, 2)
    return float(f"{value:.6g}") + 0.0  # adding 0.0 turns -0.0 into 0.0


def rounded_all(values: Iterable[float], unit: str | None = None) -> list[float | None]:
    """Return a column for an answer."""
    return [rounded(value, unit) for value in values]


def ratio(part: float | None, total: float | None) -> float:
    """Return part ÷ whole; unknown when either is, or when the whole is zero."""
    if part is None or total is None or total == 0:
        return UNKNOWN
    return part / total


def percent(part: float | None, total: float | None) -> float | None:
    """Return part ÷ whole in per cent, rounded for an answer."""
    return rounded(100 * ratio(part, total))


def known_sum(values: Iterable[float]) -> float:
    """Return the sum of the known values; unknown when there is none, also for no values at all."""
    kept = list(filterfalse(isnan, values))
    return math.fsum(kept) if kept else UNKNOWN
