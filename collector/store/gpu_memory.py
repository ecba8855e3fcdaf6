"""What the GPU rule remembers from tick to tick: `gpus.json` beside the databases.

It is no part of the books: what is lost is learnt again within an hour.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson

from collector.accounting.gpu_memory import GpuMemory, Held, NodeMemory, Sharing
from collector.errors import StoreError
from collector.store.files import explained, read_json, write_whole
from collector.store.paths import GPUS_FILE

_log = logging.getLogger(__name__)

DAMAGED = ".damaged"


def load(directory: Path) -> GpuMemory:
    """Return what is remembered under a database location, nothing where there is no file.

    One that cannot be understood is set aside and named. StoreError if the file system refuses that.
    """
    path = directory / GPUS_FILE
    try:
        document = read_json(path)
        return {} if document is None else {key: _node(fields) for key, fields in document["nodes"].items()}
    except (StoreError, KeyError, TypeError, ValueError, AttributeError) as error:
        aside = path.with_name(path.name + DAMAGED)
        with explained("set aside", path):
            path.replace(aside)
        _log.warning(
            "%s cannot be used (%s): it is set aside as %s, and how GPUs are shared is learnt anew", path, error, aside
        )
        return {}


def save(directory: Path, memory: GpuMemory) -> None:
    """Write it whole; where that is impossible it is logged, for a tick is worth more."""
    try:
        write_whole(directory / GPUS_FILE, orjson.dumps({"nodes": memory}, default=dict))
    except StoreError as error:
        _log.warning("%s; without it a restart learns anew how GPUs are shared", error)


def _node(fields: Mapping[str, Any]) -> NodeMemory:
    return NodeMemory(
        last_there=int(fields["last_there"]),
        advertised=_held(fields["advertised"], _units),
        devices=_held(fields["devices"], float),
        framebuffer=_held(fields["framebuffer"], float),
        units=_units(fields["units"]),
        sharing={str(resource): Sharing(**sharing) for resource, sharing in fields["sharing"].items()},
    )


def _held(fields: Mapping[str, Any], value: Any) -> Held[Any]:
    since, below = fields["since"], fields["below"]
    return Held(value(fields["value"]), None if since is None else int(since), None if below is None else value(below))


def _units(fields: Mapping[str, Any]) -> dict[str, float]:
    return {str(resource): float(count) for resource, count in fields.items()}
