from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.books.amounts import amounts
from collector.books.scales import column_lists, empty_document, metrics_present, rounded
from tests.collector.books.test_amounts import U, cluster, namespace
from tests.support.books import checked


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


def test_columns_become_lists_with_none_for_unknown() -> None:
    assert column_lists({"a": {"b": np.array([1.0, U])}, "c": ["x"], "d": 3}) == {
        "a": {"b": [1.0, None]},
        "c": ["x"],
        "d": 3,
    }
