"""Gemini's `streamGenerateContent`, which Gemini CLI speaks."""

from __future__ import annotations

import json
from collections.abc import Iterator

from tests.clients.model.turns import Json, Result, Sent, ToolCall

USAGE = {"promptTokenCount": 1, "candidatesTokenCount": 1, "totalTokenCount": 2}


def sent(body: Json) -> Sent:
    """Read a request: results are `functionResponse` parts, with an `output` or an `error`."""
    declared = [each for tool in body.get("tools", []) for each in tool.get("functionDeclarations", [])]
    parts = [part for content in body["contents"] for part in content["parts"]]
    responses = [part["functionResponse"]["response"] for part in parts if "functionResponse" in part]
    results = [Result(each.get("output") or each["error"], "error" in each) for each in responses]
    return Sent({each["name"]: each for each in declared}, results)


def call(call: ToolCall) -> Iterator[str]:
    """Stream a tool call."""
    return _content({"functionCall": {"id": call.id, "name": call.tool, "args": call.arguments}})


def say(text: str) -> Iterator[str]:
    """Stream a text."""
    return _content({"text": text})


def _content(part: Json) -> Iterator[str]:
    candidate = {"content": {"role": "model", "parts": [part]}, "finishReason": "STOP", "index": 0}
    yield f"data: {json.dumps({'candidates': [candidate], 'usageMetadata': USAGE})}\n\n"
