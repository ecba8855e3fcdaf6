"""Who is there, and when each was last seen, by the finest file that tells."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from kl_mcp.tools import TABLE
from kl_query.dataset import load_dataset
from tests.kl_query.dataset.legacy.conftest import NEWEST, Build
from tests.kl_query.dataset.legacy.test_hours_with_data import Where, half_used
from tests.support.legacy_layout import at, write

DAILY, MONTHLY = "usage_period_1209600.json", "usage_period_31968000.json"


def until(end: str) -> Where:
    """Return the hours up to an instant."""
    return lambda ends: ends <= at(end)


# By the name of a namespace: the end of its last hour, and what the files tell of it when the newest is 21 Nov, 19:00.
ENDED: dict[str, tuple[str, str, bool]] = {
    "there": ("2026-11-21T19:00:00Z", "2026-11-21T19:00:00Z", True),
    "one-hour-missed": ("2026-11-21T18:00:00Z", "2026-11-21T18:00:00Z", True),
    "two-hours-missed": ("2026-11-21T17:00:00Z", "2026-11-21T17:00:00Z", False),
    "this-week": ("2026-11-19T06:00:00Z", "2026-11-19T06:00:00Z", False),
    # The hours begin on the 14th after 19:00, without it.
    "the-14th": ("2026-11-14T10:00:00Z", "2026-11-14T19:00:00Z", False),
    # The last hour that counts to the 12th ends at 23:00.
    "last-week": ("2026-11-12T10:00:00Z", "2026-11-12T23:00:00Z", False),
    # November has it, the days from 7 November 19:00 on do not.
    "18-days-ago": ("2026-11-03T10:00:00Z", "2026-11-07T19:00:00Z", False),
    "in-june": ("2026-06-10T10:00:00Z", "2026-06-30T23:00:00Z", False),
}


@pytest.mark.parametrize("model", ["cumulative", "normalized", "costs"])
def test_ended_namespaces_are_inactive_and_last_seen_where_the_finest_file_ends_them(
    tmp_path: Path, model: str
) -> None:
    truth = half_used({name: until(end) for name, (end, _, _) in ENDED.items()}, model)
    dataset = load_dataset(write(tmp_path, truth))
    answer = TABLE["list_namespaces"].run({}, dataset, at(NEWEST) + 600)
    found = {row["name"]: (row["last_seen"], row["active"]) for row in answer["namespaces"] if row["name"] != "steady"}
    assert found == {name: (seen, active) for name, (_, seen, active) in ENDED.items()}
    # With `steady`, which half_used adds, three are there.
    assert (answer["counts"]["active"], answer["counts"]["inactive"]) == (3, 6)
    assert TABLE["describe_dataset"].run({}, dataset, at(NEWEST) + 600)["namespaces"]["active"] == 3
    said = [warning for warning in answer["metadata"]["warnings"] if "last_seen" in warning]
    assert [warning[:35] for warning in said] == ["4 namespace(s) were last seen more "]


def _row(name: str, date: str) -> dict[str, Any]:
    return {"stack": name, "usage": 3.0, "date": date}


def _presence(build: Build, files: dict[str, Any]) -> dict[str, tuple[bool | None, int | None]]:
    return {name: (one.active, one.last_seen) for name, one in build(files).namespaces.items()}


def test_of_a_namespace_without_cpu_and_so_without_hourly_points_its_days_tell(build: Build) -> None:
    rows = [_row("sleeping", "20 Nov"), _row("sleeping", "21 Nov"), _row("ended", "20 Nov")]
    found = _presence(build, {f"memory_{DAILY}": rows})
    assert found["sleeping"] == (True, at(NEWEST))
    assert found["ended"] == (False, at("2026-11-20T23:00:00Z"))


def test_without_any_hourly_point_days_tell_who_is_there(build: Build) -> None:
    days = [_row("shop", "20 Nov"), _row("shop", "21 Nov"), _row("web", "20 Nov")]
    months = [_row("shop", "Nov 2026"), _row("june", "Jun 2026")]
    found = _presence(build, {"cpu_usage_trends.json": [], f"cpu_{DAILY}": days, f"cpu_{MONTHLY}": months})
    assert found == {
        "shop": (True, at("2026-11-21T23:00:00Z")),
        "web": (False, at("2026-11-20T23:00:00Z")),
        "june": (False, at("2026-06-30T23:00:00Z")),
    }


def test_with_months_alone_nobody_is_known_to_be_there_or_not(build: Build) -> None:
    found = _presence(build, {"cpu_usage_trends.json": [], f"cpu_{DAILY}": []})
    assert found == {"shop": (None, at("2026-11-30T23:00:00Z"))}
