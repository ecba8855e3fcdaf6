"""The suite's fixture tools: what each does is laid down by the scenario that calls it."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import anyio
import mcp_types as types
from mcp.server.context import ServerRequestContext
from mcp.server.subscriptions import PromptsListChanged, ServerEvent, ToolsListChanged
from mcp.shared.exceptions import MCPError
from mcp.shared.message import ServerMessageMetadata

from tests.conformance import content

Context = ServerRequestContext[Any, Any]
Answer = types.CallToolResult | types.InputRequiredResult
Publish = Callable[[ServerEvent], Awaitable[None]]
Json = dict[str, Any]

NO_ARGUMENTS: Json = {"type": "object", "properties": {}}
PAUSE_SECONDS = 0.05
SAMPLING: Json = {"sampling": {}}


@dataclass(frozen=True)
class FixtureTool:
    """A tool of the suite."""

    name: str
    description: str
    answer: Callable[[Context, types.CallToolRequestParams], Awaitable[Answer]]
    input_schema: Mapping[str, Any] = field(default_factory=lambda: NO_ARGUMENTS)

    @property
    def listed(self) -> types.Tool:
        """Its entry of `tools/list`."""
        return types.Tool(name=self.name, description=self.description, input_schema=dict(self.input_schema))


def result(*blocks: types.ContentBlock, is_error: bool = False) -> types.CallToolResult:
    """The answer of a tool that is done."""
    return types.CallToolResult(content=list(blocks), is_error=is_error)


def fixed(name: str, description: str, *blocks: types.ContentBlock, is_error: bool = False) -> FixtureTool:
    """A tool that always answers the same."""

    async def answer(_context: Context, _params: types.CallToolRequestParams) -> types.CallToolResult:
        return result(*blocks, is_error=is_error)

    return FixtureTool(name, description, answer)


async def _log(context: Context, words: str) -> None:
    await context.session.send_log_message("info", words, related_request_id=context.request_id)


async def _logging(context: Context, _params: types.CallToolRequestParams) -> types.CallToolResult:
    for words in ("Tool execution started", "Tool processing data", "Tool execution completed"):
        await _log(context, words)
        await anyio.sleep(PAUSE_SECONDS)
    return result(content.text("Logged three times."))


async def _progress(context: Context, _params: types.CallToolRequestParams) -> types.CallToolResult:
    for done in (0, 50, 100):
        await context.session.report_progress(done, 100)
        await anyio.sleep(PAUSE_SECONDS)
    return result(content.text("Reported progress three times."))


async def _sample(context: Context, params: types.CallToolRequestParams) -> types.CallToolResult:
    prompt = content.text((params.arguments or {})["prompt"])
    request = types.CreateMessageRequest(
        params=types.CreateMessageRequestParams(
            messages=[types.SamplingMessage(role="user", content=prompt)], max_tokens=100
        )
    )
    metadata = ServerMessageMetadata(related_request_id=context.request_id)
    sampled = await context.session.send_request(request, types.CreateMessageResult, metadata=metadata)
    words = sampled.content.text if isinstance(sampled.content, types.TextContent) else "(no text)"
    return result(content.text(f"LLM response: {words}"))


def eliciting(name: str, description: str, message: str, properties: Json, required: list[str]) -> FixtureTool:
    """A tool that asks the user for `properties` over the back channel; its argument `message` replaces the default."""

    async def answer(context: Context, params: types.CallToolRequestParams) -> types.CallToolResult:
        asked = (params.arguments or {}).get("message", message)
        schema = {"type": "object", "properties": properties, "required": required}
        given = await context.session.elicit_form(asked, schema, related_request_id=context.request_id)
        return result(content.text(f"{description}: action={given.action}, content={json.dumps(given.content)}"))

    return FixtureTool(name, description, answer, {"type": "object", "properties": {"message": {"type": "string"}}})


async def _reconnect(context: Context, _params: types.CallToolRequestParams) -> types.CallToolResult:
    if context.close_sse_stream is not None:
        await context.close_sse_stream()
    await anyio.sleep(PAUSE_SECONDS)
    return result(content.text("Answered after the stream was closed."))


async def _needs_sampling(context: Context, _params: types.CallToolRequestParams) -> types.CallToolResult:
    if not context.session.check_client_capability(types.ClientCapabilities.model_validate(SAMPLING)):
        message = "This tool needs the client's sampling."
        raise MCPError(types.MISSING_REQUIRED_CLIENT_CAPABILITY, message, {"requiredCapabilities": SAMPLING})
    return result(content.text("The client can sample."))


async def _ask_on_the_stream(_context: Context, _params: types.CallToolRequestParams) -> types.InputRequiredResult:
    form = types.ElicitRequestFormParams(message="Go on?", requested_schema={"type": "object", "properties": {}})
    return types.InputRequiredResult(input_requests={"go_on": types.ElicitRequest(params=form)})


async def _one_log_line(context: Context, _params: types.CallToolRequestParams) -> types.CallToolResult:
    await _log(context, "Only for those who set a level.")
    return result(content.text("Logged once."))


def announcing(name: str, event: ServerEvent, publish: Publish) -> FixtureTool:
    """A tool that tells listeners that a list has changed."""

    async def answer(_context: Context, _params: types.CallToolRequestParams) -> types.CallToolResult:
        await publish(event)
        return result(content.text("Announced."))

    return FixtureTool(name, "Announces that a list has changed.", answer)


async def _echo(_context: Context, params: types.CallToolRequestParams) -> types.CallToolResult:
    return result(content.text(json.dumps(params.arguments or {})))


MIRRORED: Json = {
    "type": "object",
    "properties": {"region": {"type": "string", "x-mcp-header": "Region"}},
    "required": ["region"],
}
FULL_VOCABULARY: Json = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "$defs": {
        "address": {
            "$anchor": "addressDef",
            "type": "object",
            "properties": {"street": {"type": "string"}, "city": {"type": "string"}},
        }
    },
    "properties": {
        "name": {"type": "string"},
        "address": {"$ref": "#/$defs/address"},
        "contactMethod": {"type": "string", "enum": ["phone", "email"]},
        "phone": {"type": "string"},
        "email": {"type": "string"},
    },
    "allOf": [{"anyOf": [{"required": ["phone"]}, {"required": ["email"]}]}],
    "if": {"properties": {"contactMethod": {"const": "phone"}}, "required": ["contactMethod"]},
    "then": {"required": ["phone"]},
    "else": {"required": ["email"]},
    "additionalProperties": False,
}
DEFAULTS: Json = {
    "name": {"type": "string", "default": "John Doe"},
    "age": {"type": "integer", "default": 30},
    "score": {"type": "number", "default": 95.5},
    "status": {"type": "string", "enum": ["active", "inactive", "pending"], "default": "active"},
    "verified": {"type": "boolean", "default": True},
}
PLAIN_ENUM = ["option1", "option2", "option3"]
TITLED_ENUM = [{"const": f"value{number}", "title": f"Option {number}"} for number in (1, 2, 3)]
ENUMS: Json = {
    "untitledSingle": {"type": "string", "enum": PLAIN_ENUM},
    "titledSingle": {"type": "string", "oneOf": TITLED_ENUM},
    "legacyEnum": {
        "type": "string",
        "enum": ["opt1", "opt2", "opt3"],
        "enumNames": ["Option 1", "Option 2", "Option 3"],
    },
    "untitledMulti": {"type": "array", "items": {"type": "string", "enum": PLAIN_ENUM}},
    "titledMulti": {"type": "array", "items": {"anyOf": TITLED_ENUM}},
}
USER: Json = {"username": {"type": "string"}, "email": {"type": "string"}}
PROMPT: Json = {"type": "object", "properties": {"prompt": {"type": "string"}}, "required": ["prompt"]}

SIMPLE = content.text("This is a simple text response for testing.")
FAILURE = content.text("This tool intentionally returns an error for testing")
EMBEDDED = content.embedded("test://embedded-resource", "text/plain", "This is an embedded resource content.")
MIXED = (
    content.text("Multiple content types test:"),
    content.image(),
    content.embedded("test://mixed-content-resource", "application/json", '{"test":"data","value":123}'),
)


def fixture_tools(publish: Publish) -> tuple[FixtureTool, ...]:
    """Every fixture tool but those that ask for input; `publish` reaches whoever listens to changes of lists."""
    return (
        fixed("test_simple_text", "Answers with text.", SIMPLE),
        fixed("test_image_content", "Answers with an image.", content.image()),
        fixed("test_audio_content", "Answers with audio.", content.audio()),
        fixed("test_embedded_resource", "Answers with a resource.", EMBEDDED),
        fixed("test_multiple_content_types", "Answers with three kinds of content.", *MIXED),
        fixed("test_error_handling", "Always fails.", FAILURE, is_error=True),
        FixtureTool("test_tool_with_logging", "Sends three log messages.", _logging),
        FixtureTool("test_tool_with_progress", "Reports progress three times.", _progress),
        FixtureTool("test_sampling", "Has the client sample.", _sample, PROMPT),
        eliciting("test_elicitation", "User response", "Who are you?", USER, ["username", "email"]),
        eliciting("test_elicitation_sep1034_defaults", "Elicitation completed", "Correct these.", DEFAULTS, []),
        eliciting("test_elicitation_sep1330_enums", "Elicitation completed", "Choose.", ENUMS, []),
        FixtureTool("test_reconnection", "Closes the stream before it answers.", _reconnect),
        FixtureTool("test_missing_capability", "Needs a client that can sample.", _needs_sampling),
        FixtureTool("test_streaming_elicitation", "Asks for input in its result.", _ask_on_the_stream),
        FixtureTool("test_logging_tool", "Sends one log message.", _one_log_line),
        announcing("test_trigger_tool_change", ToolsListChanged(), publish),
        announcing("test_trigger_prompt_change", PromptsListChanged(), publish),
        FixtureTool("test_mirrored_header", "Has an argument that is mirrored into a header.", _echo, MIRRORED),
        FixtureTool("json_schema_2020_12_tool", "Tool with JSON Schema 2020-12 features", _echo, FULL_VOCABULARY),
    )
