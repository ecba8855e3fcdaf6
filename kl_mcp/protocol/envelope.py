"""Tells JSON-RPC messages from what is none, in one sentence, for every transport (https://www.jsonrpc.org/specification).

The SDK answers such input in other ways by transport and protocol era: not at all, or with pages of validation errors.
"""

from collections.abc import Iterable
from typing import Any

from mcp_types import INVALID_REQUEST, PARSE_ERROR, RequestId

from kl_core.errors import KubeLedgerError
from kl_mcp.access import strict_json

MAX_NESTING = 100
"""Objects and lists inside each other. Parsers give up at different depths; no call has more than five."""

Envelope = dict[str, Any]


class NotJsonRpcError(KubeLedgerError):
    """What came is no JSON-RPC message. The text says why; `request_id` is that of the request, where it has one."""

    def __init__(self, code: int, text: str, request_id: RequestId | None = None) -> None:
        super().__init__(text)
        self.code = code
        self.request_id = request_id


def parse_message(content: bytes) -> Envelope:
    """Return the one JSON-RPC message of a body or a line. Raise `NotJsonRpcError`."""
    try:
        document = strict_json.parse(content)
    except ValueError as error:
        raise _unreadable(str(error)) from None
    if _is_nested_beyond(MAX_NESTING, document):
        raise _unreadable("it is nested too deeply")
    wrong = _wrong(document)
    if wrong is not None:
        raise NotJsonRpcError(INVALID_REQUEST, wrong, _id_of(document))
    envelope: Envelope = document
    return envelope


def _unreadable(why: str) -> NotJsonRpcError:
    return NotJsonRpcError(PARSE_ERROR, f"This is no JSON-RPC message: {why}.")


def _is_nested_beyond(depth: int, document: Any) -> bool:
    level = [document]
    for _ in range(depth):
        level = [inner for each in level for inner in _inside(each)]
    return any(isinstance(each, dict | list) for each in level)


def _inside(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def _wrong(document: Any) -> str | None:
    """Say what makes a document something else than one message; None where nothing does."""
    if isinstance(document, list):
        return "A batch is not accepted: send each JSON-RPC message by itself."
    if not isinstance(document, dict):
        return 'A JSON-RPC message is an object, such as {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}.'
    if document.get("jsonrpc") != "2.0":
        return 'The member "jsonrpc" of a message must be "2.0".'
    return _wrong_request(document) if "method" in document else _wrong_answer(document)


def _wrong_request(document: Envelope) -> str | None:
    if not isinstance(document["method"], str):
        return 'The "method" of a message must be a string.'
    if "id" in document and _id_of(document) is None:
        return 'The "id" of a request must be a string or an integer.'
    if not isinstance(document.get("params"), dict | None):
        return 'The "params" of a message must be an object.'
    return None


def _wrong_answer(document: Envelope) -> str | None:
    """Say what is wrong with a message without a method: clients answer requests of the server, too."""
    if "result" not in document and "error" not in document:
        return 'A JSON-RPC message must have a "method".'
    is_failure_of_unknown_request = "result" not in document and document.get("id", "") is None
    if _id_of(document) is None and not is_failure_of_unknown_request:
        return 'The "id" of an answer must be a string or an integer.'
    if not isinstance(document.get("result", {}), dict):
        return 'The "result" of an answer must be an object.'
    error = document.get("error", {"code": 0, "message": ""})
    if not isinstance(error, dict) or type(error.get("code")) is not int or not isinstance(error.get("message"), str):
        return 'The "error" of an answer must be an object with a "code" and a "message".'
    return None


def _id_of(document: Any) -> RequestId | None:
    """Return the id of a message; None where it has none, or one that is neither a string nor an integer."""
    identity = document.get("id") if isinstance(document, dict) else None
    return identity if isinstance(identity, str) or type(identity) is int else None
