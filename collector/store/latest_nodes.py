"""The nodes of the latest successful listing: `nodes.json`, so that they can be published before the next tick."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import orjson
from pydantic import TypeAdapter

from collector.errors import StoreError
from collector.model import NodeState, TickSample
from collector.store.files import read_json, write_whole
from collector.store.paths import NODES_FILE

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class NodeList:
    """Nodes as they were at the tick `time`; None before the first successful listing."""

    time: int | None
    nodes: tuple[NodeState, ...]


NO_NODES = NodeList(None, ())
_FORM = TypeAdapter(NodeList)


def newest(samples: Iterable[TickSample], before: NodeList) -> NodeList:
    """Return the nodes of the last tick whose listing succeeded, else those known before."""
    latest = before
    for sample in samples:
        if sample.observed["kubernetes"]:
            latest = NodeList(sample.time, sample.nodes)
    return latest


def load(directory: Path) -> NodeList:
    """Return the stored list.

    One that is missing or damaged is empty until the next tick: it is no part of the books.
    """
    path = directory / NODES_FILE
    try:
        return read_json(path, _FORM) or NO_NODES
    except StoreError as error:
        _log.warning("%s cannot be used (%s): nodes are unknown until the next tick", path, error)
        return NO_NODES


def save(directory: Path, nodes: NodeList) -> None:
    """Write the list whole. StoreError if that is impossible."""
    write_whole(directory / NODES_FILE, orjson.dumps(nodes, default=dict))
