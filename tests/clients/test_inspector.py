"""MCP Inspector's command line: lists the tools as printed, calls each of the ten, judges the schemas."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.clients.calls import CALLS, TOOLS, Call
from tests.clients.sandbox import Sandbox, methods

pytestmark = pytest.mark.clients

LAUNCHER = "clients/launcher/build/index.js"
TOOL_ERROR = 5
AT_ONCE = 3


def inspect(sandbox: Sandbox, target: list[str], *flags: str) -> tuple[int, Any, str]:
    """`(exit code, result, standard error)` of a run of its command line."""
    start = sandbox.packages.command("@modelcontextprotocol/inspector", LAUNCHER, "--cli", "-q", "--format", "json")
    local = ["--", *target] if len(target) > 1 else []
    remote = [*target, "--transport", "http"] if len(target) == 1 else []
    done = sandbox.run(*start, *remote, *flags, *local)
    return done.returncode, json.loads(done.stdout)["result"] if done.stdout else None, done.stderr


def calling(call: Call) -> list[str]:
    """The flags that make a call."""
    return ["--method", "tools/call", "--tool-name", call.tool, "--tool-args-json", json.dumps(call.arguments)]


def test_the_printed_command_lists_the_tools(sandbox: Sandbox) -> None:
    done = sandbox.shell(sandbox.printed("MCP Inspector"), cwd=sandbox.packages.directory)
    assert done.returncode == 0, done.stderr
    assert [tool["name"] for tool in json.loads(done.stdout)["tools"]] == TOOLS


@pytest.mark.parametrize(
    ("transport", "era", "version"),
    [("http", "modern", "2026-07-28"), ("http", "legacy", "2025-11-25"), ("stdio", "modern", "2026-07-28")],
)
def test_it_calls_each_tool(transport: str, era: str, version: str, sandbox: Sandbox) -> None:
    target = [sandbox.url] if transport == "http" else sandbox.watched

    def answer(call: Call) -> tuple[int, Any, str]:
        return inspect(sandbox, target, "--protocol-era", era, *calling(call))

    with ThreadPoolExecutor(AT_ONCE) as pool:
        for call, (code, result, error) in zip(CALLS, pool.map(answer, CALLS), strict=True):
            assert code == 0, error
            assert call.part(result["structuredContent"]) == call.truth
            assert json.loads(result["content"][0]["text"]) == result["structuredContent"]
    requests = methods(sandbox.requests if transport == "http" else sandbox.stdio_requests)
    assert requests.count(f"tools/call {version}") == len(CALLS)


def test_it_reports_a_wrong_argument_as_an_error_of_the_tool_with_the_hint(sandbox: Sandbox) -> None:
    wrong = Call("get_top_consumers", {"metric": "cup"}, lambda _: None, None)
    code, result, _ = inspect(sandbox, [sandbox.url], *calling(wrong))
    assert code == TOOL_ERROR
    corrected = {"tool": "get_top_consumers", "arguments": {"metric": "cpu"}}
    assert result["_meta"]["kubeledger/error"]["corrected"] == corrected
    assert result["content"][0]["text"].endswith('Corrected call: get_top_consumers {"metric":"cpu"}')


def test_its_strict_check_has_no_complaint_about_the_schemas(sandbox: Sandbox) -> None:
    code, result, findings = inspect(sandbox, [sandbox.url], "--method", "tools/list", "--strict")
    assert code == 0, findings
    assert [tool["name"] for tool in result["tools"]] == TOOLS
    assert "error:" not in findings.lower(), findings
    assert "warning" not in findings.lower(), findings
