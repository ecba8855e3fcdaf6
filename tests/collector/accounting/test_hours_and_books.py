"""The ticks of an hour come to what the books have of it, which read them back from the databases."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby
from pathlib import Path

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.accounting.hour_fold import closed_hour, hour_so_far
from collector.books.amounts import read_amounts
from collector.books.cost import price
from collector.books.lifetimes import roster
from collector.books.page import Page, fold
from collector.hour import ClosedHour, HourAmount, HourRate, HourRow
from collector.model import STEP, MetricValues, TickSample
from collector.store.rates import RateChange
from collector.store.store import Store
from kl_core.calendar import HOUR, floor_hour, hour_of_tick
from kl_core.vocabulary import BILLED_METRICS, METRICS, SOURCES, Metric
from tests.collector.accounting.hours import CORE_HOUR, GIB_HOUR, GPU_HOUR
from tests.collector.books.test_properties import Stretch, stretches, ticks_of
from tests.support.examples import examples

UNITS: dict[Metric, int] = {"cpu": CORE_HOUR, "memory": GIB_HOUR, "gpu": GPU_HOUR, "gpu_memory": GIB_HOUR}
MAX_HOURS = 60
"""The newest of a history, which are looked at."""


@settings(max_examples=examples(40), deadline=None)
@given(stretches, st.sampled_from([None, {"cpu": 0.5, "memory": 0.3, "gpu": 0.2}]), st.sampled_from([0, 1, 2, 3]))
def test_hours_are_those_of_the_books(plan: list[Stretch], weights: dict[str, float] | None, silent: int) -> None:
    # Of every so many-th tick the capacity of GPU memory is not told, though its use is.
    samples = [_silent(tick) if silent and place % silent == 0 else tick for place, tick in enumerate(ticks_of(plan))]
    if not samples:
        return
    rates = (RateChange(0, 4.0, "EUR", weights),)
    rate = HourRate(4.0, "EUR", None if weights is None else {metric: weights[metric] for metric in BILLED_METRICS})
    by_hour = {hour: list(ticks) for hour, ticks in groupby(samples, key=lambda tick: hour_of_tick(tick.time))}
    last = samples[-1].time
    with tempfile.TemporaryDirectory() as directory, Store.open(Path(directory)) as store:
        store.append(samples)
        everybody = roster(store)
        for start in range(min(by_hour), floor_hour(last), HOUR)[-MAX_HOURS:]:
            before = max((tick.time for tick in samples if tick.time <= start), default=None)
            hour = closed_hour(start, by_hour.get(start, []), rate=rate, origin="collector", before=before)
            page = price(read_amounts(store, everybody, start, start + HOUR, HOUR), rates, "EUR")
            check(hour, page, by_hour.get(start, []))
        if floor_hour(last) < last:
            start = floor_hour(last)
            hour = hour_so_far(start, by_hour[start], rate=rate, origin="collector")
            steps = price(read_amounts(store, everybody, start, last, STEP), rates, "EUR")
            # There each step of GPU memory counts by itself, which a sum over steps cannot.
            check(hour, fold(steps, [0]), by_hour[start], without=() if not silent else ("gpu_memory",))


def _silent(tick: TickSample) -> TickSample:
    def of(values: MetricValues) -> MetricValues:
        return {metric: value for metric, value in values.items() if metric != "gpu_memory"}

    return replace(tick, capacity=of(tick.capacity), allocatable=of(tick.allocatable))


def check(hour: ClosedHour, page: Page, ticks: Sequence[TickSample], without: tuple[Metric, ...] = ()) -> None:
    """The same hour, of the ticks and of the databases; use of the metrics in `without` is left out."""
    for place, metric in enumerate(METRICS):
        assert_same(hour.capacity[metric], page.cluster.capacity[place, 0], metric)
        assert_same(hour.allocatable[metric], page.cluster.allocatable[place, 0], metric)
    assert hour.is_observed is bool(page.observed[0] > 0)
    for place, source in enumerate(SOURCES):
        assert round(page.sampled[place, 0] * HOUR) == (hour.observed[source] or 0)
    assert (hour.observed["dcgm"] is not None) is bool(page.with_dcgm[0] > 0) or not ticks
    assert round(page.pods[0] * HOUR) == hour.pods_observed
    rows: dict[tuple[str, str], HourRow] = {("namespace", name): row for name, row in hour.namespaces.items()}
    rows |= {("special", name): row for name, row in hour.special.items()}
    assert rows.keys() <= set(page.keys)
    for line, key in enumerate(page.keys):
        row = rows.get(key)
        nothing: HourAmount = 0 if hour.is_observed else None
        for place, metric in enumerate(METRICS):
            used = nothing if row is None else row.usage.get(metric, nothing)
            if metric not in without:
                assert_same(used, page.entries.usage[line, place, 0], metric)
            if metric != "gpu_memory":
                requested = nothing if row is None else row.requests.get(metric, nothing)
                assert_same(requested, page.entries.requests[line, place, 0], metric)
        measured = hour.pods_observed if row is None else row.measured
        assert measured is not None
        assert abs(measured - page.entries.measured[line, 0] * HOUR) <= 0.5 + 1e-6
    money = page.cluster.bill[:3, 0]
    if hour.bill:
        # Weights that go by capacity are the hour's here, and each step's there.
        assert math.isclose(sum(amount or 0 for amount in hour.bill.values()), money.sum() * 1e6, abs_tol=0.51)
    else:
        assert np.isnan(money).all()


def assert_same(amount: HourAmount, booked: float, metric: Metric) -> None:
    """Equal as far as an integer can be."""
    assert (amount is None) is bool(np.isnan(booked))
    if amount is not None:
        assert abs(amount - booked * UNITS[metric]) <= 0.5 + 1e-9 * abs(amount)
