"""Wrong calls are answered with errors an assistant can act on."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kl_mcp.tools import TABLE
from kl_mcp.tools.refusals import Call, refuse
from kl_query.dataset import Dataset
from kl_query.dataset.visibility import restricted
from kl_query.errors import ToolArgumentError
from tests.kl_mcp.tools.conftest import Ask, check_refusal, refused
from tests.support.examples import examples
from tests.support.small_cluster import NOW

Refuse = Callable[..., dict[str, Any]]


@pytest.fixture
def error(books: Dataset) -> Refuse:
    """What a wrong call is answered, as data."""
    return lambda tool, **arguments: refused(books, tool, **arguments).data


def test_an_argument_that_does_not_exist_names_the_nearest_ones(error: Refuse) -> None:
    found = error("get_top_consumers", metrc="cpu")
    assert (found["code"], found["argument"]) == ("unknown_argument", "metrc")
    assert found["nearest"] == ["metric"]
    assert "exclude_system" in found["allowed"]
    assert error("describe_dataset", x=1)["message"] == "describe_dataset takes no arguments."


def test_a_missing_argument_is_named_with_an_example(error: Refuse) -> None:
    found = error("group_namespaces")
    assert (found["code"], found["argument"]) == ("missing_argument", "pattern")
    assert found["corrected"] == {"tool": "group_namespaces", "arguments": {"pattern": ["*"]}}


@pytest.mark.parametrize(
    ("arguments", "code", "argument"),
    [
        ({"metric": "cpux"}, "invalid_value", "metric"),
        ({"metric": 3}, "invalid_value", "metric"),
        ({"scale": "weekly"}, "invalid_value", "scale"),
        ({"limit": 0}, "out_of_range", "limit"),
        ({"limit": 10_000}, "out_of_range", "limit"),
        ({"limit": "ten"}, "invalid_type", "limit"),
        ({"limit": True}, "invalid_type", "limit"),
        ({"limit": 1.5}, "invalid_type", "limit"),
        ({"exclude_system": "maybe"}, "invalid_type", "exclude_system"),
        ({"date": 20261121}, "invalid_date", "date"),
        ({"date": True}, "invalid_type", "date"),
        ({"date": "x" * 65}, "out_of_range", "date"),
        ({"date": "tomorrow"}, "invalid_date", "date"),
        ({"cursor": "nonsense"}, "invalid_cursor", "cursor"),
        ({"metric": "total", "cost_model": "cumulative"}, "invalid_combination", "cost_model"),
        ({"metric": "gpu"}, "metric_not_available", "metric"),
        ({"cost_model": "costs", "dimension": "requests"}, "invalid_combination", "dimension"),
        ({"cost_model": "free"}, "invalid_value", "cost_model"),
    ],
)
def test_a_wrong_value_is_named_with_what_was_allowed(
    error: Refuse, arguments: dict[str, Any], code: str, argument: str
) -> None:
    found = error("get_top_consumers", **arguments)
    assert (found["code"], found["argument"]) == (code, argument)
    assert found["message"]
    assert found["allowed"]


def test_numbers_and_switches_say_what_they_take(error: Refuse) -> None:
    assert error("get_top_consumers", limit=0)["allowed"] == "a whole number from 1 to 1000"
    assert error("get_usage", limit="ten")["allowed"] == "a whole number from 1 to 1000"
    assert error("get_usage", aggregate="yes")["allowed"] == ["true", "false"]
    assert error("list_namespaces", active="gone")["allowed"] == ["true", "false"]


def test_a_misspelt_word_gets_the_word_meant(error: Refuse) -> None:
    assert error("get_top_consumers", scale="dayly")["nearest"][0] == "daily_14d"
    assert error("get_usage", namespace="registri")["nearest"] == ["registry"]
    assert error("get_usage", namespaces="monitoring")["nearest"][0] == "openshift-monitoring"


def test_a_glob_as_namespace_points_to_namespaces(error: Refuse) -> None:
    found = error("get_timeseries", namespace="openshift-*")
    assert found["code"] == "invalid_namespace"
    assert found["nearest"] == ["openshift-monitoring"]
    assert found["corrected"] == {"tool": "get_timeseries", "arguments": {"namespaces": ["openshift-*"]}}


def test_a_hidden_namespace_is_as_unknown_as_one_that_does_not_exist(books: Dataset) -> None:
    seen = restricted(books, lambda name: name == "web")
    hidden, absent = (refused(seen, "get_usage", namespace=name).text for name in ("registry", "registre"))
    assert hidden.replace("registry", "registre") == absent


def test_a_cursor_of_another_call_is_refused(ask: Ask, error: Refuse) -> None:
    cursor = ask("get_top_consumers", limit=1)["metadata"]["truncated"]["cursor"]
    assert error("get_top_consumers", limit=1, metric="memory", cursor=cursor)["code"] == "invalid_cursor"
    assert error("get_usage", limit=1, cursor=cursor)["code"] == "invalid_cursor"
    assert ask("get_top_consumers", limit=2, cursor=cursor)["ranking"][0]["rank"] == 2


def test_no_rate_means_no_costs(build: Any) -> None:
    unpriced = build(daily=None, monthly=None, hourly=None, rates=[], currency=None)
    with pytest.raises(ToolArgumentError) as caught:
        TABLE["get_usage"].run({"cost_model": "costs"}, unpriced, NOW)
    assert "KL_BILLING_HOURLY_RATE" in caught.value.message


def test_a_comma_separated_string_is_a_list(ask: Ask) -> None:
    assert ask("get_usage", namespaces="web, registry") == ask("get_usage", namespaces=["web", "registry"])


@settings(max_examples=examples(300), deadline=None)
@given(
    st.sampled_from(list(TABLE)),
    st.dictionaries(
        st.sampled_from(
            [
                "metric",
                "scale",
                "namespace",
                "namespaces",
                "date",
                "baseline",
                "limit",
                "cursor",
                "pattern",
                "sort",
                "x",
            ]
        ),
        st.one_of(
            st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=40), st.lists(st.text(max_size=8))
        ),
        max_size=3,
    ),
)
def test_no_arguments_whatever_crash_a_tool(books: Dataset, name: str, arguments: dict[str, Any]) -> None:
    try:
        TABLE[name].run(arguments, books, NOW)
    except ToolArgumentError as wrong:
        refusal = refuse(TABLE, Call(name, arguments), wrong, books, NOW)
        check_refusal(refusal, books, NOW)
        assert "pydantic" not in refusal.text
        assert "http" not in refusal.text
