"""The import itself: plan, store, publish.

It begins a store. Nothing can be put before the ticks of a collector, so that a store which has some is refused;
`imported.json` in the database location marks a store that an import began, which a repeated import continues.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
import orjson

from collector.books.periods import iso
from collector.errors import MigrationError
from collector.importing import rates as source_rates
from collector.importing.convert import Rows, carried_forward, samples
from collector.importing.histories import CLUSTER, Steps
from collector.importing.source import Array, Database, Source, open_source
from collector.importing.timeline import Batch, Timeline, timeline
from collector.store import rates, registry
from collector.store.files import read_json, write_whole
from collector.store.ledger import Ledger
from collector.store.rates import History
from collector.store.rrd import HOUR, STEP

MARK_FILE = "imported.json"

Item = TypeVar("Item")
Wrap = Callable[[list[Item], str], Iterator[Item]]


@dataclass(frozen=True, slots=True)
class Plan:
    """What an import is going to do."""

    source: Source
    timeline: Timeline
    capacity: Steps
    gpus: Mapping[str, Steps] | None
    reserved: Array
    """First known share of the capacity that is not allocatable, in per cent (2 x 1); 0 where none is known."""
    rates: History
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Summary:
    """What an import did."""

    stored: int
    """Ticks that are new in the store."""
    present: int
    """Ticks of the source that the store had already."""
    missed: int
    """Ticks of the source that are not in the store and can no longer get there, because a collector went on."""


def make_plan(
    directory: Path,
    capacity: Steps,
    gpus: Mapping[str, Steps] | None,
    currency: str,
    wrap: Callable[[list[Database]], Iterable[Database]] = iter,
) -> Plan:
    """Reads the source and checks that it can be imported; MigrationError if not. Writes nothing."""
    source = open_source(directory)
    line = timeline(source, lambda databases: wrap(list(databases)))
    if not line.ticks:
        raise MigrationError(f"the databases in {directory} are empty: no hour of any namespace is known")
    first = line.begin
    for what, steps in (("capacity", capacity), ("GPU", (gpus or {}).get(CLUSTER))):
        if steps is not None and steps.since[0] > first:
            raise MigrationError(
                f"the {what} history begins at {iso(steps.since[0])}, but the source at {iso(first)}: add a row with "
                "that time, or with an empty `from`"
            )
    reserved = _first_known(source.non_allocatable)
    history = source_rates.history(source.billing_rate, currency)
    return Plan(source, line, capacity, gpus, reserved, history, tuple(_warnings(source, gpus, reserved)))


def check_store(directory: Path) -> int | None:
    """The newest tick of the store under `directory`, None without one. Writes nothing.

    MigrationError if it holds ticks that no import put there.
    """
    state = registry.load(directory) if directory.is_dir() else None
    if state is not None and state.last_tick is not None and _mark(directory) is None:
        raise MigrationError(
            f"the store in {directory} already holds ticks, up to {iso(state.last_tick)}, "
            "and nothing can be put before its first tick. Stop the collector, set KL_DB_LOCATION to an empty "
            "directory, import, and start the collector there"
        )
    return None if state is None else state.last_tick


def run(plan: Plan, ledger: Ledger, progress: Callable[[int], object]) -> Summary:
    """Appends what the store does not have; `progress` is told the number of ticks of each batch.

    StoreError if the store cannot be written: what it has by then is whole, and repeating the import continues.
    """
    check_store(ledger.directory)
    before = ledger.last_tick or 0
    mark = _mark(ledger.directory)
    ticks = plan.timeline.ticks
    if mark is not None and before > mark:
        # A collector has written since: its ticks are in front of what an earlier import did not reach.
        through = _through(ledger.directory)
        missed = sum(through < tick for tick in ticks)
        return Summary(0, len(ticks) - missed, missed)
    if not before:
        rates.save(ledger.directory, plan.rates)
    _set_mark(ledger.directory, end=max(ticks[-1], mark or 0), through=before)
    reserved, stored = plan.reserved, 0
    for batch in plan.timeline.batches(before, len(plan.source.usage)):
        rows, reserved = _read(plan.source, batch, reserved)
        stored += ledger.append(samples(batch.ticks, batch.intervals, rows, plan.capacity, plan.gpus)).stored
        _set_mark(ledger.directory, end=max(ticks[-1], mark or 0), through=batch.ticks[-1])
        progress(len(batch.ticks))
    return Summary(stored, plan.timeline.split(before)[0], 0)


def _read(source: Source, batch: Batch, reserved: Array) -> tuple[Rows, Array]:
    """The batch's rows, and the newest known share that is not allocatable."""
    places = batch.places

    def rows(databases: Mapping[str, Database]) -> dict[str, Array]:
        tables = ((name, _rows_of(database, batch)[:, places]) for name, database in databases.items())
        return {name: table for name, table in tables if not np.isnan(table).all()}

    found = np.full((2, len(places)), np.nan)
    if source.non_allocatable is not None:
        found = _rows_of(source.non_allocatable, batch)[:, places]
    held = carried_forward(found, reserved)
    return Rows(rows(source.usage), rows(source.rf), rows(source.gpu), rows(source.gpu_rf), held), held[:, -1:]


def _rows_of(database: Database, batch: Batch) -> Array:
    if batch.step not in database.archives:
        return np.full((2, (batch.end - batch.start) // batch.step), np.nan)
    values = database.read(batch.start, batch.end, batch.step)
    # No amount is below zero: what damaged it, it is not known.
    values[values < 0] = np.nan
    return values


def _first_known(database: Database | None) -> Array:
    if database is None:
        return np.zeros((2, 1))
    table = database.read(database.begin(HOUR), database.end(HOUR), HOUR)
    if np.isnan(table).any(axis=1).all() and STEP in database.archives:
        table = np.concatenate([table, database.read(database.begin(STEP), database.end(STEP), STEP)], axis=1)
    known = [row[~np.isnan(row)] for row in table]
    return np.array([[row[0] if len(row) else 0.0] for row in known])


def _warnings(source: Source, gpus: Mapping[str, Steps] | None, reserved: Array) -> Iterator[str]:
    yield from source.problems
    if source.non_allocatable is None:
        yield "no file non-allocatable: all of the capacity counts as allocatable"
    elif not reserved.any():
        yield "non-allocatable is zero or unknown throughout: all of the capacity counts as allocatable"
    if without := [name for name in source.usage if name not in source.rf]:
        yield f"requests of {len(without)} namespace(s) are unknown, there is no __rf file: {_some(without)}"
    if source.gpu and gpus is None:
        yield (
            f"GPU usage of {len(source.gpu)} namespace(s) is skipped: the source has a mean over GPUs without their "
            f"number. Give it with --gpu-history: {_some(list(source.gpu))}"
        )
    elif gpus is not None and (without := [name for name in source.gpu if name not in gpus]):
        yield f"GPU usage of {len(without)} namespace(s) is skipped, the GPU history has no row: {_some(without)}"
    if any(STEP not in database.archives for database in source.usage.values()):
        yield "not every database has an archive of 5 minutes: the hourly archives are imported alone"


def _some(names: list[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")


def _mark(directory: Path) -> int | None:
    """The newest tick an import planned to store; None where none began the store."""
    document = read_json(directory / MARK_FILE)
    return None if document is None else int(document["end"])


def _through(directory: Path) -> int:
    return int(read_json(directory / MARK_FILE)["through"])


def _set_mark(directory: Path, *, end: int, through: int) -> None:
    write_whole(directory / MARK_FILE, orjson.dumps({"end": end, "through": through}))
