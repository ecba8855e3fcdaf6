"""What of the cluster nobody requests: the special entries as they stand beside requests."""

from __future__ import annotations

from array import array
from math import fsum

from kl_core.vocabulary import Metric, Special
from kl_query.dataset.model import Amounts, Column, Scale
from kl_query.measures.efficiency import requested_hours
from kl_query.numbers import UNKNOWN

_SAME_HOURS = 1e-6


def beside_requests(scale: Scale, metric: Metric, entry: Special) -> Column | None:
    """Return per bucket what a special entry is where namespaces are what they request.

    Idle is then what is allocatable and requested by nobody. None for an entry that has no meaning beside requests.
    """
    if entry == "idle":
        return _unrequested(scale, metric)
    amounts = scale.special.get(entry, {}).get(metric)
    if amounts is None:
        return None
    if entry == "non-allocatable":
        return amounts.usage
    return amounts.requests if entry == "excluded" else None


def _unrequested(scale: Scale, metric: Metric) -> Column | None:
    """Return allocatable - requests; unknown in buckets in which somebody's requests are, for any of their hours."""
    allocatable = scale.allocatable.get(metric)
    if allocatable is None:
        return None
    rows = [*map(scale.row, scale.rows), scale.special.get("excluded", {})]
    requested = [_requests(scale, row[metric]) for row in rows if metric in row]
    return array("d", [a - fsum(each) for a, *each in zip(allocatable, *requested, strict=True)])


def _requests(scale: Scale, amounts: Amounts) -> Column:
    requests = amounts.requests
    if requests is None:
        return array("d", [UNKNOWN]) * len(scale.starts)
    if amounts.matched_hours is None:
        return requests
    hours = zip(requests, requested_hours(scale, amounts), scale.observed_hours, strict=True)
    return array("d", [each if known > observed - _SAME_HOURS else UNKNOWN for each, known, observed in hours])
