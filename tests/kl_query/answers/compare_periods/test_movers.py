"""The limits of what makes two periods comparable, each at both of its sides."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kl_mcp.tools import TABLE
from kl_query.answers.compare_periods.movers import order
from kl_query.dataset import load_dataset
from tests.kl_mcp.tools.conftest import check_schemas
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
    names, pairs = "abcd", np.array([[3.0, 1.0, 0.0, np.nan], [1.0, 3.0, 5.0, 9.0]])

    def ordered(sort: str) -> list[str]:
        return [names[i] for i in order(pairs, sort)]

    assert ordered("change") == ["c", "a", "b", "d"]
    assert ordered("increase") == ["c", "b", "a", "d"]
    assert ordered("decrease") == ["a", "b", "c", "d"]
    assert ordered("change_pct") == ["c", "b", "a", "d"]


@pytest.mark.parametrize(("observed", "level"), [(24.0, 0.0), (0.0, None)])
def test_a_cluster_without_namespaces_uses_nothing_while_it_is_observed(
    tmp_path: Path, observed: float, level: float | None
) -> None:
    daily = Scale("2026-11-20", capacity={"cpu": [240, 10 * observed]}, observed=[24, observed], namespaces={})
    answer = compared(tmp_path, daily, date="2026-11-21", baseline="2026-11-20")

    usage = answer["comparison"]["what_changed"]["usage_per_hour"]
    assert (usage["before"], usage["after"]) == (0.0, level)


HOURS = [28 * 24, 31 * 24]  # February and March 2026
RATE = {"effective": "2026-02-01T00:00:00Z", "rate": 10.0, "currency": "$", "weights": None}


def month_to_month(directory: Path, row: Row, **arguments: Any) -> dict[str, Any]:
    """Compare March with February on 10 cores at 10 an hour: 1 a core-hour."""
    capacity = [10 * hours for hours in HOURS]
    monthly = Scale("2026-02", capacity={"cpu": capacity}, bill={"cpu": capacity}, namespaces={"web": {"cpu": row}})
    published = Dataset(monthly=monthly, rates=[RATE], currency="$", last_sample="2026-04-01T00:00:00Z")
    dataset = load_dataset(write(directory, published))
    given = {"metric": "cpu", "scale": "monthly_12m", **arguments}
    answer: dict[str, Any] = TABLE["compare_periods"].run(given, dataset, at("2026-04-01T00:00:00Z").timestamp())
    check_schemas("compare_periods", answer)
    return answer


def changes(block: dict[str, Any]) -> dict[str, tuple[float, float]]:
    return {
        "compared": (block["change"], block["change_pct"]),
        "billed": (block["billed_change"], block["billed_change_pct"]),
        "per hour": (block["change_per_hour"], block["change_pct_per_hour"]),
    }


@pytest.mark.requirement("KL-T-14")
@pytest.mark.parametrize("arguments", [{}, {"cost_model": "costs"}, {"metric": "total", "cost_model": "costs"}])
def test_a_longer_month_costs_more_and_uses_no_more_per_hour(tmp_path: Path, arguments: dict[str, str]) -> None:
    # 1 core and 1.01 cores: 672 and 751.44 core-hours, at 1 an hour
    answer = month_to_month(tmp_path, Row([672, 1.01 * 744], [0, 0]), **arguments)

    as_billed = (79.44, 11.8214)
    expected = {"compared": as_billed, "billed": as_billed, "per hour": (0.01, 1)}
    assert [changes(block) for block in (answer["comparison"], *answer["movers"])] == [expected, expected]
    assert (answer["comparison"]["scaled"], answer["comparison"]["same_hours"]) == (False, False)


@pytest.mark.requirement("KL-T-14")
def test_percentages_are_per_hour_however_they_are_compared(tmp_path: Path) -> None:
    # 10 and 10.1 % of 10 cores
    answer = month_to_month(tmp_path, Row([672, 1.01 * 744], [0, 0]), cost_model="normalized")

    assert changes(answer["movers"][0]) == dict.fromkeys(("compared", "billed", "per hour"), (0.1, 1))


@pytest.mark.requirement("KL-T-14")
@pytest.mark.parametrize("arguments", [{}, {"cost_model": "costs"}])
def test_where_a_gap_is_scaled_away_the_change_as_billed_stands_beside(
    tmp_path: Path, arguments: dict[str, str]
) -> None:
    # 2 cores throughout, known for half of March: 1344 and 744 core-hours. February scaled to 372 hours is 744
    answer = month_to_month(tmp_path, Row([1344, 744], [0, 0], usage_hours=[672, 372]), **arguments)

    expected = {"compared": (0, 0), "billed": (-600, -44.6429), "per hour": (0, 0)}
    assert [changes(block) for block in (answer["comparison"], *answer["movers"])] == [expected, expected]
    assert answer["comparison"]["scaled"] is True


@pytest.mark.requirement("KL-T-14")
@pytest.mark.parametrize(
    ("cpu", "expected"),
    [
        # 0.5 $ a core-hour, 0.1 $ a GiB-hour: 12 + 24 $ and 24 + 24 $
        ([24, 48], (36, 48, 12)),
        # what is unknown on one side is no change, on both it takes no part
        ([None, 48], (None, 48, None)),
        ([None, None], (24, 24, 0)),
    ],
)
def test_money_over_all_metrics_does_not_change_by_what_is_known_of_one_period_only(
    tmp_path: Path, cpu: list[float | None], expected: tuple[float | None, ...]
) -> None:
    daily = Scale(
        "2026-11-20",
        capacity={"cpu": [240, 240], "memory": [1200, 1200]},
        bill={"cpu": [120, 120], "memory": [120, 120]},
        namespaces={"web": {"cpu": Row(cpu, [0, 0]), "memory": Row([240, 240], [0, 0])}},
    )
    published = Dataset(daily=daily, rates=[RATE], currency="$", last_sample=SAMPLED)
    given = {"metric": "total", "date": "2026-11-21", "baseline": "2026-11-20"}
    dataset = load_dataset(write(tmp_path, published))
    answer = TABLE["compare_periods"].run(given, dataset, at(SAMPLED).timestamp())

    (mover,) = answer["movers"]
    assert (mover["baseline_value"], mover["value"], mover["change"]) == expected
    per_hour = None if expected[2] is None else expected[2] / 24
    assert (mover["change_per_hour"], answer["comparison"]["change"]) == (per_hour, expected[2])
    told = [warning for warning in answer["metadata"]["warnings"] if "unknown in one of the periods" in warning]
    assert bool(told) is (expected[2] is None)
