"""Dates before the published scales, which the history answers.

On day n of October web used n core-hours of 240, db twice as many in the second half and nothing before. The bill is
0.6 for a core-hour of capacity, 144 a day.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from kl_query.answers.compare_periods.compare import compare_periods
from kl_query.answers.efficiency import efficiency
from kl_query.dataset import Dataset, load_dataset
from kl_query.dataset.visibility import restricted_to
from kl_query.errors import ToolArgumentError
from kl_query.metadata import metadata
from kl_query.selection import Selection
from kl_query.view import Frame, frame
from tests.support.datasets import Dataset as Published
from tests.support.datasets import Row, Scale, write

OCTOBER = [float(day) for day in range(1, 32)]
SECOND_HALF = [2.0 * day if day > 15 else 0.0 for day in range(1, 32)]


WEB: dict[str, Any] = {
    "selection": Selection("namespace", ("web",), "web"),
    "metric": "cpu",
    "dimension": "usage",
    "cost_model": None,
    "scale": "daily_14d",
    "sort": "change",
}


def october() -> Scale:
    return Scale(
        "2026-10-01",
        {"web": {"cpu": Row(OCTOBER, [48.0] * 31)}, "db": {"cpu": Row(SECOND_HALF, SECOND_HALF)}},
        {"cpu": [240.0] * 31},
        bill={"cpu": [144.0] * 31},
    )


def november(days: int) -> Scale:
    return Scale(
        "2026-11-01",
        {"web": {"cpu": Row([24.0] * days, [48.0] * days)}},
        {"cpu": [240.0] * days},
        bill={"cpu": [144.0] * days},
    )


def published(**changes: object) -> Published:
    daily = Scale(
        "2026-11-06",
        {"web": {"cpu": Row([24.0] * 15 + [10.0], [48.0] * 15 + [39.0])}},
        {"cpu": [240.0] * 15 + [195.0]},
        open_hours=19.5,
        bill={"cpu": [144.0] * 15 + [117.0]},
    )
    monthly = Scale(
        "2026-10",
        {
            "web": {"cpu": Row([496.0, 24.0 * 20 + 10.0], [48.0 * 31, 48.0 * 20 + 39.0])},
            "db": {"cpu": Row([752.0, 0.0], [752.0, 0.0])},
        },
        {"cpu": [240.0 * 31, 240.0 * 20 + 195.0]},
        open_hours=24 * 20 + 19.5,
        bill={"cpu": [144.0 * 31, 144.0 * 20 + 117.0]},
    )
    facts: dict[str, object] = {
        "daily": daily,
        "monthly": monthly,
        "history": [october(), november(20)],
        "currency": "EUR",
        "rates": [{"effective": "2026-10-01T00:00:00Z", "rate": 6.0, "currency": "EUR", "weights": None}],
        "last_sample": "2026-11-21T19:30:00Z",
    }
    return Published(**{**facts, **changes})  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return load_dataset(write(tmp_path_factory.mktemp("past"), published()))


def cpu(dataset: Dataset, date: str, scale: str = "daily_14d", **given: str) -> Frame:
    return frame(dataset, scale, "cpu", given.get("cost_model"), date=date)  # type: ignore[arg-type]


@pytest.mark.requirement("KL-D-14")
def test_days_of_a_past_month_are_answered(dataset: Dataset) -> None:
    view = cpu(dataset, "2026-10-03..2026-10-17")
    assert view.window.label == "2026-10-03..2026-10-17"
    assert view.total_of("web").value == sum(range(3, 18))
    assert view.total_of("db").value == 2 * (16 + 17)
    assert view.all_namespaces == sum(range(3, 18)) + 66
    assert view.capacity_or_bill == 15 * 240
    assert not view.window.partial
    assert metadata(dataset, window=view.window).source_file == "history-1.json"
    assert metadata(dataset, window=cpu(dataset, "all").window).source_file == "daily_14d-1.json"


def test_one_past_day_is_answered_in_money(dataset: Dataset) -> None:
    view = cpu(dataset, "2026-10-20", cost_model="costs")
    assert view.total_of("db").value == pytest.approx(40 * 0.6)
    assert view.capacity_or_bill == 144


def test_a_range_reaches_from_the_history_into_the_open_day(dataset: Dataset) -> None:
    view = cpu(dataset, "2026-10-31..2026-11-21")
    assert view.total_of("web").value == 31 + 20 * 24 + 10
    assert view.total_of("db").value == 62
    assert len(view.window.dates) == 22
    assert view.window.partial


def test_days_and_months_of_the_same_time_agree(dataset: Dataset) -> None:
    assert cpu(dataset, "2026-10").total_of("web").value == cpu(dataset, "2026-10", "monthly_12m").total_of("web").value


def test_default_windows_are_those_that_are_published(dataset: Dataset) -> None:
    assert cpu(dataset, "all").window.label == "2026-11-06..2026-11-21"
    assert cpu(dataset, "latest").window.label == "2026-11-21"
    assert "db" not in cpu(dataset, "all").table


@pytest.mark.requirement("KL-D-14")
def test_a_range_that_begins_before_the_record_says_how_much_is_covered(dataset: Dataset) -> None:
    view = cpu(dataset, "2026-09-21..2026-10-02")
    assert view.window.label == "2026-10-01..2026-10-02"
    assert view.total_of("web").value == 3
    (said,) = (warning.text for warning in view.scale.problems)
    assert said == "The record begins at 2026-10-01T00:00:00Z: of the 288 h that were asked for, 48 h are covered."
    assert not cpu(dataset, "2026-10-01..2026-10-02").scale.problems


def test_a_range_that_ends_before_the_record_is_an_error_that_names_what_there_is(dataset: Dataset) -> None:
    with pytest.raises(ToolArgumentError) as error:
        cpu(dataset, "2026-09-30")
    assert error.value.code == "unknown_date"
    assert "holds 2026-10-01..2026-11-21." in str(error.value)
    with pytest.raises(ToolArgumentError):
        cpu(dataset, "2026-11-22")


def test_the_nearest_dates_and_what_there_is_of_a_range_are_those_of_the_history_too(dataset: Dataset) -> None:
    with pytest.raises(ToolArgumentError) as before:
        cpu(dataset, "2026-09-21")
    assert before.value.nearest == tuple(f"2026-10-0{day}" for day in range(1, 6))
    with pytest.raises(ToolArgumentError) as after:
        cpu(dataset, "2026-10-20..2026-12-31")
    assert after.value.corrections[0].changes == {"date": "2026-10-20..2026-11-21"}
    with pytest.raises(ToolArgumentError) as inside:
        cpu(dataset, "2026-10-02T05:00:00Z")
    assert inside.value.nearest[0] == "2026-10-02"


def test_hours_of_a_record_that_is_older_than_they_are_are_no_range_before_it(tmp_path: Path) -> None:
    web = {"web": {"cpu": Row([0.5] * 20, [2.0] * 20)}}
    hourly = Scale("2026-11-21T00:00:00Z", web, {"cpu": [10.0] * 20})
    with pytest.raises(ToolArgumentError, match="lies outside the data of hourly_7d") as error:
        cpu(load_dataset(write(tmp_path, published(hourly=hourly))), "last_2d", "hourly_7d")
    assert {"date": "2026-11-19..2026-11-21", "scale": None} in [each.changes for each in error.value.corrections]
    begun = {"first_seen": "2026-11-21T00:05:00Z"}
    young = published(hourly=hourly, daily=None, monthly=None, history=[], table={"web": begun})
    view = cpu(load_dataset(write(tmp_path / "young", young)), "last_2d", "hourly_7d")
    assert view.total_of("web").value == 10
    (said,) = (warning.text for warning in view.scale.problems)
    assert said == "The record begins at 2026-11-21T00:00:00Z: of the 48 h that were asked for, 20 h are covered."


def test_a_month_in_which_the_record_begins_says_from_when_it_is(tmp_path: Path) -> None:
    days = Scale(
        "2026-10-11",
        {"web": {"cpu": Row(OCTOBER[10:], [48.0] * 21)}},
        {"cpu": [240.0] * 21},
        bill={"cpu": [144.0] * 21},
    )
    monthly = Scale("2026-11", {"web": {"cpu": Row([490.0], [999.0])}}, {"cpu": [4995.0]}, open_hours=499.5)
    dataset = load_dataset(write(tmp_path, published(monthly=monthly, history=[days, november(20)])))
    view = cpu(dataset, "2026-09..2026-10", "monthly_12m")
    (said,) = (warning.text for warning in view.scale.problems)
    assert said == "The record begins at 2026-10-11T00:00:00Z: of the 1464 h that were asked for, 504 h are covered."
    assert (view.window.observed_hours, view.window.elapsed_hours) == (504, 744)


def test_months_before_those_that_are_published_are_their_days_together(tmp_path: Path) -> None:
    monthly = Scale("2026-11", {"web": {"cpu": Row([490.0], [999.0])}}, {"cpu": [4995.0]}, open_hours=499.5)
    dataset = load_dataset(write(tmp_path, published(monthly=monthly)))
    view = cpu(dataset, "2026-10", "monthly_12m", cost_model="costs")
    assert view.window.dates == ["2026-10"]
    assert view.total_of("web").value == pytest.approx(496 * 0.6)
    assert view.total_of("db").value == pytest.approx(752 * 0.6)
    assert view.capacity_or_bill == pytest.approx(31 * 144)
    both = cpu(dataset, "2026-10..2026-11", "monthly_12m")
    assert both.total_of("web").value == 496 + 490
    assert both.window.elapsed_hours == 31 * 24 + 499.5


def test_efficiency_of_past_days_is_that_of_their_sums(dataset: Dataset) -> None:
    everything = Selection("cluster", dataset.names, "*")
    answer = efficiency(
        dataset,
        scale="daily_14d",
        selection=everything,
        metric="cpu",
        date="2026-10-01..2026-10-10",
        sort="namespace",
        classification=None,
        exclude_system=False,
    )
    rows = {row.namespace: row for row in answer.efficiency}
    assert rows["web"].efficiency_ratio == pytest.approx(55 / 480)
    assert rows["db"].reason == "it neither used nor requested any cpu"


def test_two_periods_far_apart_are_compared(dataset: Dataset) -> None:
    answer = compare_periods(
        dataset,
        **WEB,
        date="2026-11-16..2026-11-20",
        baseline="2026-10-01..2026-10-05",
    )
    assert answer.comparison is not None
    assert answer.comparison.baseline_value == 15
    assert answer.comparison.value == 120


def test_what_was_as_long_before_is_found_in_the_history(dataset: Dataset) -> None:
    answer = compare_periods(
        dataset,
        **WEB,
        date="2026-10-20",
        baseline=None,
    )
    assert answer.comparison is not None
    assert (answer.comparison.baseline_value, answer.comparison.value) == (19, 20)
    with pytest.raises(ToolArgumentError, match="does not hold as many before it"):
        compare_periods(
            dataset,
            **WEB,
            date="2026-10-01",
            baseline=None,
        )


@pytest.mark.parametrize("date", ["0001..2026-10", "2025..2026-10-05"])
def test_before_a_range_that_begins_before_the_record_there_is_nothing(dataset: Dataset, date: str) -> None:
    with pytest.raises(ToolArgumentError, match=r"^2026-10-01\.\.2026-10-(31|05) has (31|5) day bucket") as error:
        compare_periods(dataset, **WEB, date=date, baseline=None)
    assert error.value.argument == "baseline"
    with pytest.raises(ToolArgumentError, match=r"^2026-10 has 1 month bucket"):
        compare_periods(dataset, **{**WEB, "scale": "monthly_12m"}, date="0001..2026-10", baseline=None)


def test_days_that_no_file_holds_are_unknown(tmp_path: Path) -> None:
    dataset = load_dataset(write(tmp_path, published(history=[october()])))
    view = cpu(dataset, "2026-10-30..2026-11-07")
    assert view.window.observed_hours == 4 * 24
    assert view.total_of("web").value == 30 + 31 + 24 + 24
    assert len(view.window.dates) == 9


def test_a_caller_sees_of_the_past_what_it_may_see_and_the_same_totals(tmp_path: Path) -> None:
    past = october()
    former = {**past.namespaces, "secret-past": {"cpu": Row([3.0] * 31, [3.0] * 31)}}
    shown = Scale(past.first, former, past.capacity, bill=past.bill)
    dataset = load_dataset(write(tmp_path, published(history=[shown, november(20)])))
    tenant = cpu(restricted_to(dataset, ["web"]), "2026-10-03..2026-10-17")
    assert [row for row in tenant.table.rows if isinstance(row, str)] == ["web"]
    assert tenant.all_namespaces == cpu(dataset, "2026-10-03..2026-10-17").all_namespaces == 150 + 66 + 45
    ids = [row for row in tenant.table.rows if not isinstance(row, str)]
    assert len(ids) == len(set(ids)) == 2
    twice = cpu(restricted_to(restricted_to(dataset, ["web", "db"]), ["web"]), "2026-10-03..2026-10-17")
    assert twice.all_namespaces == tenant.all_namespaces


def test_namespaces_of_the_past_that_two_restrictions_withhold_are_still_two(tmp_path: Path) -> None:
    past = october()
    former = {**past.namespaces, **{name: {"cpu": Row([3.0] * 31, [3.0] * 31)} for name in ("gone-1", "gone-2")}}
    shown = Scale(past.first, former, past.capacity, bill=past.bill)
    dataset = load_dataset(write(tmp_path, published(history=[shown, november(20)])))
    once = restricted_to(dataset, ["web", "db", "gone-2"])
    view = cpu(restricted_to(once, ["web", "db"]), "2026-10-03..2026-10-17")
    assert view.all_namespaces == 150 + 66 + 90
    assert len(view.table) == 4


def with_gpus_since_november(directory: Path) -> Dataset:
    """Add GPUs in November alone: ml uses 48 GPU-hours of 96 a day, of which the bill is another 144."""
    gpus, gpu_bill = {"ml": {"gpu": Row([48.0] * 15 + [39.0], [96.0] * 15 + [78.0])}}, {"gpu": [144.0] * 15 + [117.0]}
    plain = published().daily
    assert plain is not None
    daily = Scale(
        plain.first,
        {**plain.namespaces, **gpus},
        {**plain.capacity, "gpu": [96.0] * 15 + [78.0]},
        open_hours=19.5,
        bill={**plain.bill, **gpu_bill},
    )
    return load_dataset(write(directory, published(daily=daily, history=[october(), november(5)])))


@pytest.mark.parametrize("metric", ["gpu", "total"])
def test_what_had_no_capacity_yet_cost_nothing_then(tmp_path: Path, metric: Any) -> None:
    dataset = with_gpus_since_november(tmp_path)
    view = frame(dataset, "daily_14d", metric, "costs", date="2026-10-31..2026-11-06")
    assert (view.total_of("ml").value, view.total_of("ml").unknown) == (72, 0)
    assert not view.warnings(view.sums(("ml",)), ("ml",))
    before = frame(dataset, "daily_14d", metric, "costs", date="2026-10-31")
    assert (before.total_of("ml").value, before.total_of("ml").unknown) == (0, 0)


def test_an_open_day_is_compared_with_a_past_one_by_hours(tmp_path: Path) -> None:
    web = {"web": {"cpu": Row([0.5] * 19 + [0.5], [2.0] * 19 + [1.0])}}
    hourly = Scale("2026-11-21T00:00:00Z", web, {"cpu": [10.0] * 19 + [5.0]}, open_hours=0.5)
    dataset = load_dataset(write(tmp_path, published(hourly=hourly)))
    for date, baseline in (("today", "2026-10-20"), ("2026-10-20", "today")):
        answer = compare_periods(dataset, **WEB, date=date, baseline=baseline)
        assert answer.comparison is not None
        assert answer.comparison.scaled
        assert not answer.comparison.same_hours
        values = {"today": 10.0, "2026-10-20": 20.0}
        hours = {"today": 19.5, "2026-10-20": 24.0}
        assert answer.comparison.value == values[date]
        assert answer.comparison.baseline_value == pytest.approx(values[baseline] * hours[date] / hours[baseline])
