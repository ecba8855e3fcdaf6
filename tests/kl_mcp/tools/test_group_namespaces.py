import pytest

from kl_query.dataset import empty_dataset
from kl_query.errors import ToolArgumentError
from tests.kl_mcp.tools.conftest import Ask, asked
from tests.support.warned import warned


def test_a_namespace_matched_by_two_patterns_counts_once(ask: Ask) -> None:
    answer = ask("group_namespaces", pattern=["openshift-*", "*-monitoring", "kube-*"])
    assert (answer["matched_count"], answer["group_total"], answer["share_pct"]) == (2, 29.25, 30)
    assert [member["namespace"] for member in answer["members"]] == ["openshift-monitoring", "kube-system"]
    assert answer["pattern"] == "openshift-*,*-monitoring,kube-*"


def test_members_carry_shares_of_all_namespaces(ask: Ask) -> None:
    answer = ask("group_namespaces", pattern="registry,web", date="all")
    # 91.5 and 33.75 of 337.5
    assert [member["share_pct"] for member in answer["members"]] == [27.1111, 10]
    assert answer["share_pct"] == 37.1111


def test_members_of_zero_are_listed_and_the_group_has_a_level(ask: Ask) -> None:
    answer = ask("group_namespaces", pattern="registry,web,idle,ml-*", scale="hourly_7d", metric="memory")
    # 10 GiB-hours in half an hour, of 10.5 and 50
    assert [(member["namespace"], member["mean"]) for member in answer["members"]] == [
        ("registry", 20),
        ("web", 0),
    ]
    # web used none; ml-train and idle are in no hour
    assert (answer["matched_count"], answer["group_total"]) == (2, 10)
    assert answer["means"] == {"unit": "GiB", "total": 21, "capacity": 100, "group": 20}
    nobody = ask("group_namespaces", pattern="idle,gone")
    assert ([member["value"] for member in nobody["members"]], nobody["means"]["group"]) == ([0], 0)


@pytest.mark.requirement("KL-T-9")
@pytest.mark.parametrize("pattern", ["registri", ["web", "registri"], "^registr", "registr.*"])
def test_a_pattern_that_matches_nothing_is_an_error_with_the_nearest_names(ask: Ask, pattern: object) -> None:
    with pytest.raises(ToolArgumentError) as caught:
        ask("group_namespaces", pattern=pattern)
    assert (caught.value.code, caught.value.argument) == ("unknown_namespace", "pattern")
    assert caught.value.nearest == ("registry",)


def test_a_dataset_that_is_not_there_yet_is_an_empty_answer() -> None:
    answer = asked(empty_dataset(warned("Nothing yet.")), "group_namespaces", pattern="registri")
    assert (answer["group_total"], answer["matched_count"], answer["members"]) == (None, 0, [])
    assert answer["metadata"]["warnings"] == ["Nothing yet."]


def test_a_match_that_was_not_there_has_nothing_and_one_that_is_unknown_has_no_number(ask: Ask) -> None:
    absent = ask("group_namespaces", pattern="gone")
    assert (absent["group_total"], absent["share_pct"], absent["matched_count"]) == (0, 0, 0)
    unknown = ask("group_namespaces", pattern="ml-train,gone", date="2026-11-20")
    assert (unknown["group_total"], unknown["share_pct"], unknown["matched_count"]) == (None, None, 1)
    assert [member["value"] for member in unknown["members"]] == [None]


@pytest.mark.parametrize("pattern", ["!kube-*", "[^a]*", "{a,b}", "a/b", "a\\*", "x" * 257, ["a"] * 10 + ["b" * 300]])
def test_a_bad_pattern_is_refused_with_an_explanation(ask: Ask, pattern: object) -> None:
    with pytest.raises(ToolArgumentError) as caught:
        ask("group_namespaces", pattern=pattern)
    assert (caught.value.code, caught.value.argument) == ("invalid_pattern", "pattern")
    assert caught.value.corrections


def test_the_group_of_everything_is_the_total(ask: Ask) -> None:
    answer = ask("group_namespaces", pattern="*", cost_model="normalized")
    assert answer["group_total"] == answer["total_value"] == answer["cluster_share_pct"] == 50
