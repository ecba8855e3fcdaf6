"""Writes one generation of the dataset so that a reader sees all of it or the one before.

The data files carry the generation in their name. Each is written under a temporary name, synced and renamed; the
manifest that names them comes last, in the same way. Two generations are kept for readers that hold the older manifest.
"""

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import orjson

from collector.errors import PublishError
from collector.space import reason
from kl_core.durable_files import UNFINISHED, sync_path, write_atomically
from kl_core.vocabulary import DATA_FILE, HISTORY, MANIFEST, PARTS, data_file

_SETTING = "KL_DATA_DIR"


def publish(directory: Path, documents: Mapping[str, Mapping[str, Any]], manifest: Mapping[str, Any]) -> int:
    """Publish `documents` (by name: `hourly_7d`, ...) under `manifest` and return their generation.

    Columns may be numpy arrays; NaN becomes null. The directory is created if it is missing. Raises `PublishError` when
    it cannot be written; what was published before stays as it is.
    """
    with explained(directory, _SETTING):
        directory.mkdir(parents=True, exist_ok=True)
        before = _named_by_manifest(directory)
        present = {*before, *(path.name for path in directory.iterdir())}
        generation = 1 + max(filter(None, map(_generation, present)), default=0)
    names = {name: data_file(name, generation) for name in documents}
    try:
        files = {name: _write_data(directory / names[name], documents[name], generation) for name in documents}
        _sync(directory)
        _write(directory / MANIFEST, orjson.dumps({**manifest, "generation": generation, "files": files}))
    except PublishError:
        # A full disk must not be kept full by the generation that did not fit.
        _remove(directory / name for name in names.values())
        raise
    # From here on the manifest names the new files, whether or not it is on disk already.
    _sync(directory)
    _remove(_obsolete(directory, keep={*before, *names.values()}))
    return generation


def _write_data(path: Path, document: Mapping[str, Any], generation: int) -> dict[str, Any]:
    content = orjson.dumps({**document, "generation": generation}, option=orjson.OPT_SERIALIZE_NUMPY)
    _write(path, content)
    return {"name": path.name, "size": len(content), "sha256": hashlib.sha256(content).hexdigest()}


def _write(path: Path, content: bytes) -> None:
    with explained(path, _SETTING):
        write_atomically(path, content)


def _sync(directory: Path) -> None:
    with explained(directory, _SETTING):
        sync_path(directory)


def _named_by_manifest(directory: Path) -> frozenset[str]:
    """Return the data files of the generation that readers see now; none when there is no readable manifest."""
    try:
        files = orjson.loads((directory / MANIFEST).read_bytes())["files"]
        return frozenset(str(file["name"]) for file in files.values())
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        # A damaged or foreign manifest is replaced by the one about to be written.
        return frozenset()


def _generation(name: str) -> int | None:
    """Return the generation of a data file; None for another file."""
    match = DATA_FILE.fullmatch(name)
    return int(match["generation"]) if match and match["part"] in (*PARTS, HISTORY) else None


def _obsolete(directory: Path, keep: set[str]) -> list[Path]:
    """Return the data files that are not kept, and what is unfinished."""
    with suppress(OSError):
        return [
            path
            for path in directory.iterdir()
            if path.name not in keep
            and (path.name == MANIFEST + UNFINISHED or _generation(path.name.removesuffix(UNFINISHED)) is not None)
        ]
    return []


def _remove(paths: Iterator[Path] | list[Path]) -> None:
    for path in paths:
        # What cannot be removed now is tried again with the next generation.
        with suppress(OSError):
            path.unlink(missing_ok=True)


@contextmanager
def explained(path: Path, setting: str, what: str = "the dataset") -> Iterator[None]:
    """Turn an OSError into a PublishError that names `what` is published, where, and the `setting` that says so."""
    try:
        yield
    except OSError as error:
        if isinstance(error, FileExistsError | NotADirectoryError):
            cause = "it, or a directory above it, is not a directory"
        else:
            cause = reason(error, path)
        raise PublishError(
            f"cannot publish {what} to {path}: {cause}. {setting} has to be a directory that this user may write, "
            "with free space. What was published before can still be read."
        ) from error
