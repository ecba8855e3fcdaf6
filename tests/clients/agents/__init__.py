"""Clients in which a model decides what is called: one class a client, driven by a model that follows a script."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.clients.model.running import scripted_model
from tests.clients.model.turns import Api, Json, Result, Sent
from tests.clients.sandbox import Sandbox

SERVER = "kubeledger"
"""Its name in each client."""
PROMPT = "Who uses the cluster?"


@dataclass(frozen=True)
class Step:
    """A call that the model makes."""

    tool: str
    arguments: Json


class Agent(ABC):
    """A client of the sandbox, at first without a server."""

    api: Api
    """Of its model."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox

    @abstractmethod
    def add_remote(self) -> None:
        """Add the server of the sandbox, which speaks HTTP, as a user would."""

    @abstractmethod
    def add_local(self) -> None:
        """Add the server as a command that the client starts and speaks to over stdio, as a user would."""

    @abstractmethod
    def command(self, model: str) -> Sequence[str]:
        """Return the command that puts PROMPT to the model at a URL without asking a person anything."""

    @abstractmethod
    def environment(self, model: str) -> Mapping[str, str]:
        """Return what the environment of that command holds of the model."""

    @abstractmethod
    def named(self, tool: str) -> str:
        """Return how the client names a tool of the server to its model."""

    def call(self, step: Step) -> Json:
        """Return the call by which its model takes a step."""
        return {"tool": self.named(step.tool), "arguments": step.arguments}

    def search(self, names: Sequence[str]) -> list[Json]:
        """Return the calls by which a model gets tools declared; none where they are from the beginning."""
        return []

    def converse(self, steps: Sequence[Step]) -> Sent:
        """Let the model make these calls, and return what it is sent after the last."""
        calls = [self.call(step) for step in steps]
        names = {call["tool"] for call in calls}
        searches = self.search(sorted(names))
        with scripted_model(self.sandbox, [*searches, *calls]) as model:
            done = self.sandbox.run(*self.command(model.url), env=self.environment(model.url))
            sent = [self.api.sent(body) for body in model.received()]
        last = max(sent, key=lambda each: len(each.results), default=Sent({}, []))
        assert len(last.results) == len(searches) + len(calls), f"{done.stdout}\n{done.stderr}"
        assert names <= set(last.offered)
        return Sent(last.offered, last.results[len(searches) :])


def answer(result: Result) -> dict[str, Any]:
    """Return the answer in what the model is sent of a call, whatever the client puts around it."""
    parsed: dict[str, Any] = json.loads(result.text[result.text.index("{") : result.text.rindex("}") + 1])
    return parsed
