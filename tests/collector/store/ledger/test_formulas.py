"""The formulas of the ledger, reckoned by hand; and that amounts and costs add up, whatever they are."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.store.ledger.day import UNKNOWN, Integers
from collector.store.ledger.formulas import Split, cost, costs, millionths, split_amounts, split_bill


def of(*amounts: int | None) -> Integers:
    return np.array([UNKNOWN if amount is None else amount for amount in amounts], np.int64)


AMOUNTS = st.lists(st.none() | st.integers(0, 10**13), max_size=8)


@pytest.mark.parametrize(
    ("bill", "amount", "capacity", "expected"),
    [
        # 2.50 for 4 cores of an hour, of which half a core was used: 2.50 × 1,800,000 ÷ 14,400,000 = 0.3125.
        (2_500_000, 1_800_000, 14_400_000, 312_500_000),
        # A millionth shared among three: a third of 1,000 is 333.33, two thirds are 666.67.
        (1, 1, 3, 333),
        (1, 2, 3, 667),
        # Halves go to the even neighbour: 1,000 × 1 ÷ 16 = 62.5, × 3 = 187.5.
        (1, 1, 16, 62),
        (1, 3, 16, 188),
        # On both sides of a half: 1,000 × 125 ÷ 2,000,000 = 0.0625 × 10⁰, and 1,000 ÷ 1,999 and 2,001.
        (1, 1, 2_000, 0),
        (1, 1, 1_999, 1),
        (1, 1, 2_001, 0),
        (3, 1, 2_000, 2),
        (0, 5, 7, 0),
        (5, 0, 7, 0),
        # A cluster without a GPU.
        (0, 0, 0, 0),
    ],
)
def test_a_cost_is_the_share_of_the_bill_half_to_even(bill: int, amount: int, capacity: int, expected: int) -> None:
    assert cost(bill, amount, capacity) == expected
    assert costs(bill, np.array([amount, UNKNOWN]), capacity).tolist() == [expected, UNKNOWN]


@pytest.mark.parametrize(
    ("rate", "expected"),
    [(2.5, 2_500_000), (0.1, 100_000), (1e-7, 0), (5e-7, 0), (1.5e-6, 2), (2.5e-6, 2), (2.5000001e-6, 3)],
)
def test_a_rate_in_millionths_is_that_of_the_number_as_it_is_written(rate: float, expected: int) -> None:
    assert millionths(rate) == expected


def test_what_is_left_of_the_allocatable_is_idle() -> None:
    assert split_amounts(of(30, 50), 100, 90) == Split(idle=10, unmeasured=None, non_allocatable=10)


def test_idle_is_below_zero_where_more_is_used_than_is_allocatable() -> None:
    assert split_amounts(of(60, 35), 100, 90) == Split(idle=-5, unmeasured=None, non_allocatable=10)


def test_where_a_usage_is_unknown_the_rest_is_unmeasured() -> None:
    assert split_amounts(of(30, None), 100, 90) == Split(idle=None, unmeasured=60, non_allocatable=10)


def test_where_a_request_is_unknown_nothing_is_known_of_the_rest() -> None:
    assert split_amounts(of(30, None), 100, 90, measured=False) == Split(None, None, non_allocatable=10)


def test_without_capacity_nothing_is_known() -> None:
    nothing = Split(None, None, None)
    assert split_amounts(of(), None, 90) == split_amounts(of(), 100, None) == nothing
    assert split_bill(1, of(), None, 90) == split_bill(1, of(), 100, None) == split_bill(None, of(), 100, 90) == nothing


def test_idle_takes_what_rounding_leaves() -> None:
    # 1,000 thousand-millionths over a capacity of 3: 333 for the row, 333 for what is not allocatable, 334 for idle.
    assert split_bill(1, of(1), 3, 2) == Split(idle=334, unmeasured=None, non_allocatable=333)
    assert split_bill(1, of(1, None), 3, 2) == Split(idle=None, unmeasured=334, non_allocatable=333)


@given(AMOUNTS, st.integers(1, 10**14), st.data(), st.integers(0, 10**13))
def test_rows_and_the_rest_add_up_to_capacity_and_bill(
    amounts: list[int | None], capacity: int, data: st.DataObject, bill: int
) -> None:
    allocatable = data.draw(st.integers(0, capacity))
    of_capacity, of_bill = (
        split_amounts(of(*amounts), capacity, allocatable),
        split_bill(bill, of(*amounts), capacity, allocatable),
    )
    known = [amount for amount in amounts if amount is not None]
    parts = [of_capacity.idle, of_capacity.unmeasured, of_capacity.non_allocatable]
    assert sum(known) + sum(part for part in parts if part is not None) == capacity
    parts = [of_bill.idle, of_bill.unmeasured, of_bill.non_allocatable]
    rows = sum(cost(bill, amount, capacity) for amount in known)
    assert rows + sum(part for part in parts if part is not None) == bill * 1000


@given(
    st.integers(0, 10**13),
    st.lists(st.just(UNKNOWN) | st.integers(0, 2**44), max_size=5),
    st.integers(0, 2**50) | st.integers(0, 5),
)
def test_the_costs_of_many_are_those_of_each(bill: int, amounts: list[int], capacity: int) -> None:
    each = [UNKNOWN if amount == UNKNOWN else cost(bill, amount, capacity) for amount in amounts]
    if max(each, default=0) < 2**63:
        assert costs(bill, np.array(amounts, np.int64), capacity).tolist() == each
    else:
        with pytest.raises(OverflowError):
            costs(bill, np.array(amounts, np.int64), capacity)
