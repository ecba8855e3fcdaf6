"""Efficiency of GPUs some of whose usage names no holder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from kl_mcp.tools import TABLE
from kl_query.dataset import load_dataset
from tests.support.datasets import Dataset, Row, Scale, at, write

SAMPLED = "2026-11-21T02:00:00Z"


def ask(tmp_path: Path, tool: str, unattributed: list[float | None], **arguments: Any) -> dict[str, Any]:
    """Two hours: `ml` requests 4 GPUs and uses 2 of them, `web` requests no GPU."""
    hourly = Scale(
        "2026-11-21T00:00:00Z",
        namespaces={
            "ml": {"cpu": Row([1, 1], [2, 2]), "gpu": Row([2, 2], [4, 4])},
            "web": {"cpu": Row([1, 1], [2, 2])},
        },
        capacity={"cpu": [10, 10], "gpu": [8, 8]},
        special={"unattributed": {"gpu": {"usage": unattributed}}},
    )
    dataset = load_dataset(write(tmp_path, Dataset(hourly=hourly, last_sample=SAMPLED)))
    return TABLE[tool].run(arguments, dataset, at(SAMPLED).timestamp())


@pytest.mark.requirement("KL-T-7")
def test_a_ratio_that_unattributed_usage_could_change_is_unknown_with_the_reason(tmp_path: Path) -> None:
    # 4 of 8 GPU-hours are 0.5; another 1.5 may be its own, which would make 0.6875: more than 0.05 apart.
    answer = ask(tmp_path, "get_efficiency", [0.5, 1.0], metric="gpu", scale="hourly_7d")
    (row,) = [row for row in answer["efficiency"] if row["namespace"] == "ml"]
    assert (row["usage"], row["requests"]) == (4, 8)
    assert (row["efficiency_ratio"], row["unused"], row["classification"]) == (None, None, "unknown")
    assert row["reason"] == "1.5 hours of gpu usage name no holder and may be its own"
    assert answer["totals"]["gpu"]["efficiency_ratio"] is None
    assert any("is attributed to no namespace" in warning for warning in answer["metadata"]["warnings"])


@pytest.mark.parametrize(("unattributed", "ratio"), [(0.4, 0.5), (0.41, None)])
def test_a_twentieth_of_the_requests_may_be_unattributed(
    tmp_path: Path, unattributed: float, ratio: float | None
) -> None:
    # 0.4 of 8 GPU-hours are exactly the 0.05 that is tolerated.
    answer = ask(tmp_path, "get_efficiency", [unattributed, None], metric="gpu", scale="hourly_7d")
    (row,) = [row for row in answer["efficiency"] if row["namespace"] == "ml"]
    assert (row["efficiency_ratio"], row["classification"]) == (ratio, "balanced" if ratio else "unknown")


def test_other_metrics_are_not_in_doubt(tmp_path: Path) -> None:
    answer = ask(tmp_path, "get_efficiency", [2.0, 2.0], metric="cpu", scale="hourly_7d")
    assert {row["efficiency_ratio"] for row in answer["efficiency"]} == {0.5}


def test_the_hourly_series_is_unknown_in_the_hours_concerned(tmp_path: Path) -> None:
    # 2 of 4 GPU-hours in each; of the first hour another 0.21 may be its own, of the second 0.2: exactly a twentieth.
    answer = ask(tmp_path, "get_efficiency_timeseries", [0.21, 0.2], metric="gpu", namespace="ml")
    assert answer["series"][0]["values"] == [None, 0.5]


@pytest.mark.parametrize("unattributed", [[0.0, 0.0], [None, None]])
def test_nothing_unattributed_changes_nothing(tmp_path: Path, unattributed: list[float | None]) -> None:
    answer = ask(tmp_path, "get_efficiency", unattributed, metric="gpu", scale="hourly_7d")
    assert answer["totals"]["gpu"]["efficiency_ratio"] == 0.5
