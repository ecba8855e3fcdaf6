import math
import statistics

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kl_query.dataset.model import Scale
from kl_query.dataset.table import Table
from kl_query.date_windows import Window
from kl_query.measures.statistics import Stats, stats

MIDNIGHT = 1795219200


def _window(values: list[float], *, is_open: bool = False) -> Window:
    """Return a window of hours from midnight on, of which the last may be open."""
    starts = [MIDNIGHT + 3600 * i for i in range(len(values))]
    hours = np.ones(len(values))
    ends, complete = tuple(start + 3600 for start in starts), (*[True] * (len(values) - 1), not is_open)
    scale = Scale("hourly_7d", "", tuple(starts), ends, complete, hours, hours, {}, {}, {}, {}, Table(), Table())
    return Window(scale, 0, len(values))


def _stats(values: list[float], *, is_open: bool = False) -> Stats:
    return stats(np.array(values, float), _window(values, is_open=is_open))


def _percentiles(values: list[float]) -> tuple[float, float]:
    """Return the median and the 95th percentile."""
    found = _stats(values)
    assert found.p50 is not None
    assert found.p95 is not None
    return found.p50, found.p95


@pytest.mark.requirement("KL-T-12")
def test_percentiles_interpolate_between_the_nearest_values() -> None:
    assert _percentiles([40, 10, 30, 20]) == (25, 38.5)  # positions 1.5 and 2.85
    assert _percentiles([7]) == (7, 7)
    assert all(math.isnan(value) for value in _percentiles([math.nan]))


@given(st.lists(st.floats(0, 1e6), min_size=2, max_size=60))
def test_the_median_is_that_of_the_standard_library(values: list[float]) -> None:
    assert abs(_percentiles(values)[0] - statistics.median(values)) <= 1e-6


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=60))
def test_a_percentile_lies_between_the_smallest_and_the_largest(values: list[float]) -> None:
    median, high = _percentiles(values)
    assert min(values) - 1e-6 <= median <= high + 1e-6 <= max(values) + 2e-6


@pytest.mark.requirement("KL-T-12")
@pytest.mark.parametrize(
    ("values", "hour"),
    [([3, 5, 5, 1], 1), ([5, 3, 5], 0), ([2, 2, 2], 0), ([1, math.nan, 4, 4], 2), ([0, -1, 0], 0), ([1, 2, 3], 2)],
)
def test_the_peak_is_the_first_of_equal_hours(values: list[float], hour: int) -> None:
    assert _stats(values).peak_hour == f"2026-11-21T{hour:02}:00:00Z"


@pytest.mark.requirement("KL-T-12")
def test_the_open_hour_is_no_peak_and_unknown_hours_count_nowhere() -> None:
    found = _stats([1, math.nan, 3, 9], is_open=True)

    # Of 1 and 3: mean 2, each 1 from it.
    assert (found.min, found.max, found.mean, found.p50, found.stdev) == (1, 3, 2, 2, 1)
    assert (found.peak_hour, found.points) == ("2026-11-21T02:00:00Z", 2)
    assert _stats([math.nan]).peak_hour is None
