"""What is known beside the numbers: of namespaces and special entries `namespaces.json`, of nodes `nodes.json`.

The first is also the store's commit mark: it says up to which tick everything has been written. The second has the
nodes of the latest successful listing, so that they can be published before the next tick.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Literal

import orjson
from pydantic import Field, TypeAdapter

from collector.errors import StoreError
from collector.model import NodeState, TickSample
from collector.store.files import read_json, write_atomically
from collector.store.paths import ENTRY, GPU, KINDS, NODES_FILE, REGISTRY_FILE, EntryKind, Form, RrdFile, check_name
from kl_core.calendar import HOUR, hour_of_tick
from kl_core.vocabulary import SOURCES, Source

Format = Literal[1, 2]
FORMAT: Format = 2
"""Of the stores that are written."""
MAX_LABEL_VALUES = 100


@dataclass(frozen=True, slots=True)
class LabelValue:
    """A value that a label had from `first_seen` (UNIX seconds) on; None: from then on it was absent."""

    value: str | None
    first_seen: int


@dataclass(frozen=True, slots=True)
class NamespaceRecord:
    """A namespace, or a stored special entry; all times are nominal tick times in UNIX seconds."""

    first_seen: int
    """Tick of the first listing that named it."""
    last_seen: int
    """Tick of the newest listing that named it."""
    active: bool
    """The newest successful listing names it."""
    lives: tuple[tuple[int, int], ...]
    """(first tick, last tick) naming it, oldest first. A life covers the hours of both, to the end of the latter. An
    absence that ends in the hour it began in does not end the life: its observed steps are stored as zero. In every
    step of a life's hours the share of pods measured is stored, but for whole hours that nobody sampled."""
    gpu_since: int | None
    """First tick at which it requested or used a GPU; None for never."""
    labels: Mapping[str, tuple[LabelValue, ...]]
    """Every label's values, oldest first."""

    @property
    def closing(self) -> int:
        """Up to when its files are fed after its last listing: the end of the hour that its interval lies in."""
        return hour_of_tick(self.last_seen) + HOUR

    @property
    def forms(self) -> tuple[Form, ...]:
        """The forms of its files."""
        return (ENTRY,) if self.gpu_since is None else (ENTRY, GPU)


@dataclass(frozen=True, slots=True)
class Registry:
    """State of the store after the tick `last_tick`."""

    first_tick: int | None
    last_tick: int | None
    last_sample_at: Annotated[Mapping[Source, int | None], Field(min_length=len(SOURCES))]
    namespaces: Mapping[str, NamespaceRecord]
    special: Mapping[str, NamespaceRecord]
    format: Format = FORMAT
    """Of the store. One of format 1 has no ledger: its hours have to be taken over."""

    def records(self, kind: EntryKind) -> Mapping[str, NamespaceRecord]:
        """Return the records of one kind by name."""
        return self.namespaces if kind == "namespace" else self.special

    def entry_files(self) -> dict[RrdFile, int]:
        """Every file the records stand for, with the time up to which it has to have been written."""
        last_tick = self.last_tick or 0
        return {
            RrdFile(kind, name, form): last_tick if record.active else min(last_tick, record.closing)
            for kind in KINDS
            for name, record in self.records(kind).items()
            for form in record.forms
        }

    def without_what_ended_before(self, time: int) -> Registry:
        """Without records that were last seen, and lives that ended, before `time`."""
        return replace(
            self,
            namespaces={n: _since(time, record) for n, record in self.namespaces.items() if record.last_seen >= time},
            special={n: _since(time, record) for n, record in self.special.items() if record.last_seen >= time},
        )

    def as_of(self, time: int | None) -> Registry:
        """Return what decides about rows after the tick `time` as it stood then.

        Label histories stay as they are now.
        """
        if time is None or self.last_tick is None or self.first_tick is None or time < self.first_tick:
            return EMPTY
        return replace(
            self,
            last_tick=min(time, self.last_tick),
            namespaces={n: r for n, record in self.namespaces.items() if (r := _record_as_of(record, time))},
            special={n: r for n, record in self.special.items() if (r := _record_as_of(record, time))},
        )


@dataclass(frozen=True, slots=True)
class NodeList:
    """Nodes as they were at the tick `time`; None before the first successful listing."""

    time: int | None
    nodes: tuple[NodeState, ...]


EMPTY = Registry(None, None, dict.fromkeys(SOURCES), {}, {})
NO_NODES = NodeList(None, ())
_REGISTRY, _NODES = TypeAdapter(Registry), TypeAdapter(NodeList)

_log = logging.getLogger(__name__)


def _record_as_of(record: NamespaceRecord, time: int) -> NamespaceRecord | None:
    lives = tuple((first, min(end, time)) for first, end in record.lives if first <= time)
    if not lives:
        return None
    lasting = record.active and len(lives) == len(record.lives)
    return replace(
        record,
        last_seen=lives[-1][1],
        active=lasting or record.lives[len(lives) - 1][1] >= time,
        lives=lives,
        gpu_since=record.gpu_since if record.gpu_since is not None and record.gpu_since <= time else None,
    )


def _since(time: int, record: NamespaceRecord) -> NamespaceRecord:
    return replace(record, lives=tuple(life for life in record.lives if life[1] >= time))


def load(directory: Path) -> Registry | None:
    """Return the registry under a database location, None if there is none. StoreError if it is damaged or foreign."""
    state = read_json(directory / REGISTRY_FILE, _REGISTRY, newest=FORMAT)
    if state is not None:
        for kind in KINDS:
            for name in state.records(kind):
                check_name(kind, name)
    return state


def save(directory: Path, registry: Registry) -> None:
    """Write the registry whole. StoreError if that is impossible."""
    write_atomically(directory / REGISTRY_FILE, orjson.dumps(registry, default=dict))


def newest_nodes(samples: Iterable[TickSample], before: NodeList) -> NodeList:
    """Return the nodes at the last tick whose listing succeeded, else those known before."""
    listed = [sample for sample in samples if sample.observed["kubernetes"]]
    if not listed:
        return before
    return NodeList(listed[-1].time, tuple(node for node in listed[-1].nodes if not node.has_left))


def load_nodes(directory: Path) -> NodeList:
    """Return the stored nodes.

    A list that is missing or damaged is empty until the next tick: it is no part of the books.
    """
    path = directory / NODES_FILE
    try:
        return read_json(path, _NODES) or NO_NODES
    except StoreError as error:
        _log.warning("%s cannot be used (%s): nodes are unknown until the next tick", path, error)
        return NO_NODES


def save_nodes(directory: Path, nodes: NodeList) -> None:
    """Write the nodes whole. StoreError if that is impossible."""
    write_atomically(directory / NODES_FILE, orjson.dumps(nodes, default=dict))


def with_labels(
    history: Mapping[str, tuple[LabelValue, ...]], labels: Mapping[str, str] | None, time: int
) -> Mapping[str, tuple[LabelValue, ...]]:
    """Return the history after `labels` were seen at `time`: a new value is appended, a label that is gone gets a None.

    Where nobody told the labels they are what they were. Of one whose value keeps changing the newest 100 are kept.
    """
    if labels is None:
        return history
    before = {name: values[-1].value for name, values in history.items()}
    changed = sorted(name for name in before.keys() | labels.keys() if labels.get(name) != before.get(name))
    extended = {
        name: (*history.get(name, ()), LabelValue(labels.get(name), time))[-MAX_LABEL_VALUES:] for name in changed
    }
    return {**history, **extended} if changed else history
