"""How far a store is with a source: what earlier imports put there, with which arguments, and what is left.

An import begins a store. Nothing can be put before the ticks of a collector, so that a store which has some is refused;
`imported.json` in the database location marks a store that an import began, which a repeated import continues. What is
stored stays as it is, so that a repeated import has to be made with what the earlier one was made with.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from pathlib import Path

import orjson
from pydantic import TypeAdapter

from collector.errors import MigrationError
from collector.import_legacy.capacity_history import CLUSTER, Steps
from collector.import_legacy.ticks import Timeline
from collector.store import foreign_databases, registry
from collector.store.files import read_json, write_atomically
from kl_core.calendar import iso

MARK_FILE = "imported.json"


@dataclass(frozen=True, slots=True)
class Made:
    """With what an import is made."""

    source: str
    """The directory of the existing databases."""
    capacity: Steps
    gpus: Mapping[str, Steps] | None


@dataclass(frozen=True, slots=True)
class ImportMark:
    """What `imported.json` says."""

    end: int
    """The newest tick that an import planned to store."""
    through: int
    """The newest one that it is known to have stored, 0 for none."""
    ticks: int
    """How many are stored up to `through`."""
    made: Made


_FORM = TypeAdapter(ImportMark)


@dataclass(frozen=True, slots=True)
class Standing:
    """What a store has of a source, and what it is going to get."""

    held: int | None
    """The newest tick of the store, whoever stored it; None without one."""
    present: int
    """Ticks that earlier imports stored."""
    left: int
    """Ticks of the source that an import adds."""
    missed: int
    """Ticks of the source that are not in the store and can no longer get there, because a collector went on."""
    notes: tuple[str, ...]


def check_store(directory: Path) -> int | None:
    """Return the newest tick of the store under `directory`, None without one. Writes nothing.

    MigrationError if it holds ticks that no import put there, StoreError if databases of something else.
    """
    state = registry.load(directory) if directory.is_dir() else None
    if state is None:
        foreign_databases.check(directory)
        return None
    if state.last_tick is not None and load_mark(directory) is None:
        raise MigrationError(
            f"the store in {directory} already holds ticks, up to {iso(state.last_tick)}, "
            "and nothing can be put before its first tick. Stop the collector, set KL_DB_LOCATION to an empty "
            "directory, import, and start the collector there"
        )
    return state.last_tick


def standing(directory: Path, line: Timeline, made: Made) -> Standing:
    """Compare a source with the store under `directory`. Writes nothing.

    MigrationError for a store that does not take the source, or took it with other arguments than those of `made`.
    """
    held, mark = check_store(directory), load_mark(directory)
    if held is None or mark is None:
        return Standing(held, 0, line.left(0), 0, ())
    has_collector = held > mark.end
    until = mark.through if has_collector else held
    _check_same(mark.made, made, line.begin, until)
    # Of an import that was cut short the mark can be behind the store.
    present = mark.ticks + sum(mark.through < tick <= until for tick in line.ticks)
    moved = (
        f"what is stored already was imported from {mark.made.source}: {made.source} has to hold the databases of the "
        "same installation"
    )
    return Standing(
        held,
        present,
        left=0 if has_collector else line.left(held),
        missed=sum(until < tick for tick in line.ticks) if has_collector else 0,
        notes=() if mark.made.source == made.source else (moved,),
    )


def load_mark(directory: Path) -> ImportMark | None:
    """Return what earlier imports left; None where none began the store. StoreError if the file is damaged."""
    return read_json(directory / MARK_FILE, _FORM)


def save_mark(directory: Path, mark: ImportMark) -> None:
    """Write the mark whole. StoreError if that is impossible."""
    write_atomically(directory / MARK_FILE, orjson.dumps(mark))


def in_force(steps: Steps, begin: int, end: int) -> Steps:
    """Return what holds at any time from `begin` to `end`, each change once and none before `begin`."""
    starts = sorted(since for since in {begin, *steps.since} if begin <= since < end)
    held = [(start, pair) for start in starts if (pair := steps.at(start)) is not None]
    kept = [next(same) for _, same in groupby(held, key=itemgetter(1))]
    return Steps(tuple(start for start, _ in kept), tuple(pair for _, pair in kept))


def _check_same(before: Made, now: Made, begin: int, until: int) -> None:
    if in_force(before.capacity, begin, until) != in_force(now.capacity, begin, until):
        raise _other_arguments(f"another capacity ({amounts(before.capacity)})", until)
    if (before.gpus is None) != (now.gpus is None):
        raise _other_arguments("no GPU history, and has no GPUs" if before.gpus is None else "a GPU history", until)
    histories = (before.gpus or {}, now.gpus or {})
    for name in sorted({name for history in histories for name in history}):
        then, given = (in_force(history.get(name, Steps((), ())), begin, until) for history in histories)
        if then != given:
            raise _other_arguments(f"other GPUs of {'the cluster' if name == CLUSTER else name}", until)


def _other_arguments(what: str, until: int) -> MigrationError:
    return MigrationError(
        f"what is stored already, up to {iso(until)}, was imported with {what}, and stays so. Nothing was written. "
        "Either repeat the import with the arguments of then (for what changed since, a history whose rows up to then "
        "say the same), or import into an empty KL_DB_LOCATION"
    )


def amounts(capacity: Steps) -> str:
    """Return a capacity through time, for people."""
    return ", ".join(
        f"{cpu:g} cores and {memory / 2**30:g} GiB" + (f" from {iso(since)}" if since else "")
        for since, (cpu, memory) in zip(capacity.since, capacity.values, strict=True)
    )
