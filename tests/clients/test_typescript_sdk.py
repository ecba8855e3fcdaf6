"""The TypeScript SDK's client, in both eras."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.clients.calls import CALLS, TOOLS, WRONG
from tests.clients.sandbox import Sandbox, methods

pytestmark = pytest.mark.clients

SCRIPT = Path(__file__).with_name("typescript.mjs")


@pytest.mark.parametrize(
    ("mode", "version"), [({"pin": "2026-07-28"}, "2026-07-28"), ("auto", "2026-07-28"), ("legacy", "2025-11-25")]
)
@pytest.mark.parametrize("transport", ["http", "stdio"])
def test_it_lists_the_tools_and_calls_each(transport: str, mode: Any, version: str, sandbox: Sandbox) -> None:
    # An import is looked up from where the script stands.
    (sandbox.home / "node_modules").symlink_to(sandbox.packages.modules)
    script = str(shutil.copy(SCRIPT, sandbox.home))
    target = sandbox.url if transport == "http" else sandbox.watched
    calls = [{"tool": call.tool, "arguments": call.arguments} for call in (*CALLS, WRONG)]

    done = sandbox.run("node", script, json.dumps({"target": target, "mode": mode, "calls": calls}))

    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer["version"] == version
    assert answer["tools"] == TOOLS
    *results, wrong = answer["results"]
    assert wrong["isError"]
    assert WRONG.part(wrong["_meta"]["kubeledger/error"]) == WRONG.truth
    for call, result in zip(CALLS, results, strict=True):
        assert call.part(result["structuredContent"]) == call.truth
        assert json.loads(result["content"][0]["text"]) == result["structuredContent"]
    requests = methods(sandbox.requests if transport == "http" else sandbox.stdio_requests)
    assert requests.count(f"tools/call {version}") == len(CALLS) + 1
