"""Days that are over, published once: a file a month, and one of the days so far of the month that is open.

A file is named after its content and never changes. The index, which is published with every generation, names those
that hold; one in whose place no index of two generations names another any more is removed.
"""

import hashlib
import lzma
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import orjson

from collector.books.page import Buckets, Page
from collector.publish.generation import explained
from collector.publish.history_files import Published, file_name, files_there, month_of_file
from collector.publish.scale_document import metrics_present, scale_document
from kl_core.calendar import DAY, bucket_name, iso
from kl_core.durable_files import UNFINISHED, make_folder, sync_path, write_atomically
from kl_core.vocabulary import HISTORY, SCHEMA_VERSION

_PRESET = 2
"""Of xz: a twentieth of the time of the default, for a tenth more bytes."""


class PublishedHistory:
    """The history under a data directory."""

    def __init__(self, directory: Path) -> None:
        """Take what the index of the newest generation names and is there, and of other months what there is."""
        self._directory = directory
        self._files = {file.month: file for file in files_there(directory)}
        self._before: frozenset[str] = frozenset(file.name for file in self._files.values())

    def forget_lost(self) -> bool:
        """Name no file any more that is not there, and return whether there was one. Raises `PublishError`."""
        with explained(self._directory, "KL_DATA_DIR"):
            kept = {month: file for month, file in self._files.items() if file.is_there(self._directory)}
        is_lost = len(kept) < len(self._files)
        self._files = kept
        return is_lost

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
        name = file_name(bucket_name("monthly_12m", month), content)
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
        self._files[known.month] = replace(known, currency=currency)

    @property
    def index(self) -> dict[str, Any]:
        """Return the document of `spec/dataset/history.schema.json`, still without its generation."""
        return {
            "schema_version": SCHEMA_VERSION,
            "files": [asdict(file) for _, file in sorted(self._files.items())],
        }

    def tidy(self) -> None:
        """Remove what another file of its month replaced before the last index; to be called when this is published."""
        named = frozenset(file.name for file in self._files.values())
        folder = self._directory / HISTORY
        with suppress(OSError):
            for path in folder.iterdir():
                month = month_of_file(path.name.removesuffix(UNFINISHED))
                is_replaced = month in self._files and f"{HISTORY}/{path.name}" not in named | self._before
                if month is not None and (is_replaced or path.name.endswith(UNFINISHED)):
                    path.unlink(missing_ok=True)
        self._before = named
