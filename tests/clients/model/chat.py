"""OpenAI's Chat Completions API, which opencode speaks to a provider of one's own."""

from __future__ import annotations

import json
from collections.abc import Iterator

from tests.clients.model.turns import MODEL, Json, Result, Sent, ToolCall, joined

CHUNK = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 0, "model": MODEL}
USAGE = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}


def sent(body: Json) -> Sent:
    """Read a request: results are messages of the role `tool`."""
    functions = [tool["function"] for tool in body.get("tools", [])]
    results = [Result(joined(message["content"])) for message in body["messages"] if message["role"] == "tool"]
    return Sent({function["name"]: function for function in functions}, results)


def call(call: ToolCall) -> Iterator[str]:
    """Stream a tool call."""
    function = {"name": call.tool, "arguments": json.dumps(call.arguments)}
    return _chunks(
        {"tool_calls": [{"index": 0, "id": call.id, "type": "function", "function": function}]}, "tool_calls"
    )


def say(text: str) -> Iterator[str]:
    """Stream a text."""
    return _chunks({"content": text}, "stop")


def _chunks(delta: Json, reason: str) -> Iterator[str]:
    for part, end in (({"role": "assistant", **delta}, None), ({}, reason)):
        choice = {"index": 0, "delta": part, "finish_reason": end}
        yield f"data: {json.dumps({**CHUNK, 'choices': [choice]})}\n\n"
    yield f"data: {json.dumps({**CHUNK, 'choices': [], 'usage': USAGE})}\n\ndata: [DONE]\n\n"
