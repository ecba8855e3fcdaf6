from collections.abc import Callable
from typing import Any

import pytest

from kl_mcp.dataset import Dataset
from kl_mcp.errors import ToolArgumentError
from tests.kl_mcp.tools.conftest import Ask, asked


def movers(answer: dict[str, Any]) -> dict[str, Any]:
    return {row["namespace"]: (row["baseline_value"], row["value"], row["change"]) for row in answer["movers"]}


def test_one_namespace_has_its_14_days_its_months_and_a_trend(ask: Ask) -> None:
    answer = ask("compare_periods", metric="cpu", namespace="registry")
    assert answer["daily_14d"] == {
        "aggregate": 91.5,
        "window_start": "2026-11-19T00:00:00Z",
        "window_end": "2026-11-21T19:30:00Z",
        "points": 3,
        "partial": True,
    }
    assert [month["date"] for month in answer["monthly_12m"]["series"]] == ["2026-09", "2026-10", "2026-11"]
    # whole months at 1 and 1.5 cores: the line rises by 0.5 over a mean of 1.25
    assert (answer["monthly_12m"]["trend_direction"], answer["trend"]["change_pct"]) == ("growing", 40)
    assert (answer["movers"], answer["comparison"]) == ([], None)


@pytest.mark.requirement("KL-T-8")
def test_the_open_month_is_scaled_to_its_hours_and_said_so(ask: Ask) -> None:
    answer = ask("compare_periods", metric="cpu", namespace="registry")
    # 999 core-hours in 499.5 hours: 1440 in the 720 of November
    assert answer["monthly_12m"]["open_month"]["value_scaled_to_month"] == 1440
    assert answer["trend"]["last_month"] == "2026-10"
    assert any("open month" in warning for warning in answer["metadata"]["warnings"])


def test_what_changed_tells_usage_from_cluster_and_rate(ask: Ask) -> None:
    changed = ask("compare_periods", metric="cpu", namespace="registry")["what_changed"]
    assert changed["amount_per_hour"] == {"before": 1, "after": 1.5, "change_pct": 50}
    assert changed["capacity_per_hour"] == {"before": 8, "after": 10, "change_pct": 25}
    assert changed["cluster_share_pct"] == {"before": 12.5, "after": 15, "change_pct": 20}
    assert changed["rate_per_hour"] == {"before": 0.6, "after": 1.2, "change_pct": 100}


@pytest.mark.requirement("KL-T-11", "KL-T-14")
def test_without_a_namespace_it_is_the_cluster_and_its_movers(ask: Ask) -> None:
    answer = ask("compare_periods", metric="cpu")
    assert (answer["namespace"], answer["scope"]) == ("*", "cluster")
    assert answer["daily_14d"]["aggregate"] == 337.5
    # two whole days: the 20th against the 19th
    assert (answer["comparison"]["date"], answer["comparison"]["baseline"]) == ("2026-11-20", "2026-11-19")
    assert answer["movers"][0] == {
        "namespace": "registry",
        "baseline_value": 24,
        "value": 48,
        "change": 24,
        "change_pct": 100,
    }
    assert movers(answer)["ml-train"] == (72, None, None)
    # ml-train is unknown on the 20th: 24 + 12 + 12 + 24 against 48 + 12 + 12 + 24
    assert (answer["comparison"]["baseline_value"], answer["comparison"]["value"]) == (72, 96)
    assert any("leaves them out" in warning for warning in answer["metadata"]["warnings"])


@pytest.mark.requirement("KL-T-8", "KL-T-14")
def test_an_open_bucket_is_compared_with_a_scaled_baseline(ask: Ask) -> None:
    answer = ask("compare_periods", metric="cpu", namespace="registry", date="2026-11-21", baseline="2026-11-20")
    # 48 core-hours in 24 hours are 39 in 19.5
    assert movers(answer) == {"registry": (39, 19.5, -19.5)}
    assert (answer["comparison"]["scaled"], answer["comparison"]["hours"]) == (True, 19.5)
    assert any("scaled" in warning for warning in answer["metadata"]["warnings"])


@pytest.mark.requirement("KL-T-14")
def test_whole_months_are_compared_as_they_are_billed(ask: Ask) -> None:
    answer = ask(
        "compare_periods",
        metric="cpu",
        cost_model="costs",
        scale="monthly_12m",
        namespace="registry",
        date="2026-10",
        baseline="2026-09",
    )
    # 720 x 432 / 5760 and 1116 x 892.8 / 7440
    assert movers(answer) == {"registry": (54, 133.92, 79.92)}
    assert answer["comparison"]["scaled"] is False


@pytest.mark.requirement("KL-T-14")
def test_the_baseline_of_a_date_is_what_comes_before_it(ask: Ask) -> None:
    answer = ask("compare_periods", metric="cpu", namespace="registry", date="2026-11-20")
    assert answer["comparison"]["baseline"] == "2026-11-19"
    with pytest.raises(ToolArgumentError) as caught:
        ask("compare_periods", metric="cpu", date="2026-11-19..2026-11-20")
    assert caught.value.argument == "baseline"


def test_movers_can_be_sorted_by_growth(ask: Ask) -> None:
    answer = ask("compare_periods", metric="cpu", scale="monthly_12m", sort="decrease")
    assert answer["movers"][0]["namespace"] == "openshift-monitoring"  # 1440 -> 744
    assert ask("compare_periods", metric="cpu", scale="monthly_12m", sort="increase")["movers"][0]["change"] == 396


def test_several_namespaces_with_a_baseline_have_blocks_and_movers(ask: Ask) -> None:
    answer = ask("compare_periods", metric="cpu", namespaces=["registry", "web"], date="2026-11-20")
    assert [entry["namespace"] for entry in answer["comparisons"]] == ["registry", "web"]
    assert movers(answer) == {"registry": (24, 48, 24), "web": (12, 12, 0)}
    assert answer["daily_14d"] is None
    assert answer["monthly_12m"] is None


@pytest.mark.requirement("KL-T-13")
def test_one_whole_month_is_insufficient_data(build: Callable[..., Dataset]) -> None:
    answer = asked(build(monthly=None), "compare_periods", namespace="registry")
    assert answer["monthly_12m"]["trend_direction"] == "insufficient_data"
    assert answer["trend"]["change_pct"] is None
    assert answer["what_changed"] is None
