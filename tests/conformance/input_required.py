"""Fixtures that answer "I need input first" (2026-07-28): the client asks again, with the input and the state."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import mcp_types as types
from mcp.shared.exceptions import MCPError

from tests.conformance import content
from tests.conformance.tools import Answer, Context, FixtureTool, Json, result

PREFIX = "test_input_required_result_"


def form(message: str, **properties: str) -> types.ElicitRequest:
    """Ask the user for `properties`, given as name=type."""
    schema: Json = {
        "type": "object",
        "properties": {name: {"type": kind} for name, kind in properties.items()},
        "required": list(properties),
    }
    return types.ElicitRequest(params=types.ElicitRequestFormParams(message=message, requested_schema=schema))


def sample(prompt: str, max_tokens: int) -> types.CreateMessageRequest:
    """Ask the client's model."""
    message = types.SamplingMessage(role="user", content=content.text(prompt))
    return types.CreateMessageRequest(
        params=types.CreateMessageRequestParams(messages=[message], max_tokens=max_tokens)
    )


def required(requests: Mapping[str, types.InputRequest], state: str | None = None) -> types.InputRequiredResult:
    """The answer that asks for input."""
    return types.InputRequiredResult(input_requests=dict(requests), request_state=state)


def answered(params: types.InputResponseRequestParams, requests: Mapping[str, Any]) -> bool:
    """Whether the client has answered every one of `requests`."""
    return requests.keys() <= (params.input_responses or {}).keys()


def asking(suffix: str, requests: Mapping[str, types.InputRequest], state: str | None = None) -> FixtureTool:
    """A tool that completes once every request is answered, and the state came back if it gave one."""

    async def answer(_context: Context, params: types.CallToolRequestParams) -> Answer:
        if not answered(params, requests):
            return required(requests, state)
        if params.request_state != state:
            raise MCPError(types.INVALID_PARAMS, "This is not the state that was given out.")
        return result(content.text(f"state-ok, with {', '.join(requests)}"))

    return FixtureTool(PREFIX + suffix, f"Asks for {', '.join(requests)} first.", answer)


NAME = form("What is your name?", name="string")
CAPITAL = sample("What is the capital of France?", 100)
GREETING = sample("Generate a greeting", 50)
ROOTS = types.ListRootsRequest()
CONFIRM = form("Please confirm", ok="boolean")
CONTEXT: Mapping[str, types.InputRequest] = {
    "user_context": form("What context should the prompt use?", context="string")
}


async def _rounds(_context: Context, params: types.CallToolRequestParams) -> Answer:
    responses = params.input_responses or {}
    if params.request_state == "round-2" and "step2" in responses:
        return result(content.text("Thank you."))
    if params.request_state == "round-1" and "step1" in responses:
        return required({"step2": form("Step 2: What is your favorite color?", color="string")}, "round-2")
    return required({"step1": form("Step 1: What is your name?", name="string")}, "round-1")


async def _within_capabilities(context: Context, _params: types.CallToolRequestParams) -> Answer:
    offered: dict[str, tuple[Json, types.InputRequest]] = {
        "user_name": ({"elicitation": {}}, NAME),
        "greeting": ({"sampling": {}}, GREETING),
    }
    can = {
        key: request
        for key, (capability, request) in offered.items()
        if context.session.check_client_capability(types.ClientCapabilities.model_validate(capability))
    }
    return required(can, "asked")


INPUT_TOOLS: tuple[FixtureTool, ...] = (
    asking("elicitation", {"user_name": NAME}),
    asking("sampling", {"capital_question": CAPITAL}),
    asking("list_roots", {"client_roots": ROOTS}),
    asking("request_state", {"confirm": CONFIRM}, "confirming"),
    asking("tampered_state", {"confirm": CONFIRM}, "confirming"),
    asking("multiple_inputs", {"user_name": NAME, "greeting": GREETING, "client_roots": ROOTS}, "asked"),
    FixtureTool(PREFIX + "multi_round", "Asks twice, one question after the other.", _rounds),
    FixtureTool(PREFIX + "capabilities", "Asks only what the client can answer.", _within_capabilities),
)
