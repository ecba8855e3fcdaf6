"""What a namespace, or a stored special entry, came to in an hour: its ticks added up.

A namespace that a successful listing does not name is zero in that tick, and so are the GPUs of one that holds none.
Where nobody told what is charged it is unknown. Where nobody told which use is of measured pods, as in imported history
and before this was told, it is all of it, and its requests are counted by the share that was measured.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeVar, get_args

from collector.accounting.hour_coverage import HourCoverage
from collector.accounting.hour_extent import UNITS_PER, Extent, KnownSum, ZeroFilled
from collector.hour import HourAmount, HourRow
from collector.model import Entry, StoredSpecial, TickSample, UnmeasuredReason
from kl_core.vocabulary import BILLED_METRICS, METRICS, Metric

K = TypeVar("K")
Field = Literal["usage", "requests", "charged", "usage_matched", "requests_matched"]
_MATCHED: tuple[Field, Field] = ("usage_matched", "requests_matched")
_ALWAYS: frozenset[Metric] = frozenset({"cpu", "memory"})


def _usage(entry: Entry, metric: Metric) -> float | None:
    """Return the use of a metric in a tick that names an entry; unknown where one with GPUs does not tell theirs."""
    return entry.usage.get(metric, 0.0 if metric in _ALWAYS else None)


def _requests(entry: Entry, metric: Metric) -> float | None:
    """Return the requests of a metric."""
    return entry.requests.get(metric, 0.0)


def _charged(entry: Entry, metric: Metric) -> float | None:
    """Return what is charged of a metric, None where nobody told."""
    return entry.charged.get(metric, 0.0) if entry.charged else None


def _usage_matched(entry: Entry, metric: Metric) -> float | None:
    """Return the use that is to be set against requests."""
    if entry.usage_matched:
        return entry.usage_matched.get(metric, 0.0)
    return None if _requests(entry, metric) is None else _usage(entry, metric)


def _requests_matched(entry: Entry, metric: Metric) -> float | None:
    """Return the requests that it is to be set against."""
    if entry.requests_matched:
        return entry.requests_matched.get(metric, 0.0)
    requests = _requests(entry, metric)
    if requests is None or _usage(entry, metric) is None:
        return None
    return requests * _share(entry) if metric in _ALWAYS else requests


def _share(entry: Entry) -> float:
    """Return the share of pods measured; those of imported history, which knows none, are where the usage is known."""
    if entry.measured is None:
        return 0.0 if _usage(entry, "cpu") is None else 1.0
    return entry.measured


_FIELDS: Mapping[Field, tuple[Callable[[Entry, Metric], float | None], tuple[Metric, ...]]] = {
    "usage": (_usage, METRICS),
    "requests": (_requests, BILLED_METRICS),
    "charged": (_charged, BILLED_METRICS),
    "usage_matched": (_usage_matched, BILLED_METRICS),
    "requests_matched": (_requests_matched, BILLED_METRICS),
}
"""Fields of a row with the metrics that they have: nobody requests `gpu_memory`."""


def _sums() -> defaultdict[K, ZeroFilled]:
    return defaultdict(ZeroFilled)


@dataclass(slots=True)
class _Row:
    """An entry while the ticks of its hour are added up."""

    values: defaultdict[tuple[Field, Metric], ZeroFilled] = field(default_factory=_sums)
    storage: defaultdict[str, ZeroFilled] = field(default_factory=_sums)
    measured: KnownSum = field(default_factory=KnownSum)
    gpu_measured: KnownSum = field(default_factory=KnownSum)
    has_gpu_measured: bool = False
    unmeasured: dict[UnmeasuredReason, int] = field(default_factory=dict)
    labels: Mapping[str, str] | None = None

    def add(self, entry: Entry, tick: TickSample, seconds: int) -> None:
        """Add a tick that names it."""
        has_gpu = entry.holds_gpu
        for name, (value_of, metrics) in _FIELDS.items():
            for metric in metrics:
                if has_gpu or metric in _ALWAYS:
                    self.values[name, metric].add(value_of(entry, metric), seconds)
        if tick.observed["metrics"]:
            self.measured.add(_share(entry), seconds)
        if tick.observed["dcgm"]:
            self.gpu_measured.add(1.0 if entry.gpu_measured is None else entry.gpu_measured, seconds)
        self.has_gpu_measured |= entry.gpu_measured is not None
        if tick.storage_observed:
            for storage_class, value in entry.storage.items():
                self.storage[storage_class].add(value, seconds)
        if entry.labels is not None:
            self.labels = entry.labels

    def count(self, unmeasured: Mapping[UnmeasuredReason, int]) -> None:
        """Count pods that were not measured in a tick."""
        for reason, pods in unmeasured.items():
            self.unmeasured[reason] = self.unmeasured.get(reason, 0) + pods


@dataclass(frozen=True, slots=True)
class _Hour:
    """What an hour's rows have in common: its seconds of several kinds, and of which metrics capacity is known."""

    extent: Extent
    capacity_known: Mapping[Metric, bool]
    listed: int
    """In which the cluster was observed."""
    pods: int
    """And metrics-server."""
    gpus: int
    """And the exporters."""
    claims: int
    """And the claims."""

    def row(self, row: _Row) -> HourRow:
        usage = self._amounts(row, "usage")
        usage_matched, requests_matched = (
            {metric: None if usage[metric] is None else amount for metric, amount in self._amounts(row, name).items()}
            for name in _MATCHED
        )
        return HourRow(
            usage=usage,
            requests=self._amounts(row, "requests"),
            charged=self._amounts(row, "charged"),
            usage_matched=usage_matched,
            requests_matched=requests_matched,
            measured=_seconds(row.measured, self.pods),
            gpu_measured=_seconds(row.gpu_measured, self.gpus) if row.has_gpu_measured else None,
            unmeasured=row.unmeasured,
            storage={
                name: self.extent.amount(value.among(self.claims), UNITS_PER["memory"])
                for name, value in sorted(row.storage.items())
            },
            labels=row.labels,
        )

    def _amounts(self, row: _Row, name: Field) -> dict[Metric, HourAmount]:
        return {
            metric: self._amount(row, name, metric) if self.capacity_known["cpu"] else None
            for metric in METRICS
            if (name, metric) in row.values
        }

    def _amount(self, row: _Row, name: Field, metric: Metric) -> HourAmount:
        known = row.values[name, metric].among(self.listed)
        # Use of a capacity that is not known could not be set against it; that there was none is known.
        if name == "usage" and known.total and not self.capacity_known[metric]:
            return None
        # Means over different seconds could contradict each other.
        if name == "charged" and known.seconds != row.values["requests", metric].among(self.listed).seconds:
            return None
        return self.extent.amount(known, UNITS_PER[metric])


def hour_rows(
    coverage: HourCoverage, extent: Extent, capacity_known: Mapping[Metric, bool]
) -> tuple[dict[str, HourRow], dict[StoredSpecial, HourRow]]:
    """Return the rows of namespaces, by name, and of special entries that a tick of the hour names.

    `capacity_known` tells of each metric whether the cluster's capacity is; where that of cpu is not, all is unknown.
    Pods of namespaces that are not charged count as unmeasured in `excluded`.
    """
    namespaces: defaultdict[str, _Row] = defaultdict(_Row)
    special: defaultdict[StoredSpecial, _Row] = defaultdict(_Row)
    claims = 0
    for tick, seconds in coverage.listed:
        claims += seconds if tick.storage_observed else 0
        for name, entry in tick.namespaces.items():
            namespaces[name].add(entry, tick, seconds)
        for special_name, entry in tick.special.items():
            special[special_name].add(entry, tick, seconds)
        for name, reasons in tick.unmeasured.items():
            row = namespaces[name] if name in tick.namespaces else special.get("excluded")
            if row is not None:
                row.count(reasons)
    hour = _Hour(
        extent,
        capacity_known,
        listed=coverage.together("kubernetes"),
        pods=coverage.together("kubernetes", "metrics"),
        gpus=coverage.together("kubernetes", "dcgm"),
        claims=claims,
    )
    return (
        {name: hour.row(row) for name, row in sorted(namespaces.items())},
        {name: hour.row(special[name]) for name in get_args(StoredSpecial) if name in special},
    )


def _seconds(measured: KnownSum, seconds: int) -> int:
    """Return seconds by the share measured; in those that do not name the entry nothing of it was left unmeasured."""
    return round(measured.total + seconds - measured.seconds)
