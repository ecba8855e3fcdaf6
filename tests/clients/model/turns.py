"""What a scripted model says and what it is sent, whatever API carries it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

Json = Mapping[str, Any]
MODEL = "scripted"


@dataclass(frozen=True)
class ToolCall:
    """A call that the model makes, of a tool as the client names it; a text as arguments is a program to run."""

    id: str
    tool: str
    arguments: Json | str


@dataclass(frozen=True)
class Result:
    """What a client hands to the model of a call; whether it calls that an error, None where an API cannot say."""

    text: str
    is_error: bool | None = None


@dataclass(frozen=True)
class Sent:
    """A request to the model: the tools it may call, as declared to it, and the results so far, oldest first."""

    offered: Mapping[str, Json]
    results: Sequence[Result]


class Api(Protocol):
    """How to read a request of an API and how to stream the answer."""

    def sent(self, body: Json) -> Sent:
        """Read the body of a request."""

    def call(self, call: ToolCall) -> Iterable[str]:
        """Stream a tool call, as server-sent events."""

    def say(self, text: str) -> Iterable[str]:
        """Stream a text, as server-sent events."""


def event(kind: str, **members: object) -> str:
    """Write a server-sent event that bears its type."""
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **members})}\n\n"


def joined(content: str | Sequence[Json]) -> str:
    """Return the text of a content that is a text or a list of blocks."""
    return content if isinstance(content, str) else "\n".join(block.get("text", "") for block in content)
