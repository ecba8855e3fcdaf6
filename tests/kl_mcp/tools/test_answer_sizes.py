"""Answers fit an assistant's context, and pages cover everything exactly once, with 2,000 namespaces."""

import json
from typing import Any

import pytest

from kl_mcp.tools import TABLE
from kl_query.dataset import Dataset
from tests.kl_mcp.tools.conftest import check_schemas
from tests.support.large_dataset import NOW, large_dataset

COUNT = 2_000
MAX_DEFAULT_CHARS = 32_000
MAX_CHARS = 40_000
LONG = {"date": "all", "scale": "hourly_7d"}
CALLS: list[tuple[str, dict[str, Any], dict[str, Any], str]] = [
    ("list_namespaces", {}, {"limit": 1000}, "namespaces"),
    ("describe_dataset", {}, {}, "rate_history"),
    ("get_usage", {}, {**LONG, "limit": 1000, "exclude_special": False}, "series"),
    ("get_top_consumers", {}, {**LONG, "limit": 1000, "exclude_system": False}, "ranking"),
    ("get_namespace_breakdown", {}, {**LONG, "limit": 1000, "exclude_system": False}, "breakdown"),
    ("get_efficiency", {}, {**LONG, "limit": 1000}, "efficiency"),
    ("get_timeseries", {}, {"namespaces": ["*"], "limit": 1000}, "series"),
    ("compare_periods", {}, {"namespaces": ["*"], "date": "latest", "limit": 1000}, "comparisons"),
    ("get_efficiency_timeseries", {}, {"namespaces": ["*"], "limit": 1000}, "series"),
    ("group_namespaces", {"pattern": "*"}, {"pattern": "*", **LONG, "limit": 1000}, "members"),
]
EVERY = [pytest.param(*call, id=call[0]) for call in CALLS]


@pytest.fixture(scope="module")
def large() -> Dataset:
    return large_dataset(COUNT)


def ask(dataset: Dataset, tool: str, arguments: dict[str, Any]) -> dict[str, Any]:
    answer = TABLE[tool].run(arguments, dataset, NOW)
    check_schemas(tool, answer)
    return answer


def size(answer: dict[str, Any]) -> int:
    """Return the characters of an answer in the wider of the usual ways to write JSON, a space after each separator."""
    return len(json.dumps(answer))


@pytest.mark.requirement("KL-T-4")
@pytest.mark.parametrize(("tool", "default", "largest", "rows"), EVERY)
def test_answers_fit_their_budget(
    large: Dataset, tool: str, default: dict[str, Any], largest: dict[str, Any], rows: str
) -> None:
    for arguments, budget in ((default, MAX_DEFAULT_CHARS), (largest, MAX_CHARS)):
        answer = ask(large, tool, arguments)
        assert size(answer) <= budget
        assert answer[rows] or rows == "comparisons"
        cut = answer["metadata"]["truncated"]
        assert cut is None or len(answer[rows]) in {0, cut["returned"]}


@pytest.mark.requirement("KL-T-10")
@pytest.mark.parametrize(
    ("tool", "arguments", "rows", "total"),
    [
        ("list_namespaces", {}, "namespaces", COUNT),
        ("get_usage", {}, "series", COUNT),
        ("get_top_consumers", {"limit": 1000, "exclude_system": False}, "ranking", COUNT),
        ("get_namespace_breakdown", {}, "breakdown", COUNT * 9 // 10),
        ("get_efficiency", {"metric": "cpu", "limit": 1000}, "efficiency", COUNT),
        ("get_timeseries", {"namespaces": "team-000*"}, "series", 9),
        ("compare_periods", {"limit": 500}, "movers", COUNT),
        ("get_efficiency_timeseries", {"namespaces": "*-0[01]*", "limit": 1000}, "series", 200),
        ("group_namespaces", {"pattern": "*"}, "members", COUNT),
    ],
)
def test_pages_cover_every_row_exactly_once(
    large: Dataset, tool: str, arguments: dict[str, Any], rows: str, total: int
) -> None:
    seen: list[str] = []
    cursor = None
    while True:
        answer = ask(large, tool, {**arguments, **({"cursor": cursor} if cursor else {})})
        seen += [row.get("namespace", row.get("name")) for row in answer[rows]]
        assert answer[rows]
        cut = answer["metadata"]["truncated"]
        cursor = cut["cursor"] if cut else None
        if cursor is None:
            break
    assert len(seen) == len(set(seen)) == total


def test_parts_of_every_page_add_up_to_the_total(large: Dataset) -> None:
    cursor = None
    for _ in range(3):
        arguments = {"limit": 50, "date": "all", **({"cursor": cursor} if cursor else {})}
        answer = ask(large, "get_top_consumers", arguments)
        listed = sum(row["value"] for row in answer["ranking"])
        whole = listed + answer["rest"]["value"] + answer["excluded_system"]["value"]
        assert whole == pytest.approx(answer["total_value"], rel=1e-5)
        cursor = answer["metadata"]["truncated"]["cursor"]


@pytest.mark.requirement("KL-T-10")
def test_a_cursor_survives_a_new_generation_with_a_warning(large: Dataset) -> None:
    cursor = ask(large, "list_namespaces", {})["metadata"]["truncated"]["cursor"]
    answer = ask(large_dataset(50, generation=2), "list_namespaces", {"cursor": cursor})
    assert any("earlier generation" in warning for warning in answer["metadata"]["warnings"])
    assert answer["namespaces"] == []  # the new generation has fewer rows than were read already


@pytest.mark.requirement("KL-T-4")
@pytest.mark.parametrize("tool", ["get_top_consumers", "get_namespace_breakdown", "group_namespaces"])
@pytest.mark.parametrize("cost_model", ["cumulative", "normalized", "costs"])
def test_totals_do_not_depend_on_what_is_listed(large: Dataset, tool: str, cost_model: str) -> None:
    arguments = {"cost_model": cost_model, **({"pattern": "kube-*"} if tool == "group_namespaces" else {})}
    totals = {ask(large, tool, {**arguments, "limit": limit})["total_value"] for limit in (1, 10, 1000)}
    assert len(totals) == 1
