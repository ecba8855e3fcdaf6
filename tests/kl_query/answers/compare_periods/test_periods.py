"""An open day against a whole one: over the same whole hours of both, as far as hours are published."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kl_mcp.tools import TABLE
from kl_query.dataset.model import Dataset
from tests.kl_mcp.tools.conftest import check_schemas
from tests.support.datasets import Dataset as Published
from tests.support.datasets import Row, Scale, at, instant, loaded

FIRST_DAY = "2026-11-19"
CORES = 10.0
NIGHT, DAY = 1.0, 3.0
WORKING_DAY = [NIGHT] * 12 + [DAY] * 12
"""One core in each hour up to noon and three in each after it: 48 core-hours."""


def days(
    rows: Mapping[str, Sequence[float | None]],
    *,
    open_part: float = 0.0,
    published: int | None = None,
    began: int = 0,
    rate: float | None = None,
) -> Dataset:
    """Publish what namespaces used in each hour from `began` hours after the first midnight on.

    With `open_part`, the last hour is open and that part of it has passed. Of the hours the last `published` are in
    hourly_7d.
    """
    count = len(next(iter(rows.values())))
    lengths = [1.0] * (count - 1) + [open_part or 1.0]
    kept = count if published is None else published
    start, ended = at(FIRST_DAY) + timedelta(hours=began), began + sum(lengths)
    hourly = _scale(rows, [[i] for i in range(count - kept, count)], lengths, rate, open_part or None)
    day_of = [(began + i) // 24 for i in range(count)]
    by_day = [[i for i in range(count) if day_of[i] == day] for day in range(day_of[-1] + 1)]
    daily = _scale(rows, by_day, lengths, rate, ended % 24 or None)
    return loaded(
        Published(
            hourly=Scale(instant(start + timedelta(hours=count - kept)), **hourly),
            daily=Scale(FIRST_DAY, **daily),
            rates=[{"effective": f"{FIRST_DAY}T00:00:00Z", "rate": rate, "currency": "$", "weights": None}]
            if rate
            else [],
            currency="$" if rate else None,
            last_sample=instant(at(FIRST_DAY) + timedelta(hours=ended)),
        )
    )


def _scale(
    rows: Mapping[str, Sequence[float | None]],
    buckets: list[list[int]],
    lengths: list[float],
    rate: float | None,
    open_hours: float | None,
) -> dict[str, Any]:
    hours = [sum(lengths[i] for i in bucket) for bucket in buckets]
    capacity = [CORES * each for each in hours]
    return {
        "namespaces": {name: {"cpu": _row(values, buckets)} for name, values in rows.items()},
        "capacity": {"cpu": capacity},
        "bill": {"cpu": [rate * each for each in hours]} if rate else {},
        "observed": hours,
        "open_hours": open_hours,
    }


def _row(values: Sequence[float | None], buckets: list[list[int]]) -> Row:
    known = [[value for i in bucket if (value := values[i]) is not None] for bucket in buckets]
    usage = [sum(each) if each else None for each in known]
    if None not in values:
        return Row(usage, usage)
    return Row(usage, usage, usage_hours=[float(len(each)) for each in known])


def compared(dataset: Dataset, **arguments: Any) -> dict[str, Any]:
    given = {"metric": "cpu", "date": "2026-11-20", **arguments}
    now = dataset.newest_sample
    assert now is not None
    answer: dict[str, Any] = TABLE["compare_periods"].run(given, dataset, float(now))
    check_schemas("compare_periods", answer)
    return answer


def way(answer: dict[str, Any]) -> tuple[bool, bool]:
    """Say how an answer compared, and check that its warnings say the same."""
    comparison, warnings = answer["comparison"], answer["metadata"]["warnings"]
    same, scaled = comparison["same_hours"], comparison["scaled"]
    assert any("only its" in each and "whole hours" in each for each in warnings) is same
    assert any("baseline values are scaled" in each for each in warnings) is scaled
    return same, scaled


SAME_HOURS, SCALED = (True, False), (False, True)


@pytest.mark.requirement("KL-T-8", "KL-T-14")
def test_a_day_that_is_busy_in_the_evening_is_no_quieter_at_its_noon() -> None:
    # Yesterday 12 x 1 and 12 x 3, today 12 x 1.5 so far, and half an hour at 3 cores that no one is set against.
    answer = compared(days({"web": [*WORKING_DAY, *[1.5] * 12, 1.5]}, open_part=0.5))

    comparison = answer["comparison"]
    assert way(answer) == SAME_HOURS
    assert (comparison["date"], comparison["baseline"], comparison["scale"]) == ("2026-11-20", FIRST_DAY, "daily_14d")
    assert (comparison["hours"], comparison["baseline_hours"]) == (12, 12)
    assert (comparison["baseline_value"], comparison["value"], comparison["change_pct"]) == (12, 18, 50)
    assert (comparison["change_per_hour"], comparison["change_pct_per_hour"]) == (0.5, 50)
    # By hours alone it was 48 / 24 x 12.5 = 25 against 19.5: -22 %
    assert (comparison["billed_change"], comparison["billed_change_pct"]) == (None, None)
    assert comparison["what_changed"]["usage_per_hour"] == {
        "unit": "cores",
        "before": 1,
        "after": 1.5,
        "change_pct": 50,
    }
    assert comparison["what_changed"]["after"] == "2026-11-20T00:00:00Z..2026-11-20T11:00:00Z"
    assert comparison["what_changed"]["before"] == "2026-11-19T00:00:00Z..2026-11-19T11:00:00Z"


amounts = st.floats(0.01, 9.0)


@pytest.mark.requirement("KL-T-8", "KL-T-14")
@given(
    day=st.lists(st.tuples(amounts, amounts), min_size=24, max_size=24),
    hours=st.integers(1, 23),
    open_part=st.sampled_from([0.0, 0.25, 11 / 12]),
    arguments=st.sampled_from(
        [{}, {"cost_model": "normalized"}, {"cost_model": "costs"}, {"metric": "total", "cost_model": "costs"}]
    ),
)
def test_a_copy_of_the_day_before_has_not_changed_at_any_time_of_the_day(
    day: list[tuple[float, float]], hours: int, open_part: float, arguments: dict[str, str]
) -> None:
    rows = {}
    for position, name in enumerate(("web", "job")):
        used = [each[position] / 2 for each in day]
        rows[name] = [*used, *used[:hours], *([0.9 * used[hours]] if open_part else [])]
    answer = compared(days(rows, open_part=open_part, rate=5.0), **arguments)

    assert way(answer) == SAME_HOURS
    assert [row["change_pct"] for row in answer["movers"]] == [0, 0]
    for block in (answer["comparison"], *answer["movers"]):
        assert (block["change"], block["change_pct"], block["change_per_hour"]) == (0, 0, 0)


@pytest.mark.requirement("KL-T-14")
@pytest.mark.parametrize(
    ("hours", "open_part", "found", "pct"),
    [
        # Half an hour at 2 cores: there is no whole hour yet. 48 / 24 x 0.5 = 1 against 1
        ([1.0], 0.5, SCALED, 0),
        # The first whole hour, 2 against 1, also when the second has begun
        ([2.0], 0.0, SAME_HOURS, 100),
        ([2.0, 3.0], 0.5, SAME_HOURS, 100),
    ],
)
def test_a_day_is_compared_by_its_hours_from_its_first_whole_one_on(
    hours: list[float], open_part: float, found: tuple[bool, bool], pct: float
) -> None:
    answer = compared(days({"web": [*WORKING_DAY, *hours]}, open_part=open_part))

    assert (way(answer), answer["comparison"]["change_pct"]) == (found, pct)


@pytest.mark.requirement("KL-T-14")
@pytest.mark.parametrize(("published", "found"), [(51, SAME_HOURS), (50, SCALED)])
def test_hours_that_are_not_published_are_not_made_up(published: int, found: tuple[bool, bool]) -> None:
    # Two whole days and three hours: all 51 are needed to compare these three with those of the day before yesterday.
    dataset = days({"web": [*WORKING_DAY * 2, *[1.0] * 3]}, published=published)
    answer = compared(dataset, date="2026-11-21", baseline="2026-11-19")

    assert way(answer) == found
    # 3 against 3; by hours 3 against 48 / 24 x 3
    assert answer["comparison"]["change_pct"] == (0 if found == SAME_HOURS else -50)
    assert any("the time of day" in each for each in answer["metadata"]["warnings"]) is (found == SCALED)


@pytest.mark.requirement("KL-T-14")
@pytest.mark.parametrize("cost_model", ["cumulative", "normalized"])
def test_other_numbers_of_days_are_scaled_and_said_to_mix_times_of_day(cost_model: str) -> None:
    # One hour at 1 core against two days at 2 on average
    answer = compared(
        days({"web": [*WORKING_DAY * 2, 1.0]}),
        date="2026-11-21",
        baseline="2026-11-19..2026-11-20",
        cost_model=cost_model,
    )

    assert answer["comparison"]["change_pct"] == -50
    assert way(answer) == (False, cost_model == "cumulative")  # a percentage is per hour already
    assert any("the time of day" in each for each in answer["metadata"]["warnings"])


@pytest.mark.requirement("KL-T-14")
def test_ranges_that_end_with_an_open_day_are_compared_over_the_same_hours() -> None:
    # Days of 48, 48, 48 and then 6 hours at 1: 48 + 6 against 48 + 6
    answer = compared(days({"web": [*WORKING_DAY * 3, *[1.0] * 6]}), date="2026-11-21..2026-11-22")

    assert way(answer) == SAME_HOURS
    comparison = answer["comparison"]
    assert (comparison["baseline_value"], comparison["value"], comparison["hours"]) == (54, 54, 30)


@pytest.mark.requirement("KL-T-14")
def test_an_open_baseline_too_is_compared_over_its_whole_hours() -> None:
    answer = compared(days({"web": [*WORKING_DAY, *[2.0] * 6]}), date=FIRST_DAY, baseline="2026-11-20")

    assert way(answer) == SAME_HOURS
    assert (answer["comparison"]["baseline_value"], answer["comparison"]["value"]) == (12, 6)


@pytest.mark.requirement("KL-T-14")
@pytest.mark.parametrize("dates", [{}, {"date": None}])
def test_the_hours_before_the_first_of_all_data_are_in_neither_day(dates: dict[str, Any]) -> None:
    # Installed at 10:00: 2 x 1 and 12 x 3 on the first day, then 10 x 5 and 3 x 2. From 10:00 on: 2 + 3 against 3 x 2.
    dataset = days({"web": [1.0, 1.0, *[3.0] * 12, *[5.0] * 10, *[2.0] * 3]}, began=10)
    answer = compared(dataset, **dates)

    assert way(answer) == SAME_HOURS
    comparison = answer["comparison"]
    assert (comparison["baseline_value"], comparison["value"], comparison["hours"]) == (5, 6, 3)


@pytest.mark.requirement("KL-T-14")
def test_an_hour_that_is_unknown_on_one_side_scales_that_namespace_and_is_said() -> None:
    used = [*WORKING_DAY, *[1.0] * 6]
    gap = [None, *used[1:]]
    answer = compared(days({"web": used, "job": gap}), date="2026-11-20")

    # job: 5 core-hours in 5 hours are 6 in 6
    assert {row["namespace"]: (row["baseline_value"], row["change_pct"]) for row in answer["movers"]} == {
        "web": (6, 0),
        "job": (6, 0),
    }
    assert (answer["comparison"]["same_hours"], answer["comparison"]["scaled"]) == (True, True)
    assert any("1 namespace(s) are known for a smaller part" in each for each in answer["metadata"]["warnings"])


@pytest.mark.requirement("KL-T-14")
def test_money_of_the_same_hours_is_that_of_these_hours() -> None:
    # At 5 $ for 10 cores: 0.5 $ a core-hour. 12 x 1 and 12 x 1.5
    dataset = days({"web": [*WORKING_DAY, *[1.5] * 12, 1.5]}, open_part=0.5, rate=5.0)
    answer = compared(dataset, cost_model="costs")

    assert way(answer) == SAME_HOURS
    (mover,) = answer["movers"]
    assert (mover["baseline_value"], mover["value"], mover["change_per_hour"]) == (6, 9, 0.25)


@pytest.mark.requirement("KL-T-14")
@pytest.mark.parametrize(("baseline", "scaled"), [("2026-11-20", False), (f"{FIRST_DAY}..2026-11-20", True)])
def test_an_open_day_is_not_scaled_to_its_own_hours(baseline: str, *, scaled: bool) -> None:
    answer = compared(days({"web": [*WORKING_DAY, *[1.0] * 6]}), date="2026-11-20", baseline=baseline)

    assert way(answer) == (False, scaled)
    assert any("The periods differ" in each for each in answer["metadata"]["warnings"]) is scaled
