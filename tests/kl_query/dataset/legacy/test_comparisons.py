"""Periods of KubeLedger's files against each other, and trends of namespaces that came or went."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kl_mcp.tools import TABLE
from kl_query.dataset import Dataset, load_dataset
from tests.kl_mcp.tools.conftest import check_schemas
from tests.support.legacy_layout import MONTHLY, Truth, at, cluster, write

NEWEST = at("2026-11-21T19:00:00Z")
TODAY = slice(-19, None)
"""The hours that end at 01:00 to 19:00."""
YESTERDAY = slice(-19 - 24, -24)


def asked(dataset: Dataset, **arguments: Any) -> dict[str, Any]:
    answer: dict[str, Any] = TABLE["compare_periods"].run(arguments, dataset, NEWEST + 1200)
    check_schemas("compare_periods", answer)
    return answer


def say(answer: dict[str, Any], words: str) -> bool:
    return any(words in warning for warning in answer["metadata"]["warnings"])


@pytest.mark.requirement("KL-T-8", "KL-T-14")
def test_an_open_day_is_compared_over_the_hours_that_it_has_had(tmp_path: Path) -> None:
    truth = cluster(3, NEWEST)
    answer = asked(load_dataset(write(tmp_path, truth)), date="2026-11-21", baseline="2026-11-20")

    comparison = answer["comparison"]
    assert (comparison["same_hours"], comparison["scaled"], comparison["hours"]) == (True, False, 19)
    assert say(answer, "2026-11-21 is still open: only its 19 whole hours are compared")
    for row in answer["movers"]:
        used = truth.usage[row["namespace"]]["cpu"]
        assert (row["baseline_value"], row["value"]) == pytest.approx((used[YESTERDAY].sum(), used[TODAY].sum()))
        assert (row["billed_change"], row["billed_change_pct"]) == (None, None)


@pytest.mark.requirement("KL-T-8", "KL-T-14")
@pytest.mark.parametrize("model", ["costs", "normalized"])
def test_hours_that_are_in_other_terms_than_days_compare_nothing(tmp_path: Path, model: str) -> None:
    truth = cluster(3, NEWEST, model)
    answer = asked(load_dataset(write(tmp_path, truth)), date="2026-11-21", baseline="2026-11-20")

    comparison = answer["comparison"]
    assert (comparison["same_hours"], comparison["scaled"]) == (False, model == "costs")
    assert say(answer, "the same hours of both periods are not available")


@pytest.mark.requirement("KL-T-14")
def test_a_day_that_the_rolling_window_has_cut_is_not_billed(tmp_path: Path) -> None:
    dataset = load_dataset(write(tmp_path, cluster(3, NEWEST)))
    cut = asked(dataset, date="2026-11-20", baseline="2026-11-07")["comparison"]
    whole = asked(dataset, date="2026-11-20", baseline="2026-11-08")["comparison"]

    assert (cut["billed_change"], cut["billed_change_pct"]) == (None, None)
    assert (whole["billed_change"], whole["billed_change_pct"]) == (whole["change"], whole["change_pct"])


FROM, UNTIL = "2026-06-10T00:00:00Z", "2026-09-20T00:00:00Z"
LIVES: dict[str, Callable[[Any], Any]] = {
    "came": lambda ends: ends > at(FROM),
    "went": lambda ends: ends <= at(UNTIL),
    "both": lambda ends: (ends > at(FROM)) & (ends <= at(UNTIL)),
    "paused": lambda ends: (ends <= at(FROM)) | (ends > at(UNTIL)),
}


def steady() -> Truth:
    """Return namespaces that use 5 % of the cluster whenever they are there."""
    truth = cluster(3, NEWEST, metrics=("cpu",))
    ends = np.array(truth.ends)
    usage = {name: {"cpu": np.where(there(ends), 5.0, np.nan)} for name, there in LIVES.items()}
    everywhere = {"always": {"cpu": np.full(MONTHLY // 3600, 5.0)}}
    requests = {name: {"cpu": 10.0} for name in (*usage, *everywhere)}
    return replace(truth, usage={**usage, **everywhere}, requests=requests)


@pytest.mark.requirement("KL-T-13")
@pytest.mark.parametrize(
    ("name", "months"),
    [
        # The window begins on 17 November 2025, so that December is the first whole month.
        ("always", ["2025-12", "2026-10"]),
        ("came", ["2026-07", "2026-10"]),
        ("went", ["2025-12", "2026-08"]),
        ("both", ["2026-07", "2026-08"]),
        ("paused", ["2025-12", "2026-10"]),
    ],
)
def test_a_month_that_a_namespace_came_or_went_in_takes_no_part_in_its_trend(
    tmp_path: Path, name: str, months: list[str]
) -> None:
    trend = asked(load_dataset(write(tmp_path, steady())), namespace=name)["trend"]

    assert (trend["direction"], trend["rise_pct"]) == ("stable", 0)
    assert [trend["first_month"], trend["last_month"]] == months
