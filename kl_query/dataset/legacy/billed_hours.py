"""For how many hours of its first day or month an installation has data, as its bill tells.

Under costs the values of a bucket, of all that used anything, add up to the hourly rates of the hours with data. So the
bill divided by the rate is these hours, as long as the rate was the same then as it is now.
"""

from __future__ import annotations

from collections.abc import Mapping

from kl_core.calendar import HOUR
from kl_query.dataset.legacy.hours_with_data import Rolling
from kl_query.dataset.legacy.table import BILLING_RATE
from kl_query.dataset.model import Column
from kl_query.numbers import known_sum

_MAX_DIFFERENCE_ROWS = 0.05
"""How far from a whole number of rows hours may be by which a bill was rounded."""


def billed_hours(costs: Mapping[str, Column], rolling: Rolling) -> float | None:
    """Return the hours of the first bucket; None where the bill does not tell them.

    It does where the next bucket was billed at today's rate in all of its hours, and the first in whole rows.
    """
    rate = rolling.rate
    if not rate or rolling.cut or len(rolling.buckets.starts) < 2:
        return None
    row = rolling.row / HOUR
    first, second = (
        known_sum(column[i] for name, column in costs.items() if name != BILLING_RATE) / rate / row for i in (0, 1)
    )
    if not abs(second - rolling.inside[1] / row) <= _MAX_DIFFERENCE_ROWS:
        return None
    rows = round(first)
    is_plain = abs(first - rows) <= _MAX_DIFFERENCE_ROWS and 0 < rows * row <= rolling.inside[0]
    return rows * row if is_plain else None
