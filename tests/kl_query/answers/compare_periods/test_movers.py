"""The limits of what makes two periods comparable, each at both of its sides."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from kl_mcp.tools import TABLE
from kl_query.answers.compare_periods.movers import order
from kl_query.dataset import load_dataset
from tests.support.datasets import Dataset, Row, Scale, at, write

SAMPLED = "2026-11-22T00:00:00Z"


def compared(directory: Path, daily: Scale, **arguments: Any) -> dict[str, Any]:
    dataset = load_dataset(write(directory, Dataset(daily=daily, last_sample=SAMPLED)))
    given = {"metric": "cpu", "scale": "daily_14d", **arguments}
    answer: dict[str, Any] = TABLE["compare_periods"].run(given, dataset, at(SAMPLED).timestamp())
    return answer


@pytest.mark.requirement("KL-T-14")
@pytest.mark.parametrize(
    ("known_hours", "baseline"),
    # One core throughout. 23.8 of 24 hours are 0.8 % less than a whole day, 23.7 are 1.25 % less.
    [(23.8, 23.8), (23.7, 24.0)],
)
def test_a_row_known_for_a_hundredth_less_of_one_period_is_scaled(
    tmp_path: Path, known_hours: float, baseline: float
) -> None:
    row = Row([known_hours, 24], [24, 24], usage_hours=[known_hours, 24])
    daily = Scale("2026-11-20", capacity={"cpu": [240, 240]}, namespaces={"web": {"cpu": row}})
    answer = compared(tmp_path, daily, date="2026-11-21", baseline="2026-11-20")

    assert answer["movers"][0]["baseline_value"] == baseline
    assert answer["comparison"]["scaled"] is (baseline == 24)
    assert any("scaled" in warning for warning in answer["metadata"]["warnings"]) is (baseline == 24)


@pytest.mark.requirement("KL-T-14")
@pytest.mark.parametrize(("observed", "baseline"), [(23.8, 23.8), (23.7, 24.0)])
def test_a_period_observed_for_a_hundredth_less_is_scaled(tmp_path: Path, observed: float, baseline: float) -> None:
    daily = Scale(
        "2026-11-20",
        capacity={"cpu": [10 * observed, 240]},
        observed=[observed, 24],
        namespaces={"web": {"cpu": Row([observed, 24], [24, 24])}},
    )
    answer = compared(tmp_path, daily, date="2026-11-21", baseline="2026-11-20")

    assert answer["movers"][0]["baseline_value"] == baseline
    assert answer["comparison"]["scaled"] is (baseline == 24)


@pytest.mark.requirement("KL-T-14")
@pytest.mark.parametrize(("observed", "compared_with"), [(12.0, "2026-11-20"), (11.9, None)])
def test_a_period_of_which_less_than_half_is_observed_is_not_chosen(
    tmp_path: Path, observed: float, compared_with: str | None
) -> None:
    daily = Scale(
        "2026-11-20",
        capacity={"cpu": [10 * observed, 240]},
        observed=[observed, 24],
        namespaces={"web": {"cpu": Row([observed, 24], [24, 24])}},
    )
    comparison = compared(tmp_path, daily)["comparison"]

    assert (comparison and comparison["baseline"]) == compared_with


@pytest.mark.parametrize(
    ("after", "change"),
    # Less than a hundred-millionth of 100 is what sums round to; more is a change.
    [(100 + 0.9e-6, 0.0), (100 + 1.1e-6, 1.1e-6)],
)
def test_what_sums_round_to_is_no_change(tmp_path: Path, after: float, change: float) -> None:
    daily = Scale("2026-11-20", capacity={"cpu": [240, 240]}, namespaces={"web": {"cpu": Row([100, after], [24, 24])}})
    (row,) = compared(tmp_path, daily, date="2026-11-21", baseline="2026-11-20")["movers"]

    assert row["change"] == pytest.approx(change, rel=1e-5, abs=1e-12)


def test_twenty_movers_are_listed_unless_more_are_asked_for(tmp_path: Path) -> None:
    rows = {f"n{i:02}": {"cpu": Row([1, 2], [1, 1])} for i in range(21)}
    daily = Scale("2026-11-20", capacity={"cpu": [240, 240]}, namespaces=rows)

    assert len(compared(tmp_path, daily)["movers"]) == 20
    assert len(compared(tmp_path, daily, limit=21)["movers"]) == 21


def test_names_are_in_order_where_changes_are_equal_and_unknown_ones_last() -> None:
    pairs = {"b": (1.0, 3.0), "a": (3.0, 1.0), "d": (float("nan"), 9.0), "c": (0.0, 5.0)}

    assert order(pairs, "change") == ["c", "a", "b", "d"]
    assert order(pairs, "increase") == ["c", "b", "a", "d"]
    assert order(pairs, "decrease") == ["a", "b", "c", "d"]
    assert order(pairs, "change_pct") == ["c", "b", "a", "d"]


@pytest.mark.parametrize(("observed", "level"), [(24.0, 0.0), (0.0, None)])
def test_a_cluster_without_namespaces_uses_nothing_while_it_is_observed(
    tmp_path: Path, observed: float, level: float | None
) -> None:
    daily = Scale("2026-11-20", capacity={"cpu": [240, 10 * observed]}, observed=[24, observed], namespaces={})
    answer = compared(tmp_path, daily, date="2026-11-21", baseline="2026-11-20")

    usage = answer["comparison"]["what_changed"]["usage_per_hour"]
    assert (usage["before"], usage["after"]) == (0.0, level)
