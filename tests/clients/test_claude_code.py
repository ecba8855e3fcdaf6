"""Claude Code: finds the server by the printed command and by a local one, and lists its tools."""

from __future__ import annotations

import pytest

from tests.clients.sandbox import Sandbox, asked

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
    assert LISTED in asked(sandbox.requests)
    assert LISTED in asked(sandbox.stdio_requests)
