"""Room on the disk for round-robin databases and other files, and what is said where there is none."""

import errno
import os
import sys
from pathlib import Path

from collector.errors import NoSpaceError

FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


def no_space() -> OSError:
    """Return what the operating system says when a disk is full."""
    return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def reason(error: OSError, path: Path, needed: int | None = None) -> str:
    """Why the operating system refused `path`; where space is short, also what is free and `needed`, in bytes."""
    text = error.strerror or str(error)
    if error.errno not in FULL:
        return text
    demand = "" if needed is None else f", {_kib(needed)} needed"
    return f"no space left ({text}; {_free_text(path)}{demand})"


def free(path: Path) -> int:
    """Bytes that this user may still write to the file system of `path`, or of what is there above it."""
    status = _status(path)
    # Some network file systems do not say.
    return status.f_bavail * status.f_frsize if status.f_blocks else sys.maxsize


def _free_text(path: Path) -> str:
    try:
        status = _status(path)
    except OSError:
        return "how much is free is not known"
    no_file = ", but for no further file" if status.f_files and not status.f_favail else ""
    return f"{_kib(status.f_bavail * status.f_frsize)} free{no_file}"


def _status(path: Path) -> os.statvfs_result:
    while not path.exists() and path != path.parent:
        path = path.parent
    return os.statvfs(path)


def _kib(size: int) -> str:
    return f"{-(-size // 1024):,} KiB"


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
