"""A list is a list, whichever way a client writes it: for every argument of every tool that takes one."""

from __future__ import annotations

import json
import tracemalloc
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kl_mcp.tools import TABLE
from kl_mcp.tools.sent_arguments import MAX_LIST_ELEMENTS, MAX_TEXT_CHARS
from kl_query.dataset import Dataset
from kl_query.dataset.visibility import restricted
from kl_query.errors import ToolArgumentError
from tests.kl_mcp.tools.conftest import LISTS, refused
from tests.support.examples import examples
from tests.support.small_cluster import NOW

EACH = pytest.mark.parametrize(("tool", "argument"), LISTS)
NAMES = ["registry", "ml-train", "web", "kube-system", "idle", "gone"]
PATTERNS = [*NAMES, "*", "kube-*", "[rw]*", "[!r]*", "?eb", "registri", "x-*"]


def outcome(books: Dataset, tool: str, argument: str, value: object) -> object:
    """The answer; of an error what it says."""
    try:
        return TABLE[tool].run({argument: value}, books, NOW)
    except ToolArgumentError:
        return {"error": refused(books, tool, **{argument: value}).data}


def test_every_argument_that_is_advertised_as_a_list_is_one_of_these() -> None:
    advertised = [
        (name, argument)
        for name, tool in TABLE.items()
        for argument, schema in tool.input_schema["properties"].items()
        if schema.get("type") == "array"
    ]
    assert advertised == LISTS
    assert LISTS


@pytest.mark.requirement("KL-T-9")
@EACH
def test_a_list_as_json_text_is_the_list(books: Dataset, tool: str, argument: str) -> None:
    wanted = outcome(books, tool, argument, ["registry", "kube-*"])
    assert isinstance(wanted, dict)
    assert "error" not in wanted
    for text in ('["registry","kube-*"]', ' \n[ "registry" ,\t"kube-*" ] ', r'["\u0072egistry","kube-*"]'):
        assert outcome(books, tool, argument, text) == wanted, text


@EACH
@settings(max_examples=examples(100), deadline=None)
@given(asked=st.lists(st.sampled_from(PATTERNS), min_size=1, max_size=22))
def test_list_json_text_and_comma_text_are_answered_alike(
    books: Dataset, tool: str, argument: str, asked: list[str]
) -> None:
    wanted = outcome(books, tool, argument, asked)
    assert outcome(books, tool, argument, json.dumps(asked)) == wanted
    assert outcome(books, tool, argument, ",".join(asked)) == wanted


@pytest.mark.requirement("KL-T-9")
@EACH
@pytest.mark.parametrize("glob", ["[rw]*", "[!r]*", "[r]egistry", "[rw]*,[k]*", "*[bm]"])
def test_a_glob_that_begins_or_ends_with_a_bracket_stays_one(
    books: Dataset, tool: str, argument: str, glob: str
) -> None:
    wanted = outcome(books, tool, argument, glob.split(","))
    assert isinstance(wanted, dict)
    assert "error" not in wanted
    assert outcome(books, tool, argument, glob) == wanted


@EACH
@pytest.mark.parametrize(
    "value",
    [[1], ["web", None], [["web"]], ["web", {}], ["web"] * 101, [0] * 3_000, ["web,registry"]],
)
def test_a_wrong_list_as_json_text_is_refused_with_the_words_for_the_list(
    books: Dataset, tool: str, argument: str, value: list[Any]
) -> None:
    refused = outcome(books, tool, argument, value)
    assert isinstance(refused, dict)
    assert refused["error"]["argument"] == argument
    assert outcome(books, tool, argument, json.dumps(value, separators=(",", ":"))) == refused


@pytest.mark.requirement("KL-S-8")
@EACH
@pytest.mark.parametrize(
    ("text", "code"),
    [
        (json.dumps(["n"] * (MAX_LIST_ELEMENTS + 1)), "out_of_range"),
        (",".join(["n"] * (MAX_LIST_ELEMENTS + 1)), "out_of_range"),
        (json.dumps(["n" * MAX_TEXT_CHARS]), "out_of_range"),
        (json.dumps([f"n{number}" for number in range(21)]), "invalid_pattern"),
        ("[" * 8_000, "invalid_pattern"),
        ("[" * 4_000 + "]" * 4_000, "invalid_pattern"),
        ("[" * 1_000 + "]" * 1_000, "invalid_type"),
        ("[" + "0," * 4_000 + "0]", "out_of_range"),
        ('{"a":["web"]}', "invalid_pattern"),
        ('["web"', "unknown_namespace"),
        (r'["\ud800"]', "invalid_pattern"),
        ('["\ud800"]', "invalid_value"),
    ],
)
def test_what_looks_like_a_list_is_held_to_the_bounds_of_one(
    books: Dataset, tool: str, argument: str, text: str, code: str
) -> None:
    tracemalloc.start()
    try:
        refused = outcome(books, tool, argument, text)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert isinstance(refused, dict)
    assert (refused["error"]["code"], refused["error"]["argument"]) == (code, argument)
    assert peak < 2_000_000


@pytest.mark.requirement("KL-T-9")
@EACH
def test_one_pattern_of_several_that_matches_nothing_is_an_error(books: Dataset, tool: str, argument: str) -> None:
    with pytest.raises(ToolArgumentError) as caught:
        TABLE[tool].run({argument: ["web", "registri"]}, books, NOW)
    assert (caught.value.code, caught.value.argument) == ("unknown_namespace", argument)
    assert "'registri'" in caught.value.message
    assert caught.value.nearest == ("registry",)
    assert caught.value.corrections[0].changes == {argument: ["web", "registry"]}


@EACH
def test_a_pattern_that_matches_hidden_names_only_is_refused_like_one_that_matches_none(
    books: Dataset, tool: str, argument: str
) -> None:
    seen = restricted(books, lambda name: name == "web")
    hidden, absent = (
        str(outcome(seen, tool, argument, ["web", pattern])).replace(pattern, "PATTERN")
        for pattern in ("regist*", "xegist*")
    )
    assert hidden == absent
    assert "unknown_namespace" in hidden
    assert "registry" not in hidden
