"""Concentration: how few namespaces use most of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from kl_mcp.tools import TABLE
from kl_query.dataset import load_dataset
from tests.support.datasets import Dataset, Row, Scale, at, write

SAMPLED = "2026-11-22T00:00:00Z"


def concentration(directory: Path, usage: list[float]) -> dict[str, Any]:
    rows = {f"n{i}": {"cpu": Row([value], [value])} for i, value in enumerate(usage)}
    daily = Scale("2026-11-21", capacity={"cpu": [240]}, namespaces=rows)
    dataset = load_dataset(write(directory, Dataset(daily=daily, last_sample=SAMPLED)))
    answer: dict[str, Any] = TABLE["get_namespace_breakdown"].run({"metric": "cpu"}, dataset, at(SAMPLED).timestamp())
    found: dict[str, Any] = answer["concentration"]
    return found


@pytest.mark.parametrize(
    ("usage", "needed"),
    # Of 100: 80 are enough, 79.99 are not. Four times 0.3 are 1.2, which sums write as 1.2 and four fifths as 1.2...2.
    [([50, 30, 20], 2), ([50, 29.99, 20.01], 3), ([80, 20], 1), ([79.99, 20.01], 2), ([0.3] * 5, 4)],
)
def test_namespaces_count_until_four_fifths_are_reached(tmp_path: Path, usage: list[float], needed: int) -> None:
    assert concentration(tmp_path, usage)["namespaces_for_80_pct"] == needed


def test_the_first_three_and_ten_are_set_against_all(tmp_path: Path) -> None:
    # 11 of 1 and one of 9: 11 of 20, and 18 of 20.
    assert concentration(tmp_path, [1.0] * 11 + [9.0]) == {
        "top_3_share_pct": 55,
        "top_10_share_pct": 90,
        "total_namespaces": 12,
        "namespaces_for_80_pct": 8,
    }
