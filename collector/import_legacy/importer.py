"""The import itself: what it is going to store, and storing it."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from collector.errors import MigrationError
from collector.import_legacy.capacity_history import CLUSTER, Steps
from collector.import_legacy.convert import Rows, carried_forward, samples
from collector.import_legacy.progress import ImportMark, Made, Standing, load_mark, save_mark, standing
from collector.import_legacy.source import Array, Database, Installation, open_source
from collector.import_legacy.ticks import TickRange, Timeline, timeline
from collector.model import STEP
from collector.store import rates
from collector.store.rates import RateChange, RateHistory
from collector.store.store import Store
from kl_core.calendar import HOUR, floor_hour, iso
from kl_core.wording import some

_RATE_DECIMALS = 9
"""librrd's interpolation leaves noise behind them."""


@dataclass(frozen=True, slots=True)
class ImportPlan:
    """What an import is going to do."""

    source: Installation
    timeline: Timeline
    made: Made
    reserved: Array
    """First known share of the capacity that is not allocatable, in per cent (2 x 1); 0 where none is known."""
    rates: RateHistory
    warnings: tuple[str, ...]


def make_plan(
    directory: Path,
    capacity: Steps,
    gpus: Mapping[str, Steps] | None,
    currency: str,
    wrap: Callable[[list[Database]], Iterable[Database]] = iter,
    *,
    open_hour: bool = False,
) -> ImportPlan:
    """Read the source and check that it can be imported; MigrationError if not. Writes nothing."""
    source = open_source(directory)
    line = timeline(source, wrap, open_hour=open_hour)
    if not line.ticks:
        raise MigrationError(
            f"the databases in {directory} are empty: no full hour of any namespace is known. Wait for one, or add "
            "--with-open-hour for the minutes there are"
        )
    first = line.begin
    for what, steps in (("capacity", capacity), ("GPU", (gpus or {}).get(CLUSTER))):
        if steps is not None and steps.since[0] > first:
            raise MigrationError(
                f"the {what} history begins at {iso(steps.since[0])}, but the source at {iso(first)}: add a row with "
                "that time, or with an empty `from`"
            )
    reserved = _first_known(source.non_allocatable)
    made = Made(str(directory.resolve()), capacity, gpus)
    history = recorded_rates(source.billing_rate, currency)
    return ImportPlan(source, line, made, reserved, history, tuple(_warnings(source, gpus, reserved)))


def run(plan: ImportPlan, store: Store, progress: Callable[[int], object]) -> tuple[Standing, int]:
    """Append what the store does not have, and return how it stood before and the number of ticks that are new in it.

    `progress` is told the number of ticks of each batch.

    StoreError if the store cannot be written: what it has by then is whole, and repeating the import continues.
    """
    directory, line = store.directory, plan.timeline
    state = standing(directory, line, plan.made)
    if not state.left:
        return state, 0
    before, earlier = state.held or 0, load_mark(directory)
    mark = ImportMark(max(line.ticks[-1], earlier.end if earlier else 0), before, state.present, plan.made)
    save_mark(directory, mark)
    rates.save(directory, continued_rates(rates.load(directory), plan.rates, before))
    reserved = _newest_known(plan, before)
    for batch in line.batches(before, len(plan.source.usage)):
        rows, reserved = _read(plan.source, batch, reserved)
        stored = store.append(samples(batch.ticks, batch.intervals, rows, plan.made.capacity, plan.made.gpus)).stored
        mark = replace(mark, through=batch.ticks[-1], ticks=mark.ticks + stored)
        save_mark(directory, mark)
        progress(len(batch.ticks))
    return state, mark.ticks - state.present


def recorded_rates(database: Database | None, currency: str) -> RateHistory:
    """Return a change for every hour whose rate differs from the one before.

    Empty without a database or a rate above zero.

    An hour in which the rate is unknown keeps the one before; a rate of zero or below means that none was set. The
    source splits no rate over resources: weights are the default ones.
    """
    if database is None:
        return ()
    begin = database.begin(HOUR)
    changes: list[RateChange] = []
    for place, values in enumerate(database.read(begin, database.end(HOUR), HOUR).T):
        known = values[~np.isnan(values)]
        rate = max(0.0, round(float(known[0]), _RATE_DECIMALS)) if len(known) else None
        if rate is not None and rate != (changes[-1].rate if changes else 0.0):
            changes.append(RateChange(begin + place * HOUR, rate, currency, None))
    return tuple(changes)


def continued_rates(stored: RateHistory, source: RateHistory, after: int) -> RateHistory:
    """Return what is stored of a source's history up to the tick `after`, and what the source recorded since."""
    since = floor_hour(after)
    return (
        *(change for change in stored if change.effective < since),
        *(change for change in source if change.effective >= since),
    )


def _read(source: Installation, batch: TickRange, reserved: Array) -> tuple[Rows, Array]:
    """Return the batch's rows, and the newest known share that is not allocatable."""
    places = batch.places

    def rows(databases: Mapping[str, Database]) -> dict[str, Array]:
        tables = ((name, _rows_of(database, batch)[:, places]) for name, database in databases.items())
        return {name: table for name, table in tables if not np.isnan(table).all()}

    held = carried_forward(_rows_of(source.non_allocatable, batch)[:, places], reserved)
    return Rows(rows(source.usage), rows(source.rf), rows(source.gpu), rows(source.gpu_rf), held), held[:, -1:]


def _rows_of(database: Database | None, batch: TickRange) -> Array:
    if database is None or batch.step not in database.archives:
        return np.full((2, (batch.end - batch.start) // batch.step), np.nan)
    values = database.read(batch.start, batch.end, batch.step)
    # No amount is below zero: what damaged it, it is not known.
    values[values < 0] = np.nan
    return values


def _newest_known(plan: ImportPlan, time: int) -> Array:
    """Return the share not allocatable at `time` (2 x 1), as the hours before say it, else the first known one."""
    database, end = plan.source.non_allocatable, floor_hour(time)
    if database is None or end <= (begin := database.begin(HOUR)):
        return plan.reserved
    return carried_forward(database.read(begin, end, HOUR), plan.reserved)[:, -1:]


def _first_known(database: Database | None) -> Array:
    if database is None:
        return np.zeros((2, 1))
    table = database.read(database.begin(HOUR), database.end(HOUR), HOUR)
    if np.isnan(table).any(axis=1).all() and STEP in database.archives:
        table = np.concatenate([table, database.read(database.begin(STEP), database.end(STEP), STEP)], axis=1)
    known = [row[~np.isnan(row)] for row in table]
    return np.array([[row[0] if len(row) else 0.0] for row in known])


def _warnings(source: Installation, gpus: Mapping[str, Steps] | None, reserved: Array) -> Iterator[str]:
    yield from source.problems
    if source.non_allocatable is None:
        yield "no file non-allocatable: all of the capacity counts as allocatable"
    elif not reserved.any():
        yield "non-allocatable is zero or unknown throughout: all of the capacity counts as allocatable"
    skipped = "GPU usage of {} namespace(s) is skipped"
    with_rows = {} if gpus is None else gpus
    namespaces = {
        "requests of {} namespace(s) are unknown, there is no __rf file": [
            name for name in source.usage if name not in source.rf
        ],
        f"{skipped}: the source has a mean over GPUs without their number. Give it with --gpu-history": [
            name for name in source.gpu if gpus is None
        ],
        f"{skipped}, the GPU history has no row": [
            name for name in source.gpu if gpus is not None and name not in gpus
        ],
        f"{skipped}, there is a NAME__gpu but no NAME": [
            name for name in source.gpu if name in with_rows and name not in source.usage
        ],
        "the GPU history names {} namespace(s) without a __gpu file": sorted(
            with_rows.keys() - {CLUSTER} - source.gpu.keys()
        ),
    }
    for text, names in namespaces.items():
        if names:
            yield f"{text.format(len(names))}: {some(names)}"
    if any(STEP not in database.archives for database in source.usage.values()):
        yield "not every database has an archive of 5 minutes: the hourly archives are imported alone"
