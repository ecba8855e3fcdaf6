"""Writes files so that readers and crashes see the old content or the new one, never a part of it."""

import os
from contextlib import suppress
from pathlib import Path

UNFINISHED = ".unfinished"
"""Ends the name of a file that is being written; a crash can leave one behind."""


def write_atomically(path: Path, content: bytes) -> None:
    """Put `content` on disk under another name and rename it to `path`. Its folder is not synced.

    Raises OSError if that is impossible; then nothing is left of the attempt.
    """
    unfinished = path.with_name(path.name + UNFINISHED)
    try:
        with unfinished.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
    except OSError:
        with suppress(OSError):
            unfinished.unlink(missing_ok=True)
        raise


def make_folder(path: Path) -> None:
    """Create a folder, and those above it that are missing, so that they outlast a loss of power. Raises OSError."""
    if not path.is_dir():
        make_folder(path.parent)
        path.mkdir(exist_ok=True)
        sync_path(path.parent)


def sync_path(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on disk. A rename is only when its folder is. Raises OSError."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
