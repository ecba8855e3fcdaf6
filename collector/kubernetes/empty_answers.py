"""Answers that are JSON and list nothing, such as `{}`, as a proxy or a server that has just started may send them."""

from __future__ import annotations

import msgspec


class _Answer(msgspec.Struct, gc=False):
    kind: str = ""
    items: msgspec.Raw | None = None


def is_empty(body: bytes | bytearray) -> bool:
    """Whether an answer is an object without items, and does not say that it is anything but a list."""
    try:
        answer = msgspec.json.decode(body, type=_Answer)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return False
    return (answer.items is None or bytes(answer.items) == b"null") and (
        not answer.kind or answer.kind.endswith("List")
    )
