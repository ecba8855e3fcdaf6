"""What of the amounts follows from other columns where it is not published; `Amounts` says what that means.

Each takes one row or several and returns a column or a matrix. The place of each rule is here alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

import numpy as np

from kl_core.vocabulary import Metric
from kl_query.dataset.model import Scale
from kl_query.dataset.table import Amounts, Column
from kl_query.numbers import UNKNOWN

Rule: TypeAlias = Callable[[Scale, Metric, Amounts], Column]


def requests(_scale: Scale, _metric: Metric, amounts: Amounts) -> Column:
    """Return what was requested; unknown where nobody tells."""
    return np.full_like(amounts.usage, UNKNOWN) if amounts.requests is None else amounts.requests


def usage_hours(scale: Scale, _metric: Metric, amounts: Amounts) -> Column:
    """Return the observed hours in which usage is known."""
    return _like(amounts, scale.observed_hours) if amounts.usage_hours is None else amounts.usage_hours


def usage_matched(_scale: Scale, _metric: Metric, amounts: Amounts) -> Column:
    """Return the usage of the hours in which requests are known too."""
    return amounts.usage if amounts.usage_matched is None else amounts.usage_matched


def requests_matched(scale: Scale, metric: Metric, amounts: Amounts) -> Column:
    """Return the requests of the hours in which usage is known too: on hours, the requests wherever usage is known."""
    return requests(scale, metric, amounts) if amounts.requests_matched is None else amounts.requests_matched


def matched_hours(scale: Scale, metric: Metric, amounts: Amounts) -> Column:
    """Return the observed hours in which usage and requests are both known."""
    return usage_hours(scale, metric, amounts) if amounts.matched_hours is None else amounts.matched_hours


def requested_hours(scale: Scale, metric: Metric, amounts: Amounts) -> Column:
    """Return the hours of each bucket that requests cover: the observed ones without those of usage alone."""
    if amounts.matched_hours is None:
        return _like(amounts, scale.observed_hours)
    return scale.observed_hours - (usage_hours(scale, metric, amounts) - amounts.matched_hours)


def cost(scale: Scale, metric: Metric, amounts: Amounts) -> Column:
    """Return the cost that the collector summed hour by hour; on hours, usage * bill ÷ capacity."""
    return amounts.usage * scale.prices.get(metric, UNKNOWN) if amounts.cost is None else amounts.cost


def cost_hours(scale: Scale, _metric: Metric, amounts: Amounts) -> Column:
    """Return the hours in which usage is known and a rate was in force."""
    if amounts.cost_hours is not None:
        return amounts.cost_hours
    known = scale.priced if amounts.usage_hours is None else np.minimum(amounts.usage_hours, scale.priced)
    return _like(amounts, known)


RULES: Mapping[str, Rule] = {
    each.__name__: each
    for each in (requests, usage_hours, usage_matched, requests_matched, matched_hours, cost, cost_hours)
}
"""By name of the column, those first that others follow from."""


def _like(amounts: Amounts, column: Column) -> Column:
    return np.broadcast_to(column, amounts.usage.shape)
