from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from kl_mcp.tools.plain import plain
from kl_query.answers.compare_periods.trend import between_months, monthly, trend
from kl_query.dataset import load_dataset
from kl_query.measures.amounts_per_hour import KnownHours, trajectory
from kl_query.view import Frame, frame
from tests.support.datasets import Dataset as Published
from tests.support.datasets import Row, Scale, write

HOURS = [31 * 24, 28 * 24, 31 * 24, 30 * 24]  # January to April 2026


def view(directory: Path, cores: list[float | None], **changes: Any) -> Frame:
    usage = [None if c is None else c * h for c, h in zip(cores, changes.get("observed", HOURS), strict=False)]
    return shown(directory, {"web": Row(usage, usage)}, months=len(cores), **changes)


def shown(directory: Path, rows: dict[str, Row], *, months: int, model: str = "cumulative", **changes: Any) -> Frame:
    """Months from January 2026 on, on 10 cores."""
    rates, table = changes.pop("rates", ()), changes.pop("table", {})
    facts: dict[str, Any] = {
        "first": "2026-01",
        "namespaces": {name: {"cpu": row} for name, row in rows.items()},
        "capacity": {"cpu": [10.0 * h for h in changes.get("observed", HOURS)[:months]]},
    }
    scale = Scale(**{**facts, **changes})
    published = Published(monthly=scale, rates=rates, currency="€" if rates else None, table=table)
    return frame(load_dataset(write(directory, published)), "monthly_12m", "cpu", model)  # type: ignore[arg-type]


def result(view: Frame, *names: str) -> dict[str, Any]:
    hours = KnownHours(view)
    found: dict[str, Any] = plain(trend(hours, trajectory(hours, names or ("web",))), view.measure.unit)
    return found


def found(view: Frame) -> tuple[str, float | None, int]:
    answer = result(view)
    return answer["direction"], answer["rise_pct"], answer["months"]


@pytest.mark.requirement("KL-T-13")
@pytest.mark.parametrize(
    ("cores", "direction", "change"),
    [
        ([1, 1, 1, 1], "stable", 0),
        ([1.0, 1.1], "stable", 9.52381),  # 0.1 over a mean of 1.05
        ([1.0, 1.105], "stable", 9.97625),  # 0.105 over 1.0525
        ([1.0, 1.106], "growing", 10.0665),  # 0.106 over 1.053
        ([1.105, 1.0], "stable", -9.97625),
        ([1.106, 1.0], "decreasing", -10.0665),
        ([1.0, 1.2], "growing", 18.1818),  # 0.2 over 1.1
        ([1.2, 1.0], "decreasing", -18.1818),
        ([1, 2, 3], "growing", 100),  # from 1 to 3 over a mean of 2
        ([1, 9, 1], "stable", 0),  # a peak in the middle is no trend
        ([0, 0, 0], "stable", 0),
        ([1], "insufficient_data", None),
    ],
)
def test_the_direction_is_that_of_the_line_through_the_months(
    tmp_path: Path, cores: list[float | None], direction: str, change: float | None
) -> None:
    assert found(view(tmp_path, cores))[:2] == (direction, change)


@pytest.mark.requirement("KL-T-13")
def test_a_short_month_is_no_decrease(tmp_path: Path) -> None:
    # one core throughout is 744 core-hours in January and 672 in February
    assert found(view(tmp_path, [1, 1]))[1] == 0


def test_an_unknown_month_takes_no_part_and_keeps_its_distance(tmp_path: Path) -> None:
    assert found(view(tmp_path, [1, None, 3])) == ("growing", 100, 2)


def test_a_month_observed_in_part_counts_by_its_observed_hours(tmp_path: Path) -> None:
    assert found(view(tmp_path, [1, 1], observed=[400, 28 * 24]))[1] == 0


@pytest.mark.requirement("KL-T-13")
@pytest.mark.parametrize(("observed", "months"), [(372, 2), (371, 1), (4, 1)])  # half of January's 744 hours is 372
def test_a_month_known_for_less_than_half_of_its_hours_is_no_whole_one(
    tmp_path: Path, observed: float, months: int
) -> None:
    answer = result(view(tmp_path, [1, 2], observed=[observed, 28 * 24]))
    assert (answer["months"], answer["months_left_out"]) == (months, [] if months == 2 else ["2026-01"])


HALF = [744.0, 336.0, 744.0]  # usage is known for half of February
STEADY = {
    # 2 and 1 cores throughout: in February 2 x 336 and 1 x 336 core-hours are known
    "web": Row([1488, 672, 1488], [0, 0, 0], usage_hours=HALF),
    "api": Row([744, 336, 744], [0, 0, 0], usage_hours=HALF),
    "new": Row([0, 0, 372], [0, 0, 0]),  # half a core from March on, known to be nothing before
}


@pytest.mark.requirement("KL-T-13")
def test_what_was_not_measured_is_no_decrease_of_a_sum(tmp_path: Path) -> None:
    view = shown(tmp_path, STEADY, months=3)
    assert result(view, "web", "api")["rise_pct"] == 0
    hours = KnownHours(view)
    changed = plain(between_months(hours, trajectory(hours, ("web", "api", "new"))), view.measure.unit)
    assert changed["amount_per_hour"] == {"before": 3, "after": 3.5, "change_pct": 16.6667}
    # 3 and 3.5 of 10 cores
    assert changed["cluster_share_pct"] == {"before": 30, "after": 35, "change_pct": 16.6667}


def test_percentages_too_are_of_the_hours_that_are_known(tmp_path: Path) -> None:
    assert result(shown(tmp_path, STEADY, months=3, model="normalized"), "web", "api")["rise_pct"] == 0


@pytest.mark.requirement("KL-T-13")
def test_a_month_in_which_most_of_a_sum_is_unknown_is_left_out(tmp_path: Path) -> None:
    rows = {
        "web": Row([1488, None, 1488], [0, 0, 0], usage_hours=[744, 0, 744]),
        "new": Row([0, 0, 372], [0, 0, 0]),
    }
    # January 2 cores, March 2.5: 0.5 over a mean of 2.25
    answer = result(shown(tmp_path, rows, months=3), "web", "new")
    assert (answer["rise_pct"], answer["months_left_out"]) == (22.2222, ["2026-02"])


def test_a_small_namespace_unknown_in_one_month_is_left_out_of_every_month(tmp_path: Path) -> None:
    rows = {
        "web": Row([7440, 6720, 7440], [0, 0, 0]),
        "job": Row([744, None, 744], [0, 0, 0], usage_hours=[744, 0, 744]),  # 1 of 11 cores, less than a tenth
    }
    hours = KnownHours(shown(tmp_path, rows, months=3))
    kept = trajectory(hours, ("web", "job"))
    assert (list(kept.levels.values()), kept.left_out) == ([10, 10, 10], ("job",))
    assert trend(hours, kept).direction == "stable"


@pytest.mark.parametrize(
    ("job", "months_left_out", "rows_left_out"),
    # Of web's 9 cores and job's: 0.99 and 1.01 of them are 9.9 and 10.1 %
    [(0.99, [], ("job",)), (1.01, ["2026-02"], ())],
)
def test_a_tenth_of_a_sum_may_be_unknown_before_the_month_is_left_out(
    tmp_path: Path, job: float, months_left_out: list[str], rows_left_out: tuple[str, ...]
) -> None:
    rows = {
        "web": Row([9 * 744, 9 * 672, 9 * 744], [0, 0, 0]),
        "job": Row([job * 744, None, job * 744], [0, 0, 0], usage_hours=[744, 0, 744]),
    }
    hours = KnownHours(shown(tmp_path, rows, months=3))
    kept = trajectory(hours, ("web", "job"))
    assert (trend(hours, kept).months_left_out, kept.left_out) == (months_left_out, rows_left_out)


def test_the_open_month_is_scaled_by_the_hours_its_usage_is_known_for(tmp_path: Path) -> None:
    row = Row([1488, 224], [0, 0], usage_hours=[744, 112])  # 2 cores; 336 of February's 672 hours have passed
    view = shown(tmp_path, {"web": row}, months=2, open_hours=336, observed=[744, 336])
    hours = KnownHours(view)
    months = plain(
        monthly(hours, ("web",), view.columns(view.table.numbers(["web"]))[0], trajectory(hours, ("web",))),
        view.measure.unit,
    )
    assert months["open_month"]["value"] == 224
    assert months["open_month"]["value_scaled_to_month"] == 1344  # 2 x 672


RATE = {"effective": "2026-01-11T00:00:00Z", "rate": 5.0, "currency": "€", "weights": {"cpu": 1.0}}


@pytest.mark.requirement("KL-T-13")
def test_a_rate_that_starts_inside_a_month_is_no_growth_of_costs(tmp_path: Path) -> None:
    # one core of ten at 5 an hour costs 0.5; priced are 744 - 240 = 504 hours of January, which cost 252
    row = Row([744, 672], [0, 0], cost=[252, 336])
    facts: dict[str, Any] = {"bill": {"cpu": [2520, 3360]}, "rates": [RATE], "more": {"priced_hours": [504, 672]}}
    view = shown(tmp_path, {"web": row}, months=2, model="costs", **facts)
    hours = KnownHours(view)
    assert result(view)["rise_pct"] == 0
    changed = plain(between_months(hours, trajectory(hours, ("web",))), view.measure.unit)
    assert changed["amount_per_hour"] == {"before": 0.5, "after": 0.5, "change_pct": 0}
    assert changed["cluster_share_pct"] == {"before": 10, "after": 10, "change_pct": 0}
    assert changed["rate_per_hour"] == {"before": 5, "after": 5, "change_pct": 0}


@pytest.mark.requirement("KL-T-13")
def test_two_rates_and_a_gap_in_a_month_are_told_by_its_priced_hours(tmp_path: Path) -> None:
    # Installed on 6 January, 5.00 from the 11th on, 10.00 from the 21st: 240 and 264 hours. 4 of 10 cores throughout.
    # January's bill 240 x 5 + 264 x 10 = 3840, of it 0.4 = 1536; February's 672 x 10 = 6720, of it 2688
    row = Row([4 * 624, 4 * 672], [0, 0], cost=[1536, 2688])
    second = {**RATE, "effective": "2026-01-21T00:00:00Z", "rate": 10.0}
    view = shown(
        tmp_path,
        {"web": row},
        months=2,
        model="costs",
        observed=[624, 672],
        bill={"cpu": [3840, 6720]},
        rates=[RATE, second],
        more={"priced_hours": [504, 672]},
    )
    hours = KnownHours(view)
    changed = plain(between_months(hours, trajectory(hours, ("web",))), view.measure.unit)
    # 3840 / 504 and 1536 / 504
    assert changed["rate_per_hour"] == {"before": 7.61905, "after": 10, "change_pct": 31.25}
    assert changed["amount_per_hour"] == {"before": 3.04762, "after": 4, "change_pct": 31.25}
    assert changed["cluster_share_pct"] == {"before": 40, "after": 40, "change_pct": 0}
    assert changed["usage_per_hour"] == {"unit": "cores", "before": 4, "after": 4, "change_pct": 0}
    # 0.95238 over a mean of 3.52381
    assert found(view)[:2] == ("growing", 27.027)


PARTLY = Row([4 * 504, 4 * 672], [0, 0], cost=[4 * 400, 4 * 672], usage_hours=[504, 672])


@pytest.mark.requirement("KL-T-13")
@pytest.mark.parametrize(
    ("row", "january"),
    [
        # Usage known for 504 hours, a rate in force in 504 others of which 400 overlap: 1600 over 400 hours
        (replace(PARTLY, cost_hours=[400, 672]), 4.0),
        # Where it is not published the fewer of both: 1600 over 504 hours
        (PARTLY, 3.1746),
        # known for less than what is priced, and for more
        (replace(PARTLY, usage_hours=[450, 672]), 3.55556),
        (replace(PARTLY, usage_hours=[600, 672]), 3.1746),
    ],
)
def test_costs_of_a_month_measured_and_priced_in_part_are_divided_by_the_hours_with_both(
    tmp_path: Path, row: Row, january: float
) -> None:
    priced = {"bill": {"cpu": [5040, 6720]}, "rates": [RATE], "more": {"priced_hours": [504, 672]}}
    view = shown(tmp_path, {"web": row}, months=2, model="costs", **priced)
    hours = KnownHours(view)
    found = trajectory(hours, ("web",))
    assert found.levels == {0: pytest.approx(january, rel=1e-5), 1: pytest.approx(4.0)}


def test_without_a_column_the_hours_of_buckets_with_a_bill_are_priced(tmp_path: Path) -> None:
    bill = {"cpu": [600, None, 1680, None]}
    view = shown(tmp_path, {}, months=4, bill=bill, rates=[RATE], observed=[700, 672, 744, 720])
    assert list(view.scale.priced) == [700, 0, 744, 0]


def test_the_rate_and_the_part_of_it_that_is_for_the_metric_are_told_apart(tmp_path: Path) -> None:
    # the whole costs 5 an hour; of it cpu 2 and then 3, as weights changed
    view = shown(
        tmp_path,
        {"web": Row([744, 672], [0, 0])},
        months=2,
        capacity={"cpu": [7440, 6720], "memory": [7440, 6720]},
        bill={"cpu": [1488, 2016], "memory": [2232, 1344]},
        rates=[{**RATE, "effective": "2026-01-01T00:00:00Z"}],
    )
    hours = KnownHours(view)
    changed = plain(between_months(hours, trajectory(hours, ("web",))), view.measure.unit)
    assert changed["rate_per_hour"] == {"before": 5, "after": 5, "change_pct": 0}
    assert changed["metric_rate_per_hour"] == {"before": 2, "after": 3, "change_pct": 50}


def test_the_rounding_of_sums_is_no_change(tmp_path: Path) -> None:
    # 0.1 cores, written with its last digit off
    assert result(view(tmp_path, [0.1, 0.1 + 1e-13]))["rise_pct"] == 0


@pytest.mark.parametrize(("rise", "rise_pct"), [(0.9e-8, 0), (1.1e-8, 1.1e-6)])
def test_a_rise_of_a_hundred_millionth_is_none(tmp_path: Path, rise: float, rise_pct: float) -> None:
    assert result(view(tmp_path, [1, 1 + rise]))["rise_pct"] == pytest.approx(rise_pct, rel=1e-4, abs=1e-12)


@pytest.mark.requirement("KL-T-13")
def test_the_open_month_takes_no_part(tmp_path: Path) -> None:
    assert found(view(tmp_path, [1, 1, 5], open_hours=10))[2] == 2


BEGAN = "2026-01-01T00:05:00Z"
OLD = Row([744, 672, 744, 720], [0, 0, 0, 0])


def months_of(directory: Path, cores: list[float], table: dict[str, Any], *names: str) -> list[float]:
    """Return the amounts per hour that the trend of `web`, or of `names`, rests on, beside an old namespace."""
    web = [c * h for c, h in zip(cores, HOURS, strict=True)]
    rows = {"old": OLD, "web": Row(web, web)}
    seen = {"old": {"first_seen": BEGAN}, "web": {"first_seen": BEGAN, **table}}
    hours = KnownHours(shown(directory, rows, months=4, table=seen))
    return list(trajectory(hours, names or ("web",)).levels.values())


@pytest.mark.requirement("KL-T-13")
@pytest.mark.parametrize(
    ("first_seen", "levels"),
    [
        ("2026-02-01T01:00:00Z", [1, 2, 3]),  # its first interval lies in the first hour of February
        ("2026-02-01T01:05:00Z", [2, 3]),
        ("2026-03-15T00:00:00Z", [3]),
        ("2026-05-02T00:00:00Z", []),
    ],
)
def test_a_trend_begins_with_the_first_month_that_a_namespace_was_there_for_from_its_first_hour(
    tmp_path: Path, first_seen: str, levels: list[float]
) -> None:
    assert months_of(tmp_path, [0, 1, 2, 3], {"first_seen": first_seen}) == levels


@pytest.mark.requirement("KL-T-13")
@pytest.mark.parametrize(("first_seen", "months"), [("2026-01-10T11:00:00Z", 2), ("2026-01-10T11:05:00Z", 1)])
def test_who_is_there_in_the_hour_in_which_the_record_begins_may_be_older(
    tmp_path: Path, first_seen: str, months: int
) -> None:
    observed = [31 * 24 - 9 * 24 - 10, 28 * 24]  # from 10 January, 10:00
    rows = {"old": Row(observed, observed), "web": Row(observed, observed)}
    table = {"old": {"first_seen": "2026-01-10T10:05:00Z"}, "web": {"first_seen": first_seen}}
    assert result(shown(tmp_path, rows, months=2, observed=observed, table=table))["months"] == months


@pytest.mark.requirement("KL-T-13")
@pytest.mark.parametrize(
    ("last_seen", "active", "levels"),
    [
        ("2026-03-01T00:00:00Z", False, [3, 2]),  # its last interval ended with February
        ("2026-02-28T23:05:00Z", False, [3, 2]),  # in the last hour of February
        ("2026-02-28T23:00:00Z", False, [3]),
        ("2026-03-01T00:05:00Z", False, [3, 2]),  # which leaves March out too
        ("2026-03-01T00:05:00Z", True, [3, 2, 1, 0]),
    ],
)
def test_a_trend_ends_with_the_last_month_that_a_namespace_was_there_for_to_its_last_hour(
    tmp_path: Path, last_seen: str, active: bool, levels: list[float]
) -> None:
    assert months_of(tmp_path, [3, 2, 1, 0], {"last_seen": last_seen, "active": active}) == levels


@pytest.mark.requirement("KL-T-13")
def test_a_namespace_that_is_born_into_a_sum_is_growth_of_it(tmp_path: Path) -> None:
    born = {"first_seen": "2026-03-01T00:05:00Z"}
    assert months_of(tmp_path, [0, 0, 2, 2], born, "web", "old") == [1, 1, 3, 3]
    assert months_of(tmp_path, [0, 0, 2, 2], born, "web") == [2, 2]


@pytest.mark.requirement("KL-T-13")
def test_a_namespace_that_never_changed_is_stable_in_its_first_year(tmp_path: Path) -> None:
    rows = {"old": OLD, "web": Row([0, 0, 744, 720], [0, 0, 0, 0])}
    born = {"first_seen": "2026-03-01T00:05:00Z"}
    answer = result(shown(tmp_path, rows, months=4, table={"old": {"first_seen": BEGAN}, "web": born}))
    assert (answer["direction"], answer["rise_pct"], answer["months"]) == ("stable", 0, 2)
    assert (answer["first_month"], answer["months_left_out"]) == ("2026-03", ["2026-01", "2026-02"])


@pytest.mark.requirement("KL-T-13", "KL-T-14")
def test_months_tell_what_changed_as_billed_and_per_hour(tmp_path: Path) -> None:
    # One core in January and February, 1.01 in March, 1.5 so far in April, and a gap in none
    amounts = [744, 672, 1.01 * 744, 1.5 * 10]
    view = shown(tmp_path, {"web": Row(amounts, [0, 0, 0, 0])}, months=4, open_hours=10, observed=[744, 672, 744, 10])
    hours = KnownHours(view)
    months = plain(
        monthly(hours, ("web",), view.columns(view.table.numbers(["web"]))[0], trajectory(hours, ("web",))),
        view.measure.unit,
    )["series"]
    # 672 / 744 and 1.01 x 744 / 672
    assert [month["billed_change_pct"] for month in months] == [None, -9.67742, 11.8214, None]
    assert [month["change_pct_per_hour"] for month in months] == [None, 0, 1, None]


@pytest.mark.requirement("KL-T-13", "KL-T-14")
def test_a_gap_changes_what_is_billed_and_nothing_per_hour(tmp_path: Path) -> None:
    view = shown(tmp_path, STEADY, months=3)
    hours = KnownHours(view)
    months = plain(
        monthly(hours, ("web",), view.columns(view.table.numbers(["web"]))[0], trajectory(hours, ("web",))),
        view.measure.unit,
    )["series"]
    # 1488, 672 and 1488 core-hours at 2 cores
    assert [month["billed_change_pct"] for month in months] == [None, -54.8387, 121.429]
    assert [month["change_pct_per_hour"] for month in months] == [None, 0, 0]
