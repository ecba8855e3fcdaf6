"""The hourly rate of the whole cluster through time: `rates.json`.

Rule: a change takes effect at the next full hour, so that no hour that has begun is priced anew; only the very first
rate of a store without a sample takes effect at the hour it is set in.

What a clock that ran ahead dated later than that was never in force. It is taken back at the next start, and what is
set then takes effect as by the clock of then.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import orjson
from pydantic import TypeAdapter

from collector.store.files import read_json, write_atomically
from collector.store.paths import RATES_FILE
from kl_core.calendar import HOUR, floor_hour


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


RateHistory = tuple[RateChange, ...]
"""Oldest first, every `effective` once."""


@dataclass(frozen=True, slots=True)
class _Document:
    rates: RateHistory


_FORM = TypeAdapter(_Document)


def record(
    history: RateHistory,
    rate: float | None,
    currency: str,
    weights: Mapping[str, float] | None,
    *,
    now: int,
    has_samples: bool,
) -> RateHistory:
    """Return the history after the collector started at `now` with these settings.

    The same object when nothing changed.

    `now` has to be no earlier than the newest stored tick. A change that did not take effect yet is replaced.
    """
    begun = any(change.effective <= floor_hour(now) for change in history)
    effective = floor_hour(now + HOUR - 1) if begun or has_samples else floor_hour(now)
    kept = tuple(change for change in history if change.effective <= effective)
    wanted = RateChange(effective, rate or 0.0, currency, weights)
    if rate is None:
        wanted = RateChange(effective, 0.0, kept[-1].currency if kept else currency, None)
    earlier = tuple(change for change in kept if change.effective < effective)
    in_force = replace(earlier[-1], effective=effective) if earlier else replace(wanted, rate=0.0)
    # One that was taken back before its hour leaves no trace.
    changed = earlier if wanted == in_force else (*earlier, wanted)
    return history if changed == history else changed


def load(directory: Path) -> RateHistory:
    """Return the history under a database location, empty if there is none. StoreError if the file is damaged."""
    document = read_json(directory / RATES_FILE, _FORM)
    return () if document is None else document.rates


def save(directory: Path, history: RateHistory) -> None:
    """Write the history whole. StoreError if that is impossible."""
    write_atomically(directory / RATES_FILE, orjson.dumps(_Document(history), default=dict))
