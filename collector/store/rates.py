"""The hourly rate of the whole cluster through time: `rates.json`.

Rule: a change takes effect at the next full hour, so that no hour that has begun is priced anew; only the very first
rate of a store without a sample takes effect at the hour it is set in.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from collector.errors import StoreError
from collector.store.files import REMEDY, read_json, write_whole
from collector.store.layout import RATES_FILE
from collector.store.rrd import HOUR, hour_floor


@dataclass(frozen=True, slots=True)
class RateChange:
    """What an hour of the cluster costs from `effective` on."""

    effective: int
    """Start of the first hour the rate is in force, UNIX seconds."""
    rate: float
    """Currency per hour; 0 ends charging: the hours from then on have no cost."""
    currency: str
    weights: Mapping[str, float] | None
    """Configured weight per metric, None for the default."""


History = tuple[RateChange, ...]
"""Oldest first, every `effective` once."""


def record(
    history: History,
    rate: float | None,
    currency: str,
    weights: Mapping[str, float] | None,
    *,
    now: int,
    has_samples: bool,
) -> History:
    """The history after the collector started at `now` with these settings; the same object when nothing changed.

    `now` has to be no earlier than the newest stored tick. A change that did not take effect yet is replaced.
    """
    latest = history[-1] if history else None
    if rate is None and (latest is None or latest.rate == 0):
        return history
    if (
        latest is not None
        and rate is not None
        and (latest.rate, latest.currency, latest.weights) == (rate, currency, weights)
    ):
        return history
    effective = hour_floor(now) if latest is None and not has_samples else hour_floor(now + HOUR - 1)
    if latest is not None:
        effective = max(effective, latest.effective)
    kept = history[:-1] if latest is not None and latest.effective == effective else history
    if rate is None:
        change = RateChange(effective, 0.0, latest.currency if latest else currency, None)
    else:
        change = RateChange(effective, rate, currency, weights)
    return kept if _in_force(kept, change) else (*kept, change)


def load(directory: Path) -> History:
    """The history under a database location, empty if there is none. StoreError if the file is damaged."""
    path = directory / RATES_FILE
    document = read_json(path)
    try:
        return () if document is None else tuple(_change(fields) for fields in document["rates"])
    except (KeyError, TypeError, ValueError) as error:
        raise StoreError(f"{path} is damaged ({type(error).__name__}: {error}). {REMEDY}") from error


def save(directory: Path, history: History) -> None:
    """Writes the history whole. StoreError if that is impossible."""
    write_whole(directory / RATES_FILE, orjson.dumps({"rates": history}, default=dict))


def _in_force(kept: History, change: RateChange) -> bool:
    """A change that was taken back before its hour leaves no trace."""
    if not kept:
        return change.rate == 0
    before = kept[-1]
    return (before.rate, before.currency, before.weights) == (change.rate, change.currency, change.weights)


def _change(fields: Mapping[str, Any]) -> RateChange:
    weights = fields["weights"]
    return RateChange(
        effective=int(fields["effective"]),
        rate=float(fields["rate"]),
        currency=str(fields["currency"]),
        weights=None if weights is None else {str(metric): float(weight) for metric, weight in weights.items()},
    )
