"""Files of installations that polled at any interval, written from real databases.

`half` uses 5 % of the cluster and requests 10 % throughout: 120 %-hours a day, efficiency 0.5. `waves` requests 20 %
and uses 5 % before noon and 15 % after it: 12 x 5 + 12 x 15 = 240 %-hours a day, efficiency 0.5 as well.
"""

from __future__ import annotations

import math
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import pytest

from kl_mcp.tools import TABLE
from kl_query.dataset import Dataset, load_dataset
from tests.kl_mcp.tools.conftest import check_schemas
from tests.kl_query.dataset.legacy.conftest import Build
from tests.support.legacy_layout import at, period_rows, trend_rows
from tests.support.legacy_source import HOUR, Polled, databases, publish
from tests.support.warned import told

DAY = 24 * HOUR
NOW = at("2026-11-21T18:07:00Z")
MODELS = ("cumulative", "normalized", "costs")
# By polling interval in seconds: the rows that librrd gives for points and days, and for months.
ROWS = {
    60: (720, 720),
    150: (1800, 1800),
    300: (3600, 3600),
    600: (600, 7200),
    900: (900, 10_800),
    1800: (1800, 21_600),
}
ROWS |= {3600: (3600, 43_200), 7200: (7200, 86_400)}
STEADY = Polled(lambda _: 5.0, lambda _: 10.0)
WAVES = Polled(lambda t: 5.0 if t % DAY < DAY / 2 else 15.0, lambda _: 20.0)
SAID = "does not poll every 5 minutes"


@cache
def source(interval: int, days: int) -> Path:
    """Return the databases of an installation of some days."""
    place = Path(mkdtemp(prefix="kubeledger-")) / "db"
    return databases(place, {"half": STEADY, "waves": WAVES}, NOW - days * DAY, NOW, interval)


def loaded(directory: Path, interval: int, model: str = "cumulative", days: int | None = None) -> Dataset:
    """Return what such an installation published."""
    lived = days or (20 if interval < 300 else 70)
    return load_dataset(publish(source(interval, lived), directory, NOW, model))


def ask(dataset: Dataset, tool: str, **arguments: Any) -> dict[str, Any]:
    """Ask about cpu."""
    answer = TABLE[tool].run({"metric": "cpu", **arguments}, dataset, NOW)
    check_schemas(tool, answer)
    return answer


def ratios(dataset: Dataset, **arguments: Any) -> dict[str, float]:
    """Return efficiency by namespace."""
    rows = ask(dataset, "get_efficiency", **arguments)["efficiency"]
    return {row["namespace"]: row["efficiency_ratio"] for row in rows}


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("interval", ROWS)
def test_efficiency_of_days_is_true_at_any_polling_interval(tmp_path: Path, interval: int, model: str) -> None:
    dataset = loaded(tmp_path, interval, model)
    for date in ("2026-11-10", "2026-11-18"):
        assert ratios(dataset, date=date) == pytest.approx({"half": 0.5, "waves": 0.5}, rel=0.02)
    # The first day is cut by the window, the last is open: of the afternoon, or short of it.
    assert ratios(dataset, date="2026-11-07")["half"] == pytest.approx(0.5, rel=1e-3)
    assert ratios(dataset, date="2026-11-21")["half"] == pytest.approx(0.5, rel=1e-3)
    assert any(SAID in warning for warning in told(dataset)) == (interval != 300)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("interval", [interval for interval in ROWS if interval >= 300])
def test_efficiency_of_months_is_true_at_any_polling_interval(tmp_path: Path, interval: int, model: str) -> None:
    dataset = loaded(tmp_path, interval, model)
    for date in ("2026-10", "2026-11"):
        assert ratios(dataset, scale="monthly_12m", date=date) == pytest.approx({"half": 0.5, "waves": 0.5}, rel=0.04)


@pytest.mark.parametrize("interval", ROWS)
def test_amounts_are_per_cent_times_hours_at_any_polling_interval(tmp_path: Path, interval: int) -> None:
    dataset = loaded(tmp_path, interval)
    day = ask(dataset, "get_usage", date="2026-11-18")
    assert {s["namespace"]: s["total"] for s in day["series"]} == pytest.approx(
        {"half": 120.0, "waves": 240.0}, rel=0.05
    )
    if interval >= 300:
        # 31 days of October.
        month = ask(dataset, "get_usage", scale="monthly_12m", date="2026-10", namespace="half")
        assert month["total"] == pytest.approx(31 * 120.0, rel=1e-3)
    hours = ask(dataset, "get_timeseries", namespace="waves", date="2026-11-18T00:00:00Z..2026-11-18T23:00:00Z")
    values = hours["series"][0]["values"]
    assert (values[3], values[20]) == pytest.approx((5.0, 15.0))
    assert sum(values) == pytest.approx(240.0, rel=0.05)


@pytest.mark.parametrize("interval", [60, 600, 3600])
def test_money_is_that_of_hours_at_any_polling_interval(tmp_path: Path, interval: int) -> None:
    # 24 hours x 10 $, of which `half` has 5 ÷ (5 + 10 + 4): a share of the day's sums, 120 of 120 + 240 + 96.
    day = ask(loaded(tmp_path, interval, "costs"), "get_usage", date="2026-11-18", namespace="half")
    assert day["total"] == pytest.approx(240 * 120 / 456, rel=0.02)


@pytest.mark.parametrize("interval", [60, 300, 600, 3600])
@pytest.mark.parametrize("model", MODELS)
def test_a_young_installation_is_no_sign_of_other_rows_in_months(tmp_path: Path, interval: int, model: str) -> None:
    dataset = loaded(tmp_path, interval, model, days=4)
    assert ratios(dataset, scale="monthly_12m", date="2026-11")["half"] == pytest.approx(0.5, rel=0.1)
    assert ratios(dataset, date="2026-11-19")["half"] == pytest.approx(0.5, rel=1e-3)


@pytest.mark.parametrize("interval", [600, 900])
def test_a_window_that_ended_after_the_newest_row_has_fewer_rows_in_its_first_day(
    tmp_path: Path, interval: int
) -> None:
    db = databases(tmp_path / "db", {"half": STEADY, "waves": WAVES}, NOW - 20 * DAY, NOW - 3000, interval)
    dataset = load_dataset(publish(db, tmp_path / "data", NOW))
    # Polling stopped 50 minutes ago: 7 November has the rows after 18:00, 36 or 24 without the one ending at midnight.
    row = ask(dataset, "get_efficiency", namespace="half", date="2026-11-07")["efficiency"][0]
    assert row["efficiency_ratio"] == pytest.approx(0.5, rel=1e-4)
    assert row["hours_compared"] == pytest.approx(6 - interval / HOUR)


def test_few_5_minute_points_are_those_of_a_young_namespace_and_no_rows_of_days(build: Build) -> None:
    points = {f"2026-11-21T18:{minute:02}:00Z": 12.0 for minute in range(5, 60, 5)}
    dataset = build({"cpu_usage_trends.json": trend_rows({"shop": points})})
    assert not any(SAID in warning for warning in told(dataset))
    assert list(dataset.scales["daily_14d"].namespaces["shop"]["cpu"].usage) == [200.0]


def test_an_hour_less_than_half_covered_by_rows_is_unknown(build: Build) -> None:
    hours = {
        "15": (12, 24, 36, 48),
        "16": (0, 12, 24, 36, 48),
        "17": (0, 12),
        "18": (0, 12, 24, 36, 48),
        "19": (0,),
    }
    points = {
        f"2026-11-21T{hour}:{minute:02}:00Z": float(hour) for hour, minutes in hours.items() for minute in minutes
    }
    web = {f"2026-11-21T{hour}:{minute:02}:00Z": 1.0 for hour in range(15, 19) for minute in range(0, 60, 12)}
    rows = trend_rows({"shop": points, "web": web | {"2026-11-21T19:00:00Z": 1.0}})
    usage = build({"cpu_usage_trends.json": rows}).scales["hourly_7d"].namespaces["shop"]["cpu"].usage
    # The hour that ends at 16:00 is (4 x 15 + 16) ÷ 5; from 17:00 on two rows of five are there: 24 minutes.
    assert usage[1] == pytest.approx((4 * 15 + 16) / 5)
    assert usage[2] == pytest.approx((4 * 16 + 17) / 5)
    assert math.isnan(usage[3])
    assert usage[4] == pytest.approx((4 * 18 + 19) / 5)


def test_months_that_hold_less_than_their_days_contradict_them(build: Build) -> None:
    # 200 %-hours in one day, and 4 in its month, or 48 if that adds up rows of 12 hours.
    dataset = build({"cpu_usage_period_31968000.json": [{"stack": "shop", "usage": 4.0, "date": "Nov 2026"}]})
    assert any("The months in KubeLedger's files are not the sums of its days" in w for w in told(dataset))


def test_where_files_contradict_each_other_beyond_any_row_a_warning_says_so(build: Build) -> None:
    hours = {f"2026-11-20T{hour:02}:00:00Z": 10.0 for hour in range(24)}
    newest = {"2026-11-21T00:00:00Z": 10.0}
    # 24 hours of 10 % are 240, not 540: no installation has rows of 1,600 seconds.
    rows = [{"stack": "shop", "usage": 540.0, "date": "20 Nov"}]
    dataset = build(
        {
            "cpu_usage_trends.json": trend_rows({"shop": {**hours, **newest}}),
            "cpu_usage_period_1209600.json": rows,
            "cpu_requests_period_1209600.json": [],
        }
    )
    assert any("are not the sums of its hourly points" in warning for warning in told(dataset))
    assert list(dataset.scales["daily_14d"].namespaces["shop"]["cpu"].usage) == [540.0]


def test_a_day_of_another_half_year_tells_nothing_about_rows(build: Build) -> None:
    days = {"21 Nov": 200.0, "01 Jul": 100.0}
    months = {"Nov 2026": 4000.0, "Jul 2026": 100.0}
    files = {"cpu_usage_period_1209600.json": days, "cpu_usage_period_31968000.json": months}
    dataset = build({name: period_rows({"shop": values}) for name, values in files.items()})
    assert list(dataset.scales["daily_14d"].namespaces["shop"]["cpu"].usage) == [200.0]
    assert any(warning.startswith("1 date(s) of daily_14d") for warning in told(dataset))


def test_days_with_either_usage_or_requests_tell_nothing_about_rows(build: Build) -> None:
    requests = period_rows({"shop": {"20 Nov": 20.0}})
    costs = {"cost_model": "costs", "currency": "$"}
    dataset = build({"backend.json": costs, "cpu_requests_period_1209600.json": requests})
    assert list(dataset.scales["daily_14d"].namespaces["shop"]["cpu"].usage) == [200.0]
    assert not any(SAID in warning for warning in told(dataset))
