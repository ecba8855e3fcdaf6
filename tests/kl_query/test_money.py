"""Money in answers is right to the cent, however large it is: people bill from it."""

from __future__ import annotations

from typing import Any

import pytest

from kl_mcp.tools import TABLE
from kl_query.dataset import Dataset, load_dataset
from tests.support.datasets import Dataset as Published
from tests.support.datasets import Row, Scale, at, write
from tests.support.shown import page_of

SAMPLED = "2026-03-01T00:00:00Z"
NOW = at(SAMPLED).timestamp()
JANUARY = {"metric": "cpu", "cost_model": "costs", "scale": "monthly_12m", "date": "2026-01"}
# January has 744,000 core-hours for 918,512.64, February 672,000 for 829,624.32: 1.23456 each.
WEB = 123457.23  # 100,001 x 1.23456 = 123,457.23456
API = 246915.70  # 200,003 x 1.23456 = 246,915.70368
DNS = 370.368  # 300 x 1.23456
IDLE = 547769.33  # 443,696 x 1.23456 = 547,769.33376


@pytest.fixture(scope="module")
def books(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    monthly = Scale(
        "2026-01",
        capacity={"cpu": [744_000, 672_000], "memory": [1_234_567.8, 1_000_000]},
        bill={"cpu": [918512.64, 829624.32]},
        namespaces={
            "web": {"cpu": Row([100_001, 90_003], [0, 0])},
            "api": {"cpu": Row([200_003, 200_003], [0, 0])},
            "kube-system": {"cpu": Row([300, 300], [0, 0])},
        },
    )
    # An hour of 20,000 core-hours for 24,691.25: 10,001 of them are 12,346.8595625.
    hourly = Scale(
        "2026-02-28T23:00:00Z",
        capacity={"cpu": [20_000]},
        bill={"cpu": [24691.25]},
        namespaces={"web": {"cpu": Row([10_001], [0])}},
    )
    rates = [{"effective": "2026-01-01T00:00:00Z", "rate": 24691.25, "currency": "$", "weights": None}]
    published = Published(monthly=monthly, hourly=hourly, rates=rates, currency="$", last_sample=SAMPLED)
    return load_dataset(write(tmp_path_factory.mktemp("money"), published))


def ask(dataset: Dataset, tool: str, **arguments: Any) -> dict[str, Any]:
    return TABLE[tool].run(arguments, dataset, NOW)


@pytest.mark.requirement("KL-M-3")
@pytest.mark.parametrize("metric", ["cpu", "total"])
def test_series_and_their_totals_are_right_to_the_cent(books: Dataset, metric: str) -> None:
    answer = ask(books, "get_usage", **{**JANUARY, "metric": metric}, exclude_special=False)
    rows = {row["namespace"]: (row["values"], row["total"]) for row in answer["series"]}
    assert rows == {"web": ([WEB], WEB), "api": ([API], API), "kube-system": ([DNS], DNS)}
    assert {row["entry"]: row["total"] for row in answer["special"]}["idle"] == IDLE
    # 300,304 x 1.23456 = 370,743.30624
    assert (answer["totals"], answer["total"]) == ([370743.31], 370743.31)


@pytest.mark.requirement("KL-M-3")
def test_the_rows_of_a_bill_add_up_to_it_within_half_a_cent_each(books: Dataset) -> None:
    answer = ask(books, "get_namespace_breakdown", **JANUARY, exclude_system=False)
    overhead = answer["cluster_overhead"]
    assert (overhead["capacity_value"], overhead["allocatable_value"]) == (918512.64, 918512.64)
    rows = [row["value"] for row in answer["breakdown"]] + [overhead["idle_value"]]
    assert rows == [API, WEB, DNS, IDLE]
    assert sum(rows) == pytest.approx(918512.64, abs=0.005 * len(rows))


def test_rankings_and_groups_are_right_to_the_cent(books: Dataset) -> None:
    answer = ask(books, "get_top_consumers", **JANUARY, limit=1)
    assert (answer["ranking"][0]["value"], answer["rest"]["value"], answer["capacity_value"]) == (API, WEB, 918512.64)
    group = ask(books, "group_namespaces", **JANUARY, pattern=["web", "api"])
    # 300,004 x 1.23456 = 370,372.93824
    assert (group["group_total"], [row["value"] for row in group["members"]]) == (370372.94, [API, WEB])


def test_periods_and_their_difference_are_right_to_the_cent(books: Dataset) -> None:
    arguments = {**JANUARY, "date": "2026-02", "baseline": "2026-01"}
    answer = ask(books, "compare_periods", **arguments, namespace="web")
    february = 111114.10  # 90,003 x 1.23456 = 111,114.10368
    (row,) = answer["movers"]
    assert (row["baseline_value"], row["value"], row["change"]) == (WEB, february, -12343.13)
    comparison = answer["comparison"]
    assert (comparison["baseline_value"], comparison["value"], comparison["change"]) == (WEB, february, -12343.13)
    assert [month["value"] for month in answer["monthly_12m"]["series"]] == [WEB, february]


def test_hours_their_statistics_and_the_rate_are_right_to_the_cent(books: Dataset) -> None:
    answer = ask(books, "get_timeseries", metric="cpu", cost_model="costs", namespace="web")
    assert answer["series"][0]["values"] == [12346.86]
    assert {answer["stats"][name] for name in ("min", "max", "mean", "p50", "p95")} == {12346.86}
    described = ask(books, "describe_dataset")
    assert described["billing_hourly_rate"] == described["rate_history"][0]["rate"] == 24691.25


def test_the_page_of_a_namespace_is_right_to_the_cent(books: Dataset) -> None:
    page = page_of(books, "web", NOW)["scales"]["monthly_12m"]
    # 190,004 x 1.23456 = 234,571.33824
    assert {row["metric"]: row["cost"] for row in page["costs"]} == {"cpu": 234571.34, "total": 234571.34}


def test_what_is_no_money_keeps_six_digits(books: Dataset) -> None:
    answer = ask(books, "get_namespace_breakdown", **{**JANUARY, "cost_model": "cumulative", "metric": "memory"})
    assert answer["cluster_overhead"]["capacity_value"] == 1234570  # GiB-hours, of 1,234,567.8
    usage = ask(books, "get_usage", **{**JANUARY, "cost_model": "normalized"})
    assert usage["series"][0]["total"] == 26.8821  # 200,003 of 744,000
