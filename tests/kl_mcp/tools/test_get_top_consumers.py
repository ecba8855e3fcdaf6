import pytest

from kl_mcp.tools import TABLE
from kl_query.dataset import Dataset
from kl_query.dataset.visibility import restricted
from tests.kl_mcp.tools.conftest import Ask, asked
from tests.support.large_dataset import NOW, large_dataset


@pytest.mark.requirement("KL-T-5")
def test_the_ranking_carries_both_shares(ask: Ask) -> None:
    answer = ask("get_top_consumers")
    # today: 97.5 core-hours of all namespaces on 195 of capacity
    assert answer["ranking"][0] == {
        "rank": 1,
        "namespace": "ml-train",
        "value": 39,
        "mean": 2,
        "share_pct": 40,
        "cluster_share_pct": 20,
    }
    assert (answer["total_value"], answer["total_cluster_share_pct"], answer["capacity_value"]) == (97.5, 50, 195)


@pytest.mark.requirement("KL-T-5")
def test_system_namespaces_leave_the_list_and_stay_in_the_total(ask: Ask) -> None:
    answer = ask("get_top_consumers")
    assert answer["excluded_system"] == {"count": 2, "value": 29.25, "share_pct": 30}
    assert answer["total_value"] == 97.5
    listed = ask("get_top_consumers", exclude_system=False)
    assert [row["namespace"] for row in listed["ranking"]][1:3] == ["openshift-monitoring", "registry"]
    assert listed["excluded_system"] == {"count": 0, "value": 0, "share_pct": 0}


@pytest.mark.parametrize("cost_model", ["cumulative", "normalized", "costs"])
@pytest.mark.parametrize("limit", [1, 2, 10])
@pytest.mark.parametrize("date", ["latest", "all", "2026-11-19..2026-11-20"])
def test_ranking_rest_and_excluded_system_add_up(ask: Ask, cost_model: str, limit: int, date: str) -> None:
    answer = ask("get_top_consumers", limit=limit, date=date, cost_model=cost_model)
    parts = [row["value"] for row in answer["ranking"]] + [answer["rest"]["value"], answer["excluded_system"]["value"]]
    assert sum(part for part in parts if part is not None) == pytest.approx(answer["total_value"], rel=1e-5)
    assert len(answer["ranking"]) + answer["rest"]["count"] + answer["zero_count"] == 4


def test_what_a_limit_cuts_is_announced_and_the_cursor_continues(ask: Ask) -> None:
    first = ask("get_top_consumers", limit=2)
    cut = first["metadata"]["truncated"]
    assert (cut["returned"], cut["total"]) == (2, 3)
    second = ask("get_top_consumers", limit=2, cursor=cut["cursor"])
    assert [(row["rank"], row["namespace"]) for row in second["ranking"]] == [(3, "web")]
    assert second["metadata"]["truncated"]["cursor"] is None


@pytest.mark.requirement("KL-T-6")
def test_namespaces_of_zero_are_counted_and_in_no_list_whatever_the_limit(ask: Ask) -> None:
    for limit in (1, 10):
        answer = ask("get_top_consumers", metric="memory", limit=limit)
        # registry alone has memory; ml-train, web and idle have none
        assert [row["namespace"] for row in answer["ranking"]] == ["registry"]
        assert (answer["zero_count"], answer["rest"]) == (3, {"count": 0, "value": 0, "share_pct": 0})
        assert answer["metadata"]["truncated"] is None
    everyone = ask("get_top_consumers", metric="memory", exclude_system=False)
    assert (len(everyone["ranking"]), everyone["zero_count"]) == (1, 5)


@pytest.mark.requirement("KL-T-17")
@pytest.mark.parametrize(
    ("given", "unit", "mean", "total", "capacity"),
    [
        # half an hour: registry 0.5 and kube-system 0.25 core-hours, of 5; 10 and 0.5 GiB-hours, of 50; 0.3 $ the 5
        ({}, "cores", 1, 1.5, 10),
        ({"metric": "memory"}, "GiB", 20, 21, 100),
        ({"cost_model": "normalized"}, "cores", 1, 1.5, 10),
        ({"cost_model": "costs"}, "currency_per_hour", 0.06, 0.09, 0.6),
        ({"cost_model": "costs", "metric": "total"}, "currency_per_hour", 0.06, 0.09, 0.6),
        # four known hours of five and a half: 8.5 ÷ 4.5; kube-system 0.5 throughout
        ({"date": "all"}, "cores", 8.5 / 4.5, 8.5 / 4.5 + 0.5, 10),
        ({"date": "2026-11-21T17:00:00Z"}, "cores", None, 0.5, 10),
        ({"dimension": "requests"}, "cores", None, 0, 10),
        ({"dimension": "requests", "date": "2026-11-21T14:00:00Z..2026-11-21T18:00:00Z"}, "cores", 2, 2, 10),
    ],
)
def test_a_window_is_a_level_as_well_over_the_hours_each_is_known_for(
    ask: Ask, given: dict[str, str], unit: str, mean: float | None, total: float, capacity: float
) -> None:
    answer = ask("get_top_consumers", scale="hourly_7d", **given)
    found = {row["namespace"]: row["mean"] for row in answer["ranking"]}.get("registry")
    assert found == (mean if mean is None else pytest.approx(mean, rel=1e-5))
    assert answer["means"] == {"unit": unit, "total": pytest.approx(total, rel=1e-5), "capacity": capacity}


def test_an_unknown_value_is_null_and_ranks_last(ask: Ask) -> None:
    answer = ask("get_top_consumers", date="2026-11-20")
    # idle is known to be 0 and left out
    assert answer["zero_count"] == 1
    assert answer["ranking"][-1] == {
        "rank": 3,
        "namespace": "ml-train",
        "value": None,
        "mean": None,
        "share_pct": None,
        "cluster_share_pct": None,
    }
    assert any("ml-train" in warning for warning in answer["metadata"]["warnings"])


def test_a_hidden_namespace_counts_in_the_rest_only(books: Dataset) -> None:
    answer = asked(restricted(books, lambda name: name != "ml-train"), "get_top_consumers")
    assert answer["rest"] == {"count": 1, "value": 39, "share_pct": 40}
    assert "ml-train" not in str(answer)


def test_costs_of_all_metrics_are_ranked_as_total(ask: Ask) -> None:
    answer = ask("get_top_consumers", metric="total", cost_model="costs", date="latest")
    # registry 0.06 x 19.5 + 0.004 x 195; ml-train 0.06 x 39; the bill is 11.7 + 7.8
    assert [(row["namespace"], row["value"]) for row in answer["ranking"][:2]] == [
        ("ml-train", 2.34),
        ("registry", 1.95),
    ]
    assert answer["capacity_value"] == 19.5


def test_ten_namespaces_are_ranked_unless_more_are_asked_for() -> None:
    books = large_dataset(13)  # two of them are of the system
    ranked = [len(TABLE["get_top_consumers"].run(given, books, NOW)["ranking"]) for given in ({}, {"limit": 11})]
    assert ranked == [10, 11]
