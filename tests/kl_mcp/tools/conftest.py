"""The small cluster, loaded, and a way to ask it that validates every answer."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import jsonschema
import pytest

from kl_mcp.tools import TABLE
from kl_query.dataset import Dataset
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
    """Ask a tool; the answer must validate against the result model and against both of its schemas."""
    answer = TABLE[tool].run(arguments, dataset, NOW)
    TABLE[tool].result.model_validate(answer)
    check_schemas(tool, answer)
    return answer


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
