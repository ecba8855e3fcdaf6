import pytest

from tests.kl_mcp.tools.conftest import Ask


@pytest.mark.requirement("KL-T-12")
def test_statistics_leave_out_the_open_hour_and_unknown_ones(ask: Ask) -> None:
    answer = ask("get_timeseries", metric="memory", namespace="registry")
    # 10, 20, 30, 40: mean 25, variance 125; p95 at position 2.85 of the sorted values
    assert answer["stats"] == {
        "min": 10,
        "max": 40,
        "mean": 25,
        "p50": 25,
        "p95": 38.5,
        "stdev": 11.1803,
        "peak_hour": "2026-11-21T18:00:00Z",
        "points": 4,
        "window_start_utc": "2026-11-21T14:00:00Z",
        "window_end_utc": "2026-11-21T19:00:00Z",
    }
    assert any("open hour" in warning for warning in answer["metadata"]["warnings"])
    assert answer["metadata"]["data_window"]["end"] == "2026-11-21T19:30:00Z"


@pytest.mark.requirement("KL-T-11")
def test_without_a_namespace_it_is_the_sum_of_all_and_says_so(ask: Ask) -> None:
    answer = ask("get_timeseries", metric="cpu")
    assert (answer["scope"], answer["namespace"]) == ("cluster", "*")
    # registry + kube-system; where registry is unknown, what is known, with a warning
    assert answer["series"][0]["values"] == [1.5, 1.5, 2.5, 0.5, 4.5, 0.75]
    assert answer["stats"]["peak_hour"] == "2026-11-21T18:00:00Z"
    assert any("registry" in warning and "unknown" in warning for warning in answer["metadata"]["warnings"])


@pytest.mark.requirement("KL-T-11")
def test_several_namespaces_have_their_statistics_in_each_series(ask: Ask) -> None:
    answer = ask("get_timeseries", metric="cpu", namespaces=["registry", "kube-system"])
    assert answer["stats"] is None
    assert [(series["namespace"], series["stats"]["mean"]) for series in answer["series"]] == [
        ("registry", 2),
        ("kube-system", 0.5),
    ]


def test_hours_are_priced_by_bill_and_capacity_of_the_hour(ask: Ask) -> None:
    answer = ask("get_timeseries", metric="cpu", namespace="registry", cost_model="costs")
    assert answer["series"][0]["values"] == [0.06, 0.06, 0.12, None, 0.24, 0.03]


def test_one_hour_can_be_asked_for(ask: Ask) -> None:
    answer = ask("get_timeseries", metric="cpu", namespace="registry", date="2026-11-21T16:00:00Z")
    assert answer["hours"] == ["2026-11-21T16:00:00Z"]
    assert (answer["stats"]["mean"], answer["stats"]["points"]) == (2, 1)


@pytest.mark.requirement("KL-T-17")
def test_the_open_hour_has_no_statistics_and_a_level(ask: Ask) -> None:
    answer = ask("get_timeseries", metric="cpu", namespace="registry", date="latest")
    stats = answer["stats"]
    assert (stats["mean"], stats["points"], stats["peak_hour"]) == (None, 0, None)
    # 0.5 core-hours in half an hour
    assert (answer["series"][0]["values"], answer["series"][0]["latest_mean"]) == ([0.5], 1)
    assert answer["latest"] == {"date": "2026-11-21T19:00:00Z", "unit": "cores", "mean": 1}


def test_a_series_says_what_its_last_hour_is_as_a_level_whatever_its_scope(ask: Ask) -> None:
    # 10 GiB-hours of registry and 0.5 of kube-system in half an hour; 30 and 1 at 16:00; unknown and 1 at 17:00
    for scope in ({}, {"namespaces": "registry,kube-system", "aggregate": True}):
        answer = ask("get_timeseries", metric="memory", **scope)
        assert answer["latest"] == {"date": "2026-11-21T19:00:00Z", "unit": "GiB", "mean": 21}
        assert answer["series"][0]["latest_mean"] == 21
    each = ask("get_timeseries", metric="memory", namespaces="*", date="2026-11-21T14:00:00Z..2026-11-21T17:00:00Z")
    assert each["latest"] == {"date": "2026-11-21T17:00:00Z", "unit": "GiB", "mean": 1}
    assert {row["namespace"]: row["latest_mean"] for row in each["series"] if row["namespace"] != "idle"} == {
        "registry": None,
        "kube-system": 1,
        "gone": 0,
        "web": 0,
        "ml-train": 0,
        "openshift-monitoring": 0,
    }


@pytest.mark.parametrize("aggregate", [True, False])
def test_a_glob_selects_the_series(ask: Ask, aggregate: bool) -> None:
    answer = ask("get_timeseries", metric="cpu", namespaces="k*", aggregate=aggregate)
    assert answer["series"][0]["values"][:2] == [0.5, 0.5]
    assert answer["scope"] == ("aggregate" if aggregate else "namespaces")
