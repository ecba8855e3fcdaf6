"""What holds in every hour that a ledger may have, whatever it is of.

Idle, non-allocatable and costs are derived, by formulas that make them add up to capacity and bill. What can be wrong
is what they are derived from.
"""

import re
from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from collector.hour import HOUR_SECONDS
from collector.store.ledger.day import UNKNOWN, Integers, LedgerDay, RowMatrices
from collector.store.ledger.formulas import millionths
from kl_core.vocabulary import BILLED_METRICS, METRICS, SOURCES

Fault = tuple[int, str]
"""At which of the day's hours, and what is wrong there."""

_Hours = NDArray[np.bool_]
_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")


def first_fault(day: LedgerDay) -> Fault | None:
    """Return the earliest hour of a day at which a rule does not hold; None where all do."""
    return min((fault for rule in _RULES for fault in rule(day)), default=None)


def _negatives(day: LedgerDay) -> Iterator[Fault]:
    for name, matrix in _all_matrices(day):
        yield from _first(_at_any_row((matrix < 0) & (matrix != UNKNOWN)), f"{name} is below zero")


def _seconds(day: LedgerDay) -> Iterator[Fault]:
    rows = {"namespaces": day.namespaces, "special": day.special}
    limited = [
        *((f"observed.{source}", seconds) for source, seconds in day.observed.items()),
        ("pods_observed", day.pods_observed),
        ("storage_observed", day.storage_observed),
        *((f"{name} measured", each.measured) for name, each in rows.items()),
        *((f"{name} gpu_measured", each.gpu_measured) for name, each in rows.items()),
        ("nodes.present", day.nodes.present),
    ]
    for name, seconds in limited:
        yield from _first(
            _at_any_row(seconds > HOUR_SECONDS), f"{name} is more than the {HOUR_SECONDS} seconds of an hour"
        )


def _observations(day: LedgerDay) -> Iterator[Fault]:
    for source in ("kubernetes", "metrics"):
        yield from _first(
            day.pods_observed > np.maximum(day.observed[source], 0), f"pods_observed is more than observed.{source}"
        )
    for hour, unobserved in enumerate(day.unobserved):
        for source in SOURCES:
            if max(int(day.observed[source][hour]), 0) + sum(unobserved.get(source, {}).values()) > HOUR_SECONDS:
                yield hour, f"{source} was observed and unobserved for more than {HOUR_SECONDS} seconds together"


def _capacities(day: LedgerDay) -> Iterator[Fault]:
    for metric in METRICS:
        capacity, allocatable = day.capacity[metric], day.allocatable[metric]
        yield from _first(
            (capacity != UNKNOWN) & (allocatable > capacity), f"allocatable.{metric} is more than capacity.{metric}"
        )
        yield from _first(
            (capacity != UNKNOWN) & (day.observed["kubernetes"] * 2 < HOUR_SECONDS),
            f"capacity.{metric} is known of an hour of which less than half was observed",
        )


def _charges(day: LedgerDay) -> Iterator[Fault]:
    for rows in (day.namespaces, day.special):
        for metric in BILLED_METRICS:
            charged, requests = rows.amounts["charged"][metric], rows.amounts["requests"][metric]
            less = (charged != UNKNOWN) & (charged < requests)
            yield from _first(_at_any_row(less), f"less of {metric} is charged than is requested")


def _bills(day: LedgerDay) -> Iterator[Fault]:
    for hour, rate in enumerate(day.rates):
        bill = {metric: int(day.bill[metric][hour]) for metric in BILLED_METRICS}
        known = {metric: amount for metric, amount in bill.items() if amount != UNKNOWN}
        if rate is None:
            if known:
                yield hour, "there is a bill without a rate"
            continue
        due, billable = millionths(rate.rate), [metric for metric in BILLED_METRICS if day.capacity[metric][hour] > 0]
        if known and sum(known.values()) != due:
            yield hour, f"the bill is {sum(known.values())} millionths, the rate {due}"
        if not known and billable and due:
            yield hour, f"there is no bill, though the rate is {due} millionths"
        for metric in known.keys() - set(billable):
            if known[metric]:
                yield hour, f"{metric} is billed, of which there is no capacity"


def _names(day: LedgerDay) -> Iterator[Fault]:
    for index, name in enumerate(day.namespaces.names):
        if not _NAME.fullmatch(name):
            hour = next(at for at, count in enumerate(day.named) if index < count)
            yield hour, f"{name!r} is no name of a namespace"


_RULES: tuple[Callable[[LedgerDay], Iterator[Fault]], ...] = (
    _negatives,
    _seconds,
    _observations,
    _capacities,
    _charges,
    _bills,
    _names,
)


def _at_any_row(broken: _Hours) -> _Hours:
    return np.asarray(np.atleast_2d(broken).any(axis=0))


def _first(broken: _Hours, fault: str) -> Iterator[Fault]:
    if broken.any():
        yield int(broken.argmax()), fault


def _all_matrices(day: LedgerDay) -> Iterator[tuple[str, Integers]]:
    yield from _row_matrices("namespaces", day.namespaces)
    yield from _row_matrices("special", day.special)
    for name, by_metric in (("usage", day.nodes.usage), ("requests", day.nodes.requests)):
        yield from ((f"nodes.{metric}.{name}", matrix) for metric, matrix in by_metric.items())
    yield from (("nodes.present", day.nodes.present), ("nodes.pods", day.nodes.pods))
    for name, by_metric in (("capacity", day.capacity), ("allocatable", day.allocatable), ("bill", day.bill)):
        yield from ((f"{name}.{metric}", amounts) for metric, amounts in by_metric.items())
    yield from ((f"observed.{source}", seconds) for source, seconds in day.observed.items())
    yield from (("pods_observed", day.pods_observed), ("storage_observed", day.storage_observed))


def _row_matrices(of: str, rows: RowMatrices) -> Iterator[tuple[str, Integers]]:
    for field, by_metric in rows.amounts.items():
        yield from ((f"{of} {metric}.{field}", matrix) for metric, matrix in by_metric.items())
    yield from (
        (f"{of} {name}", matrix) for name, matrix in (("measured", rows.measured), ("gpu_measured", rows.gpu_measured))
    )
    yield from ((f"{of} unmeasured.{reason}", matrix) for reason, matrix in rows.unmeasured.items())
    yield from ((f"{of} storage.{name}", matrix) for name, matrix in rows.storage.items())
