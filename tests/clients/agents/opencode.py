"""opencode."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from tests.clients.agents import PROMPT, SERVER, Agent
from tests.clients.model import chat
from tests.clients.sandbox import RUN_SECONDS


class Opencode(Agent):
    """Hands arguments on as the model wrote them."""

    api = chat

    def add_remote(self) -> None:
        assert self.sandbox.shell(self.sandbox.printed("opencode")).returncode == 0
        self._be_patient()

    def add_local(self) -> None:
        assert self.sandbox.run("opencode", "mcp", "add", SERVER, "--", *self.sandbox.watched).returncode == 0
        self._be_patient()

    def _be_patient(self) -> None:
        """Let the server take its time to answer; by itself the client waits five seconds."""
        path = self.sandbox.home / ".config" / "opencode" / "opencode.jsonc"
        settings = json.loads(path.read_text())
        settings["mcp"][SERVER]["timeout"] = RUN_SECONDS * 1000
        path.write_text(json.dumps(settings))

    def command(self, model: str) -> Sequence[str]:
        return ["opencode", "run", "--auto", PROMPT]

    def environment(self, model: str) -> Mapping[str, str]:
        provider = {
            "npm": "@ai-sdk/openai-compatible",
            "options": {"baseURL": f"{model}/v1", "apiKey": "none"},
            "models": {"scripted": {}},
        }
        settings = {"provider": {"scripted": provider}, "model": "scripted/scripted"}
        return {"OPENCODE_CONFIG_CONTENT": json.dumps(settings)}

    def named(self, tool: str) -> str:
        return f"{SERVER}_{tool}"
