"""Each question a newcomer asks is answered by one call."""

from __future__ import annotations

from tests.kl_mcp.tools.conftest import Ask


def test_which_ten_namespaces_consume_the_most_cpu_over_the_past_14_days_excluding_system_namespaces(ask: Ask) -> None:
    answer = ask("get_top_consumers", metric="cpu", scale="daily_14d", date="all", limit=10, exclude_system=True)
    # ml-train 72 + 39 (one day unknown), registry 24 + 48 + 19.5, web 12 + 12 + 9.75; idle 0
    assert [(row["namespace"], row["value"]) for row in answer["ranking"]] == [
        ("ml-train", 111),
        ("registry", 91.5),
        ("web", 33.75),
    ]
    assert answer["zero_count"] == 1


def test_compare_the_monthly_cpu_trajectory_of_two_namespaces(ask: Ask) -> None:
    answer = ask("compare_periods", metric="cpu", namespaces="openshift-monitoring,kube-system")
    found = {entry["namespace"]: entry for entry in answer["comparisons"]}
    assert [month["value"] for month in found["openshift-monitoring"]["monthly_12m"]["series"]] == [1440, 744, 499.5]
    assert [month["value"] for month in found["kube-system"]["monthly_12m"]["series"]] == [360, 372, 249.75]
    assert found["openshift-monitoring"]["monthly_12m"]["trend_direction"] == "decreasing"
    assert found["kube-system"]["monthly_12m"]["trend_direction"] == "stable"


def test_identify_cpu_over_provisioned_namespaces(ask: Ask) -> None:
    answer = ask("get_efficiency", metric="cpu", classification="over_provisioned")
    # registry: 91.5 of 270 requested core-hours
    assert [(row["namespace"], row["efficiency_ratio"]) for row in answer["efficiency"]] == [("registry", 0.338889)]


def test_show_the_hourly_memory_series_of_registry_with_min_max_mean(ask: Ask) -> None:
    answer = ask("get_timeseries", metric="memory", namespace="registry")
    assert answer["series"][0]["values"] == [10, 20, 30, None, 40, 10]
    assert {key: answer["stats"][key] for key in ("min", "max", "mean")} == {"min": 10, "max": 40, "mean": 25}


def test_what_proportion_of_cluster_cpu_is_consumed_by_openshift_namespaces_today(ask: Ask) -> None:
    answer = ask("group_namespaces", metric="cpu", pattern="openshift-*", date="latest")
    # 19.5 core-hours of 195 capacity; 19.5 of the 97.5 that all namespaces used
    assert (answer["cluster_share_pct"], answer["share_pct"], answer["group_total"]) == (10, 20, 19.5)
    assert answer["date"] == "2026-11-21"
