"""What an hour costs: the rate and the weights in force, spread over the capacity of that hour.

    price(metric, hour) = rate(hour) x weight(metric, hour) x observed hours(hour) ÷ capacity amount(metric, hour)
    cost(entry, metric, hour) = price x usage amount

so that over all entries, idle and non-allocatable the costs of an hour add up to its rate. `gpu_memory` has no cost.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from collector.accounting.bill import DEFAULT_PRICE
from collector.books.page import CPU, GPU_MEMORY, Array, Page
from collector.store.rates import RateChange
from kl_core.vocabulary import BILLED_METRICS


def currency_in_force(history: Sequence[RateChange], hour: int) -> str | None:
    """Currency of the rate in force in `hour`, else of the first one to come; None when no rate was ever set."""
    in_force = [change for change in history if change.effective <= hour] or history[:1]
    return in_force[-1].currency if in_force else None


def by_hour(history: Sequence[RateChange], values: Iterable[float], starts: NDArray[np.int64]) -> Array:
    """Return for each hour that of `values`, one a change, whose change is in force; NaN before the first change."""
    in_force = np.searchsorted([change.effective for change in history], starts, side="right") - 1
    return np.array([*values, np.nan])[in_force]


def price(page: Page, history: Sequence[RateChange], currency: str | None) -> Page:
    """Return the page of hours with bill, costs and the hours that were priced.

    `history` is oldest first. Hours without a rate in force have no cost, be it that they lie before the first rate or
    after one that ended. Hours charged in another currency than `currency` stay unknown: currencies are not added.
    """
    if not history:
        return page
    charged = (change.rate if change.rate > 0 and change.currency == currency else np.nan for change in history)
    hours = np.where(page.observed > 0, page.observed, np.nan)
    bill = by_hour(history, charged, page.starts) * hours * _weights(page.cluster.capacity, history, page.starts)
    capacity = page.cluster.capacity
    per_unit = np.where(capacity > 0, bill / np.where(capacity > 0, capacity, 1.0), bill * 0.0)
    cluster = page.cluster
    priced = np.where(np.isnan(bill[CPU]), 0.0, page.observed)
    return replace(
        page,
        priced=priced,
        cluster=replace(
            cluster,
            bill=bill,
            non_allocatable_cost=per_unit * cluster.non_allocatable,
            idle_cost=per_unit * cluster.idle,
            unmeasured_cost=per_unit * cluster.unmeasured,
        ),
        entries=replace(
            page.entries,
            cost=per_unit * page.entries.usage,
            cost_hours=np.where(priced > 0, page.entries.hours, 0.0),
        ),
    )


def _weights(capacity: Array, history: Sequence[RateChange], starts: NDArray[np.int64]) -> Array:
    """Weight per metric and hour (M x N), adding up to one over the metrics with capacity; NaN for `gpu_memory`.

    Configured weights that leave nothing to any metric with capacity (all on gpu, and no GPU there) give way to the
    default, or the hour's rate would be charged to nobody.
    """
    present = capacity[:GPU_MEMORY] > 0
    default = np.where(
        present,
        capacity[:GPU_MEMORY] * np.array([DEFAULT_PRICE[metric] for metric in BILLED_METRICS])[:, np.newaxis],
        0.0,
    )
    chosen = [
        [np.nan if change.weights is None else change.weights.get(metric, 0.0) for change in history]
        for metric in BILLED_METRICS
    ]
    configured = np.where(present, [by_hour(history, weights, starts) for weights in chosen], 0.0)
    worth = np.where(configured.sum(axis=0) > 0, configured, default)
    total = worth.sum(axis=0)
    return np.concatenate([worth / np.where(total > 0, total, np.nan), np.full((1, len(starts)), np.nan)])
