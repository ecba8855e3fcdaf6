from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from kl_core.vocabulary import ScaleName
from kl_mcp.tools import TABLE
from kl_mcp.tools.plain import plain
from kl_query.dataset import Dataset, load_dataset
from kl_query.metadata import metadata
from kl_query.view import frame
from kl_query.warnings.warning import duration
from tests.support.datasets import Dataset as Published
from tests.support.datasets import Row, Scale, at, write
from tests.support.published import publish
from tests.support.shown import warned

SAMPLED = "2026-11-21T19:00:00Z"
NOW = at(SAMPLED).timestamp()
LAST_TICK = at("2026-11-21T12:00:00Z").timestamp()
Block = Callable[..., dict[str, Any]]


@pytest.fixture
def block(tmp_path: Path) -> Block:
    """Publish two days, the second open, with changes, and return the metadata of a question about them."""

    def made(
        *, age: float = 0, model: Any = None, scale: ScaleName = "daily_14d", day: Any = None, **facts: Any
    ) -> Any:
        daily: dict[str, Any] = {
            "first": "2026-11-20",
            "capacity": {"cpu": [240, 190]},
            "open_hours": 19,
            "namespaces": {"web": {"cpu": Row([24, 19], [24, 19])}},
            **(day or {}),
        }
        dataset = load_dataset(write(tmp_path, Published(**{"daily": Scale(**daily), "last_sample": SAMPLED, **facts})))
        return _metadata(dataset, age, model, scale)

    return made


def _metadata(dataset: Dataset, age: float, model: Any, scale: ScaleName) -> dict[str, Any]:
    view = frame(dataset, scale, "cpu", model)
    found = metadata(dataset, window=view.window, measure=view.measure)
    return {**plain(found, found.unit), "warnings": warned(dataset, NOW + age, found)}


@pytest.mark.requirement("KL-M-2")
def test_a_fresh_open_window_warns_of_nothing_but_its_partial_bucket(block: Block) -> None:
    found = block()
    assert found["warnings"] == ["Partial: the bucket 2026-11-21 is still open and holds 19 of its 24 hours."]
    assert found["data_window"] == {
        "granularity": "day",
        "start": "2026-11-20T00:00:00Z",
        "end": SAMPLED,
        "points": 2,
        "timezone": "UTC",
        "partial": True,
    }


@pytest.mark.requirement("KL-M-2")
def test_staleness_counts_from_the_last_sample_after_three_missed_ticks(block: Block) -> None:
    assert not any("Stale" in warning for warning in block(age=900)["warnings"])
    assert "Stale: the last sample is from 2026-11-21T19:00:00Z, 15 min before" in block(age=901)["warnings"][0]
    assert "26 h before" in block(age=26 * 3600 + 5)["warnings"][0]
    assert "4 days before" in block(age=4 * 86_400 + 5)["warnings"][0]


def test_an_interval_that_is_not_told_is_taken_for_five_minutes(tmp_path: Path) -> None:
    publish(tmp_path)
    dataset = replace(load_dataset(tmp_path), polling_interval_seconds=None, generated_at=None)
    newest = max(at for at in dataset.last_sample_at.values() if at is not None)
    for age, is_stale in ((900, False), (901, True)):
        warnings = warned(dataset, newest + age, metadata(dataset))
        assert any(warning.startswith("Stale") for warning in warnings) is is_stale


@pytest.mark.requirement("KL-M-2")
@pytest.mark.parametrize(("age", "said"), [(-600, None), (-601, "10 min"), (-7200, "2 h"), (-401 * 86_400, "401 days")])
def test_a_newest_sample_ahead_of_the_servers_clock_is_not_fresh(block: Block, age: int, said: str | None) -> None:
    found = block(age=age)["warnings"]
    expected = (
        f"Clocks disagree: the newest sample lies {said} ahead of this server's clock. How old the numbers are is "
        "unknown: check the clocks of this server and of the collector."
    )
    assert [warning for warning in found if "lock" in warning] == ([expected] if said else [])


@pytest.mark.requirement("KL-M-2")
@pytest.mark.parametrize(
    ("ahead", "by", "said"),
    [
        (86_400 * 3, ["api_server"], "3 days ahead by the API server's clock"),
        (-7200, ["boot_clock"], "2 h behind by the time since its last tick"),
        (-900, ["newest_sample"], "15 min behind by its newest sample"),
        (900, ["the_sun"], "15 min ahead by another clock"),
    ],
)
def test_a_collector_whose_clock_is_contradicted_takes_no_samples_which_is_said(
    tmp_path: Path, ahead: int, by: list[str], said: str
) -> None:
    report = {"detected_at": SAMPLED, "ahead_seconds": ahead, "contradicted_by": by}
    publish(tmp_path, clock_disagrees=report)
    dataset = load_dataset(tmp_path)
    for name, tool in TABLE.items():
        arguments = {"pattern": "s*"} if name == "group_namespaces" else {}
        warnings = tool.run(arguments, dataset, LAST_TICK)["metadata"]["warnings"]
        assert f"No samples since {SAMPLED}: the collector's clock is {said}." in " ".join(warnings)


def test_a_publication_from_the_future_does_not_show_that_the_collector_runs(tmp_path: Path) -> None:
    for generated_at, said in (("2026-11-21T13:00:00Z", "No source has answered"), ("2027-11-21T13:00:00Z", "Stale")):
        publish(tmp_path, generated_at=generated_at)
        view = frame(load_dataset(tmp_path), "daily_14d", "cpu", None)
        found = metadata(view.dataset, window=view.window, measure=view.measure)
        warnings = warned(view.dataset, LAST_TICK + 3600, found)
        assert warnings[0].startswith(said)


def test_a_source_that_fell_behind_is_named(block: Block) -> None:
    sampled = {"kubernetes": SAMPLED, "metrics": "2026-11-21T12:00:00Z", "dcgm": None}
    assert "metrics last answered at 2026-11-21T12:00:00Z" in block(last_sample_at=sampled)["warnings"][0]
    never = {"kubernetes": SAMPLED, "metrics": None, "dcgm": None}
    assert "metrics-server has never given a usable answer" in block(last_sample_at=never)["warnings"][0]


@pytest.mark.requirement("KL-M-2")
def test_gaps_are_named_with_their_hours(block: Block) -> None:
    found = block(day={"observed": [21, 18]})
    assert found["warnings"][-1] == ("Not observed: 4 h, no amount covers them: 2026-11-20 (3 h), 2026-11-21 (1 h).")
    assert (found["coverage"]["observed_hours"], found["coverage"]["elapsed_hours"]) == (39, 43)


@pytest.mark.parametrize(("missing", "named"), [(5e-7, False), (2e-6, True)])
def test_what_hours_round_to_is_no_gap(block: Block, missing: float, named: bool) -> None:
    found = block(day={"observed": [24 - missing, 19]})
    assert any(warning.startswith("Not observed") for warning in found["warnings"]) is named


@pytest.mark.parametrize(
    ("seconds", "words"), [(7199, "119 min"), (7200, "2 h"), (72 * 3600 - 1, "71 h"), (259200, "3 days")]
)
def test_ages_are_told_in_minutes_hours_and_days(seconds: int, words: str) -> None:
    assert duration(seconds) == words


def test_coverage_weighs_buckets_by_their_hours(block: Block) -> None:
    found = block(day={"coverage": {"metrics": [0.5, 1], "dcgm": [None, None]}})
    # (0.5 x 24 + 1 x 19) / 43
    assert found["coverage"]["metrics"] == pytest.approx(31 / 43, rel=1e-5)
    assert found["coverage"]["dcgm"] is None


def test_money_names_its_currency_and_changes_of_the_rate(block: Block) -> None:
    rates = [
        {"effective": "2026-11-20T10:00:00Z", "rate": 2.0, "currency": "€", "weights": None},
        {"effective": "2026-11-21T10:00:00Z", "rate": 3.0, "currency": "€", "weights": None},
    ]
    found = block(model="costs", day={"bill": {"cpu": [28, 48]}}, rates=rates, currency="€")
    assert (found["unit"], found["currency"]) == ("currency", "€")
    assert "No rate was in force before 2026-11-20T10:00:00Z: those hours have no cost." in found["warnings"]
    assert "The rate changed inside this window: 2026-11-21T10:00:00Z: 3 €/h." in found["warnings"]


def test_the_end_of_charging_is_said_in_words(block: Block) -> None:
    rates = [
        {"effective": "2026-11-01T00:00:00Z", "rate": 2.0, "currency": "€", "weights": None},
        {"effective": "2026-11-21T10:00:00Z", "rate": 0.0, "currency": "€", "weights": None},
    ]
    found = block(model="costs", day={"bill": {"cpu": [48, 20]}}, rates=rates, currency="€")
    changed = "The rate changed inside this window: 2026-11-21T10:00:00Z: none, so that later hours have no cost."
    assert changed in found["warnings"]


def test_amounts_have_no_currency(block: Block) -> None:
    assert block(model="cumulative")["currency"] is None


def test_a_scale_that_holds_nothing_yet_says_when_to_expect_it(block: Block) -> None:
    found = block(scale="monthly_12m")
    assert found["warnings"] == [
        "monthly_12m holds no sample yet: expect the first one after the collector's next tick."
    ]
    assert found["data_window"]["points"] == 0


def test_hours_in_which_metrics_server_did_not_answer_are_named(block: Block) -> None:
    found = block(day={"coverage": {"metrics": [0.875, 1.0]}, "more": {"silent_hours": {"metrics": [3, 0]}}})
    assert found["warnings"][1:] == [
        (
            "metrics-server gave no usable answer for 3 h: usage is unknown in each hour it missed for the most part: "
            "2026-11-20 (3 h)."
        )
    ]


def test_half_an_hour_of_silence_is_named_and_a_single_missed_tick_is_not(block: Block) -> None:
    silent = block(day={"more": {"silent_hours": {"metrics": [0.5, 0.49]}}})["warnings"]
    assert len(silent) == 2
    assert "gave no usable answer for 0.5 h" in silent[1]


@pytest.mark.requirement("KL-M-2")
@pytest.mark.parametrize("scale", ["daily_14d", "monthly_12m"])
def test_two_sources_that_fail_at_different_times_are_both_named_with_their_hours(
    block: Block, scale: ScaleName
) -> None:
    # On the 20th metrics-server missed 6 hours and the API 6 others: both covered 18 of 24, and 18 + 19 of 43.
    day = {
        "observed": [18, 19],
        "coverage": {"kubernetes": [0.75, 1], "metrics": [0.75, 1]},
        "more": {"silent_hours": {"metrics": [6, 0]}, "pods_coverage": [0.5, 1]},
    }
    month: dict[str, Any] = {
        "first": "2026-11",
        "open_hours": 499,
        "capacity": {"cpu": [4930]},
        "namespaces": {"web": {"cpu": Row([493], [493])}},
        "observed": [493],
        "coverage": {"kubernetes": [493 / 499], "metrics": [493 / 499]},
        "more": {"silent_hours": {"metrics": [6]}, "pods_coverage": [487 / 499]},
    }
    found = block(scale=scale, day=day, monthly=Scale(**month))
    bucket = "2026-11-20" if scale == "daily_14d" else "2026-11"
    assert found["warnings"][1:] == [
        f"Not observed: 6 h, no amount covers them: {bucket} (6 h).",
        (
            "metrics-server gave no usable answer for 6 h: usage is unknown in each hour it missed for the most part: "
            f"{bucket} (6 h)."
        ),
    ]
    whole = 43 if scale == "daily_14d" else 499
    assert found["coverage"]["kubernetes"] == found["coverage"]["metrics"] == pytest.approx(1 - 6 / whole, rel=1e-5)


def test_coverage_of_an_exporter_is_of_the_hours_in_which_it_was_configured(block: Block) -> None:
    # 12 of 12 hours on the day it was configured at noon, 9.5 of 19 on the next: 21.5 of 31
    day = {"coverage": {"dcgm": [1.0, 0.5]}, "more": {"expected_hours": {"dcgm": [12, 19]}}}
    assert block(day=day)["coverage"]["dcgm"] == pytest.approx(21.5 / 31, rel=1e-5)


def test_hours_in_which_nothing_answered_are_not_named_twice(block: Block) -> None:
    # Both sources answered in 21 of 24 hours: what was missing is the collector, not metrics-server.
    found = block(day={"observed": [21, 19], "coverage": {"kubernetes": [0.875, 1.0], "metrics": [0.875, 1.0]}})
    assert [warning.partition(":")[0] for warning in found["warnings"]] == ["Partial", "Not observed"]
