"""Small files that appear whole: written under another name, synced, renamed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson

from collector.errors import NoSpaceError, StoreError
from collector.space import FULL, reason
from kl_core import durable_files
from kl_core.durable_files import sync_path


def write_whole(path: Path, content: bytes) -> None:
    """Put `content` under `path` so that readers and crashes see the old file or the new one, else StoreError."""
    with explained("write", path):
        durable_files.write_whole(path, content)
        sync_path(path.parent)


def read_json(path: Path) -> Any:
    """Return the parsed document, None if there is no such file. StoreError if it cannot be read or parsed."""
    with explained("read", path):
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            return None
    try:
        return orjson.loads(content)
    except orjson.JSONDecodeError as error:
        raise StoreError(f"{path} is not valid JSON ({error}). {REMEDY}") from error


REMEDY = "Restore it from a backup, or move the whole database directory away to begin an empty one"


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
