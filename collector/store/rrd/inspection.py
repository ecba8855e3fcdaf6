"""Whether a file is the round-robin database it has to be: looked at before librrd maps it."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

from collector.errors import DamagedError, StoreError
from collector.store.rrd.header import Definition, definition

_MAX_HEAD_BYTES = 2**16
_UNUSABLE = frozenset(
    {errno.EACCES, errno.EPERM, errno.ELOOP, errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ENXIO, errno.ENODEV}
)
"""What opening says of a file that is the matter itself, and not of a machine that has run out of something."""


def whole_head(path: Path, expected: Definition) -> bytes:
    """All before the rows; DamagedError unless the file is a whole database so defined."""
    content, size = beginning(path)
    actual = defined(path, content)
    if actual != expected:
        cause = (
            f"is a round-robin database, but not one of KubeLedger's: found {_described(actual, expected)}, expected "
            f"{_described(expected, actual)}"
        )
        raise DamagedError(
            f"{path} {cause}. Move it away, or give the database location a directory of its own", f"it {cause}"
        )
    if size != expected.file_size:
        raise damaged(path, f"it has {size} bytes instead of {expected.file_size}")
    if not expected.pointers_fit(content):
        raise damaged(path, "its head is damaged")
    return content[: expected.head_size]


def beginning(path: Path) -> tuple[bytes, int]:
    """Return the first bytes of a file, and its size. DamagedError for what is no file of this user."""
    try:
        # librrd would wait for ever at a pipe.
        descriptor = os.open(path, os.O_RDWR | os.O_NONBLOCK)
        try:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise damaged(path, "it is not a file")
            return os.pread(descriptor, _MAX_HEAD_BYTES, 0), status.st_size
        finally:
            os.close(descriptor)
    except OSError as error:
        if error.errno in _UNUSABLE:
            raise damaged(path, error.strerror or str(error)) from error
        raise failure("read", path, error) from error


def defined(path: Path, content: bytes) -> Definition:
    """Return the definition that the file begins with; DamagedError if it is no database's."""
    try:
        return definition(content)
    except ValueError as error:
        raise damaged(path, str(error)) from error


def failure(verb: str, path: Path, error: Exception) -> StoreError:
    """Return what to raise where the operating system or librrd refuses a file."""
    return StoreError(
        f"cannot {verb} the round-robin database {path}: {cause_of(error, path)}. Check permissions and free space, or "
        "restore the file from a backup; moved away, it is begun anew without its history"
    )


def cause_of(error: Exception, path: Path) -> str:
    """Return what the operating system or librrd says, without the path."""
    return str(error).replace(str(path), "").strip(": '\n") or type(error).__name__


def damaged(path: Path, cause: str) -> DamagedError:
    """Return what to raise where a file is at fault."""
    return DamagedError(str(failure("read", path, ValueError(cause))), cause)


def _described(one: Definition, other: Definition) -> str:
    """Return what tells a definition from another."""
    names = [source.name for source in one.sources]
    if names != [source.name for source in other.sources]:
        return ", ".join(names)
    return f"steps of {one.step} s in archives of {' and '.join(str(archive.rows) for archive in one.archives)} rows"
