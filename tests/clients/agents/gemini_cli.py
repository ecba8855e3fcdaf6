"""Gemini CLI."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from tests.clients.agents import PROMPT, SERVER, Agent
from tests.clients.model import gemini

SETTINGS = {
    "security": {"auth": {"selectedType": "gemini-api-key"}},
    "general": {"enableAutoUpdate": False},
    "privacy": {"usageStatisticsEnabled": False},
}


class GeminiCli(Agent):
    """Checks arguments against the schema by itself, and calls no tool whose arguments do not fit."""

    api = gemini

    def add_remote(self) -> None:
        self._set_up()
        assert self.sandbox.shell(self.sandbox.printed("Gemini CLI")).returncode == 0
        self.sandbox.make_gemini_patient()

    def add_local(self) -> None:
        self._set_up()
        command, script, *arguments = self.sandbox.watched
        added = self.sandbox.run("gemini", "mcp", "add", "--scope", "user", SERVER, command, script, "--", *arguments)
        assert added.returncode == 0, added.stderr
        self.sandbox.make_gemini_patient()

    def _set_up(self) -> None:
        settings = self.sandbox.home / ".gemini" / "settings.json"
        settings.parent.mkdir()
        settings.write_text(json.dumps(SETTINGS))

    def command(self, model: str) -> Sequence[str]:
        # The model is named so that none is asked which to take.
        return ["gemini", "-p", PROMPT, "--approval-mode", "yolo", "-m", "gemini-2.5-pro"]

    def environment(self, model: str) -> Mapping[str, str]:
        return {"GOOGLE_GEMINI_BASE_URL": model, "GEMINI_API_KEY": "none"}

    def named(self, tool: str) -> str:
        return f"mcp_{SERVER}_{tool}"
