"""Small files that appear whole: written under another name, synced, renamed."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

import orjson
from pydantic import TypeAdapter, ValidationError

from collector.errors import NoSpaceError, StoreError
from collector.space import FULL, reason
from kl_core import durable_files
from kl_core.durable_files import sync_path

T = TypeVar("T")


def write_atomically(path: Path, content: bytes) -> None:
    """Put `content` under `path` so that readers and crashes see the old file or the new one, else StoreError."""
    with explained("write", path):
        durable_files.write_atomically(path, content)
        sync_path(path.parent)


def read(path: Path) -> bytes | None:
    """Return the content, None if there is no such file. StoreError if it cannot be read."""
    with explained("read", path):
        try:
            return path.read_bytes()
        except FileNotFoundError:
            return None


def read_json(path: Path, form: TypeAdapter[T], *, newest: int | None = None) -> T | None:
    """Return the document, None if there is no such file. StoreError if it cannot be read, or has another form.

    Where its `format` is beyond the `newest` that is known, the message says so.
    """
    content = read(path)
    if newest is not None and content is not None:
        _check_format(path, content, newest)
    try:
        return None if content is None else parsed(content, form)
    except ValueError as error:
        raise StoreError(
            f"{path} is damaged, or of another version of KubeLedger ({error}). Restore it from a backup, or move the "
            "whole database directory away to begin an empty one"
        ) from error


def _check_format(path: Path, content: bytes, newest: int) -> None:
    with suppress(ValueError):
        document = orjson.loads(content)
        number = document.get("format") if isinstance(document, dict) else None
        if isinstance(number, int) and number > newest:
            raise StoreError(
                f"{path} has format {number}, and this KubeLedger reads formats up to {newest}: a newer one wrote it. "
                "Install that one again, or restore the backup from before it"
            )


def parsed(content: bytes, form: TypeAdapter[T]) -> T:
    """Return the JSON document. ValueError, in one line, if it has another form."""
    try:
        return form.validate_json(content)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise ValueError(f"{place}: {first['msg']}" if place else first["msg"]) from error


@contextmanager
def explained(verb: str, path: Path) -> Iterator[None]:
    """Turn what the operating system refuses into a StoreError that names the file."""
    try:
        yield
    except OSError as error:
        kind = NoSpaceError if error.errno in FULL else StoreError
        raise kind(
            f"cannot {verb} {path}: {reason(error, path)}. The database location has to be a directory that this user "
            "may read and write, with free space"
        ) from error
