from collections.abc import Callable
from typing import Any

import pytest

from kl_query.dataset import Dataset
from kl_query.errors import ToolArgumentError
from tests.kl_mcp.tools.conftest import Ask, asked
from tests.support.datasets import Row, Scale


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
    assert (answer["monthly_12m"]["trend_direction"], answer["trend"]["rise_pct"]) == ("growing", 40)
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
    assert changed["metric_rate_per_hour"] == changed["rate_per_hour"]  # the bill is for cpu alone


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
        "billed_change": 24,
        "billed_change_pct": 100,
        "change_per_hour": 1,
        "change_pct_per_hour": 100,
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
    assert answer["trend"]["rise_pct"] is None
    assert answer["what_changed"] is None


def two_months(*, november: Row | None = None, open_hours: float | None = None, **changes: Any) -> Scale:
    """October and November on 10 cores: 2 cores used by web, and job as given."""
    hours = [744, 720 if open_hours is None else open_hours]
    web = Row([2 * h for h in hours], [0, 0])
    facts: dict[str, Any] = {
        "first": "2026-10",
        "open_hours": open_hours,
        "capacity": {"cpu": [10 * h for h in hours]},
        "namespaces": {"web": {"cpu": web}, **({"job": {"cpu": november}} if november else {})},
    }
    return Scale(**{**facts, **changes})


# 1 core throughout; in November usage is known for 360 of the 720 hours
GAP = Row([744, 360], [0, 0], usage_hours=[744, 360])


@pytest.mark.requirement("KL-T-14")
def test_hours_without_measurement_are_no_decrease(build: Callable[..., Dataset]) -> None:
    answer = asked(build(monthly=two_months(november=GAP)), "compare_periods", scale="monthly_12m")
    # job: 744 core-hours in 744 hours are 360 in 360. web is known throughout and compared as billed
    assert movers(answer) == {"web": (1488, 1440, -48), "job": (360, 360, 0)}
    assert answer["comparison"]["scaled"] is True
    # 1848 and 1800 core-hours; per hour 2 + 1 cores in both
    assert (answer["comparison"]["baseline_value"], answer["comparison"]["value"]) == (1848, 1800)
    assert answer["comparison"]["what_changed"]["amount_per_hour"] == {"before": 3, "after": 3, "change_pct": 0}
    assert answer["comparison"]["what_changed"]["cluster_share_pct"] == {"before": 30, "after": 30, "change_pct": 0}
    assert any("1 namespace(s) are known for a smaller part" in warning for warning in answer["metadata"]["warnings"])


def test_percentages_of_hours_without_measurement_are_no_decrease(build: Callable[..., Dataset]) -> None:
    data = build(monthly=two_months(november=GAP))
    answer = asked(data, "compare_periods", scale="monthly_12m", cost_model="normalized")
    assert movers(answer) == {"web": (20, 20, 0), "job": (10, 10, 0)}
    assert answer["comparison"]["scaled"] is False


@pytest.mark.requirement("KL-T-13")
def test_a_gap_in_a_month_is_told_beside_its_trend(build: Callable[..., Dataset]) -> None:
    answer = asked(build(monthly=two_months(november=GAP)), "compare_periods", namespace="job")
    assert (answer["trend"]["direction"], answer["trend"]["rise_pct"]) == ("stable", 0)
    assert any("1 month bucket(s) unknown in whole or in part" in w for w in answer["metadata"]["warnings"])


def test_what_is_unknown_in_one_period_has_no_amount_per_hour(build: Callable[..., Dataset]) -> None:
    unknown = Row([744, None], [0, 0], usage_hours=[744, 0])
    data = build(monthly=two_months(november=unknown))
    answer = asked(data, "compare_periods", scale="monthly_12m", namespace="job", date="2026-11")
    nothing = {"before": None, "after": None, "change_pct": None}
    assert answer["comparison"]["value"] is None
    assert answer["comparison"]["what_changed"]["amount_per_hour"] == nothing
    assert answer["comparison"]["what_changed"]["cluster_share_pct"] == nothing
    assert answer["comparison"]["what_changed"]["capacity_per_hour"] == {"before": 10, "after": 10, "change_pct": 0}


@pytest.mark.requirement("KL-T-14")
def test_a_month_observed_for_four_hours_is_no_default_baseline(build: Callable[..., Dataset]) -> None:
    installed = two_months(observed=[4, 720], namespaces={"web": {"cpu": Row([8, 1440], [0, 0])}})
    answer = asked(build(monthly=installed), "compare_periods", scale="monthly_12m")
    assert (answer["comparison"], answer["movers"]) == (None, [])
    assert any("at least half of their hours" in warning for warning in answer["metadata"]["warnings"])
    # asked for by its date it is compared, scaled: 8 core-hours in 4 hours are 1440 in 720
    named = asked(build(monthly=installed), "compare_periods", scale="monthly_12m", date="2026-11")
    assert movers(named) == {"web": (1440, 1440, 0)}


def test_several_namespaces_each_name_the_months_their_trend_leaves_out(build: Callable[..., Dataset]) -> None:
    short = Row([744, 100], [0, 0], usage_hours=[744, 100])  # of 720 hours
    data = build(monthly=two_months(november=short), table={})
    answer = asked(data, "compare_periods", namespaces=["job", "web"])
    left_out = {row["namespace"]: row["trend"]["months_left_out"] for row in answer["comparisons"]}
    assert left_out == {"job": ["2026-11"], "web": []}


@pytest.mark.requirement("KL-T-13")
def test_trends_say_of_whom_they_leave_out_months_before_birth_or_after_the_end(
    build: Callable[..., Dataset],
) -> None:
    came = {"first_seen": "2026-11-01T00:05:00Z"}
    data = build(monthly=two_months(november=Row([0, 720], [0, 0])), table={"job": came})
    said = "in which a namespace did not exist from beginning to end: job."
    for arguments, left_out in (
        ({"namespace": "job"}, ["2026-10"]),
        ({"namespace": "web"}, []),
        ({"namespaces": ["job", "web"], "aggregate": True}, []),
        ({}, []),
    ):
        answer = asked(data, "compare_periods", **arguments)
        assert answer["trend"]["months_left_out"] == left_out
        assert any(said in warning for warning in answer["metadata"]["warnings"]) is bool(left_out)
    both = asked(data, "compare_periods", namespaces=["job", "web"])
    assert [row["trend"]["months_left_out"] for row in both["comparisons"]] == [["2026-10"], []]
    assert any(said in warning for warning in both["metadata"]["warnings"])


@pytest.mark.requirement("KL-T-13")
def test_a_sum_names_the_namespaces_its_trend_does_without(build: Callable[..., Dataset]) -> None:
    short = Row([74.4, 10], [0, 0], usage_hours=[744, 100])  # a tenth of a core beside two
    answer = asked(build(monthly=two_months(november=short)), "compare_periods")
    assert answer["what_changed"]["amount_per_hour"] == {"before": 2, "after": 2, "change_pct": 0}
    assert any("The trend leaves out 1 namespace(s)" in w and "job" in w for w in answer["metadata"]["warnings"])
