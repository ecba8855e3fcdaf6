"""What was published of closed days and months, read when it is asked for and kept within a bound of bytes."""

from __future__ import annotations

import hashlib
import lzma
import sys
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from threading import Lock

import numpy as np

from kl_core.calendar import HOUR, boundaries
from kl_core.regular_files import read_regular
from kl_core.vocabulary import SOURCES, ScaleName
from kl_query.dataset.fields import MalformedError
from kl_query.dataset.model import Scale
from kl_query.dataset.pieces import cut, folded, joined, without_money
from kl_query.dataset.scale_file import read_scale
from kl_query.dataset.table import Table
from kl_query.numbers import UNKNOWN
from kl_query.warnings.codes import Code
from kl_query.warnings.warning import Plain, Text, Withheld, text, warning

MAX_UNPACKED_BYTES = 512_000_000
"""Of one file: as much as is loaded of any other."""
_FORMER_IDS_FROM = 10**9
"""What former namespaces that the caller may not know go by: beyond all that others go by."""


@dataclass(frozen=True, slots=True)
class HistoryFile:
    """A file as the index names it: the buckets of a scale from `start` to `end`, UNIX seconds."""

    name: Plain
    size: int
    sha256: str
    scale: ScaleName
    start: int
    end: int
    currency: str | None = None
    """Of the money in it; None where there is none, or where nobody tells: then it is unknown."""


class HistoryCache:
    """What was read, the latest within a bound of bytes, by its checksum. It outlasts generations; threads share it."""

    def __init__(self, most: int = 128 * 2**20) -> None:
        self._most = most
        self._kept: OrderedDict[str, tuple[int, Scale]] = OrderedDict()
        self._lock = Lock()

    def of(self, key: str, read: Callable[[], Scale]) -> Scale:
        """Return what is kept under a key, else what `read` returns. Raises what that raises."""
        kept = self._kept.get(key)
        size, scale = kept if kept is not None else _sized(read())
        with self._lock:
            self._kept[key] = size, scale
            self._kept.move_to_end(key)
            while sum(size for size, _ in self._kept.values()) > self._most and len(self._kept) > 1:
                self._kept.popitem(last=False)
        return scale


class Former:
    """Numbers for the namespaces that are in no table of the manifest and may not be named: each has one of its own."""

    def __init__(self, visible: Callable[[str], bool], before: int = 0) -> None:
        """`before` is how many others may have given numbers already."""
        self._visible = visible
        self._first = _FORMER_IDS_FROM * (1 + before)
        self._ids: dict[str, Withheld] = {}
        self._lock = Lock()

    def id_of(self, name: str) -> Withheld | None:
        """Return what such a namespace goes by instead of its name; None for one that may be named."""
        if self._visible(name):
            return None
        with self._lock:
            return self._ids.setdefault(name, Withheld(self._first + len(self._ids)))


@dataclass(frozen=True, eq=False)
class History:
    """The files of an index, oldest first."""

    directory: Path
    files: tuple[HistoryFile, ...]
    cache: HistoryCache
    currency: str | None = None
    """Of the dataset: money in another one is unknown."""
    seen: tuple[Callable[[Scale], Scale], ...] = field(default=(), repr=False)
    """What makes of a scale what the caller may see of it."""

    def begins(self, scale: ScaleName) -> int | None:
        """Return where the oldest bucket of a scale begins that can be had; None where there is none."""
        kind = _kind(scale)
        return min((file.start for file in self.files if file.scale == kind), default=None)

    def pieces(self, scale: ScaleName, first: int, stop: int) -> list[Scale]:
        """Return the hours, or the days, from one instant to another, as far as there are files of them.

        What a file holds that cannot be used is unknown, and the scale says so.
        """
        files = [file for file in self.files if file.scale == scale and file.start < stop and first < file.end]
        return [self._cut(file, first, stop) for file in files]

    def names(self, scale: ScaleName, first: int, stop: int) -> Iterator[str]:
        """Yield the names that may be told of those that files of hours, or of days, from one instant to another hold.

        Of a file that cannot be used there are none.
        """
        kind = _kind(scale)
        for file in self.files:
            if file.scale == kind and file.start < stop and first < file.end:
                rows = self._shown(self._loaded(file)).namespaces.rows
                yield from (row for row in rows if isinstance(row, str))

    def seen_as(self, change: Callable[[Scale], Scale]) -> History:
        """Return the same with a change made to every scale."""
        return replace(self, seen=(*self.seen, change))

    def _cut(self, file: HistoryFile, first: int, stop: int) -> Scale:
        scale = self._loaded(file)
        places = [i for i, start in enumerate(scale.starts) if first <= start < stop]
        return self._shown(cut(scale, places[0], places[-1] + 1) if places else cut(scale, 0, 0))

    def _loaded(self, file: HistoryFile) -> Scale:
        try:
            scale = self.cache.of(file.sha256, partial(_read, self.directory, file))
        except (OSError, MalformedError, lzma.LZMAError, EOFError) as error:
            problem = warning(Code.HISTORY_UNREADABLE, file=file.name, problem=_cause(error))
            return replace(_unobserved(file.scale, file.start, file.end), file=file.name, problems=(problem,))
        return scale if file.currency == self.currency else without_money(scale)

    def _shown(self, scale: Scale) -> Scale:
        for change in self.seen:
            scale = change(scale)
        return scale


def _kind(scale: ScaleName) -> ScaleName:
    """Return whose buckets a scale is made of in the history."""
    return "hourly_7d" if scale == "hourly_7d" else "daily_14d"


def extended(published: Scale, history: History, ranges: Iterable[tuple[int, int]]) -> Scale:
    """Return a scale that has the buckets of all of some ranges beside those that are published.

    The latter are taken from there. Ranges have to begin with a bucket, and not before the history does.
    """
    kind, pieces = _kind(published.name), []
    for first, stop in _apart(ranges, published.starts[0]):
        days = joined([*_without_holes(kind, history.pieces(kind, first, stop), first, stop)])
        pieces.append(days if published.name == kind else folded(days, published.name))
    return joined([*pieces, published])


def _without_holes(kind: ScaleName, pieces: Iterable[Scale], first: int, stop: int) -> Iterator[Scale]:
    """Return the pieces, and between them buckets of which nothing is known: nobody observed them."""
    for piece in pieces:
        if piece.starts and first < piece.starts[0]:
            yield _unobserved(kind, first, piece.starts[0])
        if piece.starts:
            yield piece
            first = piece.ends[-1]
    if first < stop:
        yield _unobserved(kind, first, stop)


def _apart(ranges: Iterable[tuple[int, int]], end: int) -> list[tuple[int, int]]:
    """Return the parts of ranges before `end`, in order, each instant once."""
    apart: list[tuple[int, int]] = []
    for first, stop in sorted((first, min(stop, end)) for first, stop in ranges if first < end):
        if apart and first <= apart[-1][1]:
            apart[-1] = (apart[-1][0], max(stop, apart[-1][1]))
        else:
            apart.append((first, stop))
    return apart


def _read(directory: Path, file: HistoryFile) -> Scale:
    content = read_regular(directory / file.name, file.size, inside=directory)
    if len(content) != file.size or hashlib.sha256(content).hexdigest() != file.sha256:
        raise MalformedError("it is not what the index says of it")
    unpacker = lzma.LZMADecompressor()
    unpacked = unpacker.decompress(content, MAX_UNPACKED_BYTES)
    if not unpacker.eof:
        raise MalformedError("it has more than {most} bytes", most=MAX_UNPACKED_BYTES)
    scale = read_scale(memoryview(unpacked), file.scale, file.name, None)
    if (scale.starts[:1], scale.ends[-1:]) != ((file.start,), (file.end,)):
        raise MalformedError("it holds other buckets than the index says")
    return scale


def _sized(scale: Scale) -> tuple[int, Scale]:
    """Return about how many bytes a scale takes, and it."""
    amounts = [
        getattr(block.amounts, name)
        for table in (scale.namespaces, scale.special)
        for block in table.blocks.values()
        for name in block.amounts.__slots__
    ]
    names = sum(sys.getsizeof(row) for row in scale.namespaces.rows)
    columns = (column for column in (*amounts, *scale.measured.values()) if column is not None)
    return names + sum(column.nbytes for column in columns), scale


def _unobserved(kind: ScaleName, first: int, stop: int) -> Scale:
    """Return buckets of which nothing is known."""
    starts = boundaries(kind, first, stop - 1)
    length = len(starts) - 1
    nothing = np.full(length, UNKNOWN)
    return Scale(
        name=kind,
        file="",
        starts=starts[:-1],
        ends=starts[1:],
        complete=(True,) * length,
        elapsed_hours=np.diff(np.array(starts)) / HOUR,
        observed_hours=np.zeros(length),
        coverage={source: np.zeros(length) if source != "dcgm" else nothing for source in SOURCES},
        capacity={"cpu": nothing, "memory": nothing},
        allocatable={"cpu": nothing, "memory": nothing},
        bill={},
        namespaces=Table(),
        special=Table(),
    )


def _cause(error: Exception) -> Text:
    if isinstance(error, MalformedError):
        return error.fault
    if isinstance(error, FileNotFoundError):
        return text("it is missing")
    return text("it cannot be read ({reason})", reason=Plain(str(getattr(error, "strerror", None) or error)))
