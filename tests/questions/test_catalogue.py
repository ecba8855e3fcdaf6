"""The catalogue itself, and that a wrong answer would be noticed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from benchmarks.catalogue import QUESTIONS
from benchmarks.known import Known
from benchmarks.periods import Periods
from benchmarks.questions import Answered, Question, agrees, call, put
from benchmarks.year import FROZEN_NOW, Year
from kl_mcp.tools import TABLE
from simulator.faults import parse_time
from simulator.shapes import DAY
from simulator.truth import Truth, month_after
from simulator.workload import Workload, default_origin

MOMENTS = [
    parse_time(f"{day}T{time}Z")
    for day in ("2026-01-01", "2026-02-28", "2026-03-01", "2026-11-16", "2026-11-21", "2026-11-22", "2026-12-31")
    for time in ("00:05:00", "14:25:00", "23:55:00")
]


def test_there_are_enough_questions_and_no_two_are_the_same() -> None:
    assert len({question.text for question in QUESTIONS}) == len(QUESTIONS) >= 48


def test_every_tool_answers_some_question() -> None:
    assert {each.tool for question in QUESTIONS for each in question.calls_at(Periods(FROZEN_NOW))} == set(TABLE)


def test_no_question_takes_more_than_two_calls() -> None:
    assert {len(question.calls_at(Periods(FROZEN_NOW))) for question in QUESTIONS} == {1, 2}


@pytest.mark.parametrize("moment", MOMENTS)
def test_periods_lie_within_the_scales_whenever_they_are_asked_for(moment: int) -> None:
    when, today = Periods(moment), moment // DAY * DAY
    for span in (when.last_week, when.working_days, when.weekend, when.seven_days_before, when.fourteen_days):
        assert today - 14 * DAY <= span.start < span.end <= today + DAY
    spans = when.last_quarter, when.quarter_before, when.this_year, when.a_year_ago, when.thirteen_months, when.march
    for span in spans:
        assert month_after(moment, -12) <= span.start < span.end <= month_after(moment, 1)
    assert when.all_hours.start <= when.hours_of_yesterday.start < when.last_hour.end <= moment


def test_periods_are_named_as_the_tools_write_them() -> None:
    # 21 November 2026 is a Saturday: the last week from Monday to Sunday is 9 to 15 November.
    when = Periods(FROZEN_NOW)
    assert when.last_week.date == "2026-11-09..2026-11-15"
    assert (when.working_days.date, when.weekend.date) == ("2026-11-09..2026-11-13", "2026-11-14..2026-11-15")
    assert (when.last_quarter.date, when.quarter_before.date) == ("2026-07..2026-09", "2026-04..2026-06")
    assert (when.today.date, when.last_month.date, when.this_year.date) == ("2026-11-21", "2026-10", "2026-01..2026-11")
    assert (when.february.date, when.march.date) == ("2026-02", "2026-03")
    assert when.last_hour.date == "2026-11-21T13:00:00Z"
    assert when.closed_hours_of_today.date == "2026-11-21T00:00:00Z..2026-11-21T13:00:00Z"
    assert when.same_hours_of_yesterday.date == "2026-11-20T00:00:00Z..2026-11-20T13:00:00Z"


@pytest.mark.parametrize(
    ("answer", "true", "agreed"),
    [
        (100.09, 100.0, True),
        (100.11, 100.0, False),
        (0, 0.0, True),
        (0.001, 0.0, False),
        (None, 0.0, False),
        (True, 1.0, False),
        (8, 8, True),
        (9, 8, False),
        (8.001, 8, False),
        (True, True, True),
        (1, True, False),
        ("registry", "registry", True),
        ("registry", "Registry", False),
        (["a", "b"], ["a", "b"], True),
        (["b", "a"], ["a", "b"], False),
        (["a"], ["a", "b"], False),
        ("ab", ["a", "b"], False),
        ([1.0, 2.0], [1.0, 2.01], False),
    ],
)
def test_names_and_counts_must_be_exact_and_numbers_within_a_thousandth(answer: Any, true: Any, agreed: bool) -> None:
    assert agrees(answer, true) is agreed


ANSWERS: Mapping[str, Any] = {
    "get_usage": {"total": 3.0, "series": [{"namespace": "a", "values": [1.0, None]}, {"namespace": "b"}]},
    "get_top_consumers": {"total": 4.0},
}


def asked(**expected: Any) -> Answered:
    question = Question("What?", lambda _: (call("get_usage"), call("get_top_consumers")), lambda _: {**expected})
    return put(question, Periods(FROZEN_NOW), lambda tool, _: ANSWERS[tool])


def test_places_lead_through_rows_names_positions_and_the_second_answer() -> None:
    answers = asked()
    assert answers.at("total") == 3.0
    assert answers.at("then/total") == 4.0
    assert answers.at("series/*/namespace") == ["a", "b"]
    assert answers.at("series/namespace=a/values/0") == 1.0


@pytest.mark.parametrize("place", ["nothing", "series/2", "series/namespace=c", "series/*/values", "total/x", "then/x"])
def test_a_place_that_is_not_there_is_named(place: str) -> None:
    with pytest.raises(LookupError, match=re.escape(place)):
        asked().at(place)


def test_what_is_not_true_is_named_with_what_is() -> None:
    nothing = Year(Path(), Truth(Workload(default_origin(FROZEN_NOW)), FROZEN_NOW, FROZEN_NOW))
    differences = asked(**{"total": 3.0, "then/total": 4.1}).differences(Known(nothing))
    assert differences == ["then/total: 4.0 is not 4.1"]
