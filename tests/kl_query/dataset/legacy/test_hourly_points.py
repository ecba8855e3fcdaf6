"""Which points are believed, and which of them is the newest hour."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from kl_mcp.tools import TABLE
from kl_query.dataset import Dataset, load_dataset
from tests.kl_query.dataset.legacy.conftest import FILES, NEWEST, Build
from tests.support.legacy_layout import at, put, trend_rows
from tests.support.warned import told

TREND = "cpu_usage_trends.json"
OLD: dict[str, dict[str, float | None]] = {
    "shop": {"2026-11-21T18:00:00Z": 10.0, NEWEST: 12.0},
    "web": {"2026-11-21T18:00:00Z": 4.0, NEWEST: 8.0},
}


def five_minutes(*times: str, value: float = 6.0) -> dict[str, float | None]:
    """Return points of 21 November."""
    return {f"2026-11-21T{time}:00Z": value for time in times}


@pytest.mark.parametrize(
    "points",
    [
        five_minutes("18:55", "19:00", "19:05", "19:10"),
        # What came first is unknown: the first point is on the hour, and no hour for that.
        five_minutes("19:00", "19:05", "19:10"),
        five_minutes("19:05", "19:10"),
    ],
)
def test_a_newborn_does_not_take_the_newest_hour_from_the_others(build: Build, points: dict[str, float | None]) -> None:
    dataset = build({TREND: trend_rows({**OLD, "newborn": points})})
    top = TABLE["get_top_consumers"].run({"metric": "cpu", "scale": "hourly_7d"}, dataset, at(NEWEST) + 900)
    assert top["date"] == "2026-11-21T18:00:00Z"
    # 12 + 8 = 20 % in the hour that ends at 19:00.
    known = [(row["namespace"], row["value"], row["share_pct"]) for row in top["ranking"] if row["value"] is not None]
    assert known == [("shop", 12.0, 60.0), ("web", 8.0, 40.0)]
    assert (top["metadata"]["last_sample_utc"], top["metadata"]["data_window"]["partial"]) == (NEWEST, False)
    born = dataset.namespaces["newborn"]
    assert (born.active, born.last_seen) == (True, at("2026-11-21T19:10:00Z"))


def test_staleness_is_that_of_the_hours_although_a_newborn_has_newer_points(build: Build) -> None:
    dataset = build({TREND: trend_rows({**OLD, "newborn": five_minutes("20:55", "21:00")})})
    warnings = TABLE["describe_dataset"].run({}, dataset, at(NEWEST) + 7500)["metadata"]["warnings"]
    assert any(warning.startswith(f"Stale: the last sample is from {NEWEST}") for warning in warnings)


def test_a_newborn_with_a_gpu_does_not_make_the_data_newer(build: Build) -> None:
    gpus = trend_rows({"newborn__gpu": five_minutes("19:05", "19:10")})
    dataset = build({TREND: trend_rows(OLD), "gpu_cpu_usage_trends.json": gpus})
    assert TABLE["describe_dataset"].run({}, dataset, at(NEWEST))["data_freshness_utc"] == NEWEST


def test_an_installation_without_a_whole_hour_shows_the_open_one(build: Build) -> None:
    young = five_minutes("18:45", "18:50", "18:55", "19:00", "19:05", "19:10")
    # At its only point, on the hour, `ended` has no hour either.
    dataset = build({TREND: trend_rows({"shop": young, "web": young, "ended": five_minutes("19:00")})})
    assert dataset.last_sample_at["metrics"] == at("2026-11-21T19:10:00Z")
    assert dataset.scales["hourly_7d"].complete == (True, False)
    # 6 % for a sixth of an hour.
    assert dataset.scales["hourly_7d"].namespaces["shop"]["cpu"].usage[-1] == pytest.approx(1.0)


def test_an_installation_of_one_hour_is_an_hourly_one_whatever_was_born_since(build: Build) -> None:
    one = {NEWEST: 12.0}
    dataset = build({TREND: trend_rows({"shop": dict(one), "web": dict(one), "newborn": five_minutes("19:05")})})
    assert dataset.last_sample_at["metrics"] == at(NEWEST)


def _loaded(directory: Path, trends: Any, written: int) -> Dataset:
    for name, content in {**FILES, TREND: trends}.items():
        put(directory, name, content)
        os.utime(directory / name, (written, written))
    return load_dataset(directory)


LATER = "2036-11-21T18:00:00Z"


@pytest.mark.parametrize("later", [LATER, "2026-11-23T20:00:00Z"])
def test_a_point_of_a_day_after_its_file_is_left_out_and_counted(tmp_path: Path, later: str) -> None:
    dataset = _loaded(tmp_path, trend_rows({**OLD, "odd": {later: 1.0}}), at(NEWEST) + 300)
    assert dataset.last_sample_at["metrics"] == at(NEWEST)
    assert list(dataset.scales["hourly_7d"].namespaces["shop"]["cpu"].usage) == [10.0, 12.0]
    assert "odd" not in dataset.namespaces
    [warning] = [warning for warning in told(dataset) if TREND in warning]
    assert "1 row(s)" in warning


@pytest.mark.parametrize("written", [0, at(NEWEST) - 2 * 86400])
def test_points_of_an_older_file_are_believed_as_its_time_may_be_wrong(tmp_path: Path, written: int) -> None:
    dataset = _loaded(tmp_path, trend_rows(OLD), written)
    assert dataset.last_sample_at["metrics"] == at(NEWEST)
    assert not any(TREND in warning for warning in told(dataset))


def test_points_that_go_on_after_the_time_of_their_file_are_believed(tmp_path: Path) -> None:
    points = {f"2026-11-{day}T19:00:00Z": 5.0 for day in range(17, 22)}
    dataset = _loaded(tmp_path, trend_rows({"shop": points}), at("2026-11-17T19:05:00Z"))
    assert dataset.last_sample_at["metrics"] == at(NEWEST)


@pytest.mark.parametrize("date", ["2026-11-21 18:00", "21 Nov", "", "2026-11-21T18:00:00.000Z"])
def test_points_with_a_date_that_cannot_be_read_are_counted(build: Build, date: str) -> None:
    dataset = build({TREND: trend_rows({"shop": {date: 1.0, NEWEST: 12.0}})})
    assert list(dataset.scales["hourly_7d"].namespaces["shop"]["cpu"].usage) == [12.0]
    assert any(f"{TREND}: 1 row(s)" in warning for warning in told(dataset))


def test_a_file_in_which_no_date_can_be_read_does_not_replace_the_last_good_one(build: Build) -> None:
    build()
    dataset = build({TREND: trend_rows({"shop": {"yesterday": 1.0, "today": 2.0}})})
    assert dataset.last_sample_at["metrics"] == at(NEWEST)
    assert f"{TREND} has 2 row(s), none of which can be used: answers use its last good content." in told(dataset)
