"""Small files that appear whole: written under another name, synced, renamed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson

from collector.errors import NoSpaceError, StoreError
from collector.space import FULL, reason
from collector.whole import put

UNFINISHED = ".tmp"


def write_whole(path: Path, content: bytes) -> None:
    """Puts `content` under `path` so that readers and crashes see the old file or the new one, else StoreError."""
    with explained("write", path):
        put(path, content, UNFINISHED)
        sync_path(path.parent)


def make_folder(path: Path) -> None:
    """Create a folder, and those above it that are missing, so that they outlast a loss of power. OSError."""
    if not path.is_dir():
        make_folder(path.parent)
        path.mkdir(exist_ok=True)
        sync_path(path.parent)


def sync_path(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on disk. A rename is only when its folder is. OSError."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read_json(path: Path) -> Any:
    """The parsed document, None if there is no such file. StoreError if it cannot be read or parsed."""
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
    """Turns what the operating system refuses into a StoreError that names the file."""
    try:
        yield
    except OSError as error:
        kind = NoSpaceError if error.errno in FULL else StoreError
        raise kind(
            f"cannot {verb} {path}: {reason(error, path)}. The database location has to be a directory that this user "
            "may read and write, with free space"
        ) from error
