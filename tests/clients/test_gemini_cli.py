"""Gemini CLI: finds the server by the printed command and by a local one, and lists its tools for a prompt."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.clients.sandbox import Sandbox, asked
from tests.support.patience import eventually

pytestmark = pytest.mark.clients

SETTINGS = {
    "security": {"auth": {"selectedType": "gemini-api-key"}},
    "general": {"enableAutoUpdate": False},
    "privacy": {"usageStatisticsEnabled": False},
}


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
    assert "initialize 2025-06-18" in asked(sandbox.requests)
    assert "initialize 2025-06-18" in asked(sandbox.stdio_requests)


def lists_tools(requests: Path) -> bool:
    return any(line.startswith("tools/list ") for line in asked(requests))
