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

    @property
    def program(self) -> str:
        """Return the path of the program."""
        return str(self.sandbox.packages.modules / "opencode-linux-x64-baseline" / "bin" / "opencode")

    def add_remote(self) -> None:
        token = ("--header", f"Authorization=Bearer {self.sandbox.token}") if self.sandbox.token else ()
        self._add("--url", self.sandbox.url, *token)

    def add_local(self) -> None:
        self._add("--", *self.sandbox.watched)

    def _add(self, *server: str) -> None:
        added = self.sandbox.run(self.program, "mcp", "add", SERVER, *server)
        assert added.returncode == 0, added.stderr
        # By itself it gives a server five seconds to answer.
        path = self.sandbox.home / ".config" / "opencode" / "opencode.jsonc"
        settings = json.loads(path.read_text())
        settings["mcp"][SERVER]["timeout"] = RUN_SECONDS * 1000
        path.write_text(json.dumps(settings))

    def command(self, model: str) -> Sequence[str]:
        return [self.program, "run", "--auto", PROMPT]

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
