"""Room on the disk for round-robin databases."""

from __future__ import annotations

import os
from pathlib import Path

from collector.errors import NoSpaceError
from collector.space import FULL, reason


def fill_holes(path: Path) -> None:
    """Make sure of the blocks of a file that has holes; NoSpaceError where the disk is full.

    librrd maps the file: the kernel would kill the process where a page cannot be had.
    """
    status = path.stat()
    if status.st_blocks * 512 >= status.st_size:
        return
    error = refused(path, status.st_size)
    if error is not None and error.errno in FULL:
        raise without_room("write", path, error, status.st_size - status.st_blocks * 512) from error


def refused(path: Path, size: int) -> OSError | None:
    """Return what the operating system says to a file of this size, of which nothing is left if it is new."""
    is_new = not path.exists()
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            os.posix_fallocate(descriptor, 0, size)
        finally:
            os.close(descriptor)
            if is_new:
                path.unlink()
    except OSError as error:
        return error
    return None


def without_room(verb: str, path: Path, error: OSError, needed: int) -> NoSpaceError:
    """Return what to raise where `needed` bytes do not fit."""
    return NoSpaceError(
        f"cannot {verb} the round-robin database {path}: {reason(error, path, needed)}. Delete files from "
        "that file system, or enlarge the volume"
    )
