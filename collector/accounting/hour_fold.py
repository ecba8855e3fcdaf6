"""From the ticks of an hour to what it came to, in whole units.

A value of a closed hour is the time-weighted mean over the seconds in which it is known, for 3600 of them; unknown
where it is known for fewer than 1800. An hour whose capacity of cpu is unknown is not observed: nothing of it is known,
and nothing priced.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from collector.accounting.bill import bill
from collector.accounting.hour_coverage import HourCoverage, cover
from collector.accounting.hour_extent import UNITS_PER, Extent, KnownSum, closed, still_open
from collector.accounting.hour_nodes import hour_nodes
from collector.accounting.hour_rows import hour_rows
from collector.hour import HOUR_SECONDS, ClosedHour, HourAmount, HourRate, Origin
from collector.model import MetricValues, TickSample
from kl_core.vocabulary import METRICS, Metric


def closed_hour(
    start: int,
    ticks: Sequence[TickSample],
    *,
    rate: HourRate | None,
    origin: Origin,
    before: int | None = None,
) -> ClosedHour:
    """Return what an hour that is over came to.

    `start` is in UNIX seconds; `ticks` are those whose intervals end in the hour, (start, start + 3600], in order of
    time; `before` is the time of the newest tick before them. `rate` is the one in force, None where there was none.
    Raises ValueError for a tick of another hour.
    """
    return _hour(closed(start), ticks, rate, origin, before)


def hour_so_far(
    start: int,
    ticks: Sequence[TickSample],
    *,
    rate: HourRate | None,
    origin: Origin,
    before: int | None = None,
) -> ClosedHour:
    """Return what an hour came to until its last tick, as `closed_hour` does of one that is over.

    Every amount is the sum over the seconds in which it is known, and unknown only where it is in all of them; so is
    the bill over those in which the capacity of cpu is known.
    """
    return _hour(still_open(start, ticks[-1].time if ticks else start), ticks, rate, origin, before)


def _hour(
    extent: Extent, ticks: Sequence[TickSample], rate: HourRate | None, origin: Origin, before: int | None
) -> ClosedHour:
    coverage = cover(extent, ticks, before)
    capacity, allocatable = _of_cluster(coverage)
    known = {metric: extent.knows(capacity[metric]) and extent.knows(allocatable[metric]) for metric in METRICS}
    is_observed = known["cpu"]
    known = {metric: is_observed and each for metric, each in known.items()}
    sizes = _amounts(extent, capacity, known)
    namespaces, special = hour_rows(coverage, extent, known)
    billed = HOUR_SECONDS if extent.is_scaled else capacity["cpu"].seconds
    return ClosedHour(
        start=extent.start,
        origin=origin,
        observed=coverage.observed,
        pods_observed=coverage.together("kubernetes", "metrics"),
        unobserved=coverage.unobserved,
        capacity=sizes,
        allocatable=_amounts(extent, allocatable, known),
        rate=rate,
        bill=bill(rate, sizes, billed) if rate is not None and is_observed else {},
        namespaces=namespaces,
        special=special,
        nodes=hour_nodes(coverage, extent) if is_observed else {},
        storage_observed=_storage_observed(coverage),
    )


def _of_cluster(coverage: HourCoverage) -> tuple[dict[Metric, KnownSum], dict[Metric, KnownSum]]:
    """Return capacity and allocatable, of all metrics."""
    capacity, allocatable = ({metric: KnownSum() for metric in METRICS} for _ in range(2))
    for tick, seconds in coverage.listed:
        for sums, values in ((capacity, tick.capacity), (allocatable, tick.allocatable)):
            for metric in METRICS:
                sums[metric].add(_of_nodes(values, metric), seconds)
    return capacity, allocatable


def _of_nodes(values: MetricValues, metric: Metric) -> float | None:
    """Return what nodes have of a metric: GPUs that no tick tells of are none, without memory.

    Node status is read whole or not at all. The memory of GPUs that are there is known from exporters only.
    """
    gpu = values.get("gpu", 0.0)
    if metric == "gpu":
        return gpu
    return values.get(metric, 0.0 if metric == "gpu_memory" and gpu == 0 else None)


def _amounts(extent: Extent, sums: Mapping[Metric, KnownSum], known: Mapping[Metric, bool]) -> dict[Metric, HourAmount]:
    return {metric: extent.amount(sums[metric], UNITS_PER[metric]) if known[metric] else None for metric in METRICS}


def _storage_observed(coverage: HourCoverage) -> HourAmount:
    """Return the seconds in which claims were listed, None where no tick asked for them."""
    listed = [(tick.storage_observed, seconds) for tick, seconds in coverage.covered]
    if all(is_listed is None for is_listed, _ in listed):
        return None
    return sum(seconds for is_listed, seconds in listed if is_listed)
