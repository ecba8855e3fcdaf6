"""A published dataset in memory: frozen, in matrices, and the only thing the queries read.

Columns and matrices are those of `table`. Amounts are core-hours (cpu), GiB-hours (memory, gpu_memory),
GPU-hours (gpu) and money in the dataset's currency (cost). Instants are UNIX seconds.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from math import inf
from typing import TYPE_CHECKING, Literal

import numpy as np

from kl_core.calendar import HOUR, hour_of_tick
from kl_core.vocabulary import BILLED_METRICS, CostModel, Metric, ScaleName, Source
from kl_query.dataset.table import Column, Table
from kl_query.kept import Kept
from kl_query.numbers import UNKNOWN, ratios
from kl_query.warnings.warning import DataWarning, RowId

if TYPE_CHECKING:
    from kl_query.dataset.history import History

LayoutName = Literal["native", "kubeledger", "none"]
SYSTEM_PREFIXES = ("kube-", "openshift-")


@dataclass(frozen=True, slots=True)
class LegacyFacts:
    """What else is known of a scale that was read from files which know neither amounts nor capacity."""

    counted: bool = True
    """Whether hourly points tell how many hours the buckets hold; otherwise `elapsed_hours` are those they can."""
    lag: int = 0
    """By how many seconds the windows of the files ended after the newest sample."""


@dataclass(frozen=True, eq=False)
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
    namespaces: Table
    """By name, and by numbers instead of the names that the caller may not know."""
    special: Table
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
    absent: float = 0.0
    """What a metric that a row lacks was in every observed bucket."""
    legacy: LegacyFacts | None = None
    """None for amounts in core-hours and the like, of known capacity."""
    problems: tuple[DataWarning, ...] = ()
    """What answers from it say beside what the dataset warns of."""
    shared: frozenset[RowId] = frozenset()
    """Namespaces that the dataset's `sharing` names, and that its table does not know."""

    @cached_property
    def lengths(self) -> Column:
        """Return the hours from the start to the calendar end of each bucket, observed or not."""
        return np.subtract(self.ends, self.starts) / HOUR

    @cached_property
    def zero(self) -> Column:
        """Return what a metric that a row lacks was per bucket; unknown where nothing was observed."""
        return np.where(self.observed_hours > 0, self.absent, UNKNOWN)

    @cached_property
    def prices(self) -> Mapping[Metric, Column]:
        """Return bill ÷ capacity per bucket, by metric; exact where a bucket is one hour."""
        priced = [metric for metric in BILLED_METRICS if metric in self.bill and metric in self.capacity]
        free = {metric: (self.capacity[metric] == 0) & (self.bill[metric] == 0) for metric in priced}
        return {m: np.where(free[m], 0.0, ratios(self.bill[m], self.capacity[m])) for m in priced}

    @cached_property
    def priced(self) -> Column:
        """Return the observed hours of each bucket in which a rate was in force; 0 in buckets without a bill."""
        if self.priced_hours is not None:
            return self.priced_hours
        billed = [~np.isnan(bill) for bill in self.bill.values()]
        return np.where(np.any(billed, axis=0), self.observed_hours, 0.0) if billed else 0 * self.observed_hours

    def sampled_until(self, index: int) -> int:
        """Return the end of a bucket; of the open one, the last tick in it."""
        if self.newest_sample is not None:
            return min(self.ends[index], self.newest_sample)
        elapsed = round(float(self.elapsed_hours[index]) * HOUR)
        return self.ends[index] if self.complete[index] else self.starts[index] + elapsed


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


@dataclass(frozen=True, eq=False)
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
    history: History | None = None
    """What was published of closed days; None where nothing was."""
    shared: frozenset[RowId] = frozenset()
    """Namespaces that `sharing` names."""
    names: tuple[str, ...] = field(init=False, repr=False, compare=False)
    """Of the namespaces, in order; sorted once, for lists, errors and completion look for them with every call."""

    kept: Kept = field(default_factory=Kept, init=False, repr=False)
    """Answers from this dataset; they go with it."""

    def __post_init__(self) -> None:
        """Sort the names."""
        object.__setattr__(self, "names", tuple(sorted(self.namespaces)))

    @property
    def newest_sample(self) -> int | None:
        """Return the nominal time of the newest sample of any source; None where none has a time of its own."""
        return max((at for at in self.last_sample_at.values() if at is not None), default=None)

    @cached_property
    def recorded_since(self) -> int | None:
        """Return when the first namespace was first seen, with which the record begins; None where nobody told."""
        seen = [*(namespace.first_seen for namespace in self.namespaces.values()), *self.withheld]
        return min((at for at in seen if at is not None), default=None)

    def lifetime(self, names: Iterable[RowId]) -> tuple[float, float]:
        """Return the hour in which the first of some namespaces was born, and the end of the hour the last ended in.

        Infinite where that is unknown: one that is first seen in the hour in which the record began may be older, and
        one that is active has not ended.
        """
        records = [self.namespaces.get(name) if isinstance(name, str) else None for name in names]
        since = self.recorded_since
        seen = [since if record is None or record.first_seen is None else record.first_seen for record in records]
        known = [at for at in seen if at is not None]
        born = -inf if since is None and len(known) < len(seen) else hour_of_tick(min(known))
        began = -inf if since is None else hour_of_tick(since)
        ended = [r.last_seen if r and r.active is False else None for r in records]
        last = inf if None in ended else hour_of_tick(max(each for each in ended if each is not None)) + HOUR
        return -inf if born == began else born, last

    def is_system(self, namespace: str) -> bool:
        """Say whether a namespace belongs to the platform rather than to an application."""
        return namespace.startswith(self.system_prefixes)

    def knowing(self, names: Iterable[str]) -> Dataset:
        """Return the same data with namespaces that only the history names in the table too."""
        former = [name for name in dict.fromkeys(names) if name not in self.namespaces]
        gone = {name: Namespace(name, None, None, active=False) for name in former}
        return replace(self, namespaces={**self.namespaces, **gone}) if gone else self

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
