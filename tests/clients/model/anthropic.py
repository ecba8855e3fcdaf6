"""Anthropic's Messages API, which Claude Code speaks."""

from __future__ import annotations

import json
from collections.abc import Iterator

from tests.clients.model.turns import MODEL, Json, Result, Sent, ToolCall, event, joined

USAGE = {"input_tokens": 1, "output_tokens": 1}


def sent(body: Json) -> Sent:
    """Read a request: results are `tool_result` blocks of messages."""
    contents = [message["content"] for message in body["messages"] if isinstance(message["content"], list)]
    blocks = [block for content in contents for block in content if block["type"] == "tool_result"]
    results = [Result(joined(block["content"]), block.get("is_error", False)) for block in blocks]
    return Sent({tool["name"]: tool for tool in body.get("tools", [])}, results)


def call(call: ToolCall) -> Iterator[str]:
    """Stream a tool call."""
    block = {"type": "tool_use", "id": call.id, "name": call.tool, "input": {}}
    return _message(block, {"type": "input_json_delta", "partial_json": json.dumps(call.arguments)}, "tool_use")


def say(text: str) -> Iterator[str]:
    """Stream a text."""
    return _message({"type": "text", "text": ""}, {"type": "text_delta", "text": text}, "end_turn")


def _message(block: Json, delta: Json, reason: str) -> Iterator[str]:
    message = {"id": "msg_1", "type": "message", "role": "assistant", "model": MODEL, "content": [], "usage": USAGE}
    yield event("message_start", message=message)
    yield event("content_block_start", index=0, content_block=block)
    yield event("content_block_delta", index=0, delta=delta)
    yield event("content_block_stop", index=0)
    yield event("message_delta", delta={"stop_reason": reason}, usage=USAGE)
    yield event("message_stop")
