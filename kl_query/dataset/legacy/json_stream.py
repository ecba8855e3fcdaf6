"""Reads a file that is one long array of small objects, a chunk at a time.

Such a file may be 200 MB, and is written in place: it can be found empty, truncated, or with the tail of its longer
predecessor. Any of these is a MalformedError; a file is used whole or not at all.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeAlias

import msgspec
import orjson

from kl_core.regular_files import check_length, open_regular
from kl_query.dataset.fields import MalformedError
from kl_query.dataset.legacy.files import MAX_FILE_BYTES
from kl_query.warnings.warning import Plain

Decode: TypeAlias = Callable[[bytes], list[Any]]
"""Returns the elements of an array. Raises DecodeError, of msgspec or of orjson."""
CHUNK_BYTES = 1 << 20
_MAX_RECORD_BYTES = 1 << 16
_NOT_FINITE = re.compile(rb"(:\s*)[+-]?(?:nan|inf(?:inity)?|\d[\d.]*e\+?\d{3,})(?=\s*[,}])", re.IGNORECASE)


def records(path: Path, chunk_bytes: int = CHUNK_BYTES, decoders: Sequence[Decode] = ()) -> Iterator[list[Any]]:
    """Yield the elements of the array, some at a time. Raises MalformedError, and OSError for an unreadable file.

    They are what the first of `decoders` makes of them that can read all of these, or else as orjson does. NaN and
    infinities, which are not JSON but are found in such files, become null.
    """
    name = Plain(path.name)
    left, before = b"", b"["
    with open_regular(path, MAX_FILE_BYTES, inside=path.parent) as stream:
        while more := stream.read(chunk_bytes):
            check_length(stream.tell(), MAX_FILE_BYTES)
            left = (left + more).lstrip()
            cut = left.rfind(b"}") + 1
            misplaced = left and not left.startswith(before) and (cut or before == b"[")
            if misplaced or (not cut and len(left) > chunk_bytes + _MAX_RECORD_BYTES):
                raise MalformedError("{file} is not a list of records", file=name)
            if cut:
                yield _parsed(b"".join((b"[", memoryview(left)[1:cut], b"]")), name, (*decoders, orjson.loads))
                left, before = left[cut:], b","
    if not left and before == b"[":
        raise MalformedError("{file} is empty", file=name)
    if b"".join(left.split()) != (b"[]" if before == b"[" else b"]"):
        raise MalformedError("{file} is truncated or half replaced", file=name)


def _parsed(document: bytes, name: Plain, decoders: Sequence[Decode]) -> list[Any]:
    for is_json in (True, False):
        content = document if is_json else _NOT_FINITE.sub(rb"\1null", document)
        for decode in decoders:
            with suppress(msgspec.DecodeError, orjson.JSONDecodeError):
                return decode(content)
    raise MalformedError("{file} is truncated, half replaced, or not JSON", file=name)
