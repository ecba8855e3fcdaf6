"""Sums of which a part is unknown: they say so, and they still add up."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from kl_mcp.tools import TABLE
from kl_query.dataset import Dataset as Loaded
from kl_query.dataset import load_dataset
from kl_query.dataset.visibility import restricted
from tests.support.datasets import Dataset, Row, Scale, at, write

SAMPLED = "2026-11-22T00:00:00Z"


def ask(tmp_path: Path, tool: str, daily: Scale, **arguments: Any) -> dict[str, Any]:
    rates = [{"effective": "2026-11-01T00:00:00Z", "rate": 10.0, "currency": "$", "weights": None}]
    dataset = load_dataset(write(tmp_path, Dataset(daily=daily, rates=rates, currency="$", last_sample=SAMPLED)))
    return TABLE[tool].run(arguments, dataset, at(SAMPLED).timestamp())


GPU_UNKNOWN = Scale(
    "2026-11-20",
    # Two days of a cluster of 10 cores and 4 GPUs; on the second the exporter was down.
    capacity={"cpu": [240, 240], "gpu": [96, 96]},
    bill={"cpu": [120, 120], "gpu": [120, 120]},
    namespaces={
        "ml": {"cpu": Row([48, 48], [48, 48]), "gpu": Row([24, None], [48, 48])},
        "web": {"cpu": Row([24, 24], [24, 24])},
    },
)


def test_the_total_cost_keeps_the_metrics_that_are_known_and_all_rows_add_up_to_the_bill(tmp_path: Path) -> None:
    # ml: 0.5 $ a core-hour x 96 + 1.25 $ a GPU-hour x 24 = 78; web: 0.5 x 48 = 24; the bill is 480.
    answer = ask(tmp_path, "get_usage", GPU_UNKNOWN, metric="total", cost_model="costs", exclude_special=False)
    rows = {row["namespace"]: row["total"] for row in answer["series"]}
    assert rows == {"ml": 78, "web": 24}
    special = {row["entry"]: row["total"] for row in answer["special"]}
    assert sum(rows.values()) + sum(value for value in special.values() if value) == pytest.approx(480)
    assert any("unknown in whole or in part" in w and "ml" in w for w in answer["metadata"]["warnings"])
    assert not any("web" in w for w in answer["metadata"]["warnings"])


@pytest.mark.parametrize("tool", ["get_usage", "get_top_consumers", "get_namespace_breakdown", "group_namespaces"])
def test_a_day_that_is_known_in_half_is_named_by_every_tool_that_sums_it(tmp_path: Path, tool: str) -> None:
    half = Row([24, 72], [96, 192], matched=[48, 192], usage_hours=[12, 24])
    scale = Scale("2026-11-20", capacity={"cpu": [240, 240]}, namespaces={"web": {"cpu": half}})
    pattern = {"pattern": "web"} if tool == "group_namespaces" else {}
    answer = ask(tmp_path, tool, scale, metric="cpu", date="all", **pattern)
    (warning,) = answer["metadata"]["warnings"]
    assert warning.startswith("1 namespace(s) have 1 day bucket(s) unknown in whole or in part")


SUMMED = ("get_usage", "get_top_consumers", "get_namespace_breakdown", "group_namespaces", "get_efficiency")


@pytest.mark.requirement("KL-S-6")
@pytest.mark.parametrize("tool", SUMMED)
def test_whoever_sees_a_sum_over_all_is_told_that_it_leaves_out_amounts_of_others(tmp_path: Path, tool: str) -> None:
    known, unknown = {"cpu": Row([24, 24], [48, 48])}, {"cpu": Row([None, None], [48, 48])}
    names = {"web": known, "bank": unknown, "kube-dns": unknown}
    daily = Scale("2026-11-20", capacity={"cpu": [240, 240]}, namespaces=names)
    whole = load_dataset(write(tmp_path, Dataset(daily=daily, last_sample=SAMPLED)))
    given = {"metric": "cpu", "date": "all", **({"pattern": "web"} if tool == "group_namespaces" else {})}

    def said(dataset: Loaded) -> str:
        found = TABLE[tool].run(given, dataset, at(SAMPLED).timestamp())["metadata"]["warnings"]
        return " ".join(warning for warning in found if "unknown" in warning)

    assert "bank" in said(whole)
    assert "kube-dns" in said(whole)
    assert "2 that cannot be named to you" in said(restricted(whole, lambda name: name == "web"))


def test_those_that_were_asked_for_are_named_before_the_others_whose_sums_are_part_of_the_total(
    tmp_path: Path,
) -> None:
    names = {name: {"cpu": Row([None, 24], [48, 48])} for name in "abcdefgh"}
    scale = Scale("2026-11-20", capacity={"cpu": [240, 240]}, namespaces=names)
    answer = ask(tmp_path, "group_namespaces", scale, metric="cpu", date="all", pattern="h")
    (warning,) = (warning for warning in answer["metadata"]["warnings"] if "unknown" in warning)
    assert warning.endswith("too low: h, a, b, c, d and 3 more.")


PARTLY = (
    "Usage is known of only a part of the running pods of 1 namespace(s): it is too low, idle at most what is shown, "
    "and efficiency that of the measured part: "
)


@pytest.mark.parametrize("tool", ["get_usage", "get_top_consumers", "get_efficiency", "compare_periods"])
def test_a_namespace_of_which_some_pods_were_not_measured_is_named_with_the_share_that_was(
    tmp_path: Path, tool: str
) -> None:
    # Two thirds of the samples on the first day, all on the second: five sixths of what was expected.
    scale = Scale(
        "2026-11-20",
        capacity={"cpu": [240, 240]},
        namespaces={"web": {"cpu": Row([48, 72], [96, 96])}, "shop": {"cpu": Row([24, 24], [24, 24])}},
        measured={"web": [2 / 3, 1.0]},
    )
    arguments = {"date": "all"} if tool != "compare_periods" else {}
    warnings = ask(tmp_path, tool, scale, metric="cpu", **arguments)["metadata"]["warnings"]
    assert [w for w in warnings if "running pods" in w] == [PARTLY + "web (83.3 %)."]


@pytest.mark.parametrize(("measured", "named"), [(0.991, False), (0.989, True)])
def test_a_hundredth_of_the_pods_may_be_unmeasured_before_it_is_said(
    tmp_path: Path, measured: float, named: bool
) -> None:
    rows = {"web": {"cpu": Row([48], [96])}}
    scale = Scale("2026-11-21", capacity={"cpu": [240]}, namespaces=rows, measured={"web": [measured]})
    warnings = ask(tmp_path, "get_usage", scale, metric="cpu")["metadata"]["warnings"]
    assert any("running pods" in warning for warning in warnings) is named


def test_an_hour_without_the_api_is_no_fault_of_the_pods_that_were_measured(tmp_path: Path) -> None:
    # metrics-server answered all day, the API in 23 of 24 hours: all of web's pods were known in these, shop's in half.
    scale = Scale(
        "2026-11-20",
        capacity={"cpu": [230]},
        observed=[23],
        namespaces={"web": {"cpu": Row([46], [92])}, "shop": {"cpu": Row([23], [46])}},
        coverage={"kubernetes": [23 / 24]},
        measured={"web": [23 / 24], "shop": [11.5 / 24]},
        more={"pods_coverage": [23 / 24]},
    )
    warnings = ask(tmp_path, "get_usage", scale, metric="cpu")["metadata"]["warnings"]
    assert [w for w in warnings if "running pods" in w] == [PARTLY + "shop (50 %)."]


def test_a_ratio_that_reads_0_5_is_balanced(tmp_path: Path) -> None:
    # Published amounts have ten digits: 0.4999999999 is shown as 0.5 and has to be classified as that.
    scale = Scale("2026-11-20", capacity={"cpu": [240]}, namespaces={"web": {"cpu": Row([11.9999999999], [24])}})
    (row,) = ask(tmp_path, "get_efficiency", scale, metric="cpu")["efficiency"]
    assert (row["efficiency_ratio"], row["classification"]) == (0.5, "balanced")


@pytest.mark.parametrize(("known_hours", "idle", "idle_mean"), [(24, 336, 7), (12, 168, None)])
def test_requests_known_for_half_of_a_day_are_named_and_leave_no_mean_of_idle(
    tmp_path: Path, known_hours: float, idle: float, idle_mean: float | None
) -> None:
    # web requests 1 of 10 cores and db 2. Of web's first day, `known_hours` know its requests; all know its usage.
    hours = [known_hours, 24]
    web = Row([24, 24], hours, matched=hours, usage_matched=hours, matched_hours=hours)
    names = {"web": {"cpu": web}, "db": {"cpu": Row([24, 24], [48, 48])}}
    daily = Scale("2026-11-20", capacity={"cpu": [240, 240]}, namespaces=names)
    answer = ask(tmp_path, "get_namespace_breakdown", daily, metric="cpu", dimension="requests", date="all")

    assert (answer["total_value"], answer["means"]["total"]) == (96 + known_hours + 24, 3)
    assert (answer["cluster_overhead"]["idle_value"], answer["means"]["idle"]) == (idle, idle_mean)
    told = [warning for warning in answer["metadata"]["warnings"] if "unknown in whole or in part" in warning]
    assert len(told) == (known_hours < 24)
    assert all("web" in warning and "db" not in warning for warning in told)


@pytest.mark.parametrize("cpu", [[24, 24], [24, None]])
def test_the_mean_cost_over_all_metrics_has_each_metric_over_its_own_hours(
    tmp_path: Path, cpu: list[float | None]
) -> None:
    # 1 core at 0.5 $ a core-hour, also where a day of it is unknown; 10 and 30 GiB at 0.1 $ a GiB-hour: 2 $ an hour
    daily = Scale(
        "2026-11-20",
        capacity={"cpu": [240, 240], "memory": [1200, 1200]},
        bill={"cpu": [120, 120], "memory": [120, 120]},
        namespaces={
            "web": {"cpu": Row(cpu, [0, 0]), "memory": Row([240, 720], [0, 0])},
            "lost": {"cpu": Row([None, None], [0, 0])},
        },
    )
    answer = ask(tmp_path, "get_top_consumers", daily, metric="total", date="all")

    assert [(row["namespace"], row["mean"]) for row in answer["ranking"]] == [("web", 2.5), ("lost", None)]
    assert (answer["means"]["unit"], answer["means"]["total"]) == ("currency_per_hour", 2.5)
