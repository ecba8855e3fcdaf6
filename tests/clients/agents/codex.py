"""Codex."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from tests.clients.agents import PROMPT, SERVER, Agent, Step
from tests.clients.model import responses
from tests.clients.model.turns import Json
from tests.clients.sandbox import RUN_SECONDS

TOKEN_NAME = "KUBELEDGER_TOKEN"


class Codex(Agent):
    """Declares the tools of servers to a model only when that has searched for them."""

    api = responses
    model = "gpt-5.5"
    """Of those that Codex knows, the one that calls tools itself."""

    @property
    def program(self) -> str:
        """Return the path of the program."""
        modules = self.sandbox.packages.modules
        return str(modules / "@openai/codex-linux-x64/vendor/x86_64-unknown-linux-musl/bin/codex")

    def add_remote(self) -> None:
        token = ("--bearer-token-env-var", TOKEN_NAME) if self.sandbox.token else ()
        self._add("--url", self.sandbox.url, *token)

    def add_local(self) -> None:
        self._add("--", *self.sandbox.watched)

    def _add(self, *server: str) -> None:
        added = self.sandbox.run(self.program, "mcp", "add", SERVER, *server)
        assert added.returncode == 0, added.stderr

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
        return [self.program, "exec", "--skip-git-repo-check", *flags, PROMPT]

    def environment(self, model: str) -> Mapping[str, str]:
        return {"SCRIPTED_KEY": "none", TOKEN_NAME: self.sandbox.token}

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
