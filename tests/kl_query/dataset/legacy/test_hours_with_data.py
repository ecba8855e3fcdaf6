"""How many hours efficiency divides by, where a namespace or the installation has data for a part of a bucket.

Unless a test says otherwise every namespace uses half of what it requests in each of its hours, so that the efficiency
of any bucket is 0.5 under every cost model; divided by all hours of a bucket, that of a part of them would be less.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kl_mcp.tools import TABLE
from kl_query.dataset import load_dataset
from tests.kl_mcp.tools.conftest import check_schemas
from tests.kl_query.dataset.legacy.conftest import NEWEST, Build
from tests.support.legacy_layout import HOUR, MONTHLY, Hours, Truth, at, trend_rows, write

Ask = Callable[..., dict[str, Any]]
Where = Callable[[Any], Any]
MODELS = ("cumulative", "normalized", "costs")
UNTOLD = "do not say for how many hours"


def ends() -> Any:
    """Return the ends of the hours of the monthly window."""
    return np.arange(at(NEWEST) - MONTHLY + HOUR, at(NEWEST) + 1, HOUR)


def half_used(lives: Mapping[str, Where], model: str, begun: str | None = None, metric: str = "cpu") -> Truth:
    """Return namespaces that use 10 % of the cluster and request 20 % in the hours for which `lives` is true."""
    since = at(begun) if begun else 0
    usage: dict[str, dict[str, Hours]] = {}
    for name, lived in {"steady": lambda e: e > 0, **lives}.items():
        usage[name] = {metric: np.where(lived(ends()) & (ends() > since), 10.0, np.nan)}
    return Truth(at(NEWEST), usage, {name: {metric: 20.0} for name in usage}, model=model, begun=since)


@pytest.fixture
def asking(tmp_path: Path) -> Callable[[Truth], Ask]:
    """Return a function that writes a truth and returns a way to ask about it."""

    def written(truth: Truth) -> Ask:
        dataset = load_dataset(write(tmp_path, truth))

        def ask(tool: str, **arguments: Any) -> dict[str, Any]:
            answer = TABLE[tool].run(arguments, dataset, at(NEWEST) + 1200)
            check_schemas(tool, answer)
            return answer

        return ask

    return written


Asking = Callable[[Truth], Ask]


def ratio(ask: Ask, name: str, date: str = "all", scale: str = "daily_14d") -> float | None:
    """Return the efficiency of a namespace's cpu."""
    row = ask("get_efficiency", metric="cpu", namespace=name, date=date, scale=scale)["efficiency"][0]
    found: float | None = row["efficiency_ratio"]
    return found


def warned(ask: Ask, words: str, **arguments: Any) -> bool:
    """Say whether an answer about efficiency has a warning with some words."""
    warnings = ask("get_efficiency", metric="cpu", **arguments)["metadata"]["warnings"]
    return any(words in warning for warning in warnings)


@pytest.mark.parametrize("model", MODELS)
def test_a_namespace_born_in_the_last_week_is_divided_by_its_own_hours(asking: Asking, model: str) -> None:
    ask = asking(half_used({"late": lambda e: e > at("2026-11-19T05:00:00Z")}, model))
    # 19 November has its points of 06:00 to 23:00: 18 of 24, by which it would read 0.375.
    assert ratio(ask, "late", "2026-11-19") == pytest.approx(0.5, rel=1e-5)
    assert ratio(ask, "late") == pytest.approx(0.5, rel=1e-3)
    # The month would read 0.5 x 62 ÷ 500 = 0.062: 18 hours, 24, and 20 of today.
    assert ratio(ask, "late", "2026-11", "monthly_12m") == pytest.approx(0.5, rel=1e-5)
    assert not warned(ask, UNTOLD)
    requests = ask("get_efficiency", metric="cpu", namespace="late", date="2026-11-19")["efficiency"][0]["requests"]
    if model == "cumulative":
        assert requests == pytest.approx(18 * 20)


@pytest.mark.parametrize("model", MODELS)
def test_the_day_on_which_a_namespace_was_born_before_the_last_week_is_unknown_and_the_others_are_not(
    asking: Asking, model: str
) -> None:
    ask = asking(half_used({"older": lambda e: e > at("2026-11-10T20:00:00Z")}, model))
    assert ratio(ask, "older", "2026-11-10") is None
    assert ratio(ask, "older", "2026-11-11") == pytest.approx(0.5, rel=1e-5)
    assert ratio(ask, "older") == pytest.approx(0.5, rel=1e-3)
    row = ask("get_efficiency", metric="cpu", namespace="older", date="2026-11-10")["efficiency"][0]
    assert row["classification"] == "unknown"
    assert f"{UNTOLD} of 2026-11-10" in row["reason"]
    assert warned(ask, "older (cpu: 2026-11-10)")
    assert not warned(ask, "older (cpu", date="2026-11-12")
    assert ratio(ask, "steady", "2026-11-10") == pytest.approx(0.5, rel=1e-5)
    # How long it lived in November follows from no file: the day of its birth may be any of 24 hours.
    assert ratio(ask, "older", "2026-11", "monthly_12m") is None


def test_percentages_of_usage_and_of_requests_are_each_over_the_days_they_are_known_in(asking: Asking) -> None:
    ask = asking(half_used({"older": lambda e: e > at("2026-11-10T20:00:00Z")}, "normalized"))
    row = ask("get_efficiency", metric="cpu", namespace="older")["efficiency"][0]
    # 10 of 10 + 10 + 4 % on whole days, of 260 hours. On the 10th 3 hours of 10, of a day's 240 + 30 + 96; its requests
    # there are unknown.
    whole, first = 100 * 10 / 24, 100 * 30 / 366
    assert row["usage"] == pytest.approx((first * 24 + whole * 260) / 284, rel=1e-4)
    assert row["requests"] == pytest.approx(2 * whole, rel=1e-4)
    assert (row["unused"], row["hours_compared"]) == (pytest.approx(whole, rel=1e-4), 260)


def test_where_a_namespace_ended_is_unknown_before_the_last_week_and_known_in_it(asking: Asking) -> None:
    lives = {
        "gone": lambda e: e <= at("2026-11-11T06:00:00Z"),
        "just-gone": lambda e: e <= at("2026-11-18T06:00:00Z"),
    }
    ask = asking(half_used(lives, "cumulative"))
    assert ratio(ask, "gone", "2026-11-11") is None
    assert ratio(ask, "gone", "2026-11-10") == 0.5
    # 18 November has its points of 00:00 to 06:00: 7.
    assert ratio(ask, "just-gone", "2026-11-18") == 0.5
    assert [ratio(ask, name, "2026-10", "monthly_12m") for name in lives] == [0.5, 0.5]
    # November lacks 17 hours of the 18th and all of the days after; of the other, an unknown part of the 11th.
    assert [ratio(ask, name, "2026-11", "monthly_12m") for name in lives] == [None, 0.5]


def test_months_in_which_a_namespace_began_or_ended_are_unknown_and_those_between_are_not(asking: Asking) -> None:
    lives = {"spring": lambda e: (e > at("2026-03-10T00:00:00Z")) & (e <= at("2026-06-10T00:00:00Z"))}
    ask = asking(half_used(lives, "cumulative"))
    months = {
        month: ratio(ask, "spring", month, "monthly_12m") for month in ("2026-03", "2026-04", "2026-05", "2026-06")
    }
    assert months == {"2026-03": None, "2026-04": 0.5, "2026-05": 0.5, "2026-06": None}
    assert ratio(ask, "spring", scale="monthly_12m") == 0.5


@pytest.mark.parametrize("model", MODELS)
def test_a_namespace_that_comes_and_goes_has_a_known_week_and_unknown_days_before(asking: Asking, model: str) -> None:
    ask = asking(half_used({"nightly": lambda e: (e // HOUR) % 24 == 2}, model))
    # One point a day, by 24 of which it would read 0.0208.
    assert ratio(ask, "nightly", "2026-11-18") == pytest.approx(0.5, rel=1e-5)
    assert ratio(ask, "nightly", "2026-11-10") is None
    assert ratio(ask, "nightly", "2026-05", "monthly_12m") is None
    assert warned(ask, "nightly (cpu: 2026-11-08, 2026-11-09, 2026-11-10, 2026-11-11, 2026-11-12 and 2 more)")
    assert ratio(ask, "nightly") == pytest.approx(0.5, rel=1e-3)


def test_one_missing_hour_in_a_week_makes_no_day_before_unknown(asking: Asking) -> None:
    ask = asking(half_used({"shop": lambda e: e != at("2026-11-18T06:00:00Z")}, "cumulative"))
    assert [ratio(ask, "shop", day) for day in ("2026-11-10", "2026-11-18")] == [0.5, 0.5]


@pytest.mark.parametrize("model", MODELS)
def test_an_installation_of_yesterday_is_divided_by_the_hours_it_has(asking: Asking, model: str) -> None:
    ask = asking(half_used({}, model, begun="2026-11-20T15:00:00Z"))
    # Points of 16:00 to 23:00 and of 20 hours today: by 24, 44 and 500 hours it would read 0.167, 0.318 and 0.028.
    assert ratio(ask, "steady", "2026-11-20") == pytest.approx(0.5, rel=1e-5)
    assert ratio(ask, "steady") == pytest.approx(0.5, rel=1e-5)
    assert ratio(ask, "steady", scale="monthly_12m") == pytest.approx(0.5, rel=1e-5)
    assert warned(ask, "Not observed: 16 h, no amount covers them: 2026-11-20 (16 h)")
    assert not warned(ask, "data begin in")


def test_an_installation_older_than_a_week_says_of_its_first_day_that_it_may_hold_fewer_hours(asking: Asking) -> None:
    ask = asking(half_used({}, "cumulative", begun="2026-11-10T15:00:00Z"))
    said = "data begin in 2026-11-10 at an hour that its files do not contain: 24 hours of it are counted"
    # Points of 16:00 to 23:00 over 24 hours.
    assert ratio(ask, "steady", "2026-11-10") == pytest.approx(0.5 * 8 / 24, rel=1e-5)
    assert warned(ask, said, date="2026-11-10")
    assert warned(ask, said)
    assert ratio(ask, "steady", "2026-11-11") == 0.5
    assert not warned(ask, "data begin in", date="2026-11-11")
    # The days tell of November that it has 24 + 10 x 24 + 20 hours, not 500.
    assert ratio(ask, "steady", scale="monthly_12m") == pytest.approx(0.5 * 268 / 284, rel=1e-5)
    assert warned(ask, "data begin in 2026-11 at an hour that its files do not contain: 284 hours", scale="monthly_12m")


BEGUN = [
    # Points of 16:00 to 23:00, of 8 hours; of November 8 + 10 x 24 + 20. Of September's days 240 hours and these 8.
    ("2026-11-10T15:00:00Z", "daily_14d", "2026-11-10", 8, 268),
    ("2026-11-10T15:00:00Z", "monthly_12m", "2026-11", 268, 268),
    ("2026-09-20T15:00:00Z", "monthly_12m", "2026-09", 248, 248 + 744 + 500),
]


@pytest.mark.parametrize(("begun", "scale", "first", "hours", "all_hours"), BEGUN)
def test_a_bill_tells_the_hours_of_the_day_or_month_in_which_an_installation_began(
    asking: Asking, begun: str, scale: str, first: str, hours: float, all_hours: float
) -> None:
    ask = asking(half_used({}, "costs", begun=begun))
    rows = [
        ask("get_efficiency", metric="cpu", namespace="steady", date=date, scale=scale)["efficiency"][0]
        for date in (first, "all")
    ]
    assert [row["efficiency_ratio"] for row in rows] == pytest.approx([0.5, 0.5], rel=1e-5)
    assert [row["hours_compared"] for row in rows] == [hours, all_hours]
    # 10 of 14 per cent that are used, of 12 $ an hour.
    assert [row["usage_mean"] for row in rows] == pytest.approx([12 * 10 / 14] * 2, rel=1e-5)
    assert not warned(ask, "data begin in", scale=scale)


def test_a_metric_without_a_bill_of_the_first_day_is_read_as_the_others(tmp_path: Path) -> None:
    write(tmp_path, half_used({}, "costs", begun="2026-11-10T15:00:00Z"))
    path = tmp_path / "cpu_usage_period_1209600.json"
    rows = [row for row in json.loads(path.read_text()) if row["date"] != "10 Nov"]
    (tmp_path / "memory_usage_period_1209600.json").write_text(json.dumps(rows))
    days = load_dataset(tmp_path).scales["daily_14d"].namespaces["steady"]
    assert np.isnan([days["cpu"].usage[0], days["memory"].usage[0]]).tolist() == [False, True]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (1.0, 10 / 12),  # another rate on the day after, 10 $ instead of 12
        (1.0, 23 / 24),  # an hour without data on it
        (0.97, 1.0),  # 7.76 hours
        (4.0, 1.0),  # 32 hours, which is more than a day has
    ],
)
def test_a_bill_at_another_rate_tells_nothing_and_the_answer_says_so(
    tmp_path: Path, first: float, second: float
) -> None:
    write(tmp_path, half_used({}, "costs", begun="2026-11-10T15:00:00Z"))
    for kind in ("usage", "requests"):
        path = tmp_path / f"cpu_{kind}_period_1209600.json"
        rows = json.loads(path.read_text())
        for row in rows:
            row["usage"] *= {"10 Nov": first, "11 Nov": second}.get(row["date"], 1.0)
        path.write_text(json.dumps(rows))
    given = {"metric": "cpu", "namespace": "steady", "date": "2026-11-10"}
    answer = TABLE["get_efficiency"].run(given, load_dataset(tmp_path), at(NEWEST) + 1200)
    assert answer["efficiency"][0]["efficiency_ratio"] == pytest.approx(0.5 * 8 / 24, rel=1e-5)
    assert any("data begin in 2026-11-10 at an hour" in warning for warning in answer["metadata"]["warnings"])


@pytest.mark.parametrize(("begun", "direction"), [("2026-08-20T15:00:00Z", "stable"), ("2026-09-20T15:00:00Z", None)])
def test_a_trend_leaves_out_the_month_the_data_begin_in(asking: Asking, begun: str, direction: str | None) -> None:
    ask = asking(half_used({}, "cumulative", begun=begun))
    answer = ask("compare_periods", metric="cpu", namespace="steady")
    assert answer["trend"]["months_left_out"] == [begun[:7]]
    # Of September's 720 hours 248 have data: against October the constant load would read growing.
    assert answer["trend"]["direction"] == (direction or "insufficient_data")
    assert any(f"data begin in {begun[:7]}" in warning for warning in answer["metadata"]["warnings"])


def test_an_outage_of_the_last_week_is_no_part_of_the_hours(asking: Asking) -> None:
    truth = half_used({}, "cumulative")
    down = (ends() > at("2026-11-18T06:00:00Z")) & (ends() <= at("2026-11-18T12:00:00Z"))
    truth.usage["steady"]["cpu"][down] = np.nan
    ask = asking(truth)
    assert ratio(ask, "steady", "2026-11-18") == 0.5
    assert warned(ask, "Not observed: 6 h, no amount covers them: 2026-11-18 (6 h)")


def test_a_day_of_which_the_hourly_points_hold_the_end_is_divided_by_all_of_its_hours(asking: Asking) -> None:
    truth = half_used({}, "cumulative")
    truth.usage["steady"]["cpu"][(ends() >= at("2026-11-14T00:00:00Z")) & (ends() <= at("2026-11-14T19:00:00Z"))] = 0.0
    # The points begin at 20:00. What they add up to is all of the day's, for nothing was used before.
    assert ratio(asking(truth), "steady", "2026-11-14") == pytest.approx(0.5 * 4 / 24, rel=1e-5)


def test_hourly_factors_are_believed_although_they_have_two_decimals_only(tmp_path: Path) -> None:
    truth = half_used({"late": lambda e: e > at("2026-11-19T05:00:00Z")}, "cumulative")
    truth = replace(truth, requests={**truth.requests, "late": {"cpu": 80.6}})
    path = write(tmp_path, truth) / "cpu_rf_trends.json"
    # 10 ÷ 80.6 is 0.1241 in the day's sum and 0.12 in its points, 3 % less.
    path.write_text(json.dumps([{**row, "usage": round(row["usage"], 2)} for row in json.loads(path.read_text())]))
    arguments = {"metric": "cpu", "namespace": "late", "date": "2026-11-19"}
    answer = TABLE["get_efficiency"].run(arguments, load_dataset(tmp_path), at(NEWEST))
    assert answer["efficiency"][0]["efficiency_ratio"] == pytest.approx(10 / 80.6, rel=1e-5)


def test_gpus_are_counted_by_their_usage_for_their_factors_are_in_no_file(asking: Asking) -> None:
    ask = asking(half_used({"late": lambda e: e > at("2026-11-19T05:00:00Z")}, "cumulative", metric="gpu"))
    row = ask("get_efficiency", metric="gpu", namespace="late", date="2026-11-19")["efficiency"][0]
    assert row["efficiency_ratio"] == 0.5


@pytest.mark.parametrize(
    ("begun", "lived"),
    [
        ("2026-08-20T15:00:00Z", lambda e: e > 0),
        ("2026-08-20T15:00:00Z", lambda e: e <= at("2026-10-20T00:00:00Z")),
        # One month only, which begins before the days do.
        ("2026-11-02T15:00:00Z", lambda e: e > 0),
    ],
    ids=["alive", "gone", "young"],
)
def test_a_namespace_without_requests_is_unknown_also_where_hours_are_only_assumed(
    asking: Asking, begun: str, lived: Where
) -> None:
    truth = half_used({"unasked": lived}, "cumulative", begun=begun)
    # As files write it: usage ÷ requests is 1. August has 272 of 744 points, by which it would read 0.37.
    truth = replace(truth, requests={**truth.requests, "unasked": {"cpu": 10.0}})
    ask = asking(truth)
    for date in (begun[:7], "all"):
        assert ratio(ask, "unasked", date, "monthly_12m") is None
    row = ask("get_efficiency", metric="cpu", namespace="unasked", date=begun[:7], scale="monthly_12m")["efficiency"][0]
    assert "contain no requests" in row["reason"]
    assert ratio(ask, "steady", begun[:7], "monthly_12m") is not None


def test_a_day_on_which_a_namespace_used_nothing_is_a_day_of_its_month(asking: Asking) -> None:
    truth = half_used({}, "cumulative")
    truth.usage["steady"]["cpu"][(ends() >= at("2026-11-12T00:00:00Z")) & (ends() < at("2026-11-13T00:00:00Z"))] = 0.0
    # 476 hours at a half of what is requested in 500.
    assert ratio(asking(truth), "steady", "2026-11", "monthly_12m") == pytest.approx(0.5 * 476 / 500)


def _points(values: list[float]) -> dict[str, float | None]:
    return {f"2026-11-21T{hour:02}:00:00Z": value for hour, value in enumerate(values)}


@pytest.mark.parametrize(("factor", "shown"), [(0.5, None), (0.98, 0.99)])
def test_hours_without_requests_make_efficiency_unknown_unless_they_change_little(
    build: Build, factor: float, shown: float | None
) -> None:
    # 20 points today: 10 % of usage in each, of a known request in the first 10; a factor of 1 may be no request.
    factors = [factor] * 10 + [1.0] * 10
    dataset = build(
        {
            "cpu_usage_trends.json": trend_rows({"shop": _points([10.0] * 20)}),
            "cpu_rf_trends.json": trend_rows({"shop__rf": _points(factors)}),
            "cpu_requests_period_1209600.json": [{"stack": "shop", "usage": 200 / sum(factors), "date": "21 Nov"}],
        }
    )
    answer = TABLE["get_efficiency"].run({"metric": "cpu", "namespace": "shop"}, dataset, at(NEWEST))
    assert answer["efficiency"][0]["efficiency_ratio"] == shown
    assert (UNTOLD in (answer["efficiency"][0]["reason"] or "")) == (shown is None)


def test_hourly_points_that_do_not_add_up_to_the_day_are_not_believed(build: Build) -> None:
    # The day says 200 ÷ 20 = 10 hours' worth of factors; the two points there are, 1. All 20 hours count, although web
    # has points in 18 in which shop has none.
    two: dict[str, float | None] = {"2026-11-21T18:00:00Z": 0.5, NEWEST: 0.5}
    files = {
        "cpu_usage_trends.json": trend_rows({"shop": two, "web": _points([1.0] * 20)}),
        "cpu_rf_trends.json": trend_rows({"shop__rf": two, "web__rf": _points([0.5] * 20)}),
    }
    answer = TABLE["get_efficiency"].run({"metric": "cpu", "namespace": "shop"}, build(files), at(NEWEST))
    assert answer["efficiency"][0]["efficiency_ratio"] == 0.5
    assert any("data begin in 2026-11-21" in warning for warning in answer["metadata"]["warnings"])


@pytest.mark.parametrize(("date", "said"), [("2026-11-13", True), ("2026-11-15", False), ("all", True)])
def test_efficiency_of_hours_that_no_file_holds_one_by_one_says_what_it_rests_on(
    asking: Asking, date: str, said: bool
) -> None:
    ask = asking(half_used({}, "cumulative"))
    assert (
        warned(ask, "Before 2026-11-14T19:00:00Z KubeLedger's files do not contain individual hours", date=date) == said
    )
