"""The files of the history that are under a data directory: as an index names them, or by what they say themselves.

A name says of which month a file is, and begins of the checksum of its content.
"""

import hashlib
import logging
import lzma
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import orjson
from pydantic import Field, TypeAdapter, ValidationError

from kl_core.calendar import DAY, iso, read_iso
from kl_core.vocabulary import HISTORY, MANIFEST, ScaleName

_DAYS = re.compile(r"days-(?P<month>\d{4}-\d\d)-(?P<digest>[0-9a-f]{16})\.json\.xz")

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Published:
    """A file as the index names it; instants as they are written."""

    name: str
    size: int
    sha256: str
    scale: ScaleName
    start: str
    end: str
    currency: str | None = None
    """Of the money in it; None where there is none, or no index tells."""

    @property
    def month(self) -> str:
        """Return its month, such as `2026-10`."""
        return self.start[:7]

    def is_there(self, directory: Path) -> bool:
        """Say whether the data directory has it, whole as far as its size tells. Raises OSError."""
        try:
            return (directory / self.name).stat().st_size == self.size
        except FileNotFoundError:
            return False


@dataclass(frozen=True, slots=True)
class _Index:
    files: tuple[Published, ...]


@dataclass(frozen=True, slots=True)
class _Days:
    schema_version: Literal[1]
    scale: Literal["daily_14d"]
    buckets: tuple[str, ...] = Field(min_length=1)


_INDEX, _DOCUMENT = TypeAdapter(_Index), TypeAdapter(_Days)


def file_name(month: str, content: bytes) -> str:
    """Return the name of the file with the days of a month, relative to the data directory."""
    return f"{HISTORY}/days-{month}-{_digest(content)}.json.xz"


def month_of_file(name: str) -> str | None:
    """Return the month of a file of that name, without its folder; None for a file of something else."""
    match = _DAYS.fullmatch(name)
    return match["month"] if match else None


def files_there(directory: Path) -> list[Published]:
    """Return a file a month, oldest first: that which the newest index names, else the one with most days.

    An index that cannot be read names none.
    """
    by_month = {file.month: file for file in _named(directory) if _is_there(file, directory)}
    for path in _unnamed(directory, by_month.keys()):
        file = _read(path)
        if file is not None and (file.month not in by_month or by_month[file.month].end < file.end):
            by_month[file.month] = file
    return [by_month[month] for month in sorted(by_month)]


def _named(directory: Path) -> Iterable[Published]:
    try:
        manifest = orjson.loads((directory / MANIFEST).read_bytes())
        return _INDEX.validate_json((directory / manifest["files"][HISTORY]["name"]).read_bytes()).files
    except (OSError, ValueError, KeyError, TypeError, ValidationError):
        # A history that was restored alone has none.
        return ()


def _is_there(file: Published, directory: Path) -> bool:
    try:
        return file.is_there(directory)
    except OSError:
        return False


def _unnamed(directory: Path, months: Iterable[str]) -> Iterator[Path]:
    known = {None, *months}
    try:
        paths = sorted((directory / HISTORY).iterdir())
    except OSError:
        return iter(())
    return (path for path in paths if month_of_file(path.name) not in known)


def _read(path: Path) -> Published | None:
    """Return what a file says of itself; None, which is logged, where it is not what its name says."""
    try:
        packed = path.read_bytes()
        days = _days(path.name, packed)
        end = iso(read_iso(days[-1]) + DAY)
    except (OSError, EOFError, lzma.LZMAError, ValueError) as error:
        _log.warning("%s cannot be used (%s) and is left where it is; its days are published as unknown", path, error)
        return None
    return Published(
        f"{HISTORY}/{path.name}", len(packed), hashlib.sha256(packed).hexdigest(), "daily_14d", days[0], end
    )


def _days(name: str, packed: bytes) -> tuple[str, ...]:
    content = lzma.decompress(packed)
    if f"{HISTORY}/{name}" != file_name(str(month_of_file(name)), content):
        raise ValueError("its name has another checksum than its content")
    return _DOCUMENT.validate_json(content).buckets


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]
