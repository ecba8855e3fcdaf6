"""Reads a published dataset directory: `dataset.json` and the files it names.

A manifest that cannot be used is a DatasetError. A damaged data file costs only what is in it: the rest of the
generation answers, and a warning names the file. Files of another layout are handed to its reader.
"""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from kl_core.regular_files import TooLongError, UnfitFileError, read_large, read_regular
from kl_core.vocabulary import HISTORY, MANIFEST, NODES, SCALES
from kl_query.dataset.fields import MalformedError, parsed, read
from kl_query.dataset.history import History, HistoryCache
from kl_query.dataset.legacy import is_legacy, reader_of
from kl_query.dataset.manifest import FileRecord, read_index, read_manifest, read_nodes
from kl_query.dataset.model import SYSTEM_PREFIXES, Dataset
from kl_query.dataset.scale_file import read_scale
from kl_query.errors import DatasetError
from kl_query.warnings.codes import Code
from kl_query.warnings.warning import DataWarning, Plain, Text, text, warning

MAX_MANIFEST_BYTES = 64_000_000
"""In bytes: 12 kB, mostly labels, for each of 5,000 namespaces."""
MAX_DATA_FILE_BYTES = 512_000_000
"""In bytes: six times what the hours of 5,000 namespaces with every metric take."""
_MAX_ATTEMPTS = 3
_OF_PART = {NODES: Code.NODES_UNREADABLE, HISTORY: Code.INDEX_UNREADABLE}


def detect_layout(directory: Path) -> str:
    """Return `native`, `kubeledger` (files of an existing KubeLedger installation), or `none`.

    Raises DatasetError where the directory cannot be looked into.
    """
    try:
        if (directory / MANIFEST).exists():
            return "native"
        return "kubeledger" if is_legacy(directory) else "none"
    except OSError as error:
        raise DatasetError(
            warning(Code.DIRECTORY_UNREADABLE, directory=Plain(str(directory)), reason=_reason(error))
        ) from None


def load_dataset(
    directory: Path, *, system_prefixes: tuple[str, ...] = SYSTEM_PREFIXES, cache: HistoryCache | None = None
) -> Dataset:
    """Read what is published into memory: one whole generation, or the files of a KubeLedger installation.

    Its history is read when it is asked for, and kept in `cache`.

    Raises DatasetError where there is no manifest, or one that is unreadable, truncated, foreign, or of a newer schema.
    A file that vanishes while it is read was replaced by a newer generation: the manifest is then read again.
    """
    if detect_layout(directory) == "kubeledger":
        return replace(reader_of(directory.resolve()).read(), system_prefixes=system_prefixes)
    for _ in range(_MAX_ATTEMPTS):
        dataset, vanished = _load_once(directory, cache or HistoryCache())
        if not vanished or _manifest(directory)[0].generation == dataset.generation:
            break
    return replace(dataset, system_prefixes=system_prefixes)


def _load_once(directory: Path, cache: HistoryCache) -> tuple[Dataset, bool]:
    """Return a generation and whether any of its files was not there."""
    dataset, records = _manifest(directory)
    readers: dict[str, Callable[[memoryview], Any]] = {
        name: partial(read_scale, name=name, file=records[name].name, names=dataset.namespaces) for name in SCALES
    }
    parts: dict[str, Any] = {}
    faults: dict[str, Text] = {}
    vanished = False
    readers |= {NODES: read_nodes, **({HISTORY: read_index} if HISTORY in records else {})}
    for part, reader in readers.items():
        try:
            parts[part] = reader(_content(directory, records[part]))
        except (OSError, MalformedError) as error:
            faults[part] = _fault(records[part].name, error)
            vanished |= isinstance(error, FileNotFoundError)
    minutes = (dataset.polling_interval_seconds or 300) // 60
    warnings = tuple(
        warning(_OF_PART[part], problem=fault)
        if part in _OF_PART
        else warning(Code.SCALE_UNREADABLE, problem=fault, scale=Plain(part), minutes=minutes)
        for part, fault in faults.items()
    )
    scales = {name: parts[name] for name in SCALES if name in parts}
    history = History(directory, parts[HISTORY], cache, dataset.currency) if HISTORY in parts else None
    return replace(dataset, scales=scales, nodes=parts.get(NODES), history=history, warnings=warnings), vanished


def _fault(file: Plain, error: OSError | MalformedError) -> Text:
    """Return what is wrong with a data file, in words that name it."""
    if isinstance(error, FileNotFoundError):
        return text("{file} is missing", file=file)
    if isinstance(error, OSError):
        return text("{file} cannot be read ({reason})", file=file, reason=_reason(error))
    if isinstance(error, _RefusedError):
        return error.fault
    return text("{file} cannot be used: {fault}", file=file, fault=error.fault)


class _RefusedError(MalformedError):
    """A data file is not what the manifest says of it, or more than is loaded. `fault` names it."""


def _content(directory: Path, record: FileRecord) -> memoryview:
    """Return a file as the manifest describes it. Raises OSError and _RefusedError."""
    if record.size > MAX_DATA_FILE_BYTES:
        raise _RefusedError(
            "{file} is not read: the manifest says it has {size:,} bytes, and at most {most:,} are loaded",
            file=record.name,
            size=record.size,
            most=MAX_DATA_FILE_BYTES,
        )
    try:
        content = read_large(directory / record.name, record.size, inside=directory)
        size = len(content)
    except TooLongError as error:
        content, size = memoryview(b""), error.size
    if size != record.size:
        raise _RefusedError(
            "{file} is damaged: {size} bytes where the manifest says {expected}",
            file=record.name,
            size=size,
            expected=record.size,
        )
    if hashlib.sha256(content).hexdigest() != record.sha256:
        raise _RefusedError("{file} is damaged: its SHA-256 is not the manifest's", file=record.name)
    return content


def _manifest(directory: Path) -> tuple[Dataset, Mapping[str, FileRecord]]:
    path = directory / MANIFEST
    shown = Plain(str(path))
    try:
        content = read_regular(path, MAX_MANIFEST_BYTES, inside=directory)
    except (FileNotFoundError, NotADirectoryError):
        raise DatasetError(_absent(directory)) from None
    except OSError as error:
        what = text(
            "used: {reason}. Remove it; the collector publishes a new one at its next tick"
            if isinstance(error, UnfitFileError)
            else "read ({reason}): let this process read it",
            reason=_reason(error),
        )
        raise DatasetError(warning(Code.MANIFEST_UNREADABLE, path=shown, what=what)) from None
    try:
        document = read(parsed(content), dict, "the file")
    except MalformedError:
        raise DatasetError(warning(Code.MANIFEST_TRUNCATED, path=shown)) from None
    try:
        return read_manifest(document)
    except MalformedError as error:
        raise DatasetError(warning(Code.MANIFEST_MALFORMED, path=shown, fault=error.fault)) from None


def _absent(directory: Path) -> DataWarning:
    place = Plain(str(directory))
    if directory.is_dir():
        return warning(Code.MANIFEST_MISSING, directory=place, manifest=Plain(MANIFEST))
    what = text(
        "does not exist"
        if not directory.exists()
        else "is a file, not a directory"
        if directory.is_file()
        else "is not a directory"
    )
    return warning(Code.DIRECTORY_MISSING, directory=place, what=what)


def _reason(error: OSError) -> Plain:
    return Plain(str(error.strerror))
