"""OpenAI's Responses API, which Codex speaks. A tool of a namespace is named `namespace/tool` here."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

from tests.clients.model.turns import MODEL, Json, Result, Sent, ToolCall, event, joined

DEFAULT = "functions"
"""The namespace of tools that have none."""
SEARCH = "tool_search"
"""The client's own tool that declares others; they are to be called like those of the first request."""


def sent(body: Json) -> Sent:
    """Read a request: results are items of several types that end in `_output`."""
    offered: dict[str, Json] = dict(_named(body.get("tools", [])))
    results = []
    for item in body["input"]:
        if "tools" in item:
            offered |= _named(item["tools"])
        if item["type"].endswith("_output"):
            results.append(Result(joined(item.get("output", ""))))
    return Sent(offered, results)


def _named(tools: Iterable[Json], namespace: str = "") -> Iterator[tuple[str, Json]]:
    for tool in tools:
        if tool["type"] == "namespace":
            yield from _named(tool["tools"], "" if tool["name"] == DEFAULT else f"{tool['name']}/")
        else:
            yield namespace + tool.get("name", tool["type"]), tool


def call(call: ToolCall) -> Iterator[str]:
    """Stream a tool call."""
    namespace, _, name = call.tool.rpartition("/")
    item: dict[str, object] = {"call_id": call.id, "name": name}
    if namespace:
        item["namespace"] = namespace
    if call.tool == SEARCH:
        return _response({**item, "type": "tool_search_call", "execution": "client", "arguments": call.arguments})
    if isinstance(call.arguments, str):
        return _response({**item, "type": "custom_tool_call", "input": call.arguments})
    return _response({**item, "type": "function_call", "arguments": json.dumps(call.arguments)})


def say(text: str) -> Iterator[str]:
    """Stream a text."""
    return _response({"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": text}]})


def _response(item: Json) -> Iterator[str]:
    done = {**item, "id": "item_1", "status": "completed"}
    response = {"id": "resp_1", "object": "response", "model": MODEL, "output": [done]}
    usage = {"input_tokens": 1, "output_tokens": 1, "total_tokens": 2}
    yield event("response.created", response={**response, "status": "in_progress", "output": []})
    yield event("response.output_item.done", output_index=0, item=done)
    yield event("response.completed", response={**response, "status": "completed", "usage": usage})
