"""Reads a file that is one long array of small objects, a chunk at a time.

Such a file may be 200 MB, and is written in place: it can be found empty, truncated, or with the tail of its longer
predecessor. Any of these is a MalformedError; a file is used whole or not at all.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson

from kl_core.regular_files import check_length, open_regular
from kl_query.dataset.fields import MalformedError
from kl_query.dataset.legacy.files import MAX_FILE_BYTES
from kl_query.warnings.warning import Plain

CHUNK_BYTES = 1 << 20
_MAX_RECORD_BYTES = 1 << 16
_NOT_FINITE = re.compile(rb"(:\s*)[+-]?(?:nan|inf(?:inity)?|\d[\d.]*e\+?\d{3,})(?=\s*[,}])", re.IGNORECASE)


def records(path: Path, chunk_bytes: int = CHUNK_BYTES) -> Iterator[Any]:
    """Yield the elements of the array. Raises MalformedError, and OSError where the file cannot be read.

    NaN and infinities, which are not JSON but are found in such files, become null.
    """
    name = Plain(path.name)
    with open_regular(path, MAX_FILE_BYTES, inside=path.parent) as stream:
        left = _opened(stream.read(chunk_bytes), name)
        while True:
            cut = left.rfind(b"}") + 1
            if cut:
                yield from _parsed(left[:cut], name)
                left = left[cut:].lstrip()
                if left.startswith(b","):
                    left = left[1:].lstrip() or b" "
                elif left and not left.startswith(b"]"):
                    raise _no_list(name)
            elif len(left) > chunk_bytes + _MAX_RECORD_BYTES:
                raise _no_list(name)
            more = stream.read(chunk_bytes)
            if not more:
                break
            check_length(stream.tell(), MAX_FILE_BYTES)
            left = _continued(left, more, name)
    if left.strip() != b"]":
        raise MalformedError("{file} is truncated or half replaced", file=name)


def _no_list(name: Plain) -> MalformedError:
    return MalformedError("{file} is not a list of records", file=name)


def _opened(head: bytes, name: Plain) -> bytes:
    head = head.lstrip()
    if not head:
        raise MalformedError("{file} is empty", file=name)
    if not head.startswith(b"["):
        raise _no_list(name)
    return head[1:].lstrip() or b" "


def _continued(left: bytes, more: bytes, name: Plain) -> bytes:
    if not left:
        more = more.lstrip()
        if more.startswith(b","):
            return more[1:] or b" "
        if more and not more.startswith(b"]"):
            raise _no_list(name)
    return left + more


def _parsed(content: bytes, name: Plain) -> list[Any]:
    document = b"[" + content + b"]"
    try:
        return list(orjson.loads(document))
    except orjson.JSONDecodeError:
        try:
            return list(orjson.loads(_NOT_FINITE.sub(rb"\1null", document)))
        except orjson.JSONDecodeError:
            raise MalformedError("{file} is truncated, half replaced, or not JSON", file=name) from None
