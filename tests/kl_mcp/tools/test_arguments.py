"""Wrong calls are answered with errors an assistant can act on."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kl_mcp.tools import TABLE
from kl_query.dataset import Dataset
from kl_query.dataset.visibility import restricted
from kl_query.errors import MAX_PAYLOAD_CHARS, ToolArgumentError
from tests.kl_mcp.tools.conftest import Ask
from tests.support.examples import examples
from tests.support.small_cluster import NOW

FIELDS = ["code", "argument", "message", "allowed", "nearest", "example"]


def error(ask: Ask, tool: str, **arguments: Any) -> dict[str, Any]:
    with pytest.raises(ToolArgumentError) as caught:
        ask(tool, **arguments)
    payload = caught.value.to_payload()
    assert list(payload["error"]) == FIELDS
    assert len(json.dumps(payload)) <= MAX_PAYLOAD_CHARS
    found: dict[str, Any] = payload["error"]
    return found


def test_an_argument_that_does_not_exist_names_the_nearest_ones(ask: Ask) -> None:
    found = error(ask, "get_top_consumers", metrc="cpu")
    assert (found["code"], found["argument"]) == ("unknown_argument", "metrc")
    assert found["nearest"] == ["metric"]
    assert "exclude_system" in found["allowed"]
    assert error(ask, "describe_dataset", x=1)["message"] == "describe_dataset takes no arguments."


def test_a_missing_argument_is_named_with_an_example(ask: Ask) -> None:
    found = error(ask, "group_namespaces")
    assert (found["code"], found["argument"], found["example"]) == (
        "missing_argument",
        "pattern",
        "pattern=kube-*",
    )


@pytest.mark.parametrize(
    ("arguments", "code", "argument"),
    [
        ({"metric": "cpus"}, "invalid_value", "metric"),
        ({"metric": 3}, "invalid_value", "metric"),
        ({"scale": "daily"}, "invalid_value", "scale"),
        ({"limit": 0}, "out_of_range", "limit"),
        ({"limit": 10_000}, "out_of_range", "limit"),
        ({"limit": "ten"}, "invalid_type", "limit"),
        ({"limit": True}, "invalid_type", "limit"),
        ({"limit": 1.5}, "invalid_type", "limit"),
        ({"exclude_system": "maybe"}, "invalid_type", "exclude_system"),
        ({"date": 20261121}, "invalid_type", "date"),
        ({"date": "x" * 65}, "out_of_range", "date"),
        ({"date": "yesterday"}, "invalid_date", "date"),
        ({"cursor": "nonsense"}, "invalid_cursor", "cursor"),
        ({"metric": "total"}, "invalid_combination", "metric"),
        ({"metric": "gpu"}, "metric_not_available", "metric"),
        ({"cost_model": "costs", "dimension": "requests"}, "invalid_combination", "dimension"),
        ({"cost_model": "money"}, "invalid_value", "cost_model"),
    ],
)
def test_a_wrong_value_is_named_with_what_was_allowed(
    ask: Ask, arguments: dict[str, Any], code: str, argument: str
) -> None:
    found = error(ask, "get_top_consumers", **arguments)
    assert (found["code"], found["argument"]) == (code, argument)
    assert found["message"]
    assert found["allowed"]


def test_numbers_and_switches_say_what_they_take(ask: Ask) -> None:
    assert error(ask, "get_top_consumers", limit=0)["allowed"] == "a whole number from 1 to 1000"
    assert error(ask, "get_usage", limit="ten")["allowed"] == "a whole number from 1 to 1000"
    assert error(ask, "get_usage", aggregate="yes")["allowed"] == ["true", "false"]
    assert error(ask, "list_namespaces", active="gone")["allowed"] == ["true", "false"]


def test_a_misspelt_word_gets_the_word_meant(ask: Ask) -> None:
    assert error(ask, "get_top_consumers", scale="daily")["nearest"][0] == "daily_14d"
    assert error(ask, "get_usage", namespace="registri")["nearest"] == ["registry"]
    assert error(ask, "get_usage", namespaces="monitoring")["nearest"][0] == "openshift-monitoring"


def test_a_glob_as_namespace_points_to_namespaces(ask: Ask) -> None:
    found = error(ask, "get_timeseries", namespace="openshift-*")
    assert found["code"] == "invalid_namespace"
    assert found["nearest"] == ["openshift-monitoring"]
    assert found["example"] == "namespaces=openshift-*"


def test_a_hidden_namespace_is_as_unknown_as_one_that_does_not_exist(books: Dataset) -> None:
    seen = restricted(books, lambda name: name == "web")
    with pytest.raises(ToolArgumentError) as hidden:
        TABLE["get_usage"].run({"namespace": "registry"}, seen, NOW)
    with pytest.raises(ToolArgumentError) as absent:
        TABLE["get_usage"].run({"namespace": "registre"}, seen, NOW)
    assert str(hidden.value).replace("registry", "registre") == str(absent.value)
    assert hidden.value.nearest == absent.value.nearest


def test_a_cursor_of_another_call_is_refused(ask: Ask) -> None:
    cursor = ask("get_top_consumers", limit=1)["metadata"]["truncated"]["cursor"]
    assert error(ask, "get_top_consumers", limit=1, metric="memory", cursor=cursor)["code"] == "invalid_cursor"
    assert error(ask, "get_usage", limit=1, cursor=cursor)["code"] == "invalid_cursor"
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
    except ToolArgumentError as refused:
        written = json.dumps(refused.to_payload())
        assert len(written) <= MAX_PAYLOAD_CHARS
        assert "pydantic" not in written
        assert "http" not in written


def test_a_name_without_a_character_is_refused_with_the_least_it_needs(ask: Ask) -> None:
    found = error(ask, "get_usage", namespace="")
    assert (found["code"], found["argument"]) == ("out_of_range", "namespace")
    assert "at least 1 character long" in found["message"]
