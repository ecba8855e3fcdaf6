"""What the GPU rule remembers from tick to tick: `gpus.json` beside the databases.

It is no part of the books: what is lost is learnt again within an hour.
"""

import logging
from dataclasses import dataclass
from pathlib import Path

import orjson
from pydantic import TypeAdapter

from collector.accounting.gpu_memory import GpuMemory, NodeMemory
from collector.errors import StoreError
from collector.store.files import explained, read_json, write_atomically
from collector.store.paths import GPUS_FILE

_log = logging.getLogger(__name__)

DAMAGED = ".damaged"


@dataclass(frozen=True, slots=True)
class _Document:
    nodes: dict[str, NodeMemory]


_FORM = TypeAdapter(_Document)


def load(directory: Path) -> GpuMemory:
    """Return what is remembered under a database location, nothing where there is no file.

    One that cannot be understood is set aside and named. StoreError if the file system refuses that.
    """
    path = directory / GPUS_FILE
    try:
        document = read_json(path, _FORM)
    except StoreError as error:
        aside = path.with_name(path.name + DAMAGED)
        with explained("set aside", path):
            path.replace(aside)
        _log.warning(
            "%s cannot be used (%s): it is set aside as %s, and how GPUs are shared is learnt anew", path, error, aside
        )
        return {}
    return {} if document is None else document.nodes


def save(directory: Path, memory: GpuMemory) -> None:
    """Write it whole; where that is impossible it is logged, for a tick is worth more."""
    try:
        write_atomically(directory / GPUS_FILE, orjson.dumps({"nodes": memory}, default=dict))
    except StoreError as error:
        _log.warning("%s; without it a restart learns anew how GPUs are shared", error)
