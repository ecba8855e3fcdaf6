"""The write-ahead journal: a batch of ticks is on disk, whole, before any round-robin database is touched.

Two files a batch, named after its last tick, each a line with a checksum and a line with the content: the ticks
(.json), and the heads of the databases as they were before (.heads), because librrd updates a database in place and a
process killed meanwhile leaves it with ring pointers that do not fit. They are kept for a while after they were
applied, because the kernel writes the databases back later than it is told to write the journal, and those of an hour
until it stands in the ledger.
"""

import hashlib
import logging
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Any, SupportsFloat, TypeVar

import orjson
from pydantic import Field, TypeAdapter

from collector.hour import Origin
from collector.model import TickSample
from collector.store.files import explained, parsed, read, write_atomically
from collector.store.rrd.database import Head
from kl_core.durable_files import UNFINISHED

MIN_KEPT_BATCHES = 12
MIN_KEPT_SECONDS = 120
MAX_KEPT_BYTES = 64 * 2**20
"""The newest batches are kept, and those written within this time unless all together exceed the size."""

T = TypeVar("T")

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Batch:
    """Ticks that were stored together, in order of time."""

    after: int | None
    """The tick before the first of them, None in an empty store."""
    samples: Annotated[tuple[TickSample, ...], Field(min_length=1)]
    origin: Origin = "collector"
    """Where they are from."""


_BATCH = TypeAdapter(Batch)


class Journal:
    """The batches in one directory, used by one process. StoreError when the directory cannot be read or written."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        with explained("read", directory):
            for leftover in directory.glob(f"*{UNFINISHED}"):
                leftover.unlink()
            self._times = sorted(int(path.stem) for path in directory.glob("*.json") if path.stem.isdigit())
        self._synced = 0

    @property
    def newest(self) -> int | None:
        """Last tick of the newest batch."""
        return self._times[-1] if self._times else None

    def write(self, batch: Batch) -> None:
        """Put a batch on disk."""
        body = orjson.dumps(batch, default=_plain)
        time = batch.samples[-1].time
        write_atomically(self._path(time), _with_checksum(body))
        self._times.append(time)

    def write_heads(self, time: int, heads: Mapping[str, Head | None]) -> None:
        """Put the heads from before the batch that ends at `time` on disk; those of a first attempt stay."""
        path = self._heads_path(time)
        if not path.exists():
            plain = {name: head and (head.last, head.content.hex()) for name, head in heads.items()}
            write_atomically(path, _with_checksum(zlib.compress(orjson.dumps(plain), 1)))

    def heads(self, applied: int | None) -> dict[str, Head | None]:
        """Heads from which all kept batches can be applied again, None for a file that was not there.

        They are those before the oldest batch from which on no batch, and no heads of one up to `applied`, is missing.
        """
        by_path: dict[str, Head | None] = {}
        following: int | None = None
        for time in reversed(self._times.copy()):
            batch = self._batch(time)
            if batch is None or following not in (None, time):
                break
            heads = _read(self._heads_path(time), _heads)
            if heads is None and applied is not None and time <= applied:
                break
            by_path.update(heads or {})
            following = batch.after
        return by_path

    def read(self, after: int | None, until: int | None = None) -> Iterator[Batch]:
        """Batches whose last tick lies in (`after`, `until`], oldest first. A damaged one is reported and set aside."""
        for time in self._times.copy():
            if (after is None or time > after) and (until is None or time <= until):
                batch = self._batch(time)
                if batch is not None:
                    yield batch

    def prune(self, applied: int, sync: Callable[[], None]) -> None:
        """Remove batches up to the tick `applied` that are neither among the newest nor fresh.

        Fresh ones that have to give way do so after `sync`, which puts everything that was applied on disk.
        """
        with explained("tidy up", self._directory):
            written = {time: self._size_and_time(time) for time in self._times}
            excess = sum(size for size, _ in written.values()) - MAX_KEPT_BYTES
            while len(self._times) > MIN_KEPT_BATCHES and self._times[0] <= applied:
                oldest = self._times[0]
                size, written_at = written[oldest]
                if written[self._times[-1]][1] - written_at < MIN_KEPT_SECONDS and oldest > self._synced:
                    if excess <= 0:
                        return
                    sync()
                    self._synced = applied
                self._heads_path(oldest).unlink(missing_ok=True)
                self._path(oldest).unlink(missing_ok=True)
                excess -= size
                del self._times[0]

    def _size_and_time(self, time: int) -> tuple[int, float]:
        """Return the bytes of both files, and when the first was written; zeros where somebody removed them."""
        files = [path.stat() for path in (self._path(time), self._heads_path(time)) if path.exists()]
        return sum(file.st_size for file in files), files[0].st_mtime if files else 0.0

    def _batch(self, time: int) -> Batch | None:
        batch = _read(self._path(time), partial(parsed, form=_BATCH))
        if batch is None:
            self._times.remove(time)
        return batch

    def _path(self, time: int) -> Path:
        return self._directory / f"{time:012d}.json"

    def _heads_path(self, time: int) -> Path:
        return self._path(time).with_suffix(".heads")


def _read(path: Path, parse: Callable[[bytes], T]) -> T | None:
    """Return the content, None for a file that is not there or, reported and set aside, damaged."""
    content = read(path)
    if content is None:
        return None
    try:
        return parse(_checked(content))
    except (KeyError, TypeError, ValueError, AttributeError, zlib.error) as error:
        aside = path.with_name(path.name + ".bad")
        with explained("set aside", path):
            path.replace(aside)
        _log.error(
            "journal file %s is damaged (%s): set aside as %s; what it held and was not stored stays unknown",
            path,
            error,
            aside.name,
        )
        return None


def _with_checksum(body: bytes) -> bytes:
    return hashlib.sha256(body).hexdigest().encode() + b"\n" + body


def _checked(content: bytes) -> bytes:
    _, _, body = content.partition(b"\n")
    if content != _with_checksum(body):
        raise ValueError("its checksum does not match")
    return body


def _plain(value: Any) -> object:
    """Exact numbers and numpy scalars, else mappings."""
    return float(value) if isinstance(value, SupportsFloat) else dict(value)


def _heads(body: bytes) -> dict[str, Head | None]:
    document = orjson.loads(zlib.decompress(body))
    return {name: Head(head[0], bytes.fromhex(head[1])) if head else None for name, head in document.items()}
