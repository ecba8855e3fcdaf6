"""Gemini CLI: finds the server by the printed command and by a local one; its model calls the tools."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.clients import exercises
from tests.clients.agents import Step, answer
from tests.clients.agents.gemini_cli import SETTINGS, GeminiCli
from tests.clients.sandbox import Sandbox, calls, methods
from tests.support.patience import eventually

pytestmark = pytest.mark.clients


def configure(sandbox: Sandbox) -> Path:
    """Both servers, added as a user would; returns some other directory to work in."""
    settings = sandbox.home / ".gemini" / "settings.json"
    settings.parent.mkdir()
    settings.write_text(json.dumps(SETTINGS))
    assert sandbox.shell(sandbox.printed("Gemini CLI")).returncode == 0
    command, script, *arguments = sandbox.watched
    added = sandbox.run("gemini", "mcp", "add", "--scope", "user", "local", command, script, "--", *arguments)
    assert added.returncode == 0, added.stderr
    sandbox.make_gemini_patient()
    project = sandbox.home / "project"
    project.mkdir()
    return project


def test_it_connects_in_any_project_and_lists_the_tools_over_http_and_stdio(sandbox: Sandbox) -> None:
    project = configure(sandbox)

    listed = sandbox.run("gemini", "mcp", "list", cwd=project)
    lines = (listed.stdout + listed.stderr).splitlines()
    for name in ("kubeledger", "local"):
        assert any(line.startswith(f"✓ {name}: ") and line.endswith("Connected") for line in lines), lines

    # It lists tools before it turns to the model, which is out of its reach.
    with sandbox.start("gemini", "-p", "hello", cwd=project, env={"GEMINI_API_KEY": "none"}) as process:
        try:
            eventually(lambda: lists_tools(sandbox.requests) and lists_tools(sandbox.stdio_requests))
        finally:
            process.kill()
    assert "initialize 2025-06-18" in methods(sandbox.requests)
    assert "initialize 2025-06-18" in methods(sandbox.stdio_requests)


def lists_tools(requests: Path) -> bool:
    return any(line.startswith("tools/list ") for line in methods(requests))


@pytest.mark.parametrize("transport", exercises.TRANSPORTS)
def test_its_model_calls_each_tool(transport: str, sandbox: Sandbox) -> None:
    exercises.check_each_tool(GeminiCli(sandbox), transport)


def test_it_refuses_arguments_of_other_types_by_itself(sandbox: Sandbox) -> None:
    agent = GeminiCli(sandbox)
    agent.add_remote()
    results = agent.converse([odd.step for odd in exercises.ODD]).results
    assert [(result.text, result.is_error) for result in results] == [
        ("params/namespaces must be array", True),
        ("params/limit must be integer", True),
    ]
    assert calls(sandbox.requests) == []


def test_an_argument_that_it_offers_to_its_model_by_itself_does_no_harm(sandbox: Sandbox) -> None:
    agent = GeminiCli(sandbox)
    agent.add_remote()
    arguments = {"metric": "cpu", "namespace": "shop", "wait_for_previous": False}

    sent = agent.converse([Step("get_usage", arguments)])

    declared = sent.offered[agent.named("get_usage")]["parametersJsonSchema"]["properties"]
    assert declared["wait_for_previous"]["type"] == "boolean"
    assert calls(sandbox.requests) == [("get_usage", arguments)]
    # 2 h x 1 core.
    assert answer(sent.results[0])["total"] == 2.0


def test_its_model_reads_errors_and_follows_them(sandbox: Sandbox) -> None:
    assert [result.is_error for result in exercises.check_errors(GeminiCli(sandbox))] == [True] * len(exercises.WRONG)


def test_its_model_reads_the_longest_answers_to_their_end(large_sandbox: Sandbox) -> None:
    exercises.check_long_answers(GeminiCli(large_sandbox))
