"""Where the rolling windows of files begin and end, also when KubeLedger writes files without new samples.

`half_used` lets every namespace use half of what it requests, so that any efficiency but 0.5 divides by wrong hours.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kl_mcp.tools import TABLE
from kl_query.dataset import Dataset, load_dataset
from tests.kl_mcp.tools.conftest import check_schemas
from tests.kl_query.dataset.legacy.conftest import NEWEST, Build
from tests.kl_query.dataset.legacy.test_hours_with_data import ends, half_used
from tests.support.legacy_layout import HOUR, MONTHLY, Truth, at, trend_rows, write
from tests.support.warned import told

WINDOWS = (1_209_600, 31_968_000)


NOTHING = (NEWEST, NEWEST)


def sampled(
    directory: Path,
    *,
    until: str = NEWEST,
    gap: tuple[str, str] = NOTHING,
    idle: tuple[str, str] = NOTHING,
    begun: str | None = None,
    written: int = at(NEWEST) + 300,
) -> Dataset:
    """Load files of 19:05 on 21 November over samples up to `until`: none in the hours of a gap, 0 in idle ones."""
    truth = half_used({}, "cumulative", begun=begun)
    silent = (ends() > at(until)) | ((ends() > at(gap[0])) & (ends() <= at(gap[1])))
    truth.usage["steady"]["cpu"][(ends() > at(idle[0])) & (ends() <= at(idle[1]))] = 0.0
    truth.usage["steady"]["cpu"][silent] = np.nan
    write(directory, truth)
    for path in directory.glob("*.json"):
        rows = json.loads(path.read_text())
        if isinstance(rows, list):
            # What is not sampled is not written of the whole cluster either.
            mine = [row for row in rows if "non-allocatable" not in row.values()]
            path.write_text(json.dumps(mine))
        os.utime(path, (written, written))
    return load_dataset(directory)


def efficiency(dataset: Dataset, now: int = at(NEWEST) + 600, **arguments: Any) -> tuple[float | None, list[str]]:
    """Return the efficiency of the one namespace, and the warnings."""
    answer = TABLE["get_efficiency"].run({"metric": "cpu", "namespace": "steady", **arguments}, dataset, now)
    check_schemas("get_efficiency", answer)
    return answer["efficiency"][0]["efficiency_ratio"], answer["metadata"]["warnings"]


def said(warnings: list[str], words: str) -> bool:
    """Say whether a warning has some words."""
    return any(words in warning for warning in warnings)


@pytest.mark.parametrize(
    ("newest", "scale", "first"),
    [
        # 14 days before is 16 November 23:00, and the hour after it the first of the 17th.
        ("2026-11-30T23:00:00Z", "daily_14d", "2026-11-17"),
        # 370 days before is 28 February 2026 23:00.
        ("2027-03-05T23:00:00Z", "monthly_12m", "2026-03"),
    ],
)
def test_a_window_that_begins_with_a_bucket_is_no_beginning_of_the_data(
    tmp_path: Path, newest: str, scale: str, first: str
) -> None:
    hours = np.full(MONTHLY // HOUR, 10.0)
    truth = Truth(at(newest), {"steady": {"cpu": hours}}, {"steady": {"cpu": 20.0}})
    dataset = load_dataset(write(tmp_path, truth))
    for date in (first, "all"):
        ratio, warnings = efficiency(dataset, at(newest) + 600, scale=scale, date=date)
        assert ratio == 0.5
        assert not said(warnings, "data begin in")


def test_when_polls_end_and_files_are_still_written_the_window_goes_on(tmp_path: Path) -> None:
    dataset = sampled(tmp_path, until="2026-11-19T19:00:00Z")
    # The window begins on 7 November after 19:00, where it would on the 5th were it to end with the samples.
    ratio, warnings = efficiency(dataset, date="2026-11-07")
    assert ratio == 0.5
    assert said(warnings, "2026-11-07 holds the last 4 of its 24 hours")
    assert said(warnings, "Before 2026-11-14T19:00:00Z KubeLedger's files do not contain individual hours")
    assert said(warnings, "Stale: the last sample is from 2026-11-19T19:00:00Z")
    assert not said(warnings, "data begin in")
    assert efficiency(dataset)[0] == 0.5
    ratio, warnings = efficiency(dataset, scale="monthly_12m")
    assert ratio == 0.5
    assert said(warnings, "2025-11 holds the last 340 of its 720 hours")


def test_files_written_before_the_first_poll_of_an_hour_begin_with_that_hour(tmp_path: Path) -> None:
    dataset = sampled(tmp_path, until="2026-11-21T18:00:00Z")
    ratio, warnings = efficiency(dataset, date="2026-11-07")
    # Points of 20:00 to 23:00: by those after 18:00, five, it would be 0.4.
    assert ratio == 0.5
    assert said(warnings, "2026-11-07 holds the last 4 of its 24 hours")


def test_hours_that_begin_where_such_a_window_does_are_not_those_a_namespace_began_with(tmp_path: Path) -> None:
    idle = ("2026-11-13T23:00:00Z", "2026-11-14T19:00:00Z")
    dataset = sampled(tmp_path, until="2026-11-21T18:00:00Z", idle=idle)
    # The points of the 14th from 20:00 on add up to all of its usage; the day has 24 hours nevertheless.
    assert efficiency(dataset, date="2026-11-14")[0] == pytest.approx(0.5 * 4 / 24, rel=1e-5)


@pytest.mark.parametrize(
    ("back", "written"),
    [
        # The hours begin after 22:00, and so would the window end at 22:00, which is after the files were written.
        ("2026-11-14T22:00:00Z", at(NEWEST) + 300),
        # Of a copy the time says nothing. The window would end on the 22nd at 10:00 and begin on the 8th.
        ("2026-11-15T10:00:00Z", at(NEWEST) + 90 * 24 * HOUR),
    ],
)
def test_an_outage_where_the_week_begins_does_not_move_the_window(tmp_path: Path, back: str, written: int) -> None:
    dataset = sampled(tmp_path, gap=("2026-11-14T19:00:00Z", back), written=written)
    ratio, warnings = efficiency(dataset, date="2026-11-07")
    assert ratio == 0.5
    assert said(warnings, "2026-11-07 holds the last 4 of its 24 hours")


def test_an_installation_of_some_days_has_no_window_that_goes_on(tmp_path: Path) -> None:
    dataset = sampled(tmp_path, begun="2026-11-18T15:00:00Z")
    for scale in ("monthly_12m", "daily_14d"):
        ratio, warnings = efficiency(dataset, scale=scale)
        assert ratio == 0.5
        assert not said(warnings, "Before ")
    # Its first day has the points of 16:00 to 23:00.
    assert said(warnings, "Not observed: 16 h, no amount covers them: 2026-11-18 (16 h).")


def test_when_polls_ended_more_than_a_week_ago_staleness_is_that_of_the_last_day(tmp_path: Path) -> None:
    dataset = sampled(tmp_path, until="2026-11-13T06:00:00Z")
    for scale, last in (("daily_14d", "2026-11-13"), ("monthly_12m", "2026-11")):
        answer = TABLE["get_usage"].run({"metric": "cpu", "scale": scale}, dataset, at(NEWEST))
        assert answer["metadata"]["last_sample_utc"] is None
        assert answer["metadata"]["data_window"]["end"] == "2026-11-14T00:00:00Z"
        warnings = answer["metadata"]["warnings"]
        assert said(
            warnings, "Stale: there are no hourly points of the last 7 days, and no data after 2026-11-13, which"
        )
        assert said(warnings, f"Partial: {last} is the last bucket with data")
        assert not said(warnings, "is still open")
        ratio, warnings = efficiency(dataset, at(NEWEST), scale=scale)
        assert ratio is None
        assert not said(warnings, "Before ")
    assert said(warnings, "There are no hourly points")
    # On the 13th itself and until two hours after it the files may be as new as they can be.
    fresh = TABLE["describe_dataset"].run({}, dataset, at("2026-11-14T01:00:00Z"))["metadata"]["warnings"]
    assert not said(fresh, "Stale")


@pytest.mark.parametrize("requested", [True, False])
@pytest.mark.parametrize(
    ("begun", "months", "direction"),
    [
        ("2026-10-07T15:00:00Z", 0, "insufficient_data"),
        # October alone remains: by September's 560 of 720 hours the same level would read growing.
        ("2026-09-07T15:00:00Z", 1, "insufficient_data"),
        ("2026-08-07T15:00:00Z", 2, "stable"),
    ],
)
def test_an_incomplete_first_month_is_no_part_of_a_trend(
    tmp_path: Path, begun: str, months: int, direction: str, requested: bool
) -> None:
    directory = write(tmp_path, half_used({}, "cumulative", begun=begun))
    if not requested:
        for path in (*tmp_path.glob("*requests*"), *tmp_path.glob("*rf*")):
            path.write_text("[]")
    for arguments in ({"namespace": "steady"}, {}):
        answer = TABLE["compare_periods"].run({"metric": "cpu", **arguments}, load_dataset(directory), at(NEWEST))
        assert (answer["trend"]["months"], answer["trend"]["direction"]) == (months, direction)
        assert answer["trend"]["months_left_out"] == [begun[:7]]
        series = answer["monthly_12m"]["series"]
        assert [month["complete"] for month in series] == [False, *[True] * months, False]


def test_buckets_in_which_nothing_was_recorded_are_gaps_of_the_cluster_and_not_of_each_namespace(
    tmp_path: Path,
) -> None:
    # The 11th and the 12th as days of the files, whose first hour ends at 00:00.
    dataset = sampled(tmp_path, gap=("2026-11-10T23:00:00Z", "2026-11-12T23:00:00Z"))
    answer = TABLE["get_usage"].run({"metric": "cpu"}, dataset, at(NEWEST))
    warnings = answer["metadata"]["warnings"]
    assert said(warnings, "Not observed: 48 h, no amount covers them: 2026-11-11 (24 h), 2026-11-12 (24 h).")
    assert not said(warnings, "have no value for")
    assert answer["totals"][4:6] == [None, None]


def test_an_installation_without_a_whole_hour_says_in_one_warning_what_is_empty_and_why(build: Build) -> None:
    points = {f"2026-11-21T19:{minute:02}:00Z": 6.0 for minute in range(5, 25, 5)}
    files = {
        "cpu_usage_trends.json": trend_rows({"shop": points}),
        "memory_usage_trends.json": trend_rows({"shop": points}),
        "cpu_rf_trends.json": trend_rows({"shop__rf": points}),
        "memory_rf_trends.json": trend_rows({"shop__rf": points}),
    }
    periods: dict[str, Any] = {
        f"{m}_{k}_period_{w}.json": [] for m in ("cpu", "memory") for k in ("usage", "requests") for w in WINDOWS
    }
    dataset = build({**files, **periods})
    for tool in ("get_usage", "get_top_consumers", "get_efficiency"):
        warnings = TABLE[tool].run({"metric": "cpu"}, dataset, at("2026-11-21T19:21:00Z"))["metadata"]["warnings"]
        assert len(warnings) == 2, "and the note on the layout"
        assert "after its first full hour" in warnings[1]


def test_empty_files_beside_others_are_named_in_one_warning(build: Build) -> None:
    [warning] = [warning for warning in told(build()) if "lists" in warning]
    assert "memory_usage_trends.json" in warning
    assert "memory_requests_period_31968000.json" in warning
    assert "cpu_usage" not in warning
