"""What an hour costs by metric, in millionths of the currency; each answer computed by hand."""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import ROUND_HALF_EVEN, Decimal
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.accounting.bill import DEFAULT_PRICE, bill
from collector.hour import HourAmount, HourRate
from kl_core.vocabulary import BILLED_METRICS, Metric
from tests.support.examples import examples

CORE_HOUR, GIB_HOUR, GPU_HOUR = 3_600_000, 3_686_400, 3_600_000
"""1000 x 3600 milli-core-seconds, 1024 x 3600 MiB-seconds, 1000 x 3600 milli-GPU-seconds."""


def capacity(cores: float | None, gib: float | None, gpus: float | None = 0) -> dict[Metric, HourAmount]:
    """Capacity of an hour, None where it is unknown."""
    amounts = (cores, CORE_HOUR), (gib, GIB_HOUR), (gpus, GPU_HOUR)
    return {
        metric: None if much is None else round(much * unit)
        for metric, (much, unit) in zip(BILLED_METRICS, amounts, strict=True)
    }


def hourly(rate: float, weights: Mapping[Metric, float] | None = None) -> HourRate:
    return HourRate(rate, "EUR", weights)


def test_default_prices_are_those_that_opencost_documents() -> None:
    assert DEFAULT_PRICE == {"cpu": 0.031611, "memory": 0.004237, "gpu": 0.95}


def test_without_weights_capacity_bears_by_what_it_is_worth() -> None:
    # 10 cores are worth 0.31611, 40 GiB 0.16948, 2 GPUs 1.9: a tenth of what each bears of 23.8559
    assert bill(hourly(23.8559), capacity(10, 40, 2)) == {"cpu": 3_161_100, "memory": 1_694_800, "gpu": 19_000_000}


def test_what_is_not_there_bears_nothing() -> None:
    # 0.31611 and 0.16948 of 0.48559
    assert bill(hourly(4.8559), capacity(10, 40, 0)) == {"cpu": 3_161_100, "memory": 1_694_800, "gpu": 0}


def test_what_is_unknown_has_no_bill_and_the_others_bear_all() -> None:
    assert bill(hourly(2.0), capacity(10, None, None)) == {"cpu": 2_000_000}
    assert bill(hourly(2.0), {"cpu": CORE_HOUR}) == {"cpu": 2_000_000, "memory": 0, "gpu": 0}


def test_configured_weights_are_spread_over_what_has_capacity() -> None:
    # 0.6 : 0.2 : 0.2; without GPUs 0.6 : 0.2
    weights: dict[Metric, float] = {"cpu": 0.6, "memory": 0.2, "gpu": 0.2}
    assert bill(hourly(8.0, weights), capacity(1, 4, 1)) == {"cpu": 4_800_000, "memory": 1_600_000, "gpu": 1_600_000}
    assert bill(hourly(8.0, weights), capacity(1, 4, 0)) == {"cpu": 6_000_000, "memory": 2_000_000, "gpu": 0}


def test_weights_that_leave_nothing_give_way_to_the_default() -> None:
    only_gpu: dict[Metric, float] = {"gpu": 1.0}
    assert bill(hourly(8.0, only_gpu), capacity(1, 4, 1)) == {"cpu": 0, "memory": 0, "gpu": 8_000_000}
    assert bill(hourly(4.8559, only_gpu), capacity(10, 40, 0)) == {"cpu": 3_161_100, "memory": 1_694_800, "gpu": 0}


def test_what_rounding_leaves_goes_to_who_lost_the_most_by_it() -> None:
    # Thirds of 1 are 333,333⅓ each: the one that is left goes to the first. Of 2 millionths in thirds each has ⅔.
    thirds: dict[Metric, float] = dict.fromkeys(BILLED_METRICS, 1.0)
    assert bill(hourly(1.0, thirds), capacity(1, 1, 1)) == {"cpu": 333_334, "memory": 333_333, "gpu": 333_333}
    assert bill(hourly(0.000002, thirds), capacity(1, 1, 1)) == {"cpu": 1, "memory": 1, "gpu": 0}
    # 10 millionths 2 : 3 : 2 are 2 6/7, 4 2/7, 2 6/7.
    uneven: dict[Metric, float] = {"cpu": 2.0, "memory": 3.0, "gpu": 2.0}
    assert bill(hourly(0.00001, uneven), capacity(1, 1, 1)) == {"cpu": 3, "memory": 4, "gpu": 3}


@pytest.mark.parametrize(
    ("rate", "millionths"),
    [
        (0.0000005, 0),
        (0.00000050001, 1),
        (0.0000015, 2),
        (0.0000025, 2),
        # Written 1.1; the binary number is a little more, and so is its double.
        (1.1, 1_100_000),
        (12345.6789015, 12_345_678_902),
        (12345.6789025, 12_345_678_902),
        (1e-9, 0),
    ],
)
def test_a_rate_counts_as_it_is_written_rounded_half_to_even(rate: float, millionths: int) -> None:
    assert bill(hourly(rate), capacity(4, 0))["cpu"] == millionths


@pytest.mark.parametrize(("seconds", "millionths"), [(3600, 7_000_000), (1800, 3_500_000), (300, 583_333), (0, 0)])
def test_a_part_of_an_hour_costs_its_part_of_the_rate(seconds: int, millionths: int) -> None:
    assert bill(hourly(7.0), capacity(4, 0), seconds)["cpu"] == millionths


@pytest.mark.parametrize("rate", [0.0, -1.0])
def test_without_a_rate_there_is_no_bill(rate: float) -> None:
    assert bill(hourly(rate), capacity(4, 16)) == {}


def test_where_there_is_nothing_nobody_can_bear_it() -> None:
    assert bill(hourly(1.0), capacity(0, 0)) == {}
    assert bill(hourly(1.0), capacity(None, None, None)) == {}


amounts = st.one_of(st.none(), st.just(0), st.integers(1, 10**13))


@settings(max_examples=examples(300))
@given(
    st.floats(1e-7, 1e6),
    st.tuples(amounts, amounts, amounts),
    st.none() | st.tuples(*(st.sampled_from([0.0, 0.1, 1 / 3, 0.7]) for _ in range(3))),
)
def test_a_bill_adds_up_to_the_rate_and_each_part_is_within_a_millionth(
    rate: float, sizes: tuple[int | None, int | None, int | None], weights: tuple[float, ...] | None
) -> None:
    has = dict(zip(BILLED_METRICS, sizes, strict=True))
    chosen = None if weights is None else dict(zip(BILLED_METRICS, weights, strict=True))
    parts = bill(hourly(rate, chosen), has)
    present = {metric: amount for metric, amount in has.items() if amount}
    if not present:
        assert parts == {}
        return
    # In decimal numbers and from JSON, as a stranger may do it.
    written = Decimal(json.dumps(rate))
    money = int((written * 10**6).to_integral_value(ROUND_HALF_EVEN))
    assert sum(parts.values()) == money
    assert parts.keys() == {metric for metric, amount in has.items() if amount is not None}
    worth = {metric: Fraction(str(chosen[metric])) if chosen else Fraction(0) for metric in present}
    if not any(worth.values()):
        units = {"cpu": 1000, "memory": 1024, "gpu": 1000}
        worth = {
            metric: Fraction(str(DEFAULT_PRICE[metric])) * amount / units[metric] for metric, amount in present.items()
        }
    for metric, part in parts.items():
        exact = money * worth.get(metric, Fraction(0)) / sum(worth.values())
        assert abs(part - exact) < 1
