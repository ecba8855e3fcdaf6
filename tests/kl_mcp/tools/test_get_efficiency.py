from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kl_query.dataset import Dataset, load_dataset
from kl_query.errors import ToolArgumentError
from tests.kl_mcp.tools.conftest import Ask, asked
from tests.support.datasets import Dataset as Published
from tests.support.datasets import Row, Scale, write


def rows(answer: dict[str, Any]) -> dict[str, Any]:
    return {row["namespace"]: row for row in answer["efficiency"]}


@pytest.mark.requirement("KL-T-7")
def test_the_ratio_is_over_the_hours_in_which_both_sides_are_known(ask: Ask) -> None:
    found = rows(ask("get_efficiency", metric="cpu"))
    # ml-train: usage 72 + 39 = 111, requests of the same days 48 + 39 = 87; all requests 135
    assert found["ml-train"]["usage"] == 111
    assert found["ml-train"]["requests"] == 135
    assert found["ml-train"]["efficiency_ratio"] == pytest.approx(111 / 87, rel=1e-5)
    assert found["ml-train"]["hours_compared"] == 43.5
    assert found["ml-train"]["unused"] == -24


@pytest.mark.requirement("KL-T-7")
def test_hours_of_usage_without_known_requests_are_compared_with_nothing_and_named(tmp_path: Path) -> None:
    """Imported history: 20 core-hours on each of two days; of the second, requests are known for 18 hours only.

    In those 18 hours 12 were used and 36 requested: (20 + 12) ÷ (48 + 36) = 0.380952 over 42 hours, 52 unused.
    """
    row = Row([20, 20], [48, 36], matched=[48, 36], usage_matched=[20, 12], matched_hours=[24, 18])
    day = Scale(first="2026-11-19", capacity={"cpu": [240, 240]}, namespaces={"shop": {"cpu": row}})
    directory = write(tmp_path, Published(daily=day, last_sample="2026-11-21T00:00:00Z"))
    answer = asked(load_dataset(directory), "get_efficiency", metric="cpu")
    found = rows(answer)["shop"]
    assert (found["usage"], found["requests"], found["hours_compared"], found["unused"]) == (40, 84, 42, 52)
    assert found["efficiency_ratio"] == pytest.approx(0.380952, rel=1e-5)
    assert [text for text in answer["metadata"]["warnings"] if "shop (cpu: 6 h)" in text]


@pytest.mark.requirement("KL-T-7")
def test_thresholds_put_one_half_and_one_into_balanced(ask: Ask) -> None:
    found = rows(ask("get_efficiency", metric="cpu"))
    assert {name: (row["efficiency_ratio"], row["classification"]) for name, row in found.items()} == {
        "registry": (0.338889, "over_provisioned"),
        "openshift-monitoring": (0.5, "balanced"),
        "web": (1, "balanced"),
        "ml-train": (1.27586, "under_provisioned"),
        "kube-system": (None, "no_requests"),
        "idle": (None, "no_requests"),
    }


@pytest.mark.requirement("KL-T-7")
def test_no_requests_is_null_with_the_reason(ask: Ask) -> None:
    answer = ask("get_efficiency", metric="cpu", classification="no_requests")
    assert {row["namespace"]: row["reason"] for row in answer["efficiency"]} == {
        "idle": "it neither used nor requested any cpu",
        "kube-system": "its pods request no cpu",
    }


@pytest.mark.parametrize(
    ("namespace", "facts", "reason"),
    [
        ("gone", {"last_seen": "2026-10-02T10:00:00Z"}, "it was last seen at 2026-10-02T10:00:00Z, before this window"),
        ("gone", {"last_seen": "2026-11-19T00:00:00Z"}, "it was last seen at 2026-11-19T00:00:00Z, before this window"),
        ("gone", {"last_seen": "2026-11-19T00:05:00Z"}, "it neither used nor requested any cpu"),
        ("new", {"first_seen": "2026-11-20T00:05:00Z"}, "it was first seen at 2026-11-20T00:05:00Z, after this window"),
        ("new", {"first_seen": "2026-11-20T00:00:00Z"}, "it neither used nor requested any cpu"),
    ],
)
def test_a_namespace_that_was_not_there_is_not_said_to_have_pods(
    build: Callable[..., Dataset], namespace: str, facts: dict[str, str], reason: str
) -> None:
    answer = asked(
        build(table={namespace: facts}), "get_efficiency", metric="cpu", namespace=namespace, date="2026-11-19"
    )
    assert answer["efficiency"][0]["reason"] == reason


def test_the_largest_user_without_requests_comes_first(ask: Ask) -> None:
    answer = ask("get_efficiency", metric="cpu", classification="no_requests")
    assert [(row["namespace"], row["usage"], row["unused"]) for row in answer["efficiency"]] == [
        ("kube-system", 33.75, None),
        ("idle", 0, None),
    ]


@pytest.mark.requirement("KL-T-7")
def test_what_is_unused_in_one_namespace_is_not_set_off_against_what_another_overuses(ask: Ask) -> None:
    # registry 270 - 91.5, openshift-monitoring 135 - 67.5, web 0, ml-train 87 - 111
    answer = ask("get_efficiency", metric="cpu")
    totals = answer["totals"]["cpu"]
    assert (totals["unused"], totals["overused"]) == (246, 24)
    assert [row["unused"] for row in answer["efficiency"]] == [178.5, 67.5, 0, -24, None, None]
    nobody = ask("get_efficiency", metric="cpu", namespace="kube-system")["totals"]["cpu"]
    assert (nobody["unused"], nobody["overused"]) == (None, None)


def test_usage_and_requests_are_levels_too_each_over_the_hours_it_is_known_for(ask: Ask) -> None:
    answer = ask("get_efficiency", metric="cpu")
    # ml-train: 111 in 24 + 19.5 hours, requests of 2 cores throughout; registry 91.5 of 270 in 67.5
    found = {name: (row["usage_mean"], row["requests_mean"]) for name, row in rows(answer).items()}
    assert found["ml-train"] == (pytest.approx(111 / 43.5, rel=1e-5), 2)
    assert found["registry"] == (pytest.approx(91.5 / 67.5, rel=1e-5), 4)
    assert found["idle"] == (0, 0)
    total = answer["totals"]["cpu"]
    assert total["usage_mean"] == pytest.approx(111 / 43.5 + (91.5 + 33.75 + 33.75 + 67.5) / 67.5, rel=1e-5)
    assert total["requests_mean"] == 8.5
    assert answer["mean_units"] == {"cpu": "cores"}
    # now, in half an hour: 0.5 and 0.25 core-hours, and 10 and 0.5 GiB-hours of 20
    now = ask("get_efficiency", scale="hourly_7d", date="latest")
    levels = {m: (each["usage_mean"], each["requests_mean"]) for m, each in now["totals"].items()}
    assert levels == {"cpu": (1.5, 0), "memory": (21, 40)}


@pytest.mark.requirement("KL-T-7")
def test_amounts_of_different_metrics_are_not_sorted_by_each_other_and_ratios_are(ask: Ask) -> None:
    def order(sort: str) -> list[tuple[str, str]]:
        answer = ask("get_efficiency", sort=sort)
        said = [text for text in answer["metadata"]["warnings"] if text.startswith("Rows are sorted by")]
        assert len(said) == (sort in {"unused", "usage", "requests"})
        return [(row["metric"], row["namespace"]) for row in answer["efficiency"]]

    for sort in ("unused", "usage", "requests"):
        # registry's 450 GiB-hours come after all core-hours
        assert [metric for metric, _ in order(sort)] == ["cpu"] * 6 + ["memory"]
    # 0.338889, 0.5 twice, the larger user of the first metric first, 1, 1.27586
    assert order("ratio")[:5] == [
        ("cpu", "registry"),
        ("cpu", "openshift-monitoring"),
        ("memory", "registry"),
        ("cpu", "web"),
        ("cpu", "ml-train"),
    ]
    assert order("namespace")[-3:] == [("cpu", "registry"), ("memory", "registry"), ("cpu", "web")]
    assert not any("sorted" in text for text in ask("get_efficiency", metric="cpu")["metadata"]["warnings"])


def test_a_ratio_has_no_currency(ask: Ask) -> None:
    assert ask("get_efficiency")["metadata"]["currency"] is None


def test_a_day_of_unknown_usage_is_unknown_not_zero(ask: Ask) -> None:
    row = rows(ask("get_efficiency", metric="cpu", date="2026-11-20"))["ml-train"]
    assert (row["usage"], row["requests"], row["efficiency_ratio"], row["classification"]) == (
        None,
        48,
        None,
        "unknown",
    )
    assert row["hours_compared"] == 0


def test_totals_and_counts_are_of_everything_whatever_is_listed(ask: Ask) -> None:
    answer = ask("get_efficiency", metric="cpu", classification="over_provisioned", exclude_system=True)
    assert answer["counts"] == {
        "over_provisioned": 1,
        "balanced": 2,
        "under_provisioned": 1,
        "no_requests": 2,
        "unknown": 0,
    }
    # usage 337.5, of which 33.75 by kube-system without requests; requests 270 + 135 + 33.75 + 135;
    # ratio: 303.75 of 270 + 87 + 33.75 + 135
    assert answer["totals"]["cpu"]["usage"] == 337.5
    assert answer["totals"]["cpu"]["requests"] == 573.75
    assert answer["totals"]["cpu"]["usage_without_requests"] == 33.75
    assert answer["totals"]["cpu"]["efficiency_ratio"] == pytest.approx(303.75 / 525.75, rel=1e-5)
    assert answer["totals"]["cpu"]["unused"] == 246


def test_without_a_metric_all_that_can_be_requested_are_compared(ask: Ask) -> None:
    answer = ask("get_efficiency", namespace="registry")
    assert [(row["metric"], row["efficiency_ratio"]) for row in answer["efficiency"]] == [
        ("cpu", 0.338889),
        ("memory", 0.5),
    ]
    assert answer["units"] == {"cpu": "core_hours", "memory": "gib_hours"}
    assert answer["metadata"]["unit"] == "efficiency_ratio"


@pytest.mark.parametrize(
    ("sort", "first"),
    [
        ("unused", "registry"),
        ("ratio", "registry"),
        ("usage", "ml-train"),
        ("requests", "registry"),
        ("namespace", "idle"),
    ],
)
def test_rows_can_be_sorted(ask: Ask, sort: str, first: str) -> None:
    assert ask("get_efficiency", metric="cpu", sort=sort)["efficiency"][0]["namespace"] == first


def test_gpu_memory_cannot_be_requested(ask: Ask) -> None:
    with pytest.raises(ToolArgumentError) as caught:
        ask("get_efficiency", metric="gpu_memory")
    assert caught.value.argument == "metric"


def test_a_metric_that_the_cluster_has_not_is_refused_with_those_it_has(ask: Ask) -> None:
    with pytest.raises(ToolArgumentError) as caught:
        ask("get_efficiency", metric="gpu")
    assert (caught.value.code, caught.value.argument) == ("metric_not_available", "metric")
    assert caught.value.nearest == ("cpu", "memory")
