"""Closed hours of a store that has no ledger yet, as its round-robin databases still have them.

What they do not know stays unknown: what is charged, storage, nodes, why something was not observed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import groupby

import numpy as np

from collector.accounting.bill import bill
from collector.books.amounts import read_amounts
from collector.books.lifetimes import Roster, roster, stretches
from collector.books.page import Array, Page
from collector.hour import HOUR_SECONDS, ClosedHour, HourAmount, HourAmounts, HourRow
from collector.store.paths import EntryKey
from collector.store.rates import RateHistory
from collector.store.registry import LabelValue
from collector.store.store import Store
from collector.store.unclosed import rate_in
from kl_core.calendar import DAY, HOUR, floor_day, floor_hour, hour_of_tick
from kl_core.vocabulary import BILLED_METRICS, METRICS, SOURCES, Metric

_UNITS: Mapping[Metric, float] = {
    "cpu": 1000.0 * HOUR_SECONDS,
    "memory": 1024.0 * HOUR_SECONDS,
    "gpu": 1000.0 * HOUR_SECONDS,
    "gpu_memory": 1024.0 * HOUR_SECONDS,
}
"""Units of the ledger in a core-hour, a GiB-hour and a GPU-hour."""


def closed_before(store: Store, rates: RateHistory, on_stretch: Callable[[int, int], object]) -> int:
    """Write the lines of all closed hours that are only in the round-robin databases, and return how many.

    Begins where an earlier attempt was cut short. `on_stretch` is told up to when, UNIX seconds, and how many hours
    were written, each time that some were. Raises what the store raises.
    """
    first, last = store.registry.first_tick, store.last_tick
    if first is None or last is None:
        return 0
    done = store.ledger.last_hour
    begin, end = hour_of_tick(first) if done is None else done + HOUR, floor_hour(last)
    everybody, written = roster(store), 0
    for start, stop in stretches(floor_day(begin), end, everybody):
        page = read_amounts(store, everybody, max(start, begin), min(stop, end), HOUR)
        # A year of hours as objects takes more memory than all else.
        for _, of_day in groupby(_hours(page, store, everybody, rates), lambda hour: floor_day(hour.start)):
            hours = [*of_day]
            store.take_over(hours)
            written += len(hours)
        on_stretch(min(stop, end), written)
    return written


def _hours(page: Page, store: Store, everybody: Roster, rates: RateHistory) -> Iterator[ClosedHour]:
    """Return the hours of a page, without whole days in which nothing was observed."""
    starts = page.starts.tolist()
    days = {start // DAY for start, hours in zip(starts, page.sampled.sum(axis=0).tolist(), strict=True) if hours > 0}
    if store.ledger.last_hour is not None:
        # The day of the newest line has to be whole, whatever is known of its rest.
        days.update((start - 1) // DAY for start in starts[:1])
    alive = [everybody[key].alive(page.starts) for key in page.keys]
    for place, start in enumerate(starts):
        if start // DAY in days:
            there = [row for row, lives in enumerate(alive) if lives[place]]
            yield _hour(page, place, there, {row: _labels(store, page.keys[row], start + HOUR) for row in there}, rates)


def _hour(
    page: Page, place: int, rows: Sequence[int], labels: Mapping[int, Mapping[str, str]], rates: RateHistory
) -> ClosedHour:
    start = int(page.starts[place])
    rate = rate_in(rates, start)
    capacity = _amounts(page.cluster.capacity, METRICS, place)
    by_key = {page.keys[row]: _row(page, row, place, labels[row]) for row in rows}
    seconds = {source: _seconds(page.sampled[index], place) for index, source in enumerate(SOURCES)}
    is_observed = capacity["cpu"] is not None
    return ClosedHour(
        start=start,
        origin="rrd",
        observed={**seconds, "dcgm": seconds["dcgm"] if page.with_dcgm[place] > 0 else None},
        pods_observed=min(_seconds(page.pods, place), seconds["kubernetes"], seconds["metrics"]),
        unobserved={},
        capacity=capacity,
        allocatable=_amounts(page.cluster.allocatable, METRICS, place),
        rate=rate,
        bill=bill(rate, capacity) if rate is not None and is_observed else {},
        namespaces={key.name: row for key, row in by_key.items() if key.kind == "namespace"},
        special={
            name: row
            for name in ("excluded", "unattributed")
            if (row := by_key.get(EntryKey("special", name))) is not None
        },
    )


def _row(page: Page, row: int, place: int, labels: Mapping[str, str]) -> HourRow:
    cells = page.entries
    return HourRow(
        usage=_amounts(cells.usage[row], METRICS, place),
        requests=_amounts(cells.requests[row], BILLED_METRICS, place),
        charged=dict.fromkeys(BILLED_METRICS),
        usage_matched=_amounts(cells.usage_matched[row], BILLED_METRICS, place),
        requests_matched=_amounts(cells.matched[row], BILLED_METRICS, place),
        measured=_seconds(cells.measured[row], place),
        labels=labels,
    )


def _amounts(values: Array, metrics: Sequence[Metric], place: int) -> HourAmounts:
    return {metric: _integer(values[METRICS.index(metric), place], _UNITS[metric]) for metric in metrics}


def _integer(value: np.float64, units: float) -> HourAmount:
    return None if np.isnan(value) else round(float(value) * units)


def _seconds(hours: Array, place: int) -> int:
    return min(HOUR_SECONDS, round(float(hours[place]) * HOUR_SECONDS))


def _labels(store: Store, key: EntryKey, end: int) -> Mapping[str, str]:
    """Return the labels that an entry had when an hour ended."""
    record = store.registry.records(key.kind)[key.name]
    at_end = {label: _value(values, end) for label, values in record.labels.items()}
    return {label: value for label, value in at_end.items() if value is not None}


def _value(values: Sequence[LabelValue], end: int) -> str | None:
    return next((each.value for each in reversed(values) if each.first_seen <= end), None)
