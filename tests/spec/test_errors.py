"""Errors, as a client meets them over HTTP in both eras."""

from __future__ import annotations

import json
import shutil
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from mcp.client import Client
from mcp.shared.exceptions import MCPError
from mcp_types import (
    INVALID_PARAMS,
    CallToolResult,
    PromptReference,
    ResourceTemplateReference,
    TextContent,
)

from kl_mcp.tools import TABLE
from kl_mcp.tools.refusals import MAX_TEXT_CHARS
from kl_query.errors import NEAREST_VALUES
from tests.kl_mcp.tools.conftest import check_schemas
from tests.spec.conftest import ERAS, asked
from tests.spec.document import table, words
from tests.support.mcp_clients import HttpServer, error_of, http_server
from tests.support.published import publish

Case = tuple[str, str, dict[str, Any], str]
CASES: tuple[Case, ...] = (
    ("unknown_argument", "get_usage", {"metrics": "cpu"}, "metrics"),
    ("unknown_argument", "get_usage", {"wait_for_previous": True, "network": True}, "network"),
    ("unknown_argument", "describe_dataset", {"x" * 5000: "y" * 5000}, "x" * 79 + "…"),
    ("missing_argument", "group_namespaces", {}, "pattern"),
    ("invalid_type", "get_usage", {"aggregate": "yes"}, "aggregate"),
    ("invalid_type", "get_top_consumers", {"limit": 1.5}, "limit"),
    ("invalid_type", "get_usage", {"namespaces": [1]}, "namespaces"),
    ("invalid_value", "get_usage", {"metric": ["cpu", "memory"]}, "metric"),
    ("invalid_value", "get_usage", {"scale": "weekly"}, "scale"),
    ("out_of_range", "get_usage", {"limit": 0}, "limit"),
    ("out_of_range", "get_usage", {"limit": 10**30}, "limit"),
    ("out_of_range", "get_usage", {"namespace": "n" * 257}, "namespace"),
    ("conflicting_arguments", "get_usage", {"namespace": "registry", "namespaces": ["web"]}, "namespaces"),
    ("invalid_combination", "get_usage", {"cost_model": "costs", "dimension": "requests"}, "dimension"),
    ("unknown_namespace", "get_timeseries", {"namespace": "registre"}, "namespace"),
    ("unknown_namespace", "get_timeseries", {"namespaces": ["zzz-*"]}, "namespaces"),
    ("unknown_namespace", "group_namespaces", {"pattern": ["web", "zzz-.*"]}, "pattern"),
    ("unknown_namespace", "list_namespaces", {"namespaces": '["zzz-*"]'}, "namespaces"),
    ("invalid_namespace", "get_timeseries", {"namespace": "reg*"}, "namespace"),
    ("invalid_pattern", "group_namespaces", {"pattern": ["{a,b}"]}, "pattern"),
    ("invalid_pattern", "group_namespaces", {"pattern": ["p" * 257]}, "pattern"),
    ("invalid_date", "get_usage", {"date": 'tomorrow\n"quoted" \\ \u2028'}, "date"),
    ("invalid_date", "get_usage", {"date": "2026-11-21..2026-11-19"}, "date"),
    ("unknown_date", "get_usage", {"date": "2020-01-01"}, "date"),
    ("metric_not_available", "get_usage", {"metric": "gpu"}, "metric"),
    ("invalid_cursor", "get_usage", {"cursor": "é" * 200}, "cursor"),
)
KEYS = ["code", "argument", "message", "allowed", "nearest", "corrected"]


def _call(url: str, era: str, tool: str, arguments: Mapping[str, Any]) -> CallToolResult:
    return asked(url, era, lambda client: client.call_tool(tool, dict(arguments)))


@pytest.mark.requirement("KL-E-1", "KL-E-2")
@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize(("code", "tool", "arguments", "argument"), CASES)
def test_a_wrong_argument_is_told_in_sentences_and_as_data_with_a_corrected_call_that_succeeds(
    server: HttpServer, era: str, code: str, tool: str, arguments: dict[str, Any], argument: str
) -> None:
    result = _call(server.url, era, tool, arguments)

    error = error_of(result)
    (block,) = result.content
    assert isinstance(block, TextContent)
    assert len(block.text) <= MAX_TEXT_CHARS
    assert list(error) == KEYS
    assert (error["code"], error["argument"]) == (code, argument)
    assert error["message"]
    assert error["allowed"] is not None
    assert len(error["nearest"]) <= NEAREST_VALUES
    assert len(json.dumps(error, separators=(",", ":"), ensure_ascii=False)) <= MAX_TEXT_CHARS
    with pytest.raises(json.JSONDecodeError):
        json.loads(block.text)
    corrected = error["corrected"]
    assert block.text.endswith(
        f"Corrected call: {corrected['tool']} {json.dumps(corrected['arguments'], separators=(',', ':'))}"
    )
    assert _call(server.url, era, corrected["tool"], corrected["arguments"]).is_error is False
    for leaked in ("pydantic", "http", "Traceback", "validation error"):
        assert leaked not in block.text


@pytest.mark.requirement("KL-E-6")
def test_every_documented_code_is_among_these_cases_but_for_the_servers_own_failure() -> None:
    documented = {code for row in table("code") for code in words(row[0])}

    assert documented == {code for code, *_ in CASES} | {"internal"}


Refused = Callable[[Client], Awaitable[object]]
REFUSED: dict[str, Refused] = {
    "tool": lambda client: client.call_tool("get_usages", {}),
    "prompt": lambda client: client.get_prompt("monthly_showbacks"),
    "missing argument of a prompt": lambda client: client.get_prompt("namespace_changes"),
    "argument of a prompt": lambda client: client.get_prompt("capacity_review", {"metrics": "cpu"}),
    "resource": lambda client: client.read_resource("kubeledger://nothing"),
    "namespace": lambda client: client.read_resource("kubeledger://namespaces/nothing"),
}


@pytest.mark.requirement("KL-E-3")
@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("what", REFUSED)
def test_what_does_not_exist_is_invalid_params(server: HttpServer, era: str, what: str) -> None:
    with pytest.raises(MCPError) as caught:
        asked(server.url, era, REFUSED[what])

    assert caught.value.error.code == INVALID_PARAMS
    if what in {"resource", "namespace"}:
        assert str(caught.value.error.data["uri"]).startswith("kubeledger://n")


@pytest.mark.requirement("KL-E-3")
@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize(
    ("ref", "argument"),
    [
        (PromptReference(name="nothing"), "namespace"),
        (PromptReference(name="namespace_changes"), "nothing"),
        (ResourceTemplateReference(uri="kubeledger://nothing/{name}"), "name"),
        (ResourceTemplateReference(uri="kubeledger://namespaces/{namespace}"), "name"),
    ],
)
def test_completion_of_something_unknown_has_no_values(
    server: HttpServer, era: str, ref: PromptReference | ResourceTemplateReference, argument: str
) -> None:
    result = asked(server.url, era, lambda client: client.complete(ref, {"name": argument, "value": ""}))

    assert (result.completion.values, result.completion.has_more) == ([], False)


def _newer(manifest: Path) -> None:
    manifest.write_text(json.dumps({**json.loads(manifest.read_text()), "schema_version": 2}))


DAMAGES: dict[str, tuple[Callable[[Path], object], str]] = {
    "no directory": (shutil.rmtree, "does not exist"),
    "no manifest": (lambda data: (data / "dataset.json").unlink(), "within one polling interval"),
    "truncated manifest": (lambda data: (data / "dataset.json").write_text("{"), "at its next tick"),
    "newer manifest": (lambda data: _newer(data / "dataset.json"), "upgrade kl-mcp"),
    "no days": (lambda data: (data / "daily_14d-1.json").unlink(), "due every 5 min"),
    "truncated days": (lambda data: (data / "daily_14d-1.json").write_text("{"), "due every 5 min"),
}


@pytest.mark.requirement("KL-E-4")
@pytest.mark.parametrize("damage", DAMAGES)
def test_a_dataset_with_something_missing_answers_with_a_warning_that_says_what_to_expect(
    tmp_path: Path, damage: str
) -> None:
    data = tmp_path / "data"
    publish(data, 1)
    spoil, said = DAMAGES[damage]
    spoil(data)

    async def every_tool(client: Client) -> dict[str, CallToolResult]:
        return {
            name: await client.call_tool(name, {"pattern": ["*"]} if name == "group_namespaces" else {})
            for name in TABLE
        }

    with http_server(data) as running:
        answers = [asked(running.url, era, every_tool) for era in ERAS]

    for tool, result in (item for era in answers for item in era.items()):
        assert result.is_error is False, tool
        assert result.structured_content is not None
        check_schemas(tool, result.structured_content)
        assert said in result.structured_content["metadata"]["warnings"][0]
    if "days" in damage:
        hours = answers[0]["get_timeseries"].structured_content
        assert hours is not None
        # Without its days the dataset still has its hours: 1.5 cores are used in each of them.
        assert hours["series"][0]["values"] == [1.5, 1.5]
