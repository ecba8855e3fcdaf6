"""The five questions, asked as an assistant asks them, against what the formula says."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from simulator.questions import QUESTIONS
from tests.e2e.conftest import Road
from tests.support.mcp_clients import call, payload, stdio_parameters

TRANSPORTS = ("http, 2026-07-28", "http, legacy", "stdio, 2026-07-28", "stdio, legacy")


def close(value: float | None, truth: float) -> bool:
    """Within 0.1 %."""
    return value is not None and value == pytest.approx(truth, rel=1e-3)


def the_ten_largest(answer: Mapping[str, Any], road: Road) -> None:
    start, end = road.truth.window("daily_14d")
    truth = road.truth.top("cpu", start, end, limit=10)
    assert [row["namespace"] for row in answer["ranking"]] == [row.namespace for row in truth]
    for row, true in zip(answer["ranking"], truth, strict=True):
        assert close(row["value"], true.value)
        assert close(row["share_pct"], true.share_pct)
        assert close(row["cluster_share_pct"], true.cluster_share_pct)
    assert answer["metadata"]["unit"] == "core_hours"


def two_trajectories(answer: Mapping[str, Any], road: Road) -> None:
    by_name = {entry["namespace"]: entry for entry in answer["comparisons"]}
    assert set(by_name) == {"openshift-monitoring", "kube-system"}
    for name, entry in by_name.items():
        truth = road.truth.trajectory(name, "cpu")
        points = entry["monthly_12m"]["series"]
        assert [point["date"] for point in points] == [month for month, _ in truth]
        assert all(close(point["value"], value) for point, (_, value) in zip(points, truth, strict=True))


def the_over_provisioned(answer: Mapping[str, Any], road: Road) -> None:
    start, end = road.truth.window("daily_14d")
    truth = {name: road.truth.efficiency(name, "cpu", start, end) for name in road.truth.namespaces}
    expected = {name for name, each in truth.items() if each.ratio is not None and each.ratio < 0.5}
    assert {row["namespace"] for row in answer["efficiency"]} == expected
    for row in answer["efficiency"]:
        assert close(row["efficiency_ratio"], truth[row["namespace"]].usage / truth[row["namespace"]].requests)
        assert close(row["usage"], truth[row["namespace"]].usage)
        assert row["classification"] == "over_provisioned"


def the_memory_of_registry(answer: Mapping[str, Any], road: Road) -> None:
    truth = road.truth.series("registry", "memory", "hourly_7d")
    assert answer["hours"] == [bucket.date for bucket in road.truth.buckets("hourly_7d")]
    (series,) = answer["series"]
    assert all(close(value, true) for value, true in zip(series["values"], truth, strict=True))
    # An open hour holds less than an hour's amount: the statistics are of whole hours.
    whole = [value for value, bucket in zip(truth, road.truth.buckets("hourly_7d"), strict=True) if bucket.complete]
    assert close(answer["stats"]["min"], min(whole))
    assert close(answer["stats"]["max"], max(whole))
    assert close(answer["stats"]["mean"], sum(whole) / len(whole))


def the_share_of_openshift(answer: Mapping[str, Any], road: Road) -> None:
    today = road.truth.buckets("daily_14d")[-1]
    of_capacity = road.truth.share_of_capacity_pct("openshift-*", "cpu", today.start, today.end)
    of_namespaces = road.truth.share_of_namespaces_pct("openshift-*", "cpu", today.start, today.end)
    assert close(answer["cluster_share_pct"], of_capacity)
    assert close(answer["share_pct"], of_namespaces)
    assert answer["matched_count"] == sum(name.startswith("openshift-") for name in road.truth.namespaces)


CHECKS: tuple[Callable[[Mapping[str, Any], Road], None], ...] = (
    the_ten_largest,
    two_trajectories,
    the_over_provisioned,
    the_memory_of_registry,
    the_share_of_openshift,
)


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize(
    ("question", "check"), list(zip(QUESTIONS, CHECKS, strict=True)), ids=[c.__name__ for c in CHECKS]
)
def test_a_question_is_answered_as_the_formula_says(
    road: Road, transport: str, question: Any, check: Callable[[Mapping[str, Any], Road], None]
) -> None:
    kind, mode = transport.split(", ")
    target = road.server.url if kind == "http" else stdio_parameters(road.data_dir)
    result = call(target, question.tool, question.arguments, mode)
    assert not result.is_error, result.content
    answer = result.structured_content
    assert isinstance(answer, dict)
    assert payload(result) == answer
    check(answer, road)


def test_the_live_tick_is_the_last_sample_of_every_answer(road: Road) -> None:
    answer = call(road.server.url, "describe_dataset").structured_content
    assert isinstance(answer, dict)
    last = datetime.fromtimestamp(road.truth.last_tick, UTC)
    assert answer["metadata"]["last_sample_utc"] == last.strftime("%Y-%m-%dT%H:%M:%SZ")
