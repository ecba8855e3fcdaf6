"""Which steps of which files a batch of ticks fills, and what the registry knows afterwards. Pure.

A step that no span covers stays unknown. Files are followed hour by hour: at a birth the observed steps since the hour
began become zero, at an end zero is fed to the hour's end, so that the mean of every hour of a life is over all of its
observed steps. `measured` is known in every step of such an hour, 0.0 in those that were not observed, so that its mean
is the share of all of the hour's pod samples that were measured.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from collector.errors import StoreError
from collector.model import Entry, TickSample
from collector.sampling_times import INTERVALS
from collector.store.paths import CLUSTER_FILE, ENTRY, GPU, KINDS, EntryKey, EntryKind, Form, RrdFile, check_name
from collector.store.registry import NamespaceRecord, Registry, with_labels
from collector.store.row_values import (
    NOBODY_MEASURED,
    cluster_values,
    entry_values,
    gpu_values,
    not_sampled,
    pods_measured,
    zero,
)
from collector.store.rrd.database import Span
from kl_core.calendar import HOUR, floor_hour, hour_of_tick
from kl_core.vocabulary import SOURCES, Source


class ObservedSteps(NamedTuple):
    """(start, end]: observed steps, which end after the first and not after the second time."""

    start: int
    end: int
    pods: bool
    """metrics-server answered as well."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a batch does to the store."""

    registry: Registry
    spans: Mapping[RrdFile, Sequence[Span]]
    observed: tuple[ObservedSteps, ...]
    """The observed steps of the hour in which the last tick's interval lies."""


def check(samples: Iterable[TickSample]) -> None:
    """StoreError when a sample cannot be stored: a time or interval off the grid, or a name that is no DNS label."""
    for sample in samples:
        if sample.interval not in INTERVALS or sample.time % sample.interval or sample.time <= 0:
            raise StoreError(
                f"tick {sample.time} with interval {sample.interval} s is not on the grid: the interval has to be one "
                f"of {', '.join(map(str, INTERVALS))} s and the time a multiple of it"
            )
        for kind, name in _entries(sample):
            check_name(kind, name)


def accept(samples: Iterable[TickSample], newest: int | None) -> tuple[list[TickSample], list[int]]:
    """Return the samples later than all before them and than `newest`, and the times of the others.

    The first one wins.
    """
    accepted: list[TickSample] = []
    refused: list[int] = []
    for sample in samples:
        if newest is None or sample.time > newest:
            accepted.append(sample)
            newest = sample.time
        else:
            refused.append(sample.time)
    return accepted, refused


def plan(registry: Registry, observed: Iterable[ObservedSteps], samples: Iterable[TickSample]) -> Plan:
    """Rows and registry after `samples`, which are later than `registry.last_tick` and in order of time.

    `observed` holds the observed steps of the hour that the registry's last tick lies in.
    """
    planner = _Planner(registry, observed)
    for sample in samples:
        planner.take(sample)
    return planner.result()


_NEVER_SEEN = NamespaceRecord(first_seen=0, last_seen=0, active=False, lives=(), gpu_since=None, labels={})


@dataclass(slots=True)
class _Subject:
    """A namespace or special entry while a batch is worked through: its record, and the spans of its files."""

    record: NamespaceRecord
    spans: Mapping[Form, list[Span]] = field(default_factory=lambda: {ENTRY: [], GPU: []})


class _Planner:
    def __init__(self, registry: Registry, observed: Iterable[ObservedSteps]) -> None:
        self._registry = registry
        self._observed = list(observed)
        self._cluster: list[Span] = []
        self._subjects: dict[EntryKey, _Subject] = {}
        self._open = {
            EntryKey(kind, name)
            for kind in KINDS
            for name, record in registry.records(kind).items()
            if record.active or record.closing > (registry.last_tick or 0)
        }

    def take(self, sample: TickSample) -> None:
        """Add one tick."""
        before, known = self._registry, bool(sample.observed["kubernetes"])
        if before.last_tick is None or hour_of_tick(sample.time) != hour_of_tick(before.last_tick):
            self._observed = []
        # A shorter interval before a restart may have stored a part of this one already.
        start = max(sample.time - sample.interval, before.last_tick or 0)
        window = ObservedSteps(start, sample.time, pods_measured(sample))
        self._feed_cluster(sample, window)
        self._feed_pause(window.start)
        entries = _entries(sample)
        for key in self._open.difference(entries if known else ()):
            self._feed_absent(key, window, known=known)
        if known:
            for key, entry in entries.items():
                self._feed(key, entry, window)
            self._observed.append(window)
        answered: dict[Source, int] = {source: sample.time for source in SOURCES if sample.observed[source]}
        self._registry = replace(
            before,
            first_tick=sample.time if before.first_tick is None else before.first_tick,
            last_tick=sample.time,
            last_sample_at={**before.last_sample_at, **answered},
        )

    def result(self) -> Plan:
        """Return the plan of all ticks taken so far."""
        spans: dict[RrdFile, Sequence[Span]] = {CLUSTER_FILE: self._cluster} if self._cluster else {}
        records = {kind: dict(self._registry.records(kind)) for kind in KINDS}
        for (kind, name), subject in self._subjects.items():
            records[kind][name] = subject.record
            spans.update({RrdFile(kind, name, form): rows for form, rows in subject.spans.items() if rows})
        registry = replace(self._registry, namespaces=records["namespace"], special=records["special"])
        return Plan(registry, spans, tuple(self._observed))

    def _feed_cluster(self, sample: TickSample, window: ObservedSteps) -> None:
        start, end, pods = window
        covered = self._registry.last_tick or hour_of_tick(sample.time)
        if covered < start:
            self._cluster.append(Span(covered, start, not_sampled(sample)))
        self._cluster.append(Span(start, end, cluster_values(sample, pods=pods)))

    def _feed_pause(self, end: int) -> None:
        """Tells the open files that nobody sampled from the last tick to `end`.

        Only of the hours that the pause begins and ends in: of those that it covers, nothing is known anyway.
        """
        begin = self._registry.last_tick
        if begin is None or begin >= end:
            return
        pauses = _in_hours_at_both_ends(begin, end)
        for subject in map(self._subject, self._open):
            until = end if subject.record.active else min(end, subject.record.closing)
            for form in subject.record.forms:
                subject.spans[form] += [
                    Span(start, min(stop, until), NOBODY_MEASURED[form]) for start, stop in pauses if start < until
                ]

    def _feed(self, key: EntryKey, entry: Entry, window: ObservedSteps) -> None:
        start, time, pods = window
        subject = self._subject(key)
        before = subject.record
        # An absence within one hour was fed with zeros, so the life goes on.
        born = not (before.active or time <= before.closing)
        lives = (*before.lives, (time, time)) if born else (*before.lives[:-1], (before.lives[-1][0], time))
        first_gpu = before.gpu_since is None and entry.holds_gpu
        subject.record = NamespaceRecord(
            first_seen=before.first_seen or time,
            last_seen=time,
            active=True,
            lives=lives,
            gpu_since=time if first_gpu else before.gpu_since,
            labels=with_labels(before.labels, entry.labels, time),
        )
        self._open.add(key)
        for form in subject.record.forms:
            if born or (form is GPU and first_gpu):
                subject.spans[form].extend(self._hour_before(form, start))
            values = gpu_values(entry) if form is GPU else entry_values(entry, pods=pods)
            subject.spans[form].append(Span(start, time, values))

    def _hour_before(self, form: Form, until: int) -> Iterator[Span]:
        """Return what a file holds of the hour before its first row: zero in the observed steps."""
        newest = floor_hour(until)
        for window in self._observed:
            if newest < window.start:
                yield Span(newest, window.start, NOBODY_MEASURED[form])
            yield Span(window.start, window.end, zero(form, pods=window.pods))
            newest = window.end
        if newest < until:
            yield Span(newest, until, NOBODY_MEASURED[form])

    def _feed_absent(self, key: EntryKey, window: ObservedSteps, *, known: bool) -> None:
        start, time, pods = window
        subject = self._subject(key)
        active = subject.record.active and not known
        subject.record = replace(subject.record, active=active)
        for form in subject.record.forms:
            # Where the collector was down when its hour ended, the pause has closed it.
            if active or start < subject.record.closing:
                subject.spans[form].append(Span(start, time, zero(form, pods=pods) if known else NOBODY_MEASURED[form]))
        if not active and time >= subject.record.closing:
            self._open.discard(key)

    def _subject(self, key: EntryKey) -> _Subject:
        if key not in self._subjects:
            self._subjects[key] = _Subject(self._registry.records(key.kind).get(key.name, _NEVER_SEEN))
        return self._subjects[key]


def _entries(sample: TickSample) -> dict[EntryKey, Entry]:
    named: Mapping[EntryKind, Mapping[str, Entry]] = {
        "namespace": sample.namespaces,
        "special": dict(sample.special.items()),
    }
    return {EntryKey(kind, name): entry for kind, entries in named.items() for name, entry in entries.items()}


def _in_hours_at_both_ends(begin: int, end: int) -> list[tuple[int, int]]:
    """Return the parts of (begin, end] in the hours of its first and of its last step, without empty ones."""
    first_end, last_start = floor_hour(begin) + HOUR, floor_hour(end)
    if last_start < first_end:
        return [(begin, end)]
    return [(start, stop) for start, stop in ((begin, first_end), (last_start, end)) if stop - start not in (0, HOUR)]
