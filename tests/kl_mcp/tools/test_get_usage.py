import pytest

from kl_query.dataset import Dataset
from kl_query.dataset.visibility import restricted
from kl_query.errors import ToolArgumentError
from tests.kl_mcp.tools.conftest import Ask, asked


def test_series_come_largest_first_with_the_sum_per_day_and_over_all(ask: Ask) -> None:
    answer = ask("get_usage")
    assert answer["dates"] == ["2026-11-19", "2026-11-20", "2026-11-21"]
    assert answer["series"][0] == {"namespace": "ml-train", "values": [72, None, 39], "total": 111, "latest_mean": 2}
    assert answer["series"][1] == {"namespace": "registry", "values": [24, 48, 19.5], "total": 91.5, "latest_mean": 1}
    assert answer["totals"] == [144, 96, 97.5]  # 24+72+12+12+24, 48+12+12+24, 19.5+39+9.75+9.75+19.5
    assert answer["total"] == 337.5
    assert answer["latest"] == {"date": "2026-11-21", "unit": "cores", "mean": 5}  # 97.5 in 19.5 hours
    assert answer["rest"] == {"count": 0, "value": 0}


def test_special_entries_are_added_beside_the_namespaces_on_demand(ask: Ask) -> None:
    assert ask("get_usage")["special"] == []
    special = {entry["entry"]: entry["values"] for entry in ask("get_usage", exclude_special=False)["special"]}
    assert special["non-allocatable"] == [48, 48, 39]
    assert special["idle"] == [48, None, 58.5]  # 192 - 144; a namespace is unknown; 156 - 97.5
    assert special["unmeasured"] == [0, 96, 0]  # 192 - 96 on the day with an unknown namespace
    requested = ask("get_usage", exclude_special=False, dimension="requests")["special"]
    # 192 - 96 - 48 - 12 - 48 twice, 156 - 78 - 39 - 9.75 - 39
    assert {entry["entry"]: entry["values"] for entry in requested} == {
        "non-allocatable": [48, 48, 39],
        "idle": [-12, -12, -9.75],
    }


def test_aggregate_sums_a_selection_into_one_series(ask: Ask) -> None:
    answer = ask("get_usage", namespaces=["kube-*", "openshift-*"], aggregate=True)
    assert answer["series"] == [
        {"namespace": "kube-*,openshift-*", "values": [36, 36, 29.25], "total": 101.25, "latest_mean": 1.5}
    ]
    assert answer["latest"]["mean"] == 1.5
    assert (answer["matched_count"], answer["total"]) == (2, 101.25)


def test_requests_and_normalized_and_costs_are_other_views_of_the_same_series(ask: Ask) -> None:
    assert ask("get_usage", namespace="registry", dimension="requests")["series"][0]["values"] == [96, 96, 78]
    percent = ask("get_usage", namespace="registry", cost_model="normalized")
    # 91.5 / 675; one core today
    assert percent["series"][0] == {
        "namespace": "registry",
        "values": [10, 20, 10],
        "total": 13.5556,
        "latest_mean": 1,
    }
    assert percent["metadata"]["unit"] == "percent_of_cluster_capacity"
    money = ask("get_usage", namespace="registry", cost_model="costs", metric="total")
    assert money["series"][0]["values"] == [2.4, 3.84, 1.95]  # 0.06 $ x 24, 48, 19.5 + 0.004 $ x 240, 240, 195
    assert (money["metadata"]["unit"], money["metadata"]["currency"]) == ("currency", "$")


def test_a_range_of_days_narrows_the_series(ask: Ask) -> None:
    answer = ask("get_usage", namespace="registry", date="2026-11-19..2026-11-20")
    assert (answer["dates"], answer["total"]) == (["2026-11-19", "2026-11-20"], 72)
    assert answer["metadata"]["data_window"]["end"] == "2026-11-21T00:00:00Z"


def test_a_namespace_that_left_before_the_window_reads_zero(ask: Ask) -> None:
    assert ask("get_usage", namespace="gone")["series"][0]["values"] == [0, 0, 0]


def test_a_hidden_namespace_stays_in_the_total_and_is_not_named(books: Dataset) -> None:
    answer = asked(restricted(books, lambda name: name == "web"), "get_usage")
    assert [series["namespace"] for series in answer["series"]] == ["web"]
    assert answer["total"] == 337.5
    assert answer["rest"] == {"count": 5, "value": 303.75}  # 337.5 - 33.75
    assert "ml-train" not in str(answer)


def test_namespace_together_with_namespaces_is_an_error(ask: Ask) -> None:
    with pytest.raises(ToolArgumentError) as caught:
        ask("get_usage", namespace="web", namespaces=["registry"])
    assert caught.value.code == "conflicting_arguments"
