"""The corrected call of an error: made of the call's own arguments, tried, and of any tool that answers."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from kl_mcp.tools import TABLE
from kl_mcp.tools.refusals import MAX_CORRECTED_CHARS, MAX_TEXT_CHARS, MAX_TRIED_CALLS, Call, Refusal, refuse
from kl_mcp.tools.tool import Tool
from kl_query.dataset import Dataset
from kl_query.dataset.visibility import restricted
from kl_query.errors import ToolArgumentError
from tests.kl_mcp.tools.conftest import refused
from tests.support.small_cluster import NOW
from tests.support.small_tools import Small, small

Build = Callable[..., Dataset]


@pytest.mark.requirement("KL-E-1")
@pytest.mark.parametrize(
    ("tool", "arguments", "corrected"),
    [
        # Every other argument is kept, in the form that the schema has.
        ("get_usage", {"metric": "cpux", "limit": "5", "aggregate": ""}, {"metric": "cpu", "limit": 5}),
        ("get_usage", {"metric": "cpux", "scale": "dayly", "date": "tomorrow"},
         {"metric": "cpu", "scale": "daily_14d", "date": "latest"}),
        ("get_usage", {"wait_for_previous": True, "metrc": "memory"}, {"metric": "memory"}),
        ("get_top_consumers", {"excludeSystem": "false", "Metric": "RAM"},
         {"exclude_system": False, "metric": "memory"}),
        ("get_top_consumers", {"top_n": 3, "sort": "value"}, {"limit": 3}),
        ("get_top_consumers", {"since": "2026-11-20"}, {"date": "2026-11-20..latest"}),
        ("get_top_consumers", {"from": "2026-11-19", "to": "2026-11-20", "date": "latest"}, {"date": "latest"}),
        ("get_top_consumers", {"limit": 0}, {"limit": 1}),
        ("get_top_consumers", {"exclude_system": "no"}, {"exclude_system": False}),
        ("get_top_consumers", {"exclude_system": 1}, {"exclude_system": True}),
        ("get_top_consumers", {"metric": "memory", "cost_model": "costs", "dimension": "requests"},
         {"metric": "memory", "cost_model": "cumulative", "dimension": "requests"}),
        ("get_top_consumers", {"metric": "total", "cost_model": "cumulative"},
         {"metric": "total", "cost_model": "costs"}),
        ("get_usage", {"namespace": ["web", "registri"]}, {"namespaces": ["web", "registry"]}),
        ("get_usage", {"namespace": "web", "namespaces": "kube-*,web"}, {"namespaces": ["web", "kube-*"]}),
        ("get_usage", {"date": "2026-11-20T14:00:00Z", "scale": "daily_14d"}, {"date": "2026-11-20"}),
        ("get_usage", {"date": "2026-10", "scale": "daily_14d"}, {"date": "2026-10"}),
        ("get_timeseries", {"scale": "hourly_7d", "namespace": "web"}, {"namespace": "web"}),
        ("get_timeseries", {"interval": "5m", "namespace": "web"}, {"namespace": "web"}),
        ("get_top_consumers", {"days": 2}, {"date": "last_2d"}),
        ("get_usage", {"last_n_days": "2", "metric": "memory"}, {"date": "last_2d", "metric": "memory"}),
        ("get_timeseries", {"hours": 3}, {"date": "last_3h"}),
        ("get_top_consumers", {"include_system": True}, {"exclude_system": False}),
        ("get_top_consumers", {"include_system": "false"}, {"exclude_system": True}),
        ("get_top_consumers", {"include_system": "maybe"}, {}),
        ("get_usage", {"include_special": True}, {"exclude_special": False}),
        ("get_efficiency", {"min_waste": 100}, {}),
        ("list_namespaces", {"filter": "kube"}, {"namespaces": ["kube-*"]}),
        ("compare_periods", {"current_period": "2026-10", "previous_period": "2026-09"},
         {"date": "2026-10", "baseline": "2026-09"}),
        ("compare_periods", {"date": "2026-11-20", "baseline": "days_before"}, {"date": "2026-11-20"}),
        ("compare_periods", {"date": "2026-11-20", "baseline": "2019-01-01"}, {"date": "2026-11-20"}),
        ("get_usage", {"days": 2, "date": "latest"}, {"date": "latest"}),
        # A comparison is of the later period with the earlier one, in whichever order they are given.
        ("compare_periods", {"period1": "2026-09", "period2": "2026-10"}, {"date": "2026-10", "baseline": "2026-09"}),
        ("compare_periods", {"period_a": "2026-10", "period_b": "2026-09"}, {"date": "2026-10", "baseline": "2026-09"}),
        ("compare_periods", {"first_period": "last_month", "second_period": "this_month"},
         {"date": "this_month", "baseline": "last_month"}),
        ("compare_periods", {"period1": "2026-09", "period2": "last_month"},
         {"date": "last_month", "baseline": "2026-09"}),
        ("get_usage", {"cursor": "nonsense", "limit": 2}, {"limit": 2}),
        ("compare_periods", {"date": "2026-10", "baseline": "2026-09-01"}, {"date": "2026-10", "baseline": "2026-09"}),
        ("list_namespaces", {"namespace": "WEB"}, {"namespaces": ["WEB"]}),
        ("describe_dataset", {"verbose": True}, {}),
        # Of several values where one belongs the first, and not one that is written like all of them.
        ("get_usage", {"metric": "cpu,memory"}, {"metric": "cpu"}),
        ("get_usage", {"metric": "RAM and CPU"}, {"metric": "memory"}),
        ("get_usage", {"metric": '["memory", "cpu"]'}, {"metric": "memory"}),
        ("get_usage", {"date": '["2026-11-19", "2026-11-20"]'}, {"date": "2026-11-19..2026-11-20"}),
        ("get_usage", {"namespace": '["web", "registry"]'}, {"namespaces": ["web", "registry"]}),
        # The hour at which a time ends is no part of it.
        ("get_usage", {"start": "2026-11-21T15:00:00Z", "end": "2026-11-21T17:00:00Z"},
         {"date": "2026-11-21T15:00:00Z..2026-11-21T16:00:00Z"}),
        ("get_usage", {"start": "2026-11-19", "end": "now"}, {"date": "2026-11-19..latest"}),
        ("get_usage", {"date": "November 20, 2026"}, {"date": "2026-11-20"}),
        # A baseline that cannot be read is not the latest bucket, which is likely to be compared with it.
        ("compare_periods", {"date": "latest", "baseline": "the one before"}, {"date": "latest"}),
        ("compare_periods", {"date": "2026-11-20", "baseline": "2020-01-01"}, {"date": "2026-11-20"}),
        # No value goes to an argument that means something else, and no name is dropped for its capitals.
        ("get_usage", {"exclude_system": False}, {}),
        ("get_usage", {"NAMESPACE": "web"}, {"namespace": "web"}),
        # A name is the same in every spelling.
        ("get_usage", {"includeSpecial": True}, {"exclude_special": False}),
        ("get_usage", {"include-special": True, "exclude_special": True}, {"exclude_special": True}),
        ("get_usage", {"startDate": "2026-11-19", "endDate": "2026-11-20"}, {"date": "2026-11-19..2026-11-20"}),
        ("get_usage", {"Start": "2026-11-19", "End": "2026-11-20"}, {"date": "2026-11-19..2026-11-20"}),
        ("get_usage", {"start": "2026-11-19", "until": "2026-11-20"}, {"date": "2026-11-19..2026-11-20"}),
        ("get_usage", {"from": "2026-11-19", "endTime": "2026-11-20"}, {"date": "2026-11-19..2026-11-20"}),
        ("get_usage", {"lastDays": 2}, {"date": "last_2d"}),
        ("get_usage", {"days": 2.0}, {"date": "last_2d"}),
        ("get_usage", {"days": "2.0"}, {"date": "last_2d"}),
        ("get_top_consumers", {"topN": 3}, {"limit": 3}),
        ("get_top_consumers", {"Currency": "EUR"}, {"cost_model": "costs"}),
        ("get_top_consumers", {"costModel": "costs"}, {"cost_model": "costs"}),
        ("get_top_consumers", {"Metrics": "memory"}, {"metric": "memory"}),
        ("get_top_consumers", {"timeRanges": "2026-11-20"}, {"date": "2026-11-20"}),
        ("compare_periods", {"Period1": "2026-09", "period_2": "2026-10"}, {"date": "2026-10", "baseline": "2026-09"}),
        ("compare_periods", {"period1": "latest", "period2": "2026-11-20"},
         {"date": "latest", "baseline": "2026-11-20"}),
        ("compare_periods", {"period1": "2026-11-20", "period2": "Latest"},
         {"date": "Latest", "baseline": "2026-11-20"}),
    ],
)  # fmt: skip
def test_the_corrected_call_is_the_call_with_what_was_wrong_made_right(
    books: Dataset, tool: str, arguments: dict[str, Any], corrected: dict[str, Any]
) -> None:
    assert refused(books, tool, **arguments).corrected == Call(tool, corrected)


@pytest.mark.requirement("KL-E-1")
def test_a_list_where_one_value_belongs_is_told_as_names(books: Dataset) -> None:
    refusal = refused(books, "get_usage", namespace=["web", "registry"])
    assert refusal.error.message == "namespace must be a string, not 'web', 'registry'."


@pytest.mark.requirement("KL-E-1")
@pytest.mark.parametrize(
    ("tool", "arguments", "corrected"),
    [
        ("get_top_consumers", {"namespace": "web", "metric": "memory", "limit": 3, "exclude_system": True},
         Call("get_usage", {"date": "latest", "namespace": "web", "metric": "memory"})),
        ("get_namespace_breakdown", {"namespaces": "kube-*", "date": "all"},
         Call("get_usage", {"date": "all", "namespaces": ["kube-*"]})),
        ("get_usage", {"namespace": "unmeasured", "scale": "hourly_7d"},
         Call("get_usage", {"scale": "hourly_7d", "exclude_special": False})),
        ("get_timeseries", {"namespace": "unmeasured"},
         Call("get_usage", {"date": "all", "scale": "hourly_7d", "exclude_special": False})),
        ("get_timeseries", {"namespace": "web", "date": "2026-10"},
         Call("get_usage", {"namespace": "web", "date": "2026-10"})),
        ("get_timeseries", {"namespace": "web", "date": "2024-10"},
         Call("get_usage", {"namespace": "web", "date": "latest"})),
        ("get_timeseries", {"namespace": "web", "scale": "daily"},
         Call("get_usage", {"date": "all", "namespace": "web", "scale": "daily_14d"})),
        ("get_timeseries", {"namespace": "web", "Scale": "daily"},
         Call("get_usage", {"date": "all", "namespace": "web", "scale": "daily_14d"})),
        ("get_top_consumers", {"Namespace": "web"}, Call("get_usage", {"date": "latest", "namespace": "web"})),
        ("get_efficiency_timeseries", {"namespace": "web", "granularity": "monthly", "aggregate": True},
         Call("get_efficiency", {"date": "all", "namespace": "web", "scale": "monthly_12m"})),
        ("group_namespaces", {"pattern": ["unmeasured", "web"]},
         Call("get_usage", {"date": "latest", "namespaces": ["web"], "exclude_special": False})),
        ("get_usage", {"namespace": 5}, Call("list_namespaces", {})),
        # Without the names that it is about, the call would answer for the whole cluster.
        ("get_usage", {"namespaces": [5]}, Call("list_namespaces", {})),
        ("get_usage", {"namespaces": [["web"]]}, Call("list_namespaces", {})),
        ("get_usage", {"namespace": {"name": "web"}, "metric": "memory"}, Call("list_namespaces", {})),
        ("get_timeseries", {"namespace": "x" * 257}, Call("list_namespaces", {})),
        ("get_efficiency", {"namespace": "qqqq", "sort": "ratio"}, Call("list_namespaces", {})),
        ("group_namespaces", {"pattern": "qqqq-*"}, Call("list_namespaces", {})),
    ],
)  # fmt: skip
def test_another_tool_is_named_where_it_answers_what_was_meant(
    books: Dataset, tool: str, arguments: dict[str, Any], corrected: Call
) -> None:
    assert refused(books, tool, **arguments).corrected == corrected


def test_a_correction_is_of_what_the_dataset_and_the_caller_have(books: Dataset, build: Build) -> None:
    unpriced = build(daily=None, monthly=None, hourly=None, rates=[], currency=None)
    assert refused(unpriced, "get_usage", currency="EUR").corrected == Call("get_usage", {"cost_model": "cumulative"})
    assert refused(unpriced, "get_usage", metric="total").corrected == Call(
        "get_usage", {"cost_model": "cumulative", "metric": "cpu"}
    )
    tenant = restricted(books, lambda name: name == "web")
    assert refused(tenant, "get_usage", namespace="registri").corrected == Call("list_namespaces", {})


def test_who_may_see_no_namespace_is_told_where_totals_are(books: Dataset) -> None:
    nobody = restricted(books, lambda _: False)
    assert refused(nobody, "group_namespaces", pattern="*").corrected == Call("list_namespaces", {})
    assert refused(nobody, "get_usage", metric="cpux").corrected == Call("get_usage", {"metric": "cpu"})


@pytest.mark.requirement("KL-E-1")
@pytest.mark.parametrize("length", [MAX_CORRECTED_CHARS, MAX_CORRECTED_CHARS + 1])
def test_a_corrected_call_too_long_to_be_told_is_not(books: Dataset, length: int) -> None:
    def corrected(last: str) -> dict[str, Any]:
        return {"namespaces": ["*" * 250, "*" * 250, last], "scale": "daily_14d"}

    last = "*" * (length - len(json.dumps(corrected(""), separators=(",", ":"))))
    asked = {**corrected(last), "scale": "weekly"}
    expected = corrected(last) if length <= MAX_CORRECTED_CHARS else {"namespaces": asked["namespaces"]}
    assert refused(books, "get_usage", **asked).corrected == Call("get_usage", expected)


@pytest.mark.requirement("KL-E-1")
def test_after_twelve_tries_there_is_no_corrected_call(books: Dataset) -> None:
    tried: list[dict[str, Any]] = []

    def stubborn(_dataset: Dataset, *, limit: int = 0) -> Small:
        tried.append({"limit": limit})
        raise ToolArgumentError("out_of_range", "limit", "No.", corrections=[{"limit": limit + 1}])

    table = {"stubborn": Tool("stubborn", "", "", stubborn, paged=False)}
    error = ToolArgumentError("out_of_range", "limit", "No.", corrections=[{"limit": 1}])
    assert refuse(table, Call("stubborn", {}), error, books, NOW).corrected is None
    assert len(tried) == MAX_TRIED_CALLS


@pytest.mark.requirement("KL-E-1")
def test_after_two_answers_to_calls_too_long_to_be_told_no_further_call_is_tried(books: Dataset) -> None:
    answered: list[int] = []

    def patient(dataset: Dataset, *, limit: int = 0, namespace: str = "") -> Small:
        answered.append(limit)
        return small(dataset, namespace)

    table = {"patient": Tool("patient", "", "", patient, paged=False)}
    error = ToolArgumentError("out_of_range", "limit", "No.", corrections=[{"limit": n} for n in range(1, 9)])
    call = Call("patient", {"namespace": "x" * MAX_CORRECTED_CHARS})
    assert refuse(table, call, error, books, NOW).corrected is None
    assert answered == [1, 2]


def test_a_tool_that_is_not_there_is_not_suggested(books: Dataset) -> None:
    table: dict[str, Tool] = {"get_top_consumers": TABLE["get_top_consumers"]}
    call = Call("get_top_consumers", {"namespace": "web"})
    with pytest.raises(ToolArgumentError) as caught:
        table[call.tool].run(call.arguments, books, NOW)
    assert refuse(table, call, caught.value, books, NOW).corrected == Call("get_top_consumers", {})


@pytest.mark.requirement("KL-E-1")
@pytest.mark.parametrize("nasty", ["x", '"', "\\", "\x00", "\u2028", "é", "😀"])
def test_no_content_makes_text_or_data_longer_than_their_limit(nasty: str) -> None:
    long = nasty * 5_000
    for allowed in ([long] * 50, ["abcdefgh"] * 500, long):
        error = ToolArgumentError("bad", long, long, allowed=allowed, nearest=[long] * 50)
        refusal = Refusal(error, Call("get_namespace_breakdown", {"n": "é" * (MAX_CORRECTED_CHARS - 8)}))
        assert len(refusal.text) <= MAX_TEXT_CHARS
        assert len(json.dumps(refusal.data, ensure_ascii=False, separators=(",", ":"))) <= MAX_TEXT_CHARS


def test_the_text_is_the_message_what_is_allowed_what_is_near_and_the_call() -> None:
    error = ToolArgumentError("bad", "metric", "No.", allowed=["cpu", "memory"], nearest=["cpu"])
    assert Refusal(error, Call("get_usage", {"metric": "cpu"})).text == (
        'No. Allowed: cpu, memory. Nearest: cpu. Corrected call: get_usage {"metric":"cpu"}'
    )
    assert Refusal(ToolArgumentError("bad", None, "No.")).text == "No."
