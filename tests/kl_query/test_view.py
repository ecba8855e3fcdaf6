"""The limits of what a sum over a window says of itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from kl_query.dataset import load_dataset
from kl_query.view import frame
from tests.support.datasets import Dataset, Row, Scale, write


@pytest.mark.parametrize(
    ("known_hours", "buckets"),
    # Amounts are published with ten digits: what they round to, here 2 ms, is no gap. A minute is one, and 7 ms.
    [(24.0, 0), (24 - 5e-7, 0), (24 - 2e-6, 1), (24 - 1 / 60, 1), (23.5, 1)],
)
def test_a_bucket_known_for_a_part_of_its_observed_hours_is_left_out_in_part(
    tmp_path: Path, known_hours: float, buckets: int
) -> None:
    row = Row([known_hours, 24], [24, 24], usage_hours=[known_hours, 24])
    daily = Scale("2026-11-20", capacity={"cpu": [240, 240]}, namespaces={"web": {"cpu": row}})
    view = frame(load_dataset(write(tmp_path, Dataset(daily=daily))), "daily_14d", "cpu", None)

    assert view.total_of("web").unknown == buckets
