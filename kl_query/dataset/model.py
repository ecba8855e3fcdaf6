"""A published dataset in memory: frozen, columnar, and the only thing the queries read.

A column is an `array('d')` with one element a bucket; NaN is unknown. Amounts are core-hours (cpu), GiB-hours
(memory, gpu_memory), GPU-hours (gpu) and money in the dataset's currency (cost). Instants are UNIX seconds.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from math import inf
from typing import Literal, TypeAlias

from kl_core.calendar import HOUR, hour_of_tick
from kl_core.vocabulary import CostModel, Metric, ScaleName, Source, Special
from kl_query.warnings.warning import DataWarning, RowId, Withheld

LayoutName = Literal["native", "kubeledger", "none"]
SYSTEM_PREFIXES = ("kube-", "openshift-")

Column: TypeAlias = "array[float]"


@dataclass(frozen=True, slots=True)
class Amounts:
    """One metric of one row. `requests_matched` and `cost` are None where they follow from the other columns."""

    usage: Column
    requests: Column | None
    requests_matched: Column | None = None
    cost: Column | None = None
    usage_matched: Column | None = None
    """Usage of the hours in which requests are known too; None: all of it."""
    matched_hours: Column | None = None
    """Observed hours in which both are known; None: `usage_hours`."""
    usage_hours: Column | None = None
    """Observed hours in which usage is known; None: all of them."""
    cost_hours: Column | None = None
    """Those of `usage_hours` in which a rate was in force; None: these or the priced hours, whichever are fewer."""


Row: TypeAlias = Mapping[Metric, Amounts]
"""A metric that is absent was zero in every observed bucket."""


@dataclass(frozen=True, slots=True)
class LegacyFacts:
    """What else is known of a scale that was read from files which know neither amounts nor capacity."""

    counted: bool = True
    """Whether hourly points tell how many hours the buckets hold; otherwise `elapsed_hours` are those they can."""
    lag: int = 0
    """By how many seconds the windows of the files ended after the newest sample."""


@dataclass(frozen=True, slots=True)
class Scale:
    """Every amount of one scale. All columns have `len(starts)` elements; buckets are half-open, oldest first."""

    name: ScaleName
    file: str
    starts: tuple[int, ...]
    ends: tuple[int, ...]
    """Calendar end of each bucket, also of the open one."""
    complete: tuple[bool, ...]
    elapsed_hours: Column
    observed_hours: Column
    coverage: Mapping[Source, Column]
    capacity: Mapping[Metric, Column]
    allocatable: Mapping[Metric, Column]
    bill: Mapping[Metric, Column]
    namespaces: Mapping[str, Row]
    special: Mapping[Special, Row]
    withheld: tuple[Row | None, ...] = ()
    """The rows of namespaces that the caller may not know; None of those that are not in this scale."""
    measured: Mapping[RowId, Column] = field(default_factory=dict)
    """Share of the expected pod samples that were measured, of namespaces where it is not `pods_coverage`."""
    pods_coverage: Column | None = None
    """Share of the elapsed hours in which pods and their usage were both known; None where it is that of metrics."""
    expected_hours: Mapping[Source, Column] = field(default_factory=dict)
    """Hours in which samples were expected, of sources of which that is not all of the elapsed ones."""
    silent_hours: Mapping[Source, Column] = field(default_factory=dict)
    """Hours in which the API server answered and the source did not; none of sources that are not here."""
    priced_hours: Column | None = None
    """Observed hours in which a rate was in force; None: all of them in buckets with a bill, none in the others."""
    capacity_hours: Mapping[Metric, Column] = field(default_factory=dict)
    """Observed hours with known capacity, of metrics of which that is not all of them."""

    cost_model: CostModel = "cumulative"
    """What amounts are held as. Of legacy files, cumulative: sums of hourly percentages of cluster capacity; costs:
    money; normalized: per cent of total usage times the hours of the bucket, so that a window's value is the mean over
    its hours. There, a bucket without a value is unknown."""
    begins_in: int | None = None
    """The bucket the data begin in, where at which hour of it is unknown; None where it is known."""
    uncounted: Mapping[Metric, Mapping[RowId, tuple[int, ...]]] = field(default_factory=dict)
    """Per namespace the buckets that have requests, but for how many of their hours is unknown."""
    newest_sample: int | None = None
    """The instant that the data end at; None: what the last bucket has elapsed of."""
    legacy: LegacyFacts | None = None
    """None for amounts in core-hours and the like, of known capacity."""

    @property
    def withheld_ids(self) -> Iterator[Withheld]:
        """Return what the withheld rows go by, the same in every scale."""
        return (Withheld(i) for i, row in enumerate(self.withheld) if row is not None)

    @property
    def rows(self) -> list[RowId]:
        """Return what all rows go by, withheld ones included."""
        return [*self.namespaces, *self.withheld_ids]

    def row(self, row: RowId) -> Row:
        """Return a row; a namespace that is not in this scale has an empty one."""
        if isinstance(row, str):
            return self.namespaces.get(row, {})
        return self.withheld[row] or {}

    def sampled_until(self, index: int) -> int:
        """Return the end of a bucket; of the open one, the last tick in it."""
        if self.newest_sample is not None:
            return min(self.ends[index], self.newest_sample)
        return (
            self.ends[index] if self.complete[index] else self.starts[index] + round(self.elapsed_hours[index] * 3600)
        )


@dataclass(frozen=True, slots=True)
class Namespace:
    """A line of the namespace table; None where the layout does not tell.

    `labels` holds, per label, its values with the instant each was first seen.
    """

    name: str
    first_seen: int | None
    last_seen: int | None
    active: bool | None
    labels: Mapping[str, tuple[tuple[str | None, int], ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Rate:
    """The cluster's price per hour from `effective` on; 0 ends charging."""

    effective: int
    rate: float
    currency: str
    weights: Mapping[str, float] | None


@dataclass(frozen=True, slots=True)
class Node:
    """A node at the latest tick; resources by field name (`cpu_cores`, `mem_bytes`, `gpus`, `gpu_mem_bytes`)."""

    name: str
    ready: bool
    schedulable: bool
    pods: int
    capacity: Mapping[str, float | None]
    allocatable: Mapping[str, float | None]
    usage: Mapping[str, float | None]
    requests: Mapping[str, float | None]


@dataclass(frozen=True, slots=True)
class Nodes:
    """The nodes of the latest successful listing."""

    at: int | None
    nodes: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class CollectorClock:
    """Why the collector takes no samples: its clock is contradicted."""

    detected_at: int
    ahead_seconds: int
    """By how much it is ahead of the first that contradicts it; negative when behind."""
    contradicted_by: tuple[str, ...]
    """`api_server`, `boot_clock`, `newest_sample`."""


@dataclass(frozen=True, slots=True)
class BlindSpot:
    """Something that the collector could not see."""

    code: str
    said: DataWarning


@dataclass(frozen=True, slots=True)
class Sharing:
    """How answers in money spread costs: a setting of the server. As it stands here, not at all.

    `namespaces` are globs of the namespaces whose costs the others bear, `idle` says whether they bear that of idle
    capacity too, and `multiplier` applies to every cost and to the bill.
    """

    namespaces: tuple[str, ...] = ()
    idle: bool = False
    multiplier: float = 1.0
    withheld: int = 0
    """How many more globs there are, which match no namespace that the caller may know."""

    @property
    def spreads_namespaces(self) -> bool:
        """Say whether the costs of any namespace are borne by the others."""
        return bool(self.namespaces or self.withheld)


@dataclass(frozen=True, slots=True)
class Dataset:
    """One generation, whole. Queries never change it; a new generation is a new object."""

    layout: LayoutName
    cost_model: CostModel
    currency: str | None = None
    cluster: str | None = None
    producer: str | None = None
    producer_version: str | None = None
    """None where the layout does not tell."""
    generation: int = 0
    polling_interval_seconds: int | None = None
    generated_at: int | None = None
    collector_clock: CollectorClock | None = None
    """None while nothing contradicts the collector's clock."""
    last_sample_at: Mapping[Source, int | None] = field(default_factory=dict)
    metrics: tuple[Metric, ...] = ()
    rates: tuple[Rate, ...] = ()
    namespaces: Mapping[str, Namespace] = field(default_factory=dict)
    scales: Mapping[ScaleName, Scale] = field(default_factory=dict)
    nodes: Nodes | None = None
    files: Mapping[str, str] = field(default_factory=dict)
    """File name by part: a scale's name, `nodes`, `manifest`."""
    unmeasured: Mapping[str, Mapping[str, int]] | None = None
    """Pods that were to be measured at the newest sample and were not: namespace, reason, pods; None where nobody told.

    Of the namespaces that the caller may know."""
    has_unseen_gpus: bool = False
    """Whether any namespace held a GPU at the newest sample that no exporter showed; columns do not carry it."""
    blind_spots: tuple[BlindSpot, ...] | None = None
    """What the collector could not see at the newest sample; None where nobody told."""
    warnings: tuple[DataWarning, ...] = ()
    """What was wrong with this load; repeated in the metadata of every answer."""
    system_prefixes: tuple[str, ...] = SYSTEM_PREFIXES
    withheld: tuple[int | None, ...] = ()
    """Of each namespace that the caller may not know, when it was first seen; its amounts stay in every total."""
    sharing: Sharing = Sharing()
    shared: frozenset[RowId] = frozenset()
    """Namespaces that `sharing` names."""
    names: tuple[str, ...] = field(init=False, repr=False, compare=False)
    """Of the namespaces, in order; sorted once, for lists, errors and completion look for them with every call."""

    def __post_init__(self) -> None:
        """Sort the names."""
        object.__setattr__(self, "names", tuple(sorted(self.namespaces)))

    @property
    def newest_sample(self) -> int | None:
        """Return the nominal time of the newest sample of any source; None where none has a time of its own."""
        return max((at for at in self.last_sample_at.values() if at is not None), default=None)

    @property
    def recorded_since(self) -> int | None:
        """Return when the first namespace was first seen, with which the record begins; None where nobody told."""
        seen = [*(namespace.first_seen for namespace in self.namespaces.values()), *self.withheld]
        return min((at for at in seen if at is not None), default=None)

    def lifetime(self, names: Iterable[RowId]) -> tuple[float, float]:
        """Return the hour in which the first of some namespaces was born, and the end of the hour the last ended in.

        Infinite where that is unknown: one that is first seen in the hour in which the record began may be older, and
        one that is active has not ended.
        """
        began = -inf if self.recorded_since is None else hour_of_tick(self.recorded_since)
        records = [self.namespaces.get(name) if isinstance(name, str) else None for name in names]
        born = min(hour_of_tick(r.first_seen) if r and r.first_seen is not None else began for r in records)
        ended = (r.last_seen if r and r.active is False else None for r in records)
        return -inf if born == began else born, max(inf if end is None else hour_of_tick(end) + HOUR for end in ended)

    def is_system(self, namespace: str) -> bool:
        """Say whether a namespace belongs to the platform rather than to an application."""
        return namespace.startswith(self.system_prefixes)

    def with_warnings(self, *warnings: DataWarning) -> Dataset:
        """Return the same data with more load warnings."""
        return replace(self, warnings=(*self.warnings, *warnings))

    @property
    def total_namespaces(self) -> int:
        """Return how many namespaces there are, known to the caller or not."""
        return len(self.namespaces) + len(self.withheld)

    def priced(self, metric: Metric) -> bool:
        """Say whether any scale carries a bill for a metric."""
        return any(metric in scale.bill for scale in self.scales.values())


def empty_dataset(reason: DataWarning) -> Dataset:
    """Return a dataset without data; `reason` says what is missing and when to expect it."""
    return Dataset(layout="none", cost_model="cumulative", warnings=(reason,))
