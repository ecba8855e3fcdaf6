"""The small cluster, loaded, and a way to ask it that validates every answer."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from typing import Any

import jsonschema
import orjson
import pytest

from kl_mcp.tools import TABLE
from kl_mcp.tools.refusals import MAX_TEXT_CHARS, Call, Refusal, refuse
from kl_query.dataset import Dataset
from kl_query.errors import NEAREST_VALUES, ToolArgumentError
from tests.support.datasets import loaded
from tests.support.small_cluster import NOW, published

Ask = Callable[..., dict[str, Any]]
LISTS = [
    (name, argument)
    for name, tool in TABLE.items()
    for argument in tool.arguments.model_fields
    if tool.input_schema["properties"][argument]["type"] == "array"
]
"""Each tool and argument that takes a list."""


@pytest.fixture(scope="session")
def books() -> Dataset:
    """The small cluster, loaded."""
    return loaded(published())


@pytest.fixture
def build() -> Callable[..., Dataset]:
    """Return a function that publishes the small cluster with changes and loads it."""
    return lambda **changes: loaded(published(**changes))


def asked(dataset: Dataset, tool: str, **arguments: Any) -> dict[str, Any]:
    """Ask a tool; the answer must validate against both of its schemas."""
    answer = TABLE[tool].run(arguments, dataset, NOW)
    check_schemas(tool, answer)
    return answer


def refused(dataset: Dataset, tool: str, **arguments: Any) -> Refusal:
    """What a wrong call is answered; its corrected call, if it has one, is answered too."""
    with pytest.raises(ToolArgumentError) as caught:
        TABLE[tool].run(arguments, dataset, NOW)
    refusal = refuse(TABLE, Call(tool, arguments), caught.value, dataset, NOW)
    check_refusal(refusal, dataset, NOW)
    return refusal


def check_refusal(refusal: Refusal, dataset: Dataset, now: float) -> None:
    """Text and data fit and say the same, the text is no JSON, and the corrected call is one the tool takes."""
    data = refusal.data
    assert list(data) == ["code", "argument", "message", "allowed", "nearest", "corrected"]
    assert len(refusal.text) <= MAX_TEXT_CHARS
    assert len(json.dumps(data, separators=(",", ":"), ensure_ascii=False)) <= MAX_TEXT_CHARS
    assert len(data["nearest"]) <= NEAREST_VALUES
    assert refusal.text.startswith(data["message"])
    assert all(value in refusal.text for value in data["nearest"])
    with pytest.raises(json.JSONDecodeError):
        json.loads(refusal.text)
    if refusal.corrected is None:
        return
    tool, arguments = data["corrected"]["tool"], data["corrected"]["arguments"]
    assert refusal.text.endswith(f"Corrected call: {tool} {orjson.dumps(arguments).decode()}")
    jsonschema.validate(arguments, TABLE[tool].input_schema)
    TABLE[tool].run(arguments, dataset, now)


def check_schemas(tool: str, answer: dict[str, Any]) -> None:
    """Validate an answer against the advertised and the full output schema of its tool."""
    for validator in _validators(tool):
        validator.validate(answer)


@cache
def _validators(tool: str) -> tuple[jsonschema.Draft202012Validator, ...]:
    schemas = (TABLE[tool].output_schema, TABLE[tool].full_output_schema)
    return tuple(jsonschema.Draft202012Validator(schema) for schema in schemas)


@pytest.fixture
def ask(books: Dataset) -> Ask:
    """Ask the small cluster."""
    return lambda tool, **arguments: asked(books, tool, **arguments)
