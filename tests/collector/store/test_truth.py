"""What is read back through librrd equals what was fed: random histories, an independent, step by step expectation.

A history is a few runs of the collector, each with an interval of its own and a restart before it. Every due tick is
one of: named with a value, named while metrics failed, not named, Kubernetes failed, collector down.
"""

from __future__ import annotations

import math
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.model import Entry, TickSample
from collector.store.store import Store
from tests.collector.store.reading import Values, capacity, coverage, measured, plain
from tests.support.examples import examples
from tests.support.samples import HOUR, NOON, STEP, failed_tick, tick

What = Literal["value", "blind", "absent", "failed", "down"]


@dataclass(frozen=True)
class Run:
    interval: int
    ticks: list[tuple[What, float]]


@dataclass
class Expectation:
    """Per step: was it observed, what the namespace used and requested, None for unknown, and what was measured."""

    observed: dict[int, bool] = field(default_factory=dict)
    usage: dict[int, float | None] = field(default_factory=dict)
    requests: dict[int, float | None] = field(default_factory=dict)
    measured: dict[int, float] = field(default_factory=dict)

    def set(self, start: int, end: int, what: What, value: float) -> None:
        for step in range(start + STEP, end + 1, STEP):
            self.observed[step] = what not in ("failed", "down")
            self.requests[step] = {"value": 2 * value, "blind": 2 * value, "absent": 0.0}.get(what)
            self.usage[step] = {"value": value, "absent": 0.0}.get(what)
            self.measured[step] = {"value": share_measured(value), "absent": 1.0}.get(what, 0.0)

    def hour(self, steps: dict[int, float | None], start: int) -> float | None:
        known = [v for end in range(start + STEP, start + HOUR + 1, STEP) if (v := steps.get(end)) is not None]
        return math.fsum(known) / len(known) if len(known) >= 6 else None

    def share_observed(self, start: int) -> float:
        return sum(self.observed.get(end, False) for end in range(start + STEP, start + HOUR + 1, STEP)) / 12

    def share_measured(self, start: int) -> float:
        return math.fsum(self.measured.get(end, 0.0) for end in range(start + STEP, start + HOUR + 1, STEP)) / 12


def share_measured(value: float) -> float:
    """Quarters of the pods, another for other values."""
    return math.floor(value * 8) % 5 / 4


@st.composite
def series(draw: st.DrawFn, count: int) -> list[float]:
    """Steady, ramping or jumping values."""
    first = draw(st.floats(0, 1000))
    shape = draw(st.sampled_from(["steady", "ramp", "jumps"]))
    if shape == "jumps":
        return draw(st.lists(st.floats(0, 1e12), min_size=count, max_size=count))
    slope = draw(st.floats(0, 10)) if shape == "ramp" else 0.0
    return [first + i * slope for i in range(count)]


@st.composite
def runs(draw: st.DrawFn) -> list[Run]:
    found = []
    for _ in range(draw(st.integers(1, 3))):
        interval = draw(st.sampled_from([300, 600, 900, 1200, 1800, 3600]))
        count = draw(st.integers(1, 3 * HOUR // interval))
        kinds: list[What] = draw(
            st.one_of(
                st.lists(
                    st.sampled_from(["value", "blind", "absent", "failed", "down"]), min_size=count, max_size=count
                ),
                st.lists(st.sampled_from(["value", "value", "absent"]), min_size=count, max_size=count),
                st.just(["value"] * count),
            )
        )
        found.append(Run(interval, list(zip(kinds, draw(series(count)), strict=True))))
    return found


def sample(time: int, interval: int, what: What, value: float) -> TickSample:
    if what == "failed":
        return failed_tick(time, interval=interval)
    used = {"value": value, "blind": None}.get(what)
    web = Entry(
        usage={"cpu": used, "memory": used},
        requests={"cpu": 2 * value, "memory": 2 * value},
        measured=None if what == "blind" else share_measured(value),
    )
    return tick(time, {} if what == "absent" else {"web": web}, interval=interval, metrics=what != "blind")


def tell(directory: Path, history: list[Run], start: int, *, batched: bool) -> tuple[Expectation, int]:
    """Feeds a history and returns what is expected and the time of the last stored tick."""
    expected, newest = Expectation(), start
    last_stored = 0
    for run in history:
        samples = []
        for what, value in run.ticks:
            time = newest - newest % run.interval + run.interval
            expected.set(max(last_stored, time - run.interval), time, what, value)
            newest = time
            if what != "down":
                samples.append(sample(time, run.interval, what, value))
                last_stored = time
        with Store.open(directory) as store:
            for batch in [samples] if batched else [[each] for each in samples]:
                store.append(batch)
    return expected, last_stored


def outside_lives(store: Store, hour: int) -> bool:
    """The rule of the books: a life covers the hours of its first and last tick, and what is between."""
    record = store.registry.namespaces.get("web")
    lives = record.lives if record else ()
    return not any((first - 1) // HOUR * HOUR <= hour <= (last - 1) // HOUR * HOUR for first, last in lives)


def same(found: Values, expected: Values) -> None:
    assert [v is None for v in found] == [v is None for v in expected]
    assert [v for v in found if v is not None] == pytest.approx(
        [v for v in expected if v is not None], rel=1e-9, abs=1e-9
    )


@settings(max_examples=examples(100), deadline=None)
@given(history=runs(), offset=st.integers(0, 11), batched=st.booleans())
def test_amounts_and_coverage_read_back_as_they_were_fed(history: list[Run], offset: int, batched: bool) -> None:
    with tempfile.TemporaryDirectory() as folder:
        directory = Path(folder)
        expected, last_stored = tell(directory, history, NOON + offset * STEP, batched=batched)
        with Store.open(directory) as store:
            assert store.last_tick == (last_stored or None)
            if store.registry.first_tick is None:
                return
            first_hour = (store.registry.first_tick - 1) // HOUR * HOUR
            hours = list(range(first_hour, last_stored - HOUR + 1, HOUR))
            shares = [expected.share_observed(hour) for hour in hours]
            same(coverage(store, first_hour, len(hours)), list(shares))
            observed = [share >= 0.5 for share in shares]
            same(capacity(store, first_hour, len(hours)), [10.0 if seen else None for seen in observed])
            if "web" not in store.registry.namespaces:
                return
            rows = store.entry("namespace", "web", first_hour, first_hour + len(hours) * HOUR, HOUR)
            told = [outside_lives(store, hour) for hour in hours]
            for column, steps in ((rows.usage["cpu"], expected.usage), (rows.requests["memory"], expected.requests)):
                read: Values = [
                    None if not seen else 0.0 if outside else value
                    for value, seen, outside in zip(plain(column), observed, told, strict=True)
                ]
                same(
                    read,
                    [expected.hour(steps, hour) if seen else None for hour, seen in zip(hours, observed, strict=True)],
                )


@settings(max_examples=examples(50), deadline=None)
@given(history=runs(), offset=st.integers(0, 11))
def test_every_step_inside_a_life_reads_back_as_it_was_fed(history: list[Run], offset: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        directory = Path(folder)
        expected, last_stored = tell(directory, history, NOON + offset * STEP, batched=True)
        with Store.open(directory) as store:
            if "web" not in store.registry.namespaces:
                return
            steps = [
                step
                for step in range(NOON + STEP, last_stored + 1, STEP)
                if not outside_lives(store, (step - 1) // HOUR * HOUR)
            ]
            rows = store.entry("namespace", "web", NOON, last_stored, STEP)
            stored = dict(zip(range(NOON + STEP, last_stored + 1, STEP), plain(rows.usage["memory"]), strict=True))
            same([stored[step] for step in steps], [expected.usage.get(step) for step in steps])


@settings(max_examples=examples(100), deadline=None)
@given(history=runs(), offset=st.integers(0, 11), batched=st.booleans())
def test_the_share_of_pods_measured_reads_back_over_all_steps_of_every_hour_of_a_life(
    history: list[Run], offset: int, batched: bool
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        directory = Path(folder)
        expected, last_stored = tell(directory, history, NOON + offset * STEP, batched=batched)
        with Store.open(directory) as store:
            if "web" not in store.registry.namespaces:
                return
            assert store.registry.first_tick is not None
            hours = range((store.registry.first_tick - 1) // HOUR * HOUR, last_stored - HOUR + 1, HOUR)
            for hour in hours:
                if not outside_lives(store, hour):
                    (share,) = measured(store, "web", hour)
                    # Of an hour that nobody sampled nothing is stored.
                    assert share == pytest.approx(expected.share_measured(hour)) or (
                        share is None and not any(expected.observed.get(hour + i * STEP) for i in range(1, 13))
                    )
