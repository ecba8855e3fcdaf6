"""Which steps of which files a batch of ticks fills, and what the registry knows afterwards. Pure.

A step that no span covers stays unknown. Files are followed hour by hour: at a birth the observed steps since the hour
began become zero, at an end zero is fed to the hour's end, so that the mean of every hour of a life is over all of its
observed steps. `measured` is known in every step of such an hour, 0.0 in those that were not observed, so that its mean
is the share of all of the hour's pod samples that were measured.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from collector.errors import StoreError
from collector.model import Entry, TickSample
from collector.sampling_times import INTERVALS
from collector.store.paths import CLUSTER_FILE, ENTRY, GPU, KINDS, EntryKind, Form, RrdFile, check_name
from collector.store.registry import NamespaceRecord, Registry, current_labels, hour_end, with_labels
from collector.store.row_values import (
    NOBODY_MEASURED,
    cluster_values,
    entry_values,
    gpu_values,
    holds_gpu,
    not_sampled,
    pods_measured,
    zero,
)
from collector.store.rrd.database import Span
from kl_core.calendar import HOUR, floor_hour, hour_of_tick
from kl_core.vocabulary import SOURCES


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
        for name in sample.namespaces:
            check_name("namespace", name)
        for name in sample.special:
            check_name("special", name)


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


class _Subject:
    """A namespace or special entry while a batch is worked through: its record, thawed, and the spans of its files."""

    __slots__ = ("active", "first_seen", "gpu_since", "labels", "labels_now", "last_seen", "lives", "spans")

    def __init__(self, record: NamespaceRecord) -> None:
        self.first_seen = record.first_seen
        self.last_seen = record.last_seen
        self.active = record.active
        self.lives = list(record.lives)
        self.gpu_since = record.gpu_since
        self.labels = record.labels
        self.labels_now = current_labels(record.labels)
        self.spans: dict[Form, list[Span]] = {ENTRY: [], GPU: []}

    @property
    def closing(self) -> int:
        """Up to when its files are fed after its last listing."""
        return hour_end(self.last_seen)

    def forms(self) -> tuple[Form, ...]:
        """Return the forms of its files."""
        return (ENTRY,) if self.gpu_since is None else (ENTRY, GPU)

    def record(self) -> NamespaceRecord:
        """Return what the registry keeps of it."""
        return NamespaceRecord(
            first_seen=self.first_seen,
            last_seen=self.last_seen,
            active=self.active,
            lives=tuple(self.lives),
            gpu_since=self.gpu_since,
            labels=self.labels,
        )


class _Planner:
    def __init__(self, registry: Registry, observed: Iterable[ObservedSteps]) -> None:
        self._registry = registry
        self._first_tick = registry.first_tick
        self._last_tick = registry.last_tick
        self._last_sample_at = dict(registry.last_sample_at)
        self._observed = list(observed)
        self._hour = None if registry.last_tick is None else hour_of_tick(registry.last_tick)
        self._cluster: list[Span] = []
        self._subjects: dict[EntryKind, dict[str, _Subject]] = {kind: {} for kind in KINDS}
        self._open = {
            kind: {name for name, record in registry.records(kind).items() if _is_open(record, registry.last_tick)}
            for kind in KINDS
        }

    def take(self, sample: TickSample) -> None:
        """Add one tick."""
        hour = hour_of_tick(sample.time)
        if hour != self._hour:
            self._hour, self._observed = hour, []
        # A shorter interval before a restart may have stored a part of this one already.
        window = ObservedSteps(
            max(sample.time - sample.interval, self._last_tick or 0), sample.time, pods_measured(sample)
        )
        self._feed_cluster(sample, window)
        self._feed_pause(window.start)
        known = bool(sample.observed["kubernetes"])
        entries: dict[EntryKind, Mapping[str, Entry]] = {
            "namespace": sample.namespaces,
            "special": dict(sample.special.items()),
        }
        for kind, named in entries.items():
            for name in self._open[kind].difference(named) if known else tuple(self._open[kind]):
                self._feed_absent(kind, name, window, known=known)
            if known:
                for name, entry in named.items():
                    self._feed(kind, name, entry, window)
        if known:
            self._observed.append(window)
        self._last_tick = sample.time
        self._first_tick = sample.time if self._first_tick is None else self._first_tick
        self._last_sample_at.update({source: sample.time for source in SOURCES if sample.observed[source]})

    def result(self) -> Plan:
        """Return the plan of all ticks taken so far."""
        spans: dict[RrdFile, Sequence[Span]] = {CLUSTER_FILE: self._cluster} if self._cluster else {}
        records = {kind: dict(self._registry.records(kind)) for kind in KINDS}
        for kind, subjects in self._subjects.items():
            for name, subject in subjects.items():
                records[kind][name] = subject.record()
                spans.update({RrdFile(kind, name, form): rows for form, rows in subject.spans.items() if rows})
        registry = Registry(
            first_tick=self._first_tick,
            last_tick=self._last_tick,
            last_sample_at=self._last_sample_at,
            namespaces=records["namespace"],
            special=records["special"],
        )
        return Plan(registry, spans, tuple(self._observed))

    def _feed_cluster(self, sample: TickSample, window: ObservedSteps) -> None:
        start, end, pods = window
        covered = hour_of_tick(sample.time) if self._last_tick is None else self._last_tick
        if covered < start:
            self._cluster.append(Span(covered, start, not_sampled(sample)))
        self._cluster.append(Span(start, end, cluster_values(sample, pods=pods)))

    def _feed_pause(self, end: int) -> None:
        """Tells the open files that nobody sampled from the last tick to `end`.

        Only of the hours that the pause begins and ends in: of those that it covers, nothing is known anyway.
        """
        begin = self._last_tick
        if begin is None or begin >= end:
            return
        pauses = _in_hours_at_both_ends(begin, end)
        for kind, names in self._open.items():
            for name in names:
                subject = self._known_subject(kind, name)
                until = end if subject.active else min(end, subject.closing)
                for form in subject.forms():
                    subject.spans[form] += [
                        Span(start, min(stop, until), NOBODY_MEASURED[form]) for start, stop in pauses if start < until
                    ]

    def _feed(self, kind: EntryKind, name: str, entry: Entry, window: ObservedSteps) -> None:
        start, time, pods = window
        subject = self._subject(kind, name)
        # An absence within one hour was fed with zeros, so the life goes on.
        born = subject is None or not (subject.active or time <= subject.closing)
        if subject is None:
            subject = self._subjects[kind][name] = _Subject(NamespaceRecord(time, time, active=True, lives=()))
        subject.last_seen, subject.active = time, True
        if born:
            subject.lives.append((time, time))
            self._open[kind].add(name)
        else:
            subject.lives[-1] = (subject.lives[-1][0], time)
        if entry.labels != subject.labels_now:
            subject.labels = with_labels(subject.labels, entry.labels, time)
            subject.labels_now = dict(entry.labels)
        self._append(subject, ENTRY, Span(start, time, entry_values(entry, pods=pods)), begins=born)
        first_gpu = subject.gpu_since is None and holds_gpu(entry)
        if first_gpu:
            subject.gpu_since = time
        if subject.gpu_since is not None:
            self._append(subject, GPU, Span(start, time, gpu_values(entry)), begins=born or first_gpu)

    def _append(self, subject: _Subject, form: Form, span: Span, *, begins: bool) -> None:
        if begins:
            subject.spans[form].extend(self._hour_before(form, span.start))
        subject.spans[form].append(span)

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

    def _feed_absent(self, kind: EntryKind, name: str, window: ObservedSteps, *, known: bool) -> None:
        start, time, pods = window
        subject = self._known_subject(kind, name)
        subject.active = subject.active and not known
        ended, closing = not subject.active, subject.closing
        for form in subject.forms():
            # Where the collector was down when its hour ended, the pause has closed it.
            if not ended or start < closing:
                subject.spans[form].append(Span(start, time, zero(form, pods=pods) if known else NOBODY_MEASURED[form]))
        if ended and time >= closing:
            self._open[kind].discard(name)

    def _known_subject(self, kind: EntryKind, name: str) -> _Subject:
        subject = self._subject(kind, name)
        assert subject is not None  # noqa: S101 - only known subjects are open
        return subject

    def _subject(self, kind: EntryKind, name: str) -> _Subject | None:
        subject = self._subjects[kind].get(name)
        if subject is None and (record := self._registry.records(kind).get(name)) is not None:
            subject = self._subjects[kind][name] = _Subject(record)
        return subject


def _is_open(record: NamespaceRecord, last_tick: int | None) -> bool:
    return record.active or (last_tick is not None and hour_end(record.last_seen) > last_tick)


def _in_hours_at_both_ends(begin: int, end: int) -> list[tuple[int, int]]:
    """Return the parts of (begin, end] in the hours of its first and of its last step, without empty ones."""
    first_end, last_start = floor_hour(begin) + HOUR, floor_hour(end)
    if last_start < first_end:
        return [(begin, end)]
    return [(start, stop) for start, stop in ((begin, first_end), (last_start, end)) if stop - start not in (0, HOUR)]
