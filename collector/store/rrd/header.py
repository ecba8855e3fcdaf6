"""The head of a round-robin database, as librrd lays it out on this machine (`rrd_format.h`).

librrd trusts the counts and the pointers in it: with damaged ones it reads or writes beside the file, which ends the
process. So a head is looked at here before librrd gets to see the file.
"""

import errno
import math
import os
import stat
from functools import lru_cache
from pathlib import Path
from struct import Struct, calcsize
from typing import NamedTuple

from collector.errors import DamagedError, StoreError

_STATIC = Struct("4s5sdLLL80x")
"""Cookie, version, float cookie, numbers of sources and archives, step."""
_SOURCE = Struct("20s20sL72x")
"""Name, type, heartbeat, further parameters."""
_ARCHIVE = Struct("20sLLd72x")
"""Consolidation function, rows, steps a row, xff, further parameters."""
_TIME = Struct("ll")
"""Time of the newest step in seconds and microseconds."""
_SOURCE_STATE, _ARCHIVE_STATE = calcsize("30sL72x"), calcsize("80x")
_POINTER = Struct("L")
_VALUE_BYTES = calcsize("d")

_COOKIE, _FLOAT_COOKIE = b"RRD\0", 8.642135e130
_VERSIONS = (b"0003\0", b"0004\0", b"0005\0")
_MAX_SOURCES = 1000
"""More sources or archives than anybody has."""
_MAX_HEAD_BYTES = 2**16
_UNUSABLE = frozenset(
    {errno.EACCES, errno.EPERM, errno.ELOOP, errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ENXIO, errno.ENODEV}
)
"""What opening says of a file that is the matter itself, and not of a machine that has run out of something."""


class DataSource(NamedTuple):
    """A data source."""

    name: str
    kind: str
    heartbeat: int


class Archive(NamedTuple):
    """A round-robin archive."""

    function: str
    rows: int
    steps: int
    xff: float


class Definition(NamedTuple):
    """What a database is made for; it never changes."""

    step: int
    sources: tuple[DataSource, ...]
    archives: tuple[Archive, ...]

    @property
    def size(self) -> int:
        """Bytes of the definition at the beginning of the file."""
        return _STATIC.size + len(self.sources) * _SOURCE.size + len(self.archives) * _ARCHIVE.size

    @property
    def head_size(self) -> int:
        """Bytes of everything before the rows."""
        states = len(self.sources) * (_SOURCE_STATE + len(self.archives) * _ARCHIVE_STATE)
        return self.size + _TIME.size + states + len(self.archives) * _POINTER.size

    @property
    def file_size(self) -> int:
        """Bytes of the whole file."""
        return self.head_size + sum(archive.rows for archive in self.archives) * len(self.sources) * _VALUE_BYTES

    def last(self, head: bytes) -> int:
        """Time of the newest step, UNIX seconds."""
        return int(_TIME.unpack_from(head, self.size)[0])

    def pointers_fit(self, head: bytes) -> bool:
        """Whether every archive's newest row lies in the archive."""
        return all(pointer < archive.rows for pointer, archive in zip(self._pointers(head), self.archives, strict=True))

    def pointers(self, newest: int) -> bytes:
        """Return the end of a head whose newest row's place in every ring follows from its time."""
        return b"".join(_POINTER.pack(newest // (a.steps * self.step) % a.rows) for a in self.archives)

    def comes_after(self, head: bytes, before: bytes, until: int) -> bool:
        """Whether a `head` that is alike and not older can have become of `before` by updates up to `until`, or parts.

        Pointers tell another file, for librrd lets the rings of a new one begin anywhere; those that follow from the
        time, as `pointers` has them, fit one another.
        """
        rings = zip(self._pointers(head), self._pointers(before), self.archives, strict=True)
        seconds = max(0, until - self.last(before))
        return all(
            (now - then) % archive.rows <= seconds // (archive.steps * self.step) + 1 for now, then, archive in rings
        )

    def _pointers(self, head: bytes) -> list[int]:
        end = self.head_size
        return [fields[0] for fields in _POINTER.iter_unpack(head[end - len(self.archives) * _POINTER.size : end])]


def defined(path: Path, head: bytes) -> Definition:
    """Return the definition that a file begins with; DamagedError, saying what is wrong, if it is none of librrd's."""
    if len(head) < _STATIC.size:
        raise damaged(path, "it is too short to be a round-robin database" if head else "it is empty")
    cookie, version, float_cookie, sources, archives, step = _STATIC.unpack_from(head)
    if cookie != _COOKIE:
        raise damaged(path, "it is not a round-robin database")
    if version not in _VERSIONS or float_cookie != _FLOAT_COOKIE:
        raise damaged(path, "it is a round-robin database of another version or machine")
    end = _STATIC.size + sources * _SOURCE.size + archives * _ARCHIVE.size
    if not (0 < sources < _MAX_SOURCES and 0 < archives < _MAX_SOURCES) or len(head) < end:
        raise damaged(path, "its definition is damaged or cut off")
    return _definition(step, head[_STATIC.size : end], sources * _SOURCE.size)


@lru_cache(maxsize=16)
def _definition(step: int, content: bytes, middle: int) -> Definition:
    # Every database of a form has the same, and each is looked at several times a tick.
    return Definition(
        step,
        tuple(
            DataSource(_text(name), _text(kind), heartbeat)
            for name, kind, heartbeat in _SOURCE.iter_unpack(content[:middle])
        ),
        tuple(
            # An xff that is not a number would differ from itself.
            Archive(_text(function), rows, steps, -1.0 if math.isnan(xff) else xff)
            for function, rows, steps, xff in _ARCHIVE.iter_unpack(content[middle:])
        ),
    )


def _text(content: bytes) -> str:
    return content.partition(b"\0")[0].decode("ascii", errors="replace")


def checked_head(path: Path, expected: Definition) -> bytes:
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
        with os.fdopen(os.open(path, os.O_RDWR | os.O_NONBLOCK), "rb", buffering=0) as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise damaged(path, "it is not a file")
            return file.read(_MAX_HEAD_BYTES), status.st_size
    except OSError as error:
        if error.errno in _UNUSABLE:
            raise damaged(path, error.strerror or str(error)) from error
        raise failure("read", path, error) from error


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
