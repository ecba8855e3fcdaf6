"""Arguments as clients send them: what each form means, and what stays wrong."""

from __future__ import annotations

from typing import Any

import pytest

from kl_mcp.tools import TABLE
from kl_mcp.tools.client_habits import (
    ADDED_BY_CLIENTS,
    LIKELY_VALUES,
    OTHER_NAMES,
    RANGE_ENDS,
    RANGE_STARTS,
    SAME_VALUES,
)
from kl_mcp.tools.sent_arguments import as_meant
from tests.kl_mcp.tools.conftest import Ask


def meant(tool: str, **arguments: Any) -> dict[str, Any]:
    return as_meant(TABLE[tool].arguments, arguments)


@pytest.mark.requirement("KL-E-2")
@pytest.mark.parametrize(
    ("argument", "sent", "value"),
    [
        ("limit", "10", 10),
        ("limit", " +10 ", 10),
        ("limit", "5.0", 5),
        ("limit", 5.0, 5),
        ("limit", [7], 7),
        ("limit", "0", 0),
        ("aggregate", "true", True),
        ("aggregate", "False", False),
        ("aggregate", ["true"], True),
        ("metric", "CPU", "cpu"),
        ("metric", " GPU-Memory ", "gpu_memory"),
        ("metric", "ram", "memory"),
        ("metric", ["cpu"], "cpu"),
        ("metric", '["cpu"]', "cpu"),
        ("scale", "DAILY_14D", "daily_14d"),
        ("scale", "monthly", "monthly_12m"),
        ("cost_model", "CHARGE_BACK", "costs"),
        ("dimension", "Requests", "requests"),
        ("namespace", " payments ", "payments"),
        ("namespace", ["payments"], "payments"),
        ("namespaces", "a, b ,", ["a", "b"]),
        ("namespaces", '["a","b"]', ["a", "b"]),
        ("namespaces", [" a ", "", "b"], ["a", "b"]),
        ("namespaces", "[ab]*", ["[ab]*"]),
        ("date", 2026, "2026"),
        ("date", "latest ", "latest"),
    ],
)
def test_a_value_means_what_it_would_in_the_form_of_the_schema(argument: str, sent: Any, value: Any) -> None:
    (got,) = meant("get_usage", **{argument: sent}).values()
    assert (type(got), got) == (type(value), value)


@pytest.mark.requirement("KL-E-2")
@pytest.mark.parametrize("nothing", [None, "", "  ", [], [""], "[]", '[""]', ["", " "]])
@pytest.mark.parametrize("argument", ["metric", "limit", "aggregate", "namespace", "namespaces", "date", "cursor"])
def test_nothing_is_not_given(argument: str, nothing: Any) -> None:
    assert meant("get_usage", **{argument: nothing}) == {}


@pytest.mark.parametrize(
    ("argument", "sent"),
    [
        *(("limit", value) for value in ("ten", "1e3", "5.5", 5.5, True, "٣", "9" * 30, [1, 2])),
        *(("aggregate", value) for value in ("yes", 1, "1", [True, False])),
        *(("metric", value) for value in ("cpux", 3, ["cpu", "memory"], {"a": 1})),
        *(("namespace", value) for value in (5, ["a", "b"], True)),
        *(("namespaces", value) for value in (5, [1], [["a"]], {"a": 1}, ["a"] * 101)),
        *(("date", value) for value in (True, 1.5, ["2026-11-20", "2026-11-21"])),
    ],
)
def test_what_has_no_plain_meaning_stays_as_it_is(argument: str, sent: Any) -> None:
    assert meant("get_usage", **{argument: sent}) == {argument: sent}


def test_a_word_for_a_choice_is_taken_only_where_the_tool_has_that_choice() -> None:
    assert meant("get_usage", metric="cost") == {"metric": "total"}
    assert meant("get_efficiency", metric="cost") == {"metric": "cost"}


@pytest.mark.requirement("KL-E-2")
@pytest.mark.parametrize("argument", ADDED_BY_CLIENTS)
@pytest.mark.parametrize("value", [True, None, "x" * 10_000, [[]], {"a": 1}])
def test_what_a_client_adds_by_itself_is_ignored(ask: Ask, argument: str, value: Any) -> None:
    assert ask("get_usage", **{argument: value}) == ask("get_usage")
    cursor = ask("get_usage", limit=1)["metadata"]["truncated"]["cursor"]
    assert ask("get_usage", limit=1, cursor=cursor, **{argument: value})["series"]


def test_the_tables_name_arguments_and_choices_that_there_are() -> None:
    properties = [tool.input_schema["properties"] for tool in TABLE.values()]
    choices = {name: {c for each in properties for c in each.get(name, {}).get("enum", [])} for name in SAME_VALUES}
    for values in (SAME_VALUES, LIKELY_VALUES):
        for name, words in values.items():
            assert not set(words.values()) - choices[name], name
            assert not set(words) & choices[name], name
    arguments = {name for each in properties for name in each}
    assert not {target for targets in OTHER_NAMES.values() for target in targets} - arguments
    assert not {*RANGE_STARTS, *RANGE_ENDS} & (set(OTHER_NAMES) | arguments)


@pytest.mark.requirement("KL-T-8")
@pytest.mark.parametrize(
    ("date", "scale", "answered"),
    [
        ("2026-10", "monthly_12m", "2026-10"),
        ("2026-11-20", "daily_14d", "2026-11-20"),
        ("2026-11-21T18", "hourly_7d", "2026-11-21T18:00:00Z"),
        ("last_1h", "hourly_7d", "2026-11-21T18:00:00Z"),
        ("yesterday", "daily_14d", "2026-11-20"),
        ("last_month", "monthly_12m", "2026-10"),
        ("latest", "daily_14d", "2026-11-21"),
    ],
)
def test_the_scale_is_that_of_the_date_unless_it_is_given(ask: Ask, date: str, scale: str, answered: str) -> None:
    for tool in ("get_top_consumers", "get_usage", "get_efficiency"):
        answer = ask(tool, date=date)
        assert (answer["scale"], answer["date"]) == (scale, answered)
    given = ask("get_usage", date="this_month" if scale == "monthly_12m" else date, scale=scale)
    assert given["scale"] == scale


def test_the_scale_of_two_periods_is_that_of_either(ask: Ask) -> None:
    assert ask("compare_periods", date="2026-10", baseline="2026-09")["comparison"]["scale"] == "monthly_12m"
    assert ask("compare_periods", baseline="2026-10")["comparison"]["scale"] == "monthly_12m"


def test_a_day_of_the_hourly_tools_is_its_hours(ask: Ask) -> None:
    for tool in ("get_timeseries", "get_efficiency_timeseries"):
        assert ask(tool, date="2026-11-21T14:00:00Z..latest")["date"] == "2026-11-21T14:00:00Z..2026-11-21T19:00:00Z"
        assert ask(tool, date="last_2h")["date"] == "2026-11-21T17:00:00Z..2026-11-21T18:00:00Z"


@pytest.mark.requirement("KL-E-2")
def test_a_total_is_in_money_without_being_told(ask: Ask) -> None:
    answer = ask("get_top_consumers", metric="total")
    assert answer == ask("get_top_consumers", metric="total", cost_model="costs")
    assert (answer["metadata"]["cost_model"], answer["metadata"]["unit"]) == ("costs", "currency")
