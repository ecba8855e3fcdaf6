"""What the collector's /metrics answers: all of its series, each described in this place.

Things are counted where they happen, by a `Meter` that is passed in at the edge. Labels are sources, resources, reasons
and causes, never namespaces. What is not known has no series: a 0 would look like a measurement.
"""

from __future__ import annotations

import platform
from collections import Counter as Sums
from collections.abc import Callable, Iterator, Mapping
from typing import Literal, get_args

from prometheus_client import CollectorRegistry, Counter, Metric, ProcessCollector, disable_created_metrics
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from collector import __version__
from collector.clock import Disagreement, Witness
from collector.disk_use import DiskUse
from collector.errors import NoSpaceError, PublishError, StoreError
from collector.model import TickSample, UnmeasuredReason, UnobservedCause
from collector.store.ledger.ledger import Ledger
from kl_core.vocabulary import SOURCES, Source

PREFIX = "kubeledger_collector"
WATCHED = ("namespaces", "nodes", "pods", "persistentvolumeclaims")

TickOutcome = Literal["stored", "unobserved", "refused", "failed", "missed"]
TickFailure = Literal["store", "no_space", "publication", "defect"]
"""Why a tick raised: the store, a full disk, the publication (then it is stored), or something that is a defect."""
NO_CAUSE = "none"
_OF_OTHER_OUTCOMES = ("clock", "collector_down")
TICKS: Mapping[TickOutcome, tuple[str, ...]] = {
    "stored": (NO_CAUSE,),
    "unobserved": tuple(cause for cause in get_args(UnobservedCause) if cause not in _OF_OTHER_OUTCOMES),
    "refused": get_args(Witness),
    "failed": get_args(TickFailure),
    "missed": (NO_CAUSE,),
}
"""Outcomes of ticks, and the causes of each."""
PUBLICATION_OUTCOMES = ("published", "failed")


class Meter(Collector):
    """Counts of one process, and what is known now; may be used by several threads. Its `registry` is to be served."""

    def __init__(self, interval: int | None = None, disks: Callable[[], DiskUse] | None = None) -> None:
        """`interval` is the seconds between two ticks; `disks` looks at the disks whenever metrics are asked for."""
        disable_created_metrics()  # type: ignore[no-untyped-call] # the library's one switch; what it adds is a series beside each, of times
        self._interval = interval
        self._disks = disks
        self._newest: TickSample | None = None
        self._ledger: Ledger | None = None
        self._last_tick: int | None = None
        self._sampled: Mapping[Source, int | None] = {}
        self._clock: tuple[Disagreement | None] | None = None
        self._generation: int | None = None
        self._has_published: bool | None = None
        self.registry = CollectorRegistry(auto_describe=False)
        self._ticks = self._counter(
            "ticks",
            "Ticks by outcome and cause. unobserved: the cluster did not answer; refused: something contradicts the "
            "clock; failed: it raised (cause publication: it is stored); missed: not taken, though it was due.",
            "outcome",
            "cause",
        )
        for ending, causes in TICKS.items():
            for cause in causes:
                self._ticks.labels(ending, cause)
        self._errors = self._counter(
            "source_errors", "Ticks of whose interval a source told nothing, by cause.", "source", "cause"
        )
        self._restarts = self._counter(
            "watch_restarts", "Watches that broke off, or could not begin, and were begun again.", "resource"
        )
        for resource in WATCHED:
            self._restarts.labels(resource)
        self._publications = self._counter("publications", "Attempts to publish the dataset.", "outcome")
        for outcome in PUBLICATION_OUTCOMES:
            self._publications.labels(outcome)
        self._port_failures = self._counter("metrics_port_failures", "Attempts to listen on KL_METRICS_PORT in vain.")
        self.registry.register(self)
        ProcessCollector(registry=self.registry)

    def _counter(self, name: str, documentation: str, *labels: str) -> Counter:
        return Counter(f"{PREFIX}_{name}", documentation, labels, registry=self.registry)

    def count_tick(self, outcome: TickOutcome, cause: str = NO_CAUSE, times: int = 1) -> None:
        """Count ticks that ended in one way; `cause` is one of `TICKS`."""
        self._ticks.labels(outcome, cause).inc(times)

    def count_watch_restart(self, resource: str) -> None:
        """Count a watch of one of `WATCHED` that is begun again."""
        self._restarts.labels(resource).inc()

    def count_port_failure(self) -> None:
        """Count a port that could not be listened on."""
        self._port_failures.inc()

    def count_publication(self, generation: int | None) -> None:
        """Count an attempt to publish; None for one that failed."""
        self._publications.labels(PUBLICATION_OUTCOMES[generation is None]).inc()
        self._has_published = generation is not None
        self._generation = generation or self._generation

    def know_samples(self, last_tick: int | None, sampled: Mapping[Source, int | None]) -> None:
        """Note the newest stored tick and the newest sample of each source, UNIX seconds."""
        self._last_tick, self._sampled = last_tick, sampled

    def know_tick(self, sample: TickSample) -> None:
        """Note what was just stored, and count the sources that told nothing."""
        self._newest = sample
        for source, is_observed in sample.observed.items():
            if is_observed is False:
                self._errors.labels(source, unobserved_cause(sample, source)).inc()

    def know_ledger(self, ledger: Ledger) -> None:
        """Note the ledger, of which the newest state is told whenever that is asked for."""
        self._ledger = ledger

    def know_clock(self, disagreement: Disagreement | None) -> None:
        """Note what contradicts the clock."""
        self._clock = (disagreement,)

    def collect(self) -> Iterator[Metric]:
        """Yield what is known now."""
        info = _gauge("build_info", "Version of kl-collector and of Python; always 1.", "version", "python")
        info.add_metric((__version__, platform.python_version()), 1)
        yield info
        yield from _known("polling_interval_seconds", "Seconds between two ticks.", self._interval)
        yield from _known("last_tick_timestamp_seconds", "Newest stored tick, observed or not.", self._last_tick)
        sampled = _gauge("last_sample_timestamp_seconds", "Newest tick at which each source answered.", "source")
        for source, time in self._sampled.items():
            if time is not None:
                sampled.add_metric((source,), time)
        yield sampled
        yield from _of_tick(self._newest)
        yield from _of_clock(self._clock)
        yield from _known(
            "last_publication_succeeded",
            "1 when the newest attempt to publish succeeded, else 0.",
            None if self._has_published is None else int(self._has_published),
        )
        yield from _known("publication_generation", "Generation that was published last.", self._generation)
        yield from _of_ledger(self._ledger)
        if self._disks is not None:
            yield from _of_disks(self._disks())


def tick_failure(error: Exception) -> TickFailure:
    """Say why a tick raised."""
    if isinstance(error, NoSpaceError):
        return "no_space"
    if isinstance(error, StoreError):
        return "store"
    return "publication" if isinstance(error, PublishError) else "defect"


def unobserved_cause(sample: TickSample, source: Source) -> UnobservedCause:
    """Say why a source told nothing; one of which the sample does not say failed with some error."""
    return sample.causes.get(source, "error")


def _of_ledger(ledger: Ledger | None) -> Iterator[Metric]:
    if ledger is None or ledger.last_hour is None:
        return
    yield GaugeMetricFamily(
        "kubeledger_ledger_lines", "Lines of the ledger: one a closed hour, one a day.", ledger.length
    )
    yield GaugeMetricFamily(
        "kubeledger_ledger_last_hour_timestamp_seconds", "Start of the newest hour in the ledger.", ledger.last_hour
    )
    head = GaugeMetricFamily(
        "kubeledger_ledger_head_info", "Chain of the ledger's newest line, to be kept elsewhere.", labels=("head",)
    )
    head.add_metric((ledger.head,), 1)
    yield head


def _gauge(name: str, documentation: str, *labels: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"{PREFIX}_{name}", documentation, labels=labels)


def _known(name: str, documentation: str, value: float | None) -> Iterator[Metric]:
    if value is not None:
        yield GaugeMetricFamily(f"{PREFIX}_{name}", documentation, value)


def _of_tick(newest: TickSample | None) -> Iterator[Metric]:
    """Yield what the newest tick of this process saw; unmeasured pods where both of their sources answered."""
    if newest is None:
        return
    observed = _gauge("source_observed", "1 when a source answered for the newest tick, 0 when not.", "source")
    for source in SOURCES:
        is_observed = newest.observed.get(source)
        if is_observed is not None:
            observed.add_metric((source,), int(is_observed))
    yield observed
    if not (newest.observed.get("kubernetes") and newest.observed.get("metrics")):
        return
    pods = Sums(dict.fromkeys(get_args(UnmeasuredReason), 0))
    for reasons in newest.unmeasured.values():
        pods.update(reasons)
    unmeasured = _gauge(
        "unmeasured_pods", "Pods that were to be measured at the newest tick and were not, by reason.", "reason"
    )
    for reason, count in pods.items():
        unmeasured.add_metric((reason,), count)
    yield unmeasured


def _of_clock(judged: tuple[Disagreement | None] | None) -> Iterator[Metric]:
    if judged is None:
        return
    (disagreement,) = judged
    yield from _known("clocks_disagree", "1 while something contradicts the clock.", int(disagreement is not None))
    if disagreement is None:
        return
    apart = _gauge(
        "clock_disagreement_seconds",
        "Seconds by which the clock is ahead of what contradicts it; negative when behind.",
        "contradicted_by",
    )
    for witness, instant in disagreement.contradicted_by.items():
        apart.add_metric((witness,), disagreement.clock - instant)
    yield apart


def _of_disks(use: DiskUse) -> Iterator[Metric]:
    stored = _gauge("store_bytes", "Size of the files under KL_DB_LOCATION, by what they are.", "part")
    for part, size in use.stored.items():
        stored.add_metric((part,), size)
    yield stored
    free = _gauge("disk_free_bytes", "What may still be written to the disk of a directory.", "directory")
    sizes = _gauge("disk_size_bytes", "Size of the disk of a directory.", "directory")
    for directory, disk in use.disks.items():
        free.add_metric((directory,), disk.free)
        sizes.add_metric((directory,), disk.size)
    yield free
    yield sizes
