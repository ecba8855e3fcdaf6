import math

import pytest

from kl_query.numbers import UNKNOWN, known_sum, percent, ratio, rounded


@pytest.mark.requirement("KL-M-3")
@pytest.mark.parametrize(
    ("value", "answered"),
    [
        (1234567.8, 1234570),
        (0.000123456789, 0.000123457),
        (-0.0, 0),
        (3, 3),
        (None, None),
        (UNKNOWN, None),
        (math.inf, None),
    ],
)
def test_answers_carry_six_significant_digits_and_null_for_unknown(value: float | None, answered: float | None) -> None:
    assert rounded(value) == answered


@pytest.mark.requirement("KL-M-3")
@pytest.mark.parametrize(
    ("value", "answered"),
    [
        (918512.64, 918512.64),
        (12345678.904, 12345678.9),
        (10000.006, 10000.01),
        (9999.994, 9999.99),  # six digits are cents here
        (123.456789, 123.457),  # and finer below
        (0.0123456789, 0.0123457),
        (-918512.645001, -918512.65),
        (None, None),
        (UNKNOWN, None),
    ],
)
def test_money_is_right_to_the_cent_however_large_it_is(value: float | None, answered: float | None) -> None:
    assert rounded(value, "currency") == answered


def test_a_zero_is_never_negative() -> None:
    assert str(rounded(-0.0)) == "0.0"


def test_nothing_divides_by_zero_or_by_the_unknown() -> None:
    assert math.isnan(ratio(1, 0))
    assert math.isnan(ratio(UNKNOWN, 2))
    assert math.isnan(ratio(None, 2))
    assert percent(1, 8) == 12.5
    assert math.isnan(percent(1, 0))


def test_a_sum_of_unknown_values_is_unknown_and_of_some_is_theirs() -> None:
    assert known_sum([1, UNKNOWN, 2]) == 3
    assert math.isnan(known_sum([UNKNOWN]))
    assert math.isnan(known_sum([]))
