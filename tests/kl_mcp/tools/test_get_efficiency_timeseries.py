import pytest

from tests.kl_mcp.tools.conftest import Ask


def test_hours_without_requests_or_usage_are_null(ask: Ask) -> None:
    answer = ask("get_efficiency_timeseries", metric="cpu", namespace="registry")
    # 1, 1, 2, unknown, 4 of 2 cores; half an hour of 0.5 core-hours without requests
    assert answer["series"][0]["values"] == [0.5, 0.5, 1, None, 2, None]
    assert (answer["stats"]["mean"], answer["stats"]["max"], answer["stats"]["points"]) == (1, 2, 4)
    assert any("2 of 6" in warning for warning in answer["metadata"]["warnings"])


def test_the_overall_ratio_is_of_sums_and_not_the_mean_of_ratios(ask: Ask) -> None:
    answer = ask("get_efficiency_timeseries", metric="cpu", namespace="registry")
    assert answer["overall_ratio"] == 1.0625  # (1 + 1 + 2 + 4 + 0.5) / (2 + 2 + 2 + 2 + 0)
    assert answer["overall_classification"] == "under_provisioned"


@pytest.mark.requirement("KL-T-11")
def test_the_cluster_compares_only_namespaces_known_in_that_hour(ask: Ask) -> None:
    values = ask("get_efficiency_timeseries", metric="cpu")["series"][0]["values"]
    assert values[0] == 0.5  # registry 1 of 2; kube-system requests none, so its 0.5 have nothing to be compared with
    assert values[3] is None  # kube-system alone, without requests


def test_several_namespaces_have_a_series_each(ask: Ask) -> None:
    answer = ask("get_efficiency_timeseries", metric="memory", namespaces=["registry", "kube-system"])
    found = {series["namespace"]: series["values"] for series in answer["series"]}
    assert found["registry"] == [0.25, 0.5, 0.75, None, 1, 0.5]
    assert found["kube-system"] == [None] * 6
    assert answer["stats"] is None


def test_its_unit_is_a_ratio(ask: Ask) -> None:
    assert ask("get_efficiency_timeseries")["metadata"]["unit"] == pytest.approx("efficiency_ratio")
