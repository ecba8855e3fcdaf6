"""What holds for every tool."""

import json
from typing import Any

import jsonschema
import pytest

from kl_mcp.tools import TABLE
from kl_mcp.tools.tool import Tool
from kl_query.dataset import empty_dataset
from tests.kl_mcp.tools.conftest import Ask, asked
from tests.support.shown import METADATA_KEYS
from tests.support.warned import warned

DESIGN_ORDER = [
    "list_namespaces",
    "describe_dataset",
    "get_usage",
    "get_top_consumers",
    "get_namespace_breakdown",
    "get_efficiency",
    "get_timeseries",
    "compare_periods",
    "get_efficiency_timeseries",
    "group_namespaces",
]
MAX_LIST_CHARS = 24_000
TOOLS = [pytest.param(tool, id=name) for name, tool in TABLE.items()]


def needed(name: str) -> dict[str, Any]:
    return {"pattern": ["*"]} if name == "group_namespaces" else {}


@pytest.mark.requirement("KL-T-1")
def test_the_table_holds_the_ten_tools_in_order() -> None:
    assert list(TABLE) == DESIGN_ORDER


@pytest.mark.requirement("KL-T-4")
def test_the_advertised_list_fits_its_budget() -> None:
    hints = {"readOnlyHint": True, "destructiveHint": False, "idempotentHint": True, "openWorldHint": False}
    listing = [
        {
            "name": tool.name,
            "title": tool.title,
            "description": tool.description,
            "inputSchema": tool.input_schema,
            "outputSchema": tool.output_schema,
            "annotations": {"title": tool.title, **hints},
        }
        for tool in TABLE.values()
    ]
    assert len(json.dumps({"tools": listing}, separators=(",", ":"))) <= MAX_LIST_CHARS


@pytest.mark.parametrize("tool", TOOLS)
def test_a_tool_is_titled_and_described_with_one_example_that_works(tool: Tool, ask: Ask) -> None:
    assert tool.title
    assert len(tool.description) <= 450
    example = json.loads(tool.description[tool.description.rindex("{") :])
    jsonschema.validate(example, tool.input_schema)
    answer = ask(tool.name, **example)
    assert answer["metadata"]["truncated"] is None


@pytest.mark.parametrize("tool", TOOLS)
def test_inputs_have_no_titles_no_nulls_and_arrays_for_lists(tool: Tool) -> None:
    jsonschema.Draft202012Validator.check_schema(tool.input_schema)
    written = json.dumps(tool.input_schema)
    assert '"title"' not in written
    assert "null" not in written
    assert "anyOf" not in written
    for name in ("namespaces", "pattern"):
        if name in tool.input_schema["properties"]:
            assert (
                tool.input_schema["properties"][name]["items"] == {"type": "string"} or tool.name == "list_namespaces"
            )
    assert all("type" in schema for schema in tool.input_schema["properties"].values())


@pytest.mark.parametrize("tool", TOOLS)
def test_advertised_outputs_are_typed_without_descriptions_and_enums(tool: Tool) -> None:
    jsonschema.Draft202012Validator.check_schema(tool.output_schema)
    written = json.dumps(tool.output_schema)
    assert "description" not in written.replace(json.dumps(tool.output_schema["required"]), "") or tool.name == (
        "list_namespaces"  # whose special entries have a field of that name
    )
    assert "enum" not in written
    for schema in tool.output_schema["properties"].values():
        assert all(isinstance(choice["type"], str) for choice in schema.get("anyOf", [schema]))
    assert tool.output_schema["properties"]["metadata"]["required"] == METADATA_KEYS


@pytest.mark.parametrize("tool", TOOLS)
def test_an_absent_dataset_is_an_empty_answer_with_its_warning(tool: Tool) -> None:
    answer = asked(empty_dataset(warned("No dataset yet; expect it within 5 min.")), tool.name, **needed(tool.name))
    assert answer["metadata"]["warnings"][0] == "No dataset yet; expect it within 5 min."
    for rows in ("namespaces", "series", "ranking", "breakdown", "efficiency", "members", "movers"):
        if rows in answer and tool.name not in {"get_timeseries", "get_efficiency_timeseries", "describe_dataset"}:
            assert answer[rows] == []


@pytest.mark.parametrize("tool", TOOLS)
def test_named_namespaces_of_an_absent_dataset_are_no_error(tool: Tool) -> None:
    for name, value in (("namespace", "registry"), ("namespaces", ["ml-*"])):
        if name in tool.input_schema["properties"]:
            asked(empty_dataset(warned("Nothing yet.")), tool.name, **{name: value}, **needed(tool.name))


@pytest.mark.parametrize("tool", TOOLS)
def test_every_answer_carries_every_metadata_key(tool: Tool, ask: Ask) -> None:
    answer = ask(tool.name, **needed(tool.name))
    assert list(answer["metadata"]) == METADATA_KEYS
    assert answer["metadata"]["last_sample_utc"] == "2026-11-21T19:30:00Z"


@pytest.mark.parametrize("tool", TOOLS)
def test_null_means_not_given(tool: Tool, ask: Ask) -> None:
    nothing = dict.fromkeys(tool.input_schema["properties"]) | needed(tool.name)
    assert ask(tool.name, **nothing) == ask(tool.name, **needed(tool.name))


@pytest.mark.parametrize("tool", TOOLS)
def test_arguments_are_not_changed_and_answers_repeat(tool: Tool, ask: Ask) -> None:
    given = needed(tool.name)
    assert ask(tool.name, **given) == ask(tool.name, **given)
    assert given == needed(tool.name)
