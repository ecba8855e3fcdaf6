"""The head of a round-robin database, as librrd lays it out on this machine (`rrd_format.h`). Pure.

librrd trusts the counts and the pointers in it: with damaged ones it reads or writes beside the file, which ends the
process. So a head is looked at here before librrd gets to see the file.
"""

from __future__ import annotations

import math
from functools import lru_cache
from struct import Struct, calcsize
from typing import NamedTuple

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
        return all(pointer < rows for pointer, rows in zip(self._pointers(head), self._rows(), strict=True))

    def pointers(self, newest: int) -> bytes:
        """Return the end of a head whose newest row's place in every ring follows from its time."""
        return b"".join(_POINTER.pack(newest // (a.steps * self.step) % a.rows) for a in self.archives)

    def comes_after(self, head: bytes, before: bytes, until: int) -> bool:
        """Whether `head` can have become of the head `before` by updates up to `until`, whole or cut short.

        Pointers tell another file, for librrd lets the rings of a new one begin anywhere; those that follow from the
        time, as `pointers` has them, fit one another.
        """
        if head[: self.size] != before[: self.size] or self.last(head) < self.last(before):
            return False
        rings = zip(self._pointers(head), self._pointers(before), self.archives, strict=True)
        seconds = max(0, until - self.last(before))
        return all(
            (now - then) % archive.rows <= seconds // (archive.steps * self.step) + 1 for now, then, archive in rings
        )

    def _pointers(self, head: bytes) -> list[int]:
        end = self.head_size
        return [fields[0] for fields in _POINTER.iter_unpack(head[end - len(self.archives) * _POINTER.size : end])]

    def _rows(self) -> list[int]:
        return [archive.rows for archive in self.archives]


def definition(head: bytes) -> Definition:
    """Return the definition that a file begins with; ValueError, saying what is wrong, if it is none of librrd's."""
    if len(head) < _STATIC.size:
        raise ValueError("it is empty" if not head else "it is too short to be a round-robin database")
    cookie, version, float_cookie, sources, archives, step = _STATIC.unpack_from(head)
    if cookie != _COOKIE:
        raise ValueError("it is not a round-robin database")
    if version not in _VERSIONS or float_cookie != _FLOAT_COOKIE:
        raise ValueError("it is a round-robin database of another version or machine")
    end = _STATIC.size + sources * _SOURCE.size + archives * _ARCHIVE.size
    if not (0 < sources < _MAX_SOURCES and 0 < archives < _MAX_SOURCES) or len(head) < end:
        raise ValueError("its definition is damaged or cut off")
    return _definition(step, head[_STATIC.size : end], sources * _SOURCE.size)


@lru_cache(maxsize=16)
def _definition(step: int, content: bytes, middle: int) -> Definition:
    # Every database of a form has the same, and each is looked at several times a tick.
    return Definition(
        step,
        tuple(_source(*fields) for fields in _SOURCE.iter_unpack(content[:middle])),
        tuple(_archive(*fields) for fields in _ARCHIVE.iter_unpack(content[middle:])),
    )


def _source(name: bytes, kind: bytes, heartbeat: int) -> DataSource:
    return DataSource(_text(name), _text(kind), heartbeat)


def _archive(function: bytes, rows: int, steps: int, xff: float) -> Archive:
    # One that is not a number would differ from itself.
    return Archive(_text(function), rows, steps, -1.0 if math.isnan(xff) else xff)


def _text(content: bytes) -> str:
    return content.partition(b"\0")[0].decode("ascii", errors="replace")
