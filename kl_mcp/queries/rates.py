"""The rate: the one in force at the last sample, what is set but not in force yet, and what changed in a window."""

from __future__ import annotations

from kl_mcp.dataset.model import Dataset, Rate
from kl_mcp.queries.dates import HOUR, Window, instant
from kl_mcp.queries.numbers import MONEY, rounded
from kl_mcp.queries.words import some


def rate_in_force(dataset: Dataset, last_sample: int | None) -> Rate | None:
    """Return the rate of the hour the last sample belongs to; None before the first one, and once charging has ended.

    A sample stands for the interval that ends with it: a rate that takes effect at that instant is not in force yet.
    """
    waiting = len(pending(dataset, last_sample))
    begun = dataset.rates[: len(dataset.rates) - waiting]
    return begun[-1] if begun and begun[-1].rate > 0 else None


def pending(dataset: Dataset, last_sample: int | None) -> list[Rate]:
    """Return the changes of the rate that are set but not in force at the last sample, earliest first."""
    return [rate for rate in dataset.rates if last_sample is not None and rate.effective >= last_sample]


def pending_warning(dataset: Dataset, last_sample: int | None) -> list[str]:
    """Return the warning for changes of the rate that are not in force yet."""
    waiting = [f"{instant(rate.effective)}: {_price(rate)}" for rate in pending(dataset, last_sample)]
    return [f"The rate will change, no sample has reached it yet: {some(waiting)}."] if waiting else []


def rate_warnings(dataset: Dataset, window: Window) -> list[str]:
    """Return what to know of the rate over a window of amounts in money."""
    start, end = window.start, window.end
    if start is None or end is None or not dataset.rates or window.scale.relative is not None:
        return []
    changes = [r for r in dataset.rates if start < r.effective < end]
    first = dataset.rates[0].effective
    seen = (namespace.first_seen for namespace in dataset.namespaces.values())
    begun = min((at for at in seen if at is not None), default=start)
    unpriced = first > max(start, begun - HOUR)
    found = [f"No rate was in force before {instant(first)}: those hours have no cost."] if unpriced else []
    later = [f"{instant(r.effective)}: {_price(r)}" for r in changes if r.effective != first]
    if later:
        found.append(f"The rate changed inside this window: {some(later)}.")
    if len({r.currency for r in dataset.rates if r.effective < end}) > 1:
        found.append("The currency changed in the rate history; only amounts of the dataset's currency are shown.")
    return found


def _price(change: Rate) -> str:
    rate = rounded(change.rate, MONEY)
    return f"{rate:.12g} {change.currency}/h" if rate else "none, so that later hours have no cost"
