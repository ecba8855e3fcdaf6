"""What is said when a disk, a quota or a limit on file sizes is full."""

from __future__ import annotations

import errno
import os
import sys
from pathlib import Path

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
    return _free(status) if status.f_blocks else sys.maxsize


def _free(status: os.statvfs_result) -> int:
    return status.f_bavail * status.f_frsize


def _free_text(path: Path) -> str:
    try:
        status = _status(path)
    except OSError:
        return "how much is free is not known"
    if status.f_files and not status.f_favail:
        return f"{_kib(_free(status))} free, but for no further file"
    return f"{_kib(_free(status))} free"


def _status(path: Path) -> os.statvfs_result:
    while not path.exists() and path != path.parent:
        path = path.parent
    return os.statvfs(path)


def _kib(size: int) -> str:
    return f"{-(-size // 1024):,} KiB"
