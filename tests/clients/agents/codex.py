"""Codex."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from tests.clients.agents import PROMPT, SERVER, Agent, Step
from tests.clients.model import responses
from tests.clients.model.turns import Json
from tests.clients.sandbox import RUN_SECONDS


class Codex(Agent):
    """Declares the tools of servers to a model only when that has searched for them."""

    api = responses
    model = "gpt-5.5"
    """Of those that Codex knows, the one that calls tools itself."""

    def add_remote(self) -> None:
        assert self.sandbox.shell(self.sandbox.printed("Codex")).returncode == 0

    def add_local(self) -> None:
        assert self.sandbox.run("codex", "mcp", "add", SERVER, "--", *self.sandbox.watched).returncode == 0

    def command(self, model: str) -> Sequence[str]:
        settings = {
            "model": self.model,
            "model_provider": "scripted",
            "model_providers.scripted": f'{{name="scripted",base_url="{model}/v1",env_key="SCRIPTED_KEY"}}',
            "analytics.enabled": "false",
            f"mcp_servers.{SERVER}.required": "true",
            f"mcp_servers.{SERVER}.startup_timeout_sec": RUN_SECONDS,
        }
        flags = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        return ["codex", "exec", "--skip-git-repo-check", *flags, PROMPT]

    def environment(self, model: str) -> Mapping[str, str]:
        return {"SCRIPTED_KEY": "none", "KUBELEDGER_TOKEN": self.sandbox.token}

    def named(self, tool: str) -> str:
        return f"mcp__{SERVER}/{tool}"

    def search(self, names: Sequence[str]) -> list[Json]:
        return [{"tool": responses.SEARCH, "arguments": {"query": f"{SERVER} namespaces", "limit": 20}}]


class CodexOfPrograms(Codex):
    """Codex with a model that calls tools from programs that it writes, as those do that it takes by default."""

    model = "gpt-6-sol"

    def call(self, step: Step) -> Json:
        return {
            "tool": "exec",
            "arguments": f"text(await tools.mcp__{SERVER}__{step.tool}({json.dumps(step.arguments)}))",
        }

    def search(self, names: Sequence[str]) -> list[Json]:
        return []
