"""Claude Code: finds the server by the printed command and by a local one; its model calls the tools."""

from __future__ import annotations

import pytest

from tests.clients import exercises
from tests.clients.agents.claude_code import ClaudeCode
from tests.clients.sandbox import Sandbox, methods

pytestmark = pytest.mark.clients

LISTED = "tools/list 2026-07-28"


def test_it_connects_and_lists_the_tools_over_http_and_stdio(sandbox: Sandbox) -> None:
    assert sandbox.shell(sandbox.printed("Claude Code")).returncode == 0
    assert sandbox.run("claude", "mcp", "add", "local", "--", *sandbox.kl_mcp).returncode == 0
    assert sandbox.run("claude", "mcp", "add", "watched", "--", *sandbox.watched).returncode == 0

    states = {}
    for line in sandbox.run("claude", "mcp", "list").stdout.splitlines():
        name, _, rest = line.partition(": ")
        states[name] = rest.rpartition(" - ")[2]

    assert {name: states.get(name) for name in ("kubeledger", "local", "watched")} == {
        "kubeledger": "✔ Connected",
        "local": "✔ Connected",
        "watched": "✔ Connected",
    }
    assert LISTED in methods(sandbox.requests)
    assert LISTED in methods(sandbox.stdio_requests)


@pytest.mark.parametrize("transport", exercises.TRANSPORTS)
def test_its_model_calls_each_tool(transport: str, sandbox: Sandbox) -> None:
    exercises.check_each_tool(ClaudeCode(sandbox), transport)


def test_it_turns_arguments_into_what_the_schema_has(sandbox: Sandbox) -> None:
    exercises.check_odd_arguments(ClaudeCode(sandbox), lambda odd: odd.typed)


def test_its_model_reads_errors_and_follows_them(sandbox: Sandbox) -> None:
    assert [result.is_error for result in exercises.check_errors(ClaudeCode(sandbox))] == [True] * len(exercises.WRONG)


def test_its_model_reads_the_longest_answers_to_their_end(large_sandbox: Sandbox) -> None:
    exercises.check_long_answers(ClaudeCode(large_sandbox))
