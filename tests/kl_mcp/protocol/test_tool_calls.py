"""tools/list and tools/call, through the protocol of each era, with small tools."""

from __future__ import annotations

import logging
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import orjson
import pytest
from mcp.client import Client
from mcp.shared.exceptions import MCPError
from mcp_types import INVALID_PARAMS, CallToolResult, TextContent

from kl_mcp.access.audit_log import Audit
from kl_mcp.counts import Counts
from kl_mcp.protocol.datasets import MAX_INLINE_NAMESPACES
from kl_mcp.protocol.server import build_server
from kl_query.dataset import Dataset
from kl_query.dataset.model import Namespace
from kl_query.dataset.watcher import Holder
from tests.support.in_process import MODES, ask
from tests.support.patience import until
from tests.support.published import publish
from tests.support.small_tools import SMALL_TABLE, Small, small


def _call(directory: Path, tool: str, arguments: dict[str, Any], **options: Any) -> CallToolResult:
    async def question(client: Client) -> CallToolResult:
        return await client.call_tool(tool, arguments)

    return ask(directory, question, **options)


def _counted(counts: Counts, name: str, **labels: str) -> float | None:
    return counts.registry.get_sample_value(f"kubeledger_mcp_{name}_total", labels)


def _text(result: CallToolResult) -> str:
    (block,) = result.content
    assert isinstance(block, TextContent)
    return block.text


def _error(result: CallToolResult) -> dict[str, Any]:
    assert result.meta is not None
    error: dict[str, Any] = result.meta["kubeledger/error"]
    return error


@pytest.mark.parametrize("mode", MODES)
def test_the_list_has_title_schemas_and_all_four_annotations(tmp_path: Path, mode: str) -> None:
    tools = ask(tmp_path, lambda client: client.list_tools(), mode).tools

    assert [tool.name for tool in tools] == list(SMALL_TABLE)
    for tool in tools:
        assert tool.title == f"Title of {tool.name}"
        assert tool.input_schema["additionalProperties"] is False
        assert tool.output_schema is not None
        assert tool.annotations is not None
        assert tool.annotations.read_only_hint is True
        assert tool.annotations.destructive_hint is False
        assert tool.annotations.idempotent_hint is True
        assert tool.annotations.open_world_hint is False


@pytest.mark.parametrize("mode", MODES)
def test_an_answer_is_structured_and_repeated_as_compact_json(tmp_path: Path, mode: str) -> None:
    publish(tmp_path, 4)

    result = _call(tmp_path, "describe_dataset", {"namespace": "shop"}, mode=mode)

    assert result.is_error is False
    assert result.structured_content is not None
    assert result.structured_content["generation"] == 4
    assert _text(result) == orjson.dumps(result.structured_content).decode()


@pytest.mark.parametrize("mode", MODES)
def test_a_refused_call_is_told_in_a_sentence_and_as_data_without_structured_content(tmp_path: Path, mode: str) -> None:
    counts = Counts()

    result = _call(tmp_path, "refuse", {"namespace": "shopp"}, mode=mode, counts=counts)

    assert result.is_error is True
    assert result.structured_content is None
    assert _text(result) == ('There is no shopp. Nearest: shop. Corrected call: describe_dataset {"namespace":"shop"}')
    assert _error(result) == {
        "code": "unknown_namespace",
        "argument": "namespace",
        "message": "There is no shopp.",
        "allowed": None,
        "nearest": ["shop"],
        "corrected": {"tool": "describe_dataset", "arguments": {"namespace": "shop"}},
    }
    assert _counted(counts, "tool_errors", tool="refuse", code="unknown_namespace") == 1


def test_an_argument_that_does_not_exist_is_a_tool_error(tmp_path: Path) -> None:
    result = _call(tmp_path, "describe_dataset", {"namespaec": "shop"})

    assert result.is_error is True
    assert _error(result)["argument"] == "namespaec"
    assert _error(result)["corrected"] == {"tool": "describe_dataset", "arguments": {"namespace": "shop"}}


def test_a_tool_that_breaks_answers_internal_without_details_and_logs_them(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    counts = Counts()

    with caplog.at_level(logging.INFO, "kl_mcp"):
        result = _call(tmp_path, "break", {}, counts=counts)

    assert result.is_error is True
    assert result.structured_content is None
    assert _error(result)["code"] == "internal"
    assert _error(result)["corrected"] is None
    assert "cellar" not in _text(result)
    assert "cellar" in caplog.text
    assert _counted(counts, "tool_calls", tool="break") == 1
    assert _counted(counts, "tool_errors", tool="break", code="internal") == 1


@pytest.mark.parametrize("mode", MODES)
def test_an_unknown_tool_is_a_protocol_error_that_names_the_nearest(tmp_path: Path, mode: str) -> None:
    with pytest.raises(MCPError) as caught:
        _call(tmp_path, "describe_datasets", {}, mode=mode)

    assert caught.value.error.code == INVALID_PARAMS
    assert "Did you mean describe_dataset?" in caught.value.error.message


def test_each_call_is_logged_in_one_line_with_tool_time_size_and_error(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "kl_mcp.protocol.tool_calls"):
        answered = _call(tmp_path, "describe_dataset", {"namespace": "very-private"})
        _call(tmp_path, "refuse", {})

    lines = [record.getMessage() for record in caplog.records if record.name == "kl_mcp.protocol.tool_calls"]
    assert len(lines) == 2
    assert lines[0].startswith("tool=describe_dataset ms=")
    assert lines[0].endswith(f"bytes={len(_text(answered))} error=-")
    assert lines[1].endswith("error=unknown_namespace")
    assert "very-private" not in caplog.text


def test_the_log_and_the_audit_count_the_bytes_of_an_answer_and_not_its_characters(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    kept = tmp_path / "audit.jsonl"
    with caplog.at_level(logging.INFO, "kl_mcp.protocol.tool_calls"):
        answered = _call(tmp_path, "describe_dataset", {"namespace": "büro"}, audit=Audit(str(kept)))

    size = len(_text(answered).encode())
    assert size == len(_text(answered)) + 1
    assert f" bytes={size} " in caplog.text
    assert orjson.loads(kept.read_bytes())["bytes"] == size


def test_a_call_that_arrives_before_the_first_load_waits_for_it(tmp_path: Path) -> None:
    publish(tmp_path, 9)

    async def scenario() -> int:
        counts = Counts()
        holder = Holder(tmp_path, counts)
        server = build_server(holder, counts, SMALL_TABLE).server
        generations: list[int] = []

        async with Client(server, mode=MODES[0]) as client, anyio.create_task_group() as tasks:

            async def ask() -> None:
                result = await client.call_tool("describe_dataset", {})
                assert result.structured_content is not None
                generations.append(result.structured_content["generation"])

            tasks.start_soon(ask)
            await anyio.wait_all_tasks_blocked()
            assert generations == []
            async with holder.watching():
                await until(lambda: bool(generations))
        return generations[0]

    assert anyio.run(scenario) == 9


def test_a_large_dataset_is_answered_in_a_thread_so_that_others_are_served_meanwhile(tmp_path: Path) -> None:
    threads: list[int] = []

    def answer(dataset: Dataset) -> Small:
        threads.append(threading.get_ident())
        return small(dataset, "")

    table = {"describe_dataset": replace(SMALL_TABLE["describe_dataset"], answer=answer)}

    async def called_with(namespaces: int) -> None:
        rows = {f"ns-{number}": Namespace(f"ns-{number}", 0, 0, active=True) for number in range(namespaces)}
        counts = Counts()
        holder = Holder(tmp_path, counts, load=lambda _directory: Dataset("native", "cumulative", namespaces=rows))
        server = build_server(holder, counts, table).server
        async with holder.watching(), Client(server, mode=MODES[0]) as client:
            await client.call_tool("describe_dataset", {})

    anyio.run(called_with, MAX_INLINE_NAMESPACES)
    anyio.run(called_with, MAX_INLINE_NAMESPACES + 1)

    assert threads[0] == threading.get_ident() != threads[1]
