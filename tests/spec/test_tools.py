"""Tools and metadata, as a client meets them over HTTP in both eras."""

from __future__ import annotations

import json
from pathlib import Path

import orjson
import pytest
from mcp.client import Client
from mcp_types import CallToolResult, TextContent, Tool

from kl_mcp.tools import TABLE
from kl_query.dataset import Dataset
from tests.kl_mcp.tools.conftest import check_schemas
from tests.spec.conftest import ERAS, asked
from tests.spec.document import ROOT
from tests.support.mcp_clients import HttpServer
from tests.support.shown import METADATA_KEYS
from tests.support.small_cluster import NOW


def _listed(server: HttpServer, era: str) -> list[Tool]:
    return asked(server.url, era, lambda client: client.list_tools()).tools


@pytest.mark.requirement("KL-T-1")
@pytest.mark.parametrize("era", ERAS)
def test_all_ten_are_listed_with_schemas_and_the_four_annotations(server: HttpServer, era: str) -> None:
    tools = _listed(server, era)

    assert [tool.name for tool in tools] == list(TABLE)
    assert len(tools) == 10
    for tool in tools:
        assert tool.title
        assert tool.description
        assert tool.output_schema is not None
        hints = tool.annotations
        assert hints is not None
        assert (hints.read_only_hint, hints.destructive_hint) == (True, False)
        assert (hints.idempotent_hint, hints.open_world_hint) == (True, False)


@pytest.mark.requirement("KL-T-3")
@pytest.mark.parametrize("era", ERAS)
def test_what_is_listed_is_what_the_snapshots_say(server: HttpServer, era: str) -> None:
    for tool in _listed(server, era):
        snapshot = json.loads((Path(ROOT) / "spec" / "tools" / f"{tool.name}.json").read_text(encoding="utf-8"))
        assert tool.input_schema == snapshot["inputSchema"]
        assert tool.output_schema == snapshot["outputSchema"]


def _answers(server: HttpServer, era: str) -> dict[str, CallToolResult]:
    async def examples(client: Client) -> dict[str, CallToolResult]:
        return {
            name: await client.call_tool(name, json.loads(tool.description[tool.description.rindex("{") :]))
            for name, tool in TABLE.items()
        }

    return asked(server.url, era, examples)


@pytest.mark.requirement("KL-T-2", "KL-M-1")
@pytest.mark.parametrize("era", ERAS)
def test_the_whole_answer_is_structured_and_repeated_as_compact_json(server: HttpServer, era: str) -> None:
    for name, result in _answers(server, era).items():
        assert result.is_error is False, name
        answer = result.structured_content
        assert answer is not None
        check_schemas(name, answer)
        assert list(answer["metadata"]) == METADATA_KEYS
        (block,) = result.content
        assert isinstance(block, TextContent)
        assert orjson.loads(block.text) == answer
        assert block.text == orjson.dumps(orjson.loads(block.text)).decode()


@pytest.mark.requirement("KL-M-3")
def test_times_are_utc_with_year_and_z_and_buckets_are_named_by_their_start(server: HttpServer) -> None:
    answer = _answers(server, ERAS[0])["get_timeseries"].structured_content

    assert answer is not None
    assert answer["metadata"]["last_sample_utc"] == "2026-11-21T19:30:00Z"
    assert answer["metadata"]["data_window"]["timezone"] == "UTC"
    assert answer["hours"][0] == "2026-11-21T14:00:00Z"


@pytest.mark.requirement("KL-T-6", "KL-D-9")
def test_rows_are_namespaces_also_where_one_is_called_like_a_special_entry(server: HttpServer) -> None:
    async def rankings(client: Client) -> list[CallToolResult]:
        every = {"exclude_system": False, "date": "all", "limit": 100}
        return [
            await client.call_tool("get_top_consumers", every),
            await client.call_tool("get_namespace_breakdown", every),
            await client.call_tool("get_usage", {"namespaces": ["*"], "exclude_special": False}),
        ]

    top, breakdown, usage = (result.structured_content for result in asked(server.url, ERAS[0], rankings))

    assert top is not None
    assert breakdown is not None
    assert usage is not None
    used = {"registry": 91.5, "ml-train": 111, "web": 33.75, "kube-system": 33.75, "openshift-monitoring": 67.5}
    assert {row["namespace"]: row["value"] for row in top["ranking"]} == used
    assert top["zero_count"] == 1
    assert {row["namespace"]: row["value"] for row in breakdown["breakdown"]} == {**used, "idle": 0}
    # The namespace called idle did nothing; the special entry of that name is what is left of 540 core-hours.
    assert breakdown["cluster_overhead"]["idle_value"] > 0
    assert {row["namespace"]: row["total"] for row in usage["series"]} == {**used, "idle": 0, "gone": 0}
    assert {row["entry"]: row["total"] for row in usage["special"]}["idle"] > 0


@pytest.mark.requirement("KL-T-8")
def test_a_window_ends_at_the_last_sample_however_late_it_is_asked_for(books: Dataset) -> None:
    three_days_later = NOW + 3 * 86_400

    for name, arguments in (("get_usage", {"date": "all"}), ("get_top_consumers", {}), ("get_timeseries", {})):
        metadata = TABLE[name].run(arguments, books, three_days_later)["metadata"]
        assert metadata["data_window"]["end"] == "2026-11-21T19:30:00Z"
        assert metadata["data_window"]["partial"] is True
        assert any(warning.startswith("Partial:") for warning in metadata["warnings"])
        assert any(warning.startswith("Stale:") for warning in metadata["warnings"])
