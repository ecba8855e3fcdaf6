"""What has to hold of every answer, whatever was asked."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from itertools import count
from typing import Any

import orjson
from hypothesis import HealthCheck, example, given, settings
from jsonschema import Draft202012Validator

from kl_mcp.tools import TABLE
from kl_mcp.tools.client_habits import ADDED_BY_CLIENTS
from kl_mcp.tools.refusals import MAX_CORRECTED_CHARS, Call, refuse
from kl_mcp.tools.sent_arguments import as_meant
from kl_query.errors import ToolArgumentError
from tests.fuzz.arguments import DATASET, arguments
from tests.kl_mcp.tools.conftest import check_refusal
from tests.support.examples import examples
from tests.support.large_dataset import NOW

CASES = examples(2_000)
MAX_DEFAULT_CHARS = 32_000
MAX_CHARS = 40_000
MIN_WRONG_ARGUMENTS = 5
FULL_SCHEMA_EVERY = 5
"""The full schemas cost five to thirty times what the answer does."""
LEAKS = ("pydantic", "traceback", "https://", ".py", "validation error")
CODES = {
    *("unknown_argument", "missing_argument", "invalid_type", "invalid_value", "out_of_range", "conflicting_arguments"),
    *("unknown_namespace", "invalid_namespace", "invalid_pattern", "unknown_date", "invalid_date", "invalid_cursor"),
    *("invalid_combination", "metric_not_available"),
}


@cache
def validator(tool: str, *, full: bool) -> Draft202012Validator:
    """Of the tool's answers."""
    return Draft202012Validator(TABLE[tool].full_output_schema if full else TABLE[tool].output_schema)


@cache
def takes(tool: str) -> Draft202012Validator:
    """Of the tool's arguments."""
    return Draft202012Validator(TABLE[tool].input_schema)


def check_answer(tool: str, asked: dict[str, Any], answer: dict[str, Any], *, full: bool) -> None:
    """An answer conforms, and fits whether it is written compactly or with spaces."""
    written = json.dumps(answer, allow_nan=False)
    assert json.loads(orjson.dumps(answer)) == json.loads(written)
    assert len(written) <= (MAX_CHARS if asked.get("limit") is not None else MAX_DEFAULT_CHARS)
    validator(tool, full=False).validate(answer)
    if full:
        validator(tool, full=True).validate(answer)


def check_error(tool: str, asked: dict[str, Any], error: ToolArgumentError) -> None:
    """An error names an argument, is short, leaks nothing of the implementation, and has a call that is answered."""
    refusal = refuse(TABLE, Call(tool, asked), error, DATASET, NOW)
    check_refusal(refusal, DATASET, NOW)
    assert refusal.corrected is not None or may_lack_a_correction(tool, asked)
    assert error.code in CODES
    assert not [leak for leak in LEAKS if leak in error.message.lower() and leak not in str(asked).lower()]
    properties = TABLE[tool].input_schema["properties"]
    if error.code == "unknown_argument":
        assert error.argument in asked
        assert error.argument not in properties
    else:
        assert error.argument in properties
    if error.code in {"invalid_type", "unknown_argument", "missing_argument"}:
        # An empty list is valid, and means that the argument is not given.
        given = as_meant(TABLE[tool].arguments, asked)
        assert not takes(tool).is_valid(given), "the advertised schema allows what the tool refuses"


def may_lack_a_correction(tool: str, asked: dict[str, Any]) -> bool:
    """Whether a call is one of the two kinds whose error names no corrected call.

    Its arguments are many times what a corrected call may have, or more of them are wrong than tries are made.
    """
    if len(json.dumps(asked)) > MAX_CORRECTED_CHARS:
        return True
    wrong = [name for name in asked if isinstance(run(tool, {name: asked[name]}), ToolArgumentError)]
    return len(wrong) >= MIN_WRONG_ARGUMENTS


def fuzz(tool: str) -> Callable[[], None]:
    """A test of one tool with CASES calls, among them a continuation of its own pages."""
    numbers = count()

    @settings(max_examples=CASES, suppress_health_check=list(HealthCheck))
    @given(arguments(tool, next_pages(tool)))
    @example({})
    @example({"nobody_knows": None})
    @example({"wait_for_previous": True})
    def test(asked: dict[str, Any]) -> None:
        unknown = set(asked) - set(TABLE[tool].input_schema["properties"]) - set(ADDED_BY_CLIENTS)
        outcome = run(tool, asked)
        if isinstance(outcome, ToolArgumentError):
            check_error(tool, asked, outcome)
        else:
            check_answer(tool, asked, outcome, full=next(numbers) % FULL_SCHEMA_EVERY == 0)
        assert not unknown or (isinstance(outcome, ToolArgumentError) and outcome.code == "unknown_argument")

    return test


def run(tool: str, asked: dict[str, Any]) -> dict[str, Any] | ToolArgumentError:
    """What a call ends with. Any other exception is a crash."""
    try:
        return TABLE[tool].run(asked, DATASET, NOW)
    except ToolArgumentError as error:
        return error


def next_pages(tool: str) -> list[dict[str, Any]]:
    """Calls that continue short answers of the tool."""
    properties = TABLE[tool].input_schema["properties"]
    if "cursor" not in properties:
        return []
    required: dict[str, Any] = {"pattern": "*"} if tool == "group_namespaces" else {}
    calls = [required, *([{"namespaces": ["*"]}] if "namespaces" in properties else [])]
    answers = [(each, TABLE[tool].run({**each, "limit": 2}, DATASET, NOW)) for each in calls]
    cut = [(each, answer["metadata"]["truncated"]) for each, answer in answers]
    return [{**each, "cursor": truncated["cursor"]} for each, truncated in cut if truncated]
