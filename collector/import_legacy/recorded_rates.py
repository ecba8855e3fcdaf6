"""The hourly rate that the source recorded in `.billing-hourly-rate`, as the history of rates we keep."""

from __future__ import annotations

import numpy as np

from collector.import_legacy.source import Database
from collector.store.rates import History, RateChange
from kl_core.calendar import HOUR, floor_hour

_DIGITS = 9
"""Decimals of a rate; librrd's interpolation leaves noise behind them."""


def history(database: Database | None, currency: str) -> History:
    """Return a change for every hour whose rate differs from the one before.

    Empty without a database or a rate above zero.

    An hour in which the rate is unknown keeps the one before; a rate of zero or below means that none was set. The
    source splits no rate over resources: weights are the default ones.
    """
    if database is None:
        return ()
    begin = database.begin(HOUR)
    changes: list[RateChange] = []
    for place, values in enumerate(database.read(begin, database.end(HOUR), HOUR).T):
        known = values[~np.isnan(values)]
        rate = max(0.0, round(float(known[0]), _DIGITS)) if len(known) else None
        if rate is not None and rate != (changes[-1].rate if changes else 0.0):
            changes.append(RateChange(begin + place * HOUR, rate, currency, None))
    return tuple(changes)


def continued(stored: History, source: History, after: int) -> History:
    """Return what is stored of a source's history up to the tick `after`, and what the source recorded since."""
    since = floor_hour(after)
    return (
        *(change for change in stored if change.effective < since),
        *(change for change in source if change.effective >= since),
    )
