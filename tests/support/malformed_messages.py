"""What clients send that is no JSON-RPC message, and the code and id of the answer."""

from __future__ import annotations

import gzip

from mcp_types import INVALID_REQUEST, PARSE_ERROR

REQUEST = b'{"jsonrpc": "2.0", "id": 7, "method": "tools/list"}'


def _call(limit: bytes) -> bytes:
    arguments = b'{"name": "get_top_consumers", "arguments": {"limit": %s}}' % limit
    return b'{"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": %s}' % arguments


def _with(member: bytes, instead: bytes) -> bytes:
    assert member in REQUEST
    return REQUEST.replace(member, instead)


UNREADABLE = {
    "no JSON": b"hello",
    "cut off": REQUEST[:-1],
    "two messages": REQUEST + REQUEST,
    "byte order mark": b"\xef\xbb\xbf" + REQUEST,
    "UTF-16": REQUEST.decode().encode("utf-16-le"),
    "gzip": gzip.compress(REQUEST, mtime=0),
    "no UTF-8": _with(b"list", b"l\xefst"),
    "lone surrogate": _with(b"list", b"\\ud83d"),
    "member twice": _with(b'"id": 7', b'"id": 7, "id": 8'),
    "argument twice": _call(b'1, "limit": 2'),
    "NaN": _call(b"NaN"),
    "infinite": _call(b"-Infinity"),
    "too large": _call(b"1e400"),
    "many digits": _call(b"9" * 101),
    "nested": _call(b"[" * 200 + b"]" * 200),
}
"""Answered as parse errors, without an id."""
INVALID: dict[str, tuple[bytes, str | int | None]] = {
    "null": (b"null", None),
    "number": (b"5", None),
    "string": (b'"tools/list"', None),
    "true": (b"true", None),
    "empty batch": (b"[]", None),
    "batch": (b"[" + REQUEST + b"]", None),
    "empty object": (b"{}", None),
    "id null": (_with(b"7", b"null"), None),
    "id true": (_with(b"7", b"true"), None),
    "id 1.5": (_with(b"7", b"1.5"), None),
    "id 7.0": (_with(b"7", b"7.0"), None),
    "id object": (_with(b"7", b"{}"), None),
    "id array": (_with(b"7", b"[7]"), None),
    "jsonrpc 1.0": (_with(b'"2.0"', b'"1.0"'), 7),
    "jsonrpc number": (_with(b'"2.0"', b"2.0"), 7),
    "no jsonrpc": (_with(b'"jsonrpc": "2.0", ', b""), 7),
    "no jsonrpc, text as id": (b'{"id": "seven", "method": "tools/list"}', "seven"),
    "no method": (_with(b', "method": "tools/list"', b""), 7),
    "method number": (_with(b'"tools/list"', b"1"), 7),
    "method null": (_with(b'"tools/list"', b"null"), 7),
    "params array": (_with(b"}", b', "params": []}'), 7),
    "params text": (_with(b"}", b', "params": "cpu"}'), 7),
    "notification with null": (b'{"jsonrpc": "2.0", "method": null}', None),
    "result number": (b'{"jsonrpc": "2.0", "id": 7, "result": 5}', 7),
    "result without id": (b'{"jsonrpc": "2.0", "result": {}}', None),
    "result, id null": (b'{"jsonrpc": "2.0", "id": null, "result": {}}', None),
    "error text": (b'{"jsonrpc": "2.0", "id": 7, "error": "no"}', 7),
    "error code text": (b'{"jsonrpc": "2.0", "id": 7, "error": {"code": "no", "message": "no"}}', 7),
    "error without id": (b'{"jsonrpc": "2.0", "error": {"code": 1, "message": "no"}}', None),
    "error, id 1.5": (b'{"jsonrpc": "2.0", "id": 1.5, "error": {"code": 1, "message": "no"}}', None),
}
"""Answered as invalid requests, with the id of the request where it has one."""
MALFORMED: dict[str, tuple[bytes, int, str | int | None]] = {
    **{name: (content, PARSE_ERROR, None) for name, content in UNREADABLE.items()},
    **{name: (content, INVALID_REQUEST, request_id) for name, (content, request_id) in INVALID.items()},
}
"""Name: content, code and id of the answer. None holds a line feed, so that each is a line over stdio as well."""
