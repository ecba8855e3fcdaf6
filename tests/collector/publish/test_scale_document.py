from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.books.amounts import amounts
from collector.model import TickSample
from collector.publish.scale_document import empty_document, metrics_present, rounded
from collector.store.rates import RateChange
from tests.collector.books.test_amounts import U, cluster, namespace
from tests.support.books import books_after, checked, documents
from tests.support.samples import entry, failed_tick, tick

DAY = 1_793_577_600
"""2026-11-02T00:00:00Z"""
HOUR, STEP = 3600, 300
OPTIONAL = ("expected_hours", "silent_hours", "pods_coverage", "priced_hours", "capacity_hours")
WEB = {"web": entry(2.0, 1.0)}


def published(directory: Path, samples: Sequence[TickSample], *rates: RateChange) -> tuple[Any, Any]:
    """The scales of hours and of days; the month has what the day has."""
    found = documents(books_after(directory, samples, rates))
    for name in OPTIONAL:
        assert (name in found["monthly_12m"]) == (name in found["daily_14d"])
    return found["hourly_7d"], found["daily_14d"]


def approximately(values: Sequence[float]) -> Any:
    return pytest.approx(list(values), rel=1e-9, abs=1e-9)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1 / 3, "0.3333333333"),
        (2 / 3 * 1e6, "666666.6667"),
        (12345678901234.5, "12345678900000.0"),
        (0.1 + 0.2, "0.3"),
        (-1 / 3, "-0.3333333333"),
        (0.0, "0.0"),
        (-0.0, "0.0"),
        (720.0, "720.0"),
        (1.23456789012e-7, "1.23456789e-07"),
    ],
)
def test_numbers_have_ten_significant_digits(value: float, text: str) -> None:
    assert str(float(rounded(np.array([value]))[0])) == text


@given(st.floats(min_value=1e-6, max_value=1e15) | st.floats(min_value=-1e15, max_value=-1e-6))
def test_rounding_changes_no_number_by_more_than_half_of_its_tenth_digit(value: float) -> None:
    assert float(rounded(np.array([value]))[0]) == pytest.approx(value, rel=5.01e-10)


def test_unknown_stays_unknown_when_rounded() -> None:
    assert np.isnan(rounded(np.array([U]))[0])


def test_gpu_metrics_are_present_where_there_is_anything_of_them() -> None:
    none = amounts(cluster([10.0]), [namespace("a", [1.0])])
    asked = amounts(cluster([10.0]), [namespace("a", [1.0], gpu=[U], gpu_gib=[U])])
    whole = amounts(cluster([10.0], gpu=[2.0], gpu_gib=[80.0]), [])
    assert metrics_present(none) == (0, 1)
    assert metrics_present(asked) == (0, 1, 2)
    assert metrics_present(whole) == (0, 1, 2, 3)


def test_an_empty_document_is_valid() -> None:
    assert checked(empty_document("daily_14d"))["buckets"] == []


def test_hours_that_readers_can_tell_themselves_are_left_out(tmp_path: Path) -> None:
    rate = RateChange(DAY, 6.0, "$", None)
    hours = [tick(DAY + n * HOUR, WEB, interval=HOUR, gpu=2.0, gpu_gib=80.0, dcgm=True) for n in (1, 2)]
    hours.append(failed_tick(DAY + 3 * HOUR, interval=HOUR, dcgm=False))
    for document in published(tmp_path, hours, rate):
        assert not set(OPTIONAL) & set(document)
        assert set(document["namespaces"]["web"]) == {"cpu", "memory"}
        assert not {"cost_hours", "usage_hours"} & set(document["namespaces"]["web"]["cpu"])


def test_a_day_in_which_the_rate_began_says_how_many_of_its_hours_were_priced(tmp_path: Path) -> None:
    # Four hours; the rate is in force in the last three, in the second of which nobody knows what web used.
    blind = {"web": entry(None, None, measured=None)}
    told = [WEB, WEB, blind, WEB]
    samples = [tick(DAY + (n + 1) * HOUR, named, interval=HOUR, metrics=named is WEB) for n, named in enumerate(told)]
    hourly, daily = published(tmp_path, samples, RateChange(DAY + HOUR, 6.0, "$", None))
    assert daily["priced_hours"] == [3.0]
    assert daily["namespaces"]["web"]["cpu"]["usage_hours"] == [3.0]
    # Known and priced are the hours from 01:00 and 03:00: 2, fewer than 3 and 3.
    assert daily["namespaces"]["web"]["cpu"]["cost_hours"] == [2.0]
    # Of an hour, usage_hours [1, 1, 0, 1] and the hours with a bill tell it.
    assert "priced_hours" not in hourly
    assert "cost_hours" not in hourly["namespaces"]["web"]["cpu"]


def test_hours_in_another_currency_are_not_priced(tmp_path: Path) -> None:
    samples = [tick(DAY + (n + 1) * HOUR, WEB, interval=HOUR) for n in range(3)]
    changes = RateChange(DAY, 6.0, "$", None), RateChange(DAY + 2 * HOUR, 5.0, "€", None)
    _, daily = published(tmp_path, samples, *changes)
    assert daily["priced_hours"] == [1.0]
    assert "cost_hours" not in daily["namespaces"]["web"]["cpu"]


def test_the_open_hour_is_priced_for_its_observed_steps(tmp_path: Path) -> None:
    # A closed hour before the rate; of five steps of the open one, four observed: 4/12 h.
    steps = [tick(DAY + HOUR + n * STEP, WEB) for n in (1, 2, 3, 5)] + [failed_tick(DAY + HOUR + 4 * STEP)]
    samples = [tick(DAY + HOUR, WEB, interval=HOUR), *sorted(steps, key=lambda sample: sample.time)]
    hourly, daily = published(tmp_path, samples, RateChange(DAY + HOUR, 6.0, "$", None))
    assert daily["priced_hours"] == approximately([4 / 12])
    assert "priced_hours" not in hourly, "no bill in the first hour, observed_hours in the second"


def test_silent_hours_and_the_coverage_of_pods_are_counted_in_steps(tmp_path: Path) -> None:
    # Of 12 steps metrics-server misses two, the API two others: both answer in 8; the API alone in 2.
    def sample(step: int) -> TickSample:
        time = DAY + step * STEP
        if step in (3, 4):
            missed = failed_tick(time)
            return TickSample(time, STEP, {**missed.observed, "metrics": True}, {}, {}, {}, {})
        blind = {"web": entry(None, None, measured=None)}
        return tick(time, blind if step in (1, 2) else WEB, metrics=step not in (1, 2))

    for document in published(tmp_path, [sample(step) for step in range(1, 13)]):
        hours = document["elapsed_hours"][0]
        assert document["coverage"]["metrics"] == approximately([10 / 12 / hours])
        assert document["pods_coverage"] == approximately([8 / 12 / hours])
        assert document["silent_hours"] == {"metrics": approximately([2 / 12])}
        assert "coverage" not in document["namespaces"]["web"], "as the pods"


def test_exporters_are_expected_while_they_are_configured_and_silent_when_only_they_fail(tmp_path: Path) -> None:
    # Steps 1 to 4 without the setting; 5 to 8 answered; 9 and 10 failed; 11 and 12 failed with the API.
    def sample(step: int) -> TickSample:
        answered = None if step <= 4 else step <= 8
        if step > 10:
            return failed_tick(DAY + step * STEP, dcgm=False)
        return tick(DAY + step * STEP, WEB, gpu=2.0, gpu_gib=80.0 if answered else None, dcgm=answered)

    hourly, _ = published(tmp_path, [sample(step) for step in range(1, 13)])
    assert hourly["expected_hours"] == {"dcgm": approximately([8 / 12])}
    assert hourly["coverage"]["dcgm"] == approximately([4 / 8])
    # min(10 steps of the API, 8 with the setting) - 4 answered.
    assert hourly["silent_hours"] == {"dcgm": approximately([4 / 12])}
    # 4 of 12 steps told the memory of the GPUs, fewer than half: the metric is not published, nor are its hours.
    assert "gpu_memory" not in hourly["capacity"]
    assert "capacity_hours" not in hourly


def test_capacity_of_gpu_memory_has_its_own_hours(tmp_path: Path) -> None:
    # The exporters answer in the first and third of three hours.
    told = [80.0, None, 80.0]
    samples = [
        tick(DAY + (n + 1) * HOUR, WEB, interval=HOUR, gpu=2.0, gpu_gib=gib, dcgm=gib is not None)
        for n, gib in enumerate(told)
    ]
    hourly, daily = published(tmp_path, samples)
    assert hourly["capacity_hours"] == {"gpu_memory": [1.0, 0.0, 1.0]}
    assert daily["capacity_hours"] == {"gpu_memory": [2.0]}
    assert daily["silent_hours"] == {"dcgm": [1.0]}
