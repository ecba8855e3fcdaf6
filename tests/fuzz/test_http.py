"""The same over the wire, in both protocol eras, and messages that are no calls at all: never a 500, never silence."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kl_mcp.protocol.tool_calls import ERROR_KEY
from kl_mcp.tools import TABLE
from tests.fuzz.arguments import ANYTHING, SCALARS, arguments
from tests.fuzz.checks import CODES, MAX_CHARS, validator
from tests.support.datasets import write
from tests.support.examples import examples
from tests.support.handshake import MODERN_META
from tests.support.mcp_clients import HttpServer, http_server
from tests.support.patience import LIMIT_SECONDS
from tests.support.small_cluster import published

CASES = examples(200)
ERAS = ("2026-07-28", "2025-06-18")
PARSE_ERROR = -32700
JSON_RPC_CODES = range(-32_768, -31_999)
EACH = pytest.mark.parametrize("tool", list(TABLE))
FUZZ = settings(max_examples=CASES, suppress_health_check=list(HealthCheck))
Reply = tuple[int, Any]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HttpServer]:
    """A server that must survive the whole module without an error in its log."""
    with http_server(write(tmp_path_factory.mktemp("books"), published())) as running:
        yield running
        assert running.process.poll() is None
        assert not [line for line in running.log if "Traceback" in line or " ERROR " in line]


def headers_of(era: str, tool: str) -> dict[str, str]:
    modern = {"Mcp-Method": "tools/call", "Mcp-Name": tool} if era == ERAS[0] else {}
    accepted = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}
    return accepted | {"MCP-Protocol-Version": era} | modern


def message(era: str, tool: str, asked: Any) -> dict[str, Any]:
    params = {"name": tool, "arguments": asked, **({"_meta": MODERN_META} if era == ERAS[0] else {})}
    return {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}


def post(server: HttpServer, body: bytes, headers: dict[str, str]) -> Reply:
    """Status and body: JSON where it says so, else text."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=LIMIT_SECONDS)
    try:
        connection.request("POST", "/mcp", body, headers)
        response = connection.getresponse()
        content = response.read()
        is_json = response.getheader("Content-Type", "").startswith("application/json")
        return response.status, orjson.loads(content) if is_json and content else content.decode()
    finally:
        connection.close()


@EACH
def test_whatever_arguments_come_a_tool_error_answers_what_is_wrong_with_them(server: HttpServer, tool: str) -> None:
    @FUZZ
    @given(arguments(tool), st.sampled_from(ERAS))
    def answered(asked: dict[str, Any], era: str) -> None:
        written = json.dumps(message(era, tool, asked))
        status, reply = post(server, written.encode(), headers_of(era, tool))
        if status == 200:
            check_result(tool, reply["result"])
        else:
            # NaN is no JSON, and half a surrogate pair is no Unicode: a parser may refuse the whole message.
            assert reply["error"]["code"] == PARSE_ERROR
            assert any(mark in written for mark in ("NaN", "Infinity", "\\ud8"))

    answered()


def check_result(tool: str, result: dict[str, Any]) -> None:
    """An answer stands in both blocks and conforms; an error in the text, which is no JSON, and in `_meta`."""
    (block,) = result["content"]
    if result["isError"]:
        error = result["_meta"][ERROR_KEY]
        assert error["code"] in CODES
        assert block["text"].startswith(error["message"])
        assert result.get("structuredContent") is None
    else:
        assert json.loads(block["text"]) == result["structuredContent"]
        assert len(json.dumps(result["structuredContent"])) <= MAX_CHARS
        validator(tool, full=False).validate(result["structuredContent"])


@st.composite
def odd_messages(draw: st.DrawFn, era: str, tool: str) -> tuple[bytes, dict[str, str]]:
    """A call with something wrong about the envelope, the bytes or the headers."""
    sent: Any = message(era, tool, {"pattern": "*"} if tool == "group_namespaces" else {})
    headers = headers_of(era, tool)
    json_values = ANYTHING.filter(lambda value: "\\ud8" not in json.dumps(value))
    match draw(st.sampled_from(("field", "params", "arguments", "list", "bytes", "cut", "headers", "meta", "deep"))):
        case "field":
            sent[draw(st.sampled_from(("jsonrpc", "id", "method", "params", "result", "extra")))] = draw(json_values)
        case "params":
            sent["params"][draw(st.sampled_from(("name", "arguments", "_meta", "extra")))] = draw(json_values)
        case "arguments":
            sent["params"]["arguments"] = draw(SCALARS | st.lists(SCALARS, max_size=3))
        case "list":
            sent = [sent] * draw(st.integers(0, 3))
        case "bytes":
            return draw(st.binary(max_size=400)), headers
        case "cut":
            whole = json.dumps(sent).encode()
            return whole[: draw(st.integers(0, len(whole) - 1))], headers
        case "headers":
            name = draw(st.sampled_from(sorted(headers)))
            headers[name] = draw(st.text("abcz-/0129.; ,=*", max_size=40))
        case "meta":
            sent["params"]["_meta"] = draw(st.dictionaries(st.sampled_from(sorted(MODERN_META)), json_values))
        case "deep":
            depth = draw(st.integers(100, 30_000))
            return json.dumps(sent).encode().replace(b'"extra"', b"1")[:-1] + b',"x":' + b"[" * depth, headers
    return json.dumps(sent).encode(), headers


@EACH
def test_a_message_that_is_no_call_is_refused_and_nothing_worse_happens(server: HttpServer, tool: str) -> None:
    @FUZZ
    @given(st.sampled_from(ERAS).flatmap(lambda era: odd_messages(era, tool)))
    def refused(sent: tuple[bytes, dict[str, str]]) -> None:
        status, reply = post(server, *sent)
        assert status < 500
        if status == 200:
            assert "result" in reply or reply["error"]["code"] in JSON_RPC_CODES
        elif isinstance(reply, dict):
            assert isinstance(reply["error"], str) or reply["error"]["code"] in JSON_RPC_CODES
        else:
            # A notification, or a response to nothing; and HTTP headers that do not fit.
            assert (status, reply) == (202, "") or status in {400, 406, 415, 421}

    refused()
