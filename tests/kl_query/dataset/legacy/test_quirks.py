"""Each quirk of the layout, with a small file that shows it."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

from kl_core.vocabulary import ScaleName
from kl_mcp.tools import TABLE
from kl_query.dataset import Dataset, DatasetError, load_dataset
from kl_query.dataset.load import detect_layout
from kl_query.dataset.table import Amounts
from tests.kl_query.dataset.legacy.conftest import NEWEST, Build
from tests.support.legacy_layout import at, put, trend_rows
from tests.support.warned import told

USAGE, REQUESTS, TREND = "cpu_usage_period_1209600.json", "cpu_requests_period_1209600.json", "cpu_usage_trends.json"


def _cpu(dataset: Dataset, name: str, scale: ScaleName = "daily_14d") -> Amounts:
    return dataset.scales[scale].namespaces[name]["cpu"]


def _rows(*rows: tuple[str, float, str]) -> list[dict[str, Any]]:
    return [{"stack": stack, "usage": usage, "date": date} for stack, usage, date in rows]


def test_requests_become_sums_that_compare_with_usage(build: Build) -> None:
    amounts = _cpu(build(), "shop")
    # 20 points of 21 November up to 19:00; 20 % requested in each of them.
    assert (list(amounts.usage), list(amounts.requests or ())) == ([200.0], [400.0])


def test_a_factor_of_exactly_one_is_no_known_request(build: Build) -> None:
    # 200 ÷ 10 ÷ 20 hours = 1, which is also written for a namespace that requests nothing.
    requests = _cpu(build({REQUESTS: _rows(("shop", 10.0, "21 Nov"))}), "shop").requests
    assert requests is not None
    assert math.isnan(requests[0])


def test_an_hourly_factor_of_exactly_one_is_no_known_request(build: Build) -> None:
    factors = trend_rows({"shop__rf": {"2026-11-21T18:00:00Z": 1.0, NEWEST: 0.5}})
    requests = _cpu(build({"cpu_rf_trends.json": factors}), "shop", "hourly_7d").requests
    assert requests is not None
    assert math.isnan(requests[0])
    assert requests[1] == 24.0


def test_days_around_new_year_follow_each_other(build: Build) -> None:
    newest = trend_rows({"shop": {"2027-01-02T05:00:00Z": 1.0}})
    rows = _rows(("shop", 3.0, "02 Jan"), ("shop", 1.0, "31 Dec"), ("shop", 2.0, "01 Jan"))
    scale = build({TREND: newest, USAGE: rows}).scales["daily_14d"]
    assert scale.starts == tuple(at(f"{day}T00:00:00Z") for day in ("2026-12-31", "2027-01-01", "2027-01-02"))
    assert list(scale.namespaces["shop"]["cpu"].usage) == [1.0, 2.0, 3.0]
    assert scale.complete == (True, True, False)


def test_29_february_is_found_in_its_year_and_left_out_of_any_other(build: Build) -> None:
    rows = _rows(("shop", 1.0, "29 Feb"), ("shop", 2.0, "01 Mar"))
    leap = build({TREND: trend_rows({"shop": {"2028-03-01T05:00:00Z": 1.0}}), USAGE: rows})
    assert leap.scales["daily_14d"].starts == (at("2028-02-29T00:00:00Z"), at("2028-03-01T00:00:00Z"))
    other = build({TREND: trend_rows({"shop": {"2027-03-01T05:00:00Z": 1.0}}), USAGE: rows})
    assert other.scales["daily_14d"].starts == (at("2027-03-01T00:00:00Z"),)
    assert any("2 date(s) of daily_14d" in warning for warning in told(other))


@pytest.mark.parametrize("suffix", ["__rf", "__gpu", "__gpu__rf", ""])
def test_a_suffix_is_no_part_of_a_name(build: Build, suffix: str) -> None:
    dataset = build({USAGE: _rows((f"cart{suffix}", 7.0, "21 Nov"))})
    assert list(_cpu(dataset, "cart").usage) == [7.0]
    assert "cart" in dataset.namespaces
    assert not any("__" in name for name in dataset.namespaces)


def test_a_stray_row_with_a_suffix_does_not_take_the_place_of_the_name_itself(build: Build) -> None:
    dataset = build({USAGE: _rows(("shop", 7.0, "21 Nov"), ("shop__rf", 0.5, "21 Nov"))})
    assert list(_cpu(dataset, "shop").usage) == [7.0]


def test_five_minute_points_make_hours(build: Build) -> None:
    five = {f"2026-11-21T18:{minute:02}:00Z": 12.0 for minute in range(5, 60, 5)}
    rows = trend_rows({"shop": {**five, "2026-11-21T19:00:00Z": 24.0, "2026-11-21T19:05:00Z": 6.0}})
    scale = build({TREND: rows}).scales["hourly_7d"]
    # 18-19 h: (11 x 12 % + 24 %) ÷ 12 points = 13 % for an hour. 19-20 h: 6 % for 5 minutes = 0.5 %-hours.
    assert list(scale.namespaces["shop"]["cpu"].usage) == pytest.approx([13.0, 0.5])
    assert scale.complete == (True, False)
    assert list(scale.elapsed_hours) == pytest.approx([1.0, 1 / 12])


def test_an_hour_with_fewer_than_half_of_its_five_minute_points_is_unknown(build: Build) -> None:
    points = {f"2026-11-21T18:{minute:02}:00Z": 12.0 for minute in range(5, 30, 5)}
    rows = trend_rows({"shop": points, "web": {"2026-11-21T19:00:00Z": 1.0}})
    hour = build({TREND: rows}).scales["hourly_7d"].namespaces
    assert "shop" not in hour


def test_memory_may_be_written_mem(build: Build) -> None:
    dataset = build(
        {"memory_usage_period_1209600.json": None, "mem_usage_period_1209600.json": _rows(("shop", 9.0, "21 Nov"))}
    )
    assert list(dataset.scales["daily_14d"].namespaces["shop"]["memory"].usage) == [9.0]


@pytest.mark.parametrize("suffix", ["", "__rf", "__gpu"])
def test_special_entries_are_no_namespaces(build: Build, suffix: str) -> None:
    rows = _rows((f"non-allocatable{suffix}", 80.0, "21 Nov"), (f".billing-hourly-rate{suffix}", 48.0, "21 Nov"))
    dataset = build({USAGE: [*rows, *_rows(("shop", 1.0, "21 Nov"))]})
    assert list(dataset.namespaces) == ["shop", "web"]
    special = dataset.scales["daily_14d"].special
    assert list(special) == ["non-allocatable"]
    assert list(special["non-allocatable"]["cpu"].usage) == [80.0]


def test_of_duplicate_rows_the_last_known_one_counts(build: Build) -> None:
    rows = '[{"stack":"shop","usage":1,"date":"21 Nov"},{"stack":"shop","usage":2,"date":"21 Nov"},'
    dataset = build({USAGE: rows + '{"stack":"shop","usage":null,"date":"21 Nov"}]'})
    assert list(_cpu(dataset, "shop").usage) == [2.0]


@pytest.mark.parametrize(
    "written", ["NaN", "nan", "-nan", "Infinity", "-Infinity", "inf", "-inf", "1e999", "1e308", "null", "-3"]
)
def test_what_is_no_finite_amount_is_unknown(build: Build, written: str) -> None:
    rows = f'[{{"stack":"shop","usage":{written},"date":"20 Nov"}}, {{"stack":"shop","usage":4.5,"date":"21 Nov"}}]'
    usage = _cpu(build({USAGE: rows}), "shop").usage
    assert usage[-1] == 4.5
    assert math.isnan(usage[0]) or len(usage) == 1


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "is empty"),
        (None, "is missing"),
        ("[]", "is an empty list"),
        ('[{"stack":"shop","usage":200.0,"da', "truncated"),
        ('[{"stack":"shop","usage":1.0,"date":"21 Nov"}', "truncated"),
        ('[{"stack":"shop","usage":1.0,"date":"21 Nov"}],"date":"20 Nov"}]', "half replaced"),
        ('{"stack":"shop"}', "not a list"),
    ],
)
def test_a_damaged_file_is_answered_from_its_last_good_content(build: Build, content: str | None, said: str) -> None:
    assert not any(USAGE in warning for warning in told(build()))
    dataset = build({USAGE: content})
    assert list(_cpu(dataset, "shop").usage) == [200.0]
    [warning] = [warning for warning in told(dataset) if USAGE in warning]
    assert said in warning
    assert "last good content" in warning


def test_a_file_that_was_never_good_leaves_the_others_to_answer(build: Build) -> None:
    dataset = build({USAGE: "[{"})
    assert dataset.scales["daily_14d"].starts == ()
    assert list(_cpu(dataset, "shop", "monthly_12m").usage) == [4000.0]
    assert any(USAGE in warning and "unknown" in warning for warning in told(dataset))


def test_rows_that_cannot_be_read_are_counted(build: Build) -> None:
    rows: list[Any] = [
        *_rows(("shop", 1.0, "21 Nov")),
        7,
        {"usage": 1},
        {"stack": "web", "usage": "x", "date": "21 Nov"},
    ]
    # The 7 makes the array more than a list of objects only where it is parsed: it is one row that says nothing.
    dataset = build({USAGE: rows})
    assert list(_cpu(dataset, "shop").usage) == [1.0]
    assert any("3 row(s)" in warning for warning in told(dataset))


def test_staleness_is_that_of_the_last_hourly_point(build: Build) -> None:
    dataset = build()
    fresh, stale = (
        TABLE["describe_dataset"].run({}, dataset, at(NEWEST) + seconds)["metadata"] for seconds in (4800, 9000)
    )
    assert fresh["last_sample_utc"] == NEWEST
    assert not any(warning.startswith("Stale") for warning in fresh["warnings"])
    assert any(warning.startswith("Stale") for warning in stale["warnings"])


@pytest.mark.parametrize(("seconds", "ahead"), [(-7200, False), (-7201, True), (-401 * 86400, True)])
def test_a_newest_hourly_point_ahead_of_the_servers_clock_is_not_fresh(build: Build, seconds: int, ahead: bool) -> None:
    warnings = TABLE["describe_dataset"].run({}, build(), at(NEWEST) + seconds)["metadata"]["warnings"]
    assert any(warning.startswith("Clocks disagree") for warning in warnings) is ahead


def test_without_an_hourly_point_a_day_that_has_not_begun_is_not_fresh(build: Build) -> None:
    dataset = build({name: [] for name in ("cpu_usage_trends.json", "memory_usage_trends.json")})
    newest = max(scale.starts[-1] for scale in dataset.scales.values() if scale.starts)
    for now, ahead in ((newest - 7200, False), (newest - 7201, True)):
        warnings = TABLE["describe_dataset"].run({}, dataset, now)["metadata"]["warnings"]
        assert any(warning.startswith("Clocks disagree") for warning in warnings) is ahead


def test_without_an_hourly_point_amounts_answer_and_efficiency_is_unknown(build: Build) -> None:
    dataset = build({TREND: []})
    amounts = _cpu(dataset, "shop", "monthly_12m")
    assert list(amounts.usage) == [4000.0]
    assert amounts.requests is not None
    assert math.isnan(amounts.requests[0])
    assert any("no hourly points" in warning for warning in told(dataset))


def test_a_cost_model_that_is_not_known_is_an_error_that_says_what_is(build: Build) -> None:
    with pytest.raises(DatasetError, match="cumulative, normalized, costs"):
        build({"backend.json": {"cost_model": "spot"}})


def test_a_damaged_cost_model_file_is_answered_from_the_last_good_one(build: Build) -> None:
    build({"backend.json": {"cost_model": "costs", "currency": "€"}})
    dataset = build({"backend.json": "{"})
    assert (dataset.cost_model, dataset.currency) == ("costs", "€")
    assert any("backend.json" in warning for warning in told(dataset))


def test_layouts_are_agreed_apart(build: Build, tmp_path: Path) -> None:
    assert detect_layout(tmp_path) == "none"
    build()
    assert detect_layout(tmp_path) == "kubeledger"
    put(tmp_path, "dataset.json", "{}")
    assert detect_layout(tmp_path) == "native"
    with pytest.raises(DatasetError):
        load_dataset(tmp_path)


def test_a_bucket_without_a_row_is_unknown_and_the_warning_does_not_say_why(build: Build) -> None:
    dataset = build({USAGE: _rows(("shop", 3.0, "20 Nov"), ("shop", 1.0, "21 Nov"), ("web", 2.0, "21 Nov"))})
    answer = TABLE["get_usage"].run({"metric": "cpu", "namespace": "web"}, dataset, at(NEWEST))
    assert (answer["series"][0]["values"], answer["total"]) == ([None, 2.0], 2.0)
    [warning] = [warning for warning in answer["metadata"]["warnings"] if "no value" in warning]
    assert "1 namespace(s) have no value for 1 day bucket(s)" in warning
    assert "did not exist or were not measured" in warning


def test_depths_are_those_of_rolling_windows(build: Build) -> None:
    scales = TABLE["describe_dataset"].run({}, build(), at(NEWEST))["scales"]
    assert {name: scale["depth"] for name, scale in scales.items()} == {
        "hourly_7d": "7 days, up to the newest point",
        "daily_14d": "14 times 24 hours, up to the newest point",
        "monthly_12m": "370 times 24 hours, up to the newest point",
    }


def test_without_files_of_requests_efficiencies_are_unknown(build: Build) -> None:
    answer = TABLE["get_efficiency"].run({"metric": "cpu"}, build({REQUESTS: None}), at(NEWEST))
    [shop] = answer["efficiency"]
    assert (shop["namespace"], shop["usage"]) == ("shop", 200.0)
    assert (shop["requests"], shop["efficiency_ratio"], shop["classification"]) == (None, None, "unknown")


def test_without_hourly_points_namespaces_are_listed_as_the_days_hold_them(build: Build) -> None:
    answer = TABLE["list_namespaces"].run({}, build({TREND: []}), at(NEWEST))
    # At the end of the only day, which ends an hour early; there is no hour to be coarser than.
    assert [(row["name"], row["last_seen"]) for row in answer["namespaces"]] == [("shop", "2026-11-21T23:00:00Z")]
    assert not any("last_seen" in warning for warning in answer["metadata"]["warnings"])
