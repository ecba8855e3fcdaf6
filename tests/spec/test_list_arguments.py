"""Lists, as clients really send them, and patterns that match nothing, over HTTP in both eras."""

from __future__ import annotations

import json
from typing import Any

import pytest
from mcp.client import Client
from mcp_types import CallToolResult

from tests.kl_mcp.tools.conftest import LISTS, check_schemas
from tests.spec.conftest import ERAS, asked
from tests.support.mcp_clients import HttpServer, error_of

EACH = pytest.mark.parametrize(("tool", "argument"), LISTS)
MEANT = {
    "openshift-.*": ["openshift-*"],
    "^kube-": ["kube-*"],
    "kube-(system|public)": ["kube-system"],
    "web|registry": ["web", "registry"],
    '["web|registry", "kube-*"]': ["web", "registry", "kube-*"],
    '["web", "nope-*"]': ["web"],
    "registri": ["registry"],
}
"""What matches nothing, in whole or in part, and the value that its error suggests."""


def _calls(server: HttpServer, era: str, tool: str, *arguments: dict[str, Any]) -> list[CallToolResult]:
    async def in_turn(client: Client) -> list[CallToolResult]:
        return [await client.call_tool(tool, each) for each in arguments]

    return asked(server.url, era, in_turn)


@pytest.mark.requirement("KL-T-9")
@pytest.mark.parametrize("era", ERAS)
@EACH
def test_a_list_is_answered_alike_however_it_is_written(server: HttpServer, era: str, tool: str, argument: str) -> None:
    wanted = ["registry", "kube-*", "[w]eb"]
    forms: list[Any] = [wanted, json.dumps(wanted), f" {json.dumps(wanted)} ", ",".join(wanted)]
    first, *others = _calls(server, era, tool, *({argument: form} for form in forms))

    assert not first.is_error
    assert first.structured_content is not None
    check_schemas(tool, first.structured_content)
    assert [other.structured_content for other in others] == [first.structured_content] * 3


@pytest.mark.requirement("KL-T-9", "KL-E-1")
@pytest.mark.parametrize("era", ERAS)
@EACH
def test_what_matches_nothing_is_an_error_whose_corrected_call_is_answered(
    server: HttpServer, era: str, tool: str, argument: str
) -> None:
    errors = [error_of(each) for each in _calls(server, era, tool, *({argument: wrong} for wrong in MEANT))]

    assert {(error["code"], error["argument"]) for error in errors} == {("unknown_namespace", argument)}
    assert [error["corrected"] for error in errors] == [
        {"tool": tool, "arguments": {argument: meant}} for meant in MEANT.values()
    ]
    answers = _calls(server, era, tool, *({argument: meant} for meant in MEANT.values()))
    assert not any(answer.is_error for answer in answers)
