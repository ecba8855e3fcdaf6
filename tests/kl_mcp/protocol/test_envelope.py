"""What is a JSON-RPC message and what is none, without a transport."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mcp_types import PARSE_ERROR, jsonrpc_message_adapter

from kl_mcp.protocol.envelope import MAX_NESTING, NotJsonRpcError, parse_message
from tests.support.malformed_messages import MALFORMED

ONE_SENTENCE = re.compile(r"[A-Z][^\n]{0,118}\.")

VALUES: st.SearchStrategy[Any] = st.recursive(
    st.sampled_from([None, True, 0, 7, 10**30, 1.5, "", "2.0", "tools/list", "é"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["code", "message", "x"]), inner),
    max_leaves=4,
)
MEMBERS = ("jsonrpc", "id", "method", "params", "result", "error", "other")
MESSAGES = st.fixed_dictionaries({"jsonrpc": st.just("2.0") | VALUES}, optional=dict.fromkeys(MEMBERS[1:], VALUES))


def _refusal(content: bytes) -> NotJsonRpcError | None:
    try:
        parse_message(content)
    except NotJsonRpcError as error:
        return error
    return None


@pytest.mark.parametrize("name", MALFORMED)
def test_what_is_no_message_is_refused_in_one_sentence(name: str) -> None:
    content, code, request_id = MALFORMED[name]

    error = _refusal(content)

    assert error is not None
    assert (error.code, error.request_id) == (code, request_id)
    assert ONE_SENTENCE.fullmatch(str(error))


@pytest.mark.parametrize(
    "content",
    [
        b'{"jsonrpc": "2.0", "id": 0, "method": "ping"}',
        b'{"jsonrpc": "2.0", "id": -1, "method": ""}',
        b'{"jsonrpc": "2.0", "id": "", "method": "ping", "params": null}',
        b' {"id": 12345678901234567890123, "method": "ping", "jsonrpc": "2.0", "params": {"x": "\\ud83d\\ude00"}}\r\n',
        b'{"jsonrpc": "2.0", "method": "notifications/initialized"}',
        b'{"jsonrpc": "2.0", "id": 1, "result": {}}',
        b'{"jsonrpc": "2.0", "id": null, "error": {"code": -32700, "message": "?", "data": [1]}}',
    ],
)
def test_what_is_one_is_returned_as_it_is(content: bytes) -> None:
    assert parse_message(content) == json.loads(content)


def test_nesting_is_bounded_where_every_parser_still_follows() -> None:
    def nested(depth: int) -> bytes:
        inner = depth - 2  # the message and its params
        return b'{"jsonrpc": "2.0", "id": 1, "method": "m", "params": {"x": %s}}' % (b"[" * inner + b"]" * inner)

    assert _refusal(nested(MAX_NESTING)) is None
    jsonrpc_message_adapter.validate_json(nested(MAX_NESTING))
    error = _refusal(nested(MAX_NESTING + 1))
    assert error is not None
    assert (error.code, str(error)) == (PARSE_ERROR, "This is no JSON-RPC message: it is nested too deeply.")


@given(VALUES | MESSAGES)
def test_the_sdk_understands_whatever_is_taken_for_a_message(document: Any) -> None:
    content = json.dumps(document).encode()
    if _refusal(content) is None:
        understood = jsonrpc_message_adapter.validate_json(content).model_dump(exclude_unset=True)
        assert ("id" in understood, "method" in understood) == ("id" in document, "method" in document)
