"""GPUs in files of KubeLedger: a mean over each namespace's own GPUs, of which nobody knows how many they are.

Of 8 GPUs `one` holds one, used at 100 %, and `seven` the others, used at 90 % on average. In truth `seven` uses 6.3
GPUs and `one` uses 1; in the files `one` has the larger number.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from kl_mcp.tools import TABLE
from kl_query.dataset import Dataset, load_dataset
from tests.kl_mcp.tools.conftest import check_schemas
from tests.kl_query.dataset.legacy.conftest import NEWEST
from tests.support.legacy_layout import DAILY, HOUR, MONTHLY, at, cluster, put, trend_rows, write
from tests.support.shown import page_of

NOW = at(NEWEST) + 1200
MEANS = {"one__gpu": 100.0, "seven__gpu": 90.0}
SAID = "the mean over each namespace's own GPUs without their number"
SECOND = "2026-11-20"
MODELS = ("cumulative", "normalized", "costs")


def put_gpus(directory: Path, model: str, late: str | None = None) -> None:
    """Write GPU files: `one` requests 100 % of its GPU, `seven` 100 % of its own; `late` is when both began."""
    begun = at(late) if late else 0
    hours = [end for end in range(at(NEWEST) - MONTHLY + HOUR, at(NEWEST) + 1, HOUR) if end > begun]
    week = [end for end in hours if end > at(NEWEST) - 604_800]
    points = {_instant(end) for end in week}
    put(
        directory,
        "gpu_cpu_usage_trends.json",
        trend_rows({n: dict.fromkeys(sorted(points), v) for n, v in MEANS.items()}),
    )
    factors = {f"{n}__rf": dict.fromkeys(sorted(points), v / 100) for n, v in MEANS.items()}
    put(directory, "gpu_cpu_rf_trends.json", trend_rows(factors))
    for window, written in ((DAILY, "%d %b"), (MONTHLY, "%b %Y")):
        counts: dict[str, int] = {}
        for end in (end for end in hours if end > at(NEWEST) - window):
            date = datetime.fromtimestamp(end, UTC).strftime(written)
            counts[date] = counts.get(date, 0) + 1
        usage, requests = [], []
        for name, mean in MEANS.items():
            for date, count in counts.items():
                scale = 1.0 if model == "cumulative" else 100 / (190.0 * count)
                usage.append({"stack": name, "date": date, "usage": round(mean * count * scale, 6)})
                # Σ usage ÷ Σ (usage ÷ requests).
                wanted = mean * count / (mean / 100 * count)
                requests.append({"stack": name, "date": date, "usage": round(wanted * scale, 6)})
        put(directory, f"gpu_cpu_usage_period_{window}.json", usage)
        put(directory, f"gpu_cpu_requests_period_{window}.json", requests)


def _instant(end: int) -> str:
    return datetime.fromtimestamp(end, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def built(directory: Path, model: str = "cumulative", late: str | None = None) -> Dataset:
    """Write three namespaces without GPUs, and the two with some."""
    write(directory, cluster(3, at(NEWEST), model))
    put_gpus(directory, model, late)
    return load_dataset(directory)


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    """Under the cumulative cost model."""
    return built(tmp_path)


def ask(dataset: Dataset, tool: str, **arguments: Any) -> dict[str, Any]:
    """Ask; the answer says what GPU numbers are."""
    answer = TABLE[tool].run(arguments, dataset, NOW)
    check_schemas(tool, answer)
    assert any(SAID in warning for warning in answer["metadata"]["warnings"])
    return answer


def by_name(rows: list[dict[str, Any]], key: str) -> dict[str, Any]:
    """Return one value of each row by namespace, of those that have one."""
    return {row["namespace"]: row[key] for row in rows if row[key] is not None}


@pytest.mark.parametrize("scale", ["hourly_7d", "daily_14d", "monthly_12m"])
def test_each_namespace_is_in_per_cent_of_its_own_gpus_per_hour(dataset: Dataset, scale: str) -> None:
    answer = ask(dataset, "get_usage", metric="gpu", scale=scale)
    assert answer["metadata"]["unit"] == "percent_of_own_gpus"
    series = {row["namespace"]: row for row in answer["series"] if row["total"] is not None}
    assert {name: row["total"] for name, row in series.items()} == {"one": 100.0, "seven": 90.0}
    assert {value for value in series["seven"]["values"] if value is not None} == {90.0}
    assert (answer["total"], {*answer["totals"]}) == (None, {None})


@pytest.mark.parametrize("date", ["latest", "all", SECOND])
def test_nothing_is_ranked_or_added_across_namespaces(dataset: Dataset, date: str) -> None:
    top = ask(dataset, "get_top_consumers", metric="gpu", date=date)
    assert (top["ranking"], top["total_value"], top["total_cluster_share_pct"]) == ([], None, None)
    assert (top["rest"]["value"], top["rest"]["share_pct"]) == (None, None)
    parts = ask(dataset, "get_namespace_breakdown", metric="gpu", date=date)
    assert (parts["breakdown"], parts["total_value"]) == ([], None)
    assert {v for k, v in parts["concentration"].items() if k != "total_namespaces"} == {None}
    group = ask(dataset, "group_namespaces", metric="gpu", pattern="*e*", date=date)
    assert (group["group_total"], group["share_pct"], group["total_value"]) == (None, None, None)
    assert by_name(group["members"], "value") == {"one": 100.0, "seven": 90.0}
    assert by_name(group["members"], "share_pct") == {}
    names = [row["namespace"] for row in group["members"]]
    assert names == sorted(names)


def test_series_of_several_namespaces_are_never_one(dataset: Dataset) -> None:
    for scope in ({}, {"namespaces": ["one", "seven"], "aggregate": True}):
        hours = ask(dataset, "get_timeseries", metric="gpu", **scope)
        assert {*hours["series"][0]["values"]} == {None}
        days = ask(dataset, "get_usage", metric="gpu", **scope)
        assert {*days["totals"]} == {None}
    one = ask(dataset, "get_timeseries", metric="gpu", namespace="one")
    assert one["stats"]["mean"] == 100.0
    moved = ask(dataset, "compare_periods", metric="gpu")
    assert moved["daily_14d"]["aggregate"] is None
    assert moved["trend"]["direction"] == "insufficient_data"
    assert moved["comparison"]["value"] is None
    assert moved["comparison"]["what_changed"]["amount_per_hour"] == {"before": None, "after": None, "change_pct": None}
    assert by_name(moved["movers"], "value") == {"one": 100.0, "seven": 90.0}
    assert ask(dataset, "compare_periods", metric="gpu", namespace="seven")["daily_14d"]["aggregate"] == 90.0


def test_efficiency_is_a_ratio_over_the_same_gpus_and_has_no_total(dataset: Dataset) -> None:
    answer = ask(dataset, "get_efficiency", metric="gpu")
    # Requests of 100 %: usage of 90 % is 0.9 of them. One that equals them may mean that nothing is requested.
    assert by_name(answer["efficiency"], "efficiency_ratio") == {"seven": 0.9}
    assert by_name(answer["efficiency"], "usage") == {"one": 100.0, "seven": 90.0}
    assert by_name(answer["efficiency"], "requests") == {"seven": 100.0}
    assert answer["units"] == {"gpu": "percent_of_own_gpus"}
    total = answer["totals"]["gpu"]
    assert {total[key] for key in total if key != "counts"} == {None}
    hours = ask(dataset, "get_efficiency_timeseries", metric="gpu")
    assert (hours["overall_ratio"], {*hours["series"][0]["values"]}) == (None, {None})
    seven = ask(dataset, "get_efficiency_timeseries", metric="gpu", namespace="seven")
    assert (seven["overall_ratio"], {*seven["series"][0]["values"]}) == (0.9, {0.9})


def test_a_namespace_that_began_on_a_day_is_divided_by_its_own_hours(tmp_path: Path) -> None:
    answer = ask(built(tmp_path, late="2026-11-18T06:00:00Z"), "get_usage", metric="gpu", namespace="seven")
    # 17 hours of 18 November, of 24: by all of them it would read 64.
    assert dict(zip(answer["dates"], answer["series"][0]["values"], strict=True))["2026-11-18"] == 90.0
    assert answer["total"] == 90.0


@pytest.mark.parametrize("model", ["normalized", "costs"])
def test_other_cost_models_hold_shares_of_a_sum_of_means_which_are_null(tmp_path: Path, model: str) -> None:
    dataset = built(tmp_path, model)
    for scale in ("daily_14d", "monthly_12m"):
        answer = ask(dataset, "get_usage", metric="gpu", scale=scale)
        assert {row["total"] for row in answer["series"]} <= {None}
        assert answer["metadata"]["unit"] == "percent_of_own_gpus"
        assert answer["metadata"]["currency"] is None
        assert any("they are null; hours are known" in warning for warning in answer["metadata"]["warnings"])
        assert (
            by_name(ask(dataset, "get_efficiency", metric="gpu", scale=scale)["efficiency"], "efficiency_ratio") == {}
        )
    assert ask(dataset, "get_timeseries", metric="gpu", namespace="seven")["stats"]["mean"] == 90.0
    # Neither cpu nor money is touched.
    assert TABLE["get_usage"].run({"metric": "cpu"}, dataset, NOW)["total"] is not None


@pytest.mark.parametrize("model", MODELS)
def test_the_description_and_the_page_of_a_namespace_say_what_gpu_numbers_are(tmp_path: Path, model: str) -> None:
    dataset = built(tmp_path, model)
    assert ask(dataset, "describe_dataset")["gpu_available"] is True
    page = page_of(dataset, "seven", NOW)
    assert any(SAID in warning for warning in page["metadata"]["warnings"])
    days = {row["metric"]: row for row in page["scales"]["daily_14d"]["amounts"]}["gpu"]
    assert (days["unit"], days["share_pct"]) == ("percent_of_own_gpus", None)
    assert (days["usage"], days["requests"]) == ((90.0, 100.0) if model == "cumulative" else (None, None))
    assert not any(SAID in w for w in TABLE["get_usage"].run({"metric": "cpu"}, dataset, NOW)["metadata"]["warnings"])
