"""The store as the rest of the collector sees it: ticks go in, rows come out."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

from msgspec import structs

from collector.errors import NoSpaceError, StoreError
from collector.hour import ClosedHour, Origin
from collector.model import TickSample
from collector.store import foreign_databases, rates, registry, rows, write_plan
from collector.store.files import explained
from collector.store.journal import Batch, Journal
from collector.store.ledger.form import LedgerCluster
from collector.store.ledger.ledger import Ledger
from collector.store.lock import DirectoryLock
from collector.store.paths import CLUSTER_FILE, FOLDERS, JOURNAL_FOLDER, REGISTRY_FILE, EntryKind, RrdFile
from collector.store.registry import EMPTY, FORMAT, Registry
from collector.store.rows import ClusterRows, EntryRows
from collector.store.rrd import database, databases
from collector.store.rrd.database import Head, Span
from collector.store.unclosed import Unclosed
from kl_core.calendar import HOUR, floor_day, iso
from kl_core.durable_files import make_folder

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class AppendReport:
    """How many ticks of a batch were stored, and how many refused because their time was taken or past."""

    stored: int
    refused: int


class Store:
    """Everything under one database location; a context manager that holds the directory's lock.

    All methods raise StoreError, naming the file and what to do, when a file cannot be read or written.
    """

    def __init__(
        self, directory: Path, lock: DirectoryLock, state: Registry, ledger: Ledger, cluster: LedgerCluster
    ) -> None:
        self.directory = directory
        """The database location."""
        self.registry = state
        """Who was ever stored, and when; the hour of its first tick is the first hour of the cluster."""
        self.nodes = registry.NO_NODES
        """The nodes of the newest successful listing."""
        self._lock = lock
        self._journal = Journal(directory / JOURNAL_FOLDER)
        self._journaled = state.last_tick
        self.ledger = ledger
        """The closed hours."""
        self.identity = cluster
        """What the ledger calls the cluster from the next day on."""
        self._unclosed = Unclosed(ledger.end)
        self._observed: tuple[write_plan.ObservedSteps, ...] = ()
        self._touched: set[RrdFile] = set()
        self._in_order = True

    @classmethod
    def open(cls, directory: Path, cluster: str = "") -> Store:
        """Open the store under `directory`, creating it when there is none, and complete what a crash interrupted.

        None is begun among the databases of an installation that the history is imported from. `cluster` is the name
        that the ledger gives it.
        """
        directory = directory.expanduser().absolute()
        with explained("read", directory):
            is_new = not (directory / REGISTRY_FILE).exists()
        if is_new:
            foreign_databases.check(directory)
        with explained("create", directory):
            for folder in (*FOLDERS.values(), JOURNAL_FOLDER):
                make_folder(directory / folder)
        lock = DirectoryLock(directory)
        try:
            state = _load_registry(directory)
            ledger = Ledger.open(directory)
            # Before the cluster has told who it is, a day may begin with a line that was left to be written.
            store = cls(directory, lock, state, ledger, structs.replace(ledger.cluster, name=cluster))
            store._recover()
        except BaseException:
            lock.release(in_order=False)
            raise
        return store

    def close(self) -> None:
        """Wait until the databases are on disk and release the directory."""
        try:
            self._sync()
        except StoreError:
            self._in_order = False
            raise
        finally:
            self._lock.release(in_order=self._in_order)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def last_tick(self) -> int | None:
        """Nominal time of the newest stored tick, whether or not its sources answered."""
        return self.registry.last_tick

    def append(self, samples: Sequence[TickSample], origin: Origin = "collector") -> AppendReport:
        """Store ticks in order of time. One that is not later than all before it is refused and logged.

        An hour that has ended by the newest of them gets its line in the ledger. When it raises, ticks that reached the
        journal are completed by the next `append` or `open`.
        """
        write_plan.check(samples)
        accepted, refused = write_plan.accept(samples, self._journaled)
        if refused:
            _log.warning(
                "refused %d tick(s) up to %d: the newest stored one is %s and the first for a time wins; if this goes "
                "on, the clock has stepped back",
                len(refused),
                max(refused),
                accepted[-1].time if accepted else self._journaled,
            )
        if accepted:
            self._store(Batch(self._journaled, tuple(accepted), origin))
        return AppendReport(len(accepted), len(refused))

    def cluster(self, start: int, end: int, step: int) -> ClusterRows:
        """Capacity and coverage from `start` to `end`, both multiples of `step`, 300 or 3600 s."""
        return rows.read_cluster(self.directory, start, end, step)

    def entry(self, kind: EntryKind, name: str, start: int, end: int, step: int) -> EntryRows:
        """Return what a namespace or special entry used and requested, as stored; StoreError for one that never was."""
        record = self.registry.records(kind).get(name)
        if record is None:
            raise StoreError(
                f"no {kind} {name!r} was ever stored in {self.directory}. Ask for one that the registry names"
            )
        return rows.read_entry(self.directory, kind, name, start=start, end=end, step=step, gpu_since=record.gpu_since)

    def _store(self, batch: Batch) -> None:
        behind = self._journaled != self.last_tick
        self._journal.write(batch)
        self._journaled = batch.samples[-1].time
        if behind:
            for kept in self._journal.read(self.last_tick):
                self._apply(kept)
            # How long batches have been kept says nothing about what was written just now.
            self._sync()
        else:
            self._apply(batch)
        self._close_hours()
        self._journal.prune(self._unclosed.since or 0, self._sync)

    def _sync(self) -> None:
        databases.sync(self.directory, self._touched)
        self._touched.clear()

    def _apply(self, batch: Batch) -> None:
        time = batch.samples[-1].time
        plan = write_plan.plan(self.registry, self._observed, batch.samples)
        heads = databases.heads(self.directory, plan.spans, self._journal.newest or time)
        if self.last_tick is not None and heads[CLUSTER_FILE] is None:
            raise _cluster_is_missing(self.directory)
        self._in_order = False
        self._journal.write_heads(time, {str(file.path(Path())): head for file, head in heads.items()})
        self._touched.update(plan.spans)
        databases.write(self.directory, self._with_what_is_missing(plan.spans, heads), self.registry)
        nodes = registry.newest_nodes(batch.samples, self.nodes)
        if nodes is not self.nodes:
            registry.save_nodes(self.directory, nodes)
        kept = plan.registry.without_what_ended_before(time - database.HOURLY_ROWS * HOUR)
        # Written after the databases: it says that everything up to its tick is in place.
        registry.save(self.directory, kept)
        databases.remove(self.directory, plan.registry.entry_files().keys() - kept.entry_files().keys())
        self.registry, self._observed, self.nodes = kept, plan.observed, nodes
        self._unclosed.take([batch])
        self._in_order = True

    def _close_hours(self) -> None:
        """Write the lines of the hours that are over; an hour that has one is never reckoned again."""
        if self.last_tick is None or self.registry.format < FORMAT:
            return
        hours = self._unclosed.over(self.last_tick, rates.load(self.directory))
        try:
            self.ledger.append(hours, self.identity)
        finally:
            self._unclosed.forget(self.ledger.end)
        if hours and floor_day(hours[0].start) != floor_day(hours[-1].start + HOUR):
            _log.info("a day is over: after %s the ledger's head is %s", iso(hours[-1].start), self.ledger.head)

    def take_over(self, hours: Sequence[ClosedHour]) -> None:
        """Write lines of hours that were closed before there was a ledger; each follows the one before."""
        self.ledger.append(hours, self.identity)

    def taken_over(self) -> None:
        """Note that all of them have a line: from here on hours get theirs when they close."""
        registry.save(self.directory, state := replace(self.registry, format=FORMAT))
        self.registry = state
        self._unclosed = Unclosed(self.ledger.end)
        self._unclosed.take(self._journal.read(self._unclosed.since, self.last_tick))

    def _recover(self) -> None:
        """Every part can be cut short and begun again: what it changes follows from the journal, which it leaves."""
        self._check_cluster()
        self.nodes = registry.load_nodes(self.directory)
        databases.tidy(self.directory)
        newest = max(self.last_tick or 0, self._journal.newest or 0)
        if not self._lock.in_order:
            # An update may have been cut short, or not have reached the disk.
            databases.restore(self.directory, self._journal.heads(self.last_tick), newest)
            self._touched.update(self.registry.entry_files(), (CLUSTER_FILE,))
        lagging = databases.lagging(self.directory, self.registry, newest)
        if lagging:
            _log.warning(
                "%d database(s) lag behind the registry, %s first: replaying the journal",
                len(lagging),
                lagging[0].path(self.directory),
            )
            self._touched.update(lagging)
            databases.write(self.directory, self._journaled_spans(lagging), self.registry)
        self._observed = databases.observed_in_hour(self.directory, self.last_tick)
        self._unclosed.take(self._journal.read(self._unclosed.since, self.last_tick))
        if newest > (self.last_tick or 0):
            _log.info("completing ticks up to %d from the journal", newest)
            for batch in self._journal.read(self.last_tick):
                self._apply(batch)
        self._sync()
        if self._unclosed.lack_hours(self.last_tick):
            # As of a store without a ledger, the databases have them.
            self.registry = replace(self.registry, format=1)
        try:
            self._close_hours()
        except NoSpaceError as error:
            _log.error("%s. The hours that are over are closed with the next tick", error)
        self._journaled = self.last_tick

    def _with_what_is_missing(
        self, spans: Mapping[RrdFile, Sequence[Span]], heads: Mapping[RrdFile, Head | None]
    ) -> Mapping[RrdFile, Sequence[Span]]:
        """Return the spans, and before them what the journal keeps of files that lack earlier ticks."""
        due = self.registry.entry_files()
        behind = [file for file, head in heads.items() if file in due and (head is None or head.last < due[file])]
        if not behind:
            return spans
        earlier = self._journaled_spans(behind)
        return {file: [*earlier.get(file, ()), *rows] for file, rows in spans.items()}

    def _journaled_spans(self, files: Iterable[RrdFile]) -> dict[RrdFile, list[Span]]:
        """Return what the kept batches that are stored put into some files.

        Those may not have it, or may have lost it.
        """
        spans: dict[RrdFile, list[Span]] = {}
        wanted = frozenset(files)
        state = EMPTY
        observed: tuple[write_plan.ObservedSteps, ...] = ()
        for batch in self._journal.read(None, self.last_tick):
            if state.last_tick != batch.after:
                state = self.registry.as_of(batch.after)
                observed = databases.observed_in_hour(self.directory, state.last_tick)
            plan = write_plan.plan(state, observed, batch.samples)
            for file in wanted & plan.spans.keys():
                spans.setdefault(file, []).extend(plan.spans[file])
            state, observed = plan.registry, plan.observed
        return spans

    def _check_cluster(self) -> None:
        """StoreError where the database without which no hour counts is missing, and the journal began after it."""
        cluster = CLUSTER_FILE.path(self.directory)
        begun = self.last_tick is not None and not cluster.exists()
        if begun and self._journal.heads(self.last_tick).get(cluster.name, self) is not None:
            raise _cluster_is_missing(self.directory)


def _load_registry(directory: Path) -> Registry:
    state = registry.load(directory)
    if state is None:
        cluster = CLUSTER_FILE.path(directory)
        if cluster.exists():
            raise StoreError(
                f"{directory} holds {cluster.name} but no {REGISTRY_FILE}: it belongs to something else, or "
                "lost its registry. Restore the registry from a backup, or choose an empty directory"
            )
        state = EMPTY
        registry.save(directory, state)
    return state if state.first_tick is not None else replace(state, format=FORMAT)


def _cluster_is_missing(directory: Path) -> StoreError:
    return StoreError(
        f"{CLUSTER_FILE.path(directory)} is missing, without which no hour counts as observed. Restore it from a "
        "backup, or move the whole directory away to begin an empty one"
    )
