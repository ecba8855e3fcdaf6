import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kl_query.measures.statistics import percentile


@pytest.mark.requirement("KL-T-12")
def test_percentiles_interpolate_between_the_nearest_values() -> None:
    assert percentile([10, 20, 30, 40], 50) == 25
    assert percentile([10, 20, 30, 40], 95) == 38.5  # position 2.85
    assert percentile([7], 95) == 7
    assert percentile([], 50) is None


@given(st.lists(st.floats(0, 1e6), min_size=2, max_size=60))
def test_the_median_is_that_of_the_standard_library(values: list[float]) -> None:
    found = percentile(sorted(values), 50)
    assert found is not None
    assert abs(found - statistics.median(values)) <= 1e-6


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=60), st.floats(0, 100))
def test_a_percentile_lies_between_the_smallest_and_the_largest(values: list[float], rank: float) -> None:
    found = percentile(sorted(values), rank)
    assert found is not None
    assert min(values) - 1e-6 <= found <= max(values) + 1e-6
