"""Reads a published dataset directory: `dataset.json` and the files it names.

A manifest that cannot be used is a DatasetError. A damaged data file costs only what is in it: the rest of the
generation answers, and a warning names the file. Files of another layout are handed to its reader.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import orjson

from kl_core.regular_files import TooLongError, UnfitFileError, read_regular
from kl_core.vocabulary import MANIFEST, NODES, SCALES, ScaleName
from kl_query.dataset.fields import Json, MalformedError, mapping
from kl_query.dataset.legacy import is_legacy, reader_of
from kl_query.dataset.manifest import FileRecord, check_version, read_manifest, read_nodes
from kl_query.dataset.model import SYSTEM_PREFIXES, Dataset, Scale
from kl_query.dataset.scale_file import read_scale
from kl_query.errors import DatasetError
from kl_query.warnings import loading
from kl_query.warnings.warning import DataWarning, Detail, Plain, Text

MAX_MANIFEST_BYTES = 64_000_000
"""In bytes: 12 kB, mostly labels, for each of 5,000 namespaces."""
MAX_DATA_FILE_BYTES = 512_000_000
"""In bytes: six times what the hours of 5,000 namespaces with every metric take."""
_ATTEMPTS = 3
T = TypeVar("T")


def detect_layout(directory: Path) -> str:
    """Return `native`, `kubeledger` (files of an existing KubeLedger installation), or `none`.

    Raises DatasetError where the directory cannot be looked into.
    """
    try:
        if (directory / MANIFEST).exists():
            return "native"
        return "kubeledger" if is_legacy(directory) else "none"
    except OSError as error:
        raise DatasetError(loading.directory_unreadable(directory, error)) from None


def load_dataset(directory: Path, *, system_prefixes: tuple[str, ...] = SYSTEM_PREFIXES) -> Dataset:
    """Read what is published into memory: one whole generation, or the files of a KubeLedger installation.

    Raises DatasetError where there is no manifest, or one that is unreadable, truncated, foreign, or of a newer schema.
    A file that vanishes while it is read was replaced by a newer generation: the manifest is then read again.
    """
    if detect_layout(directory) == "kubeledger":
        return replace(reader_of(directory.resolve()).read(), system_prefixes=system_prefixes)
    for _ in range(_ATTEMPTS - 1):
        dataset, vanished = _load_once(directory)
        if not vanished:
            break
        if _manifest(directory)[0].generation == dataset.generation:
            break
    else:
        dataset, _ = _load_once(directory)
    return replace(dataset, system_prefixes=system_prefixes)


def _load_once(directory: Path) -> tuple[Dataset, bool]:
    """Return a generation and whether any of its files was not there."""
    dataset, records = _manifest(directory)
    scales: dict[ScaleName, Scale] = {}
    warnings: list[DataWarning] = []
    vanished = False
    for name in SCALES:
        scale, problem, gone = _part(directory, records[name], _scale_reader(name, records[name].name, dataset))
        vanished |= gone
        if scale is not None:
            scales[name] = scale
        else:
            minutes = (dataset.polling_interval_seconds or 300) // 60
            warnings.append(loading.scale_unreadable(problem, name, minutes))
    nodes, problem, gone = _part(directory, records[NODES], read_nodes)
    if nodes is None:
        warnings.append(loading.nodes_unreadable(problem))
    return replace(dataset, scales=scales, nodes=nodes, warnings=tuple(warnings)), vanished or gone


def _scale_reader(name: ScaleName, file: str, dataset: Dataset) -> Callable[[Json], Scale]:
    return lambda document: read_scale(document, name, file, dataset.namespaces)


def _part(directory: Path, record: FileRecord, read: Callable[[Json], T]) -> tuple[T | None, Text, bool]:
    """Return a file's content, or None with what is wrong with it and whether it was not there at all."""
    try:
        document = _parsed(_content(directory, record))
        check_version(document)
        return read(document), loading.NO_PROBLEM, False
    except FileNotFoundError:
        return None, loading.missing(record.name), True
    except _RefusedError as error:
        return None, error.problem, False
    except OSError as error:
        return None, loading.unreadable(record.name, error), False
    except MalformedError as error:
        return None, loading.unusable(record.name, error.fault), False


def _parsed(content: bytes) -> Json:
    try:
        return mapping(orjson.loads(content), "the file")
    except orjson.JSONDecodeError as error:
        raise MalformedError("{error}", error=Detail(str(error), Plain("it is not JSON"))) from None


class _RefusedError(Exception):
    """A data file is not what the manifest says of it, or more than is loaded."""

    def __init__(self, problem: Text) -> None:
        super().__init__()
        self.problem = problem


def _content(directory: Path, record: FileRecord) -> bytes:
    """Return a file as the manifest describes it. Raises OSError and _RefusedError."""
    if record.size > MAX_DATA_FILE_BYTES:
        raise _RefusedError(loading.too_large(record.name, record.size, MAX_DATA_FILE_BYTES))
    try:
        content = read_regular(directory / record.name, record.size, inside=directory)
        size = len(content)
    except TooLongError as error:
        content, size = b"", error.size
    if size != record.size:
        raise _RefusedError(loading.of_other_size(record.name, size, record.size))
    if hashlib.sha256(content).hexdigest() != record.sha256:
        raise _RefusedError(loading.of_other_content(record.name))
    return content


def _manifest(directory: Path) -> tuple[Dataset, dict[str, FileRecord]]:
    path = directory / MANIFEST
    try:
        content = read_regular(path, MAX_MANIFEST_BYTES, inside=directory)
    except (FileNotFoundError, NotADirectoryError):
        raise DatasetError(_absent(directory)) from None
    except UnfitFileError as error:
        raise DatasetError(loading.manifest_unfit(path, error)) from None
    except OSError as error:
        raise DatasetError(loading.manifest_unreadable(path, error)) from None
    try:
        document = _parsed(content)
    except MalformedError:
        raise DatasetError(loading.manifest_truncated(path)) from None
    try:
        check_version(document)
        dataset, records = read_manifest(document)
    except MalformedError as error:
        raise DatasetError(loading.manifest_malformed(path, error.fault)) from None
    return dataset, dict(records)


def _absent(directory: Path) -> DataWarning:
    if not directory.is_dir():
        return loading.no_directory(directory, exists=directory.exists())
    return loading.no_manifest(directory / MANIFEST)
