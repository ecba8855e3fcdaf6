"""Claude Code."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tests.clients.agents import PROMPT, SERVER, Agent
from tests.clients.model import anthropic
from tests.clients.model.turns import Json


class ClaudeCode(Agent):
    """Declares the tools of servers to its model only when that has searched for them."""

    api = anthropic

    def add_remote(self) -> None:
        assert self.sandbox.shell(self.sandbox.printed("Claude Code")).returncode == 0

    def add_local(self) -> None:
        assert self.sandbox.run("claude", "mcp", "add", SERVER, "--", *self.sandbox.watched).returncode == 0

    def command(self, model: str) -> Sequence[str]:
        return ["claude", "-p", PROMPT, "--allowedTools", f"mcp__{SERVER}"]

    def environment(self, model: str) -> Mapping[str, str]:
        # Otherwise the model is asked before a slow server is connected.
        return {"ANTHROPIC_BASE_URL": model, "ANTHROPIC_API_KEY": "none", "MCP_CONNECTION_NONBLOCKING": "0"}

    def named(self, tool: str) -> str:
        return f"mcp__{SERVER}__{tool}"

    def search(self, names: Sequence[str]) -> list[Json]:
        return [{"tool": "ToolSearch", "arguments": {"query": f"select:{','.join(names)}"}}]
