"""Days that are over, published once: a file a month, and one of the days so far of the month that is open.

A file is named after its content and never changes. The index, which is published with every generation, names those
that hold; one that no index of two generations names is removed.
"""

import hashlib
import lzma
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import orjson
from pydantic import TypeAdapter, ValidationError

from collector.books.page import Buckets, Page
from collector.publish.generation import explained
from collector.publish.scale_document import metrics_present, scale_document
from kl_core.calendar import DAY, bucket_name, iso
from kl_core.durable_files import UNFINISHED, make_folder, sync_path, write_atomically
from kl_core.vocabulary import HISTORY, HISTORY_FILE, MANIFEST, SCHEMA_VERSION, ScaleName

_PRESET = 2
"""Of xz: a twentieth of the time of the default, for a tenth more bytes."""


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
    """Of the money in it."""


@dataclass(frozen=True, slots=True)
class _Index:
    files: tuple[Published, ...]


_FORM = TypeAdapter(_Index)


class PublishedHistory:
    """The history under a data directory."""

    def __init__(self, directory: Path) -> None:
        """Take what the index of the newest generation names and is there; nothing where that cannot be read."""
        self._directory = directory
        self._files = {file.start: file for file in _named(directory) if (directory / file.name).is_file()}
        self._before: frozenset[str] = frozenset(file.name for file in self._files.values())

    def add(self, month: int, days: Page, currency: str | None) -> None:
        """Publish the days of a month that are over, unless they are as they were. Raises `PublishError`.

        Costs are in `currency`; None where no rate was ever set. A month that the books no longer hold keeps that of
        its time.
        """
        starts = tuple(days.starts.tolist())
        ends = tuple(start + DAY for start in starts)
        document = scale_document(
            Buckets("daily_14d", starts, ends, ends[-1]), days, metrics_present(days), charged=currency is not None
        )
        content = orjson.dumps(document, option=orjson.OPT_SERIALIZE_NUMPY)
        digest = hashlib.sha256(content).hexdigest()[:16]
        name = f"{HISTORY}/days-{bucket_name('monthly_12m', month)}-{digest}.json.xz"
        path = self._directory / name
        known = next((file for file in self._files.values() if file.name == name), None)
        if known is None:
            packed = lzma.compress(content, preset=_PRESET)
            with explained(path, "KL_DATA_DIR"):
                make_folder(path.parent)
                write_atomically(path, packed)
                sync_path(path.parent)
            sha256 = hashlib.sha256(packed).hexdigest()
            known = Published(name, len(packed), sha256, "daily_14d", iso(starts[0]), iso(ends[-1]))
        self._files = {start: file for start, file in self._files.items() if not _same_month(file, known)}
        self._files[known.start] = replace(known, currency=currency)

    @property
    def index(self) -> dict[str, Any]:
        """Return the document of `spec/dataset/history.schema.json`, still without its generation."""
        return {
            "schema_version": SCHEMA_VERSION,
            "files": [asdict(file) for _, file in sorted(self._files.items())],
        }

    def tidy(self) -> None:
        """Remove what neither this index nor the one before names; to be called when this one is published."""
        named = frozenset(file.name for file in self._files.values())
        folder = self._directory / HISTORY
        with suppress(OSError):
            for path in folder.iterdir():
                name = f"{HISTORY}/{path.name}"
                if name not in named | self._before and HISTORY_FILE.fullmatch(name.removesuffix(UNFINISHED)):
                    path.unlink(missing_ok=True)
        self._before = named


def _same_month(one: Published, other: Published) -> bool:
    return one.start[:7] == other.start[:7]


def _named(directory: Path) -> Iterable[Published]:
    try:
        manifest = orjson.loads((directory / MANIFEST).read_bytes())
        return _FORM.validate_json((directory / manifest["files"][HISTORY]["name"]).read_bytes()).files
    except (OSError, ValueError, KeyError, TypeError, ValidationError):
        # It is published anew, as far back as there are books.
        return ()
