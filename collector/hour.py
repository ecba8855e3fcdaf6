"""What one closed hour came to: the type that passes from accounting to the ledger, and from there to the books.

All amounts are integers: milli-core-seconds (`cpu`), MiB-seconds (`memory`, `gpu_memory`, storage), milli-GPU-seconds
(`gpu`). `None` is unknown and never means zero.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from collector.model import NodeFacts, StoredSpecial, UnmeasuredReason, UnobservedCause
from kl_core.vocabulary import Metric, Source

HourAmount = int | None
HourAmounts = Mapping[Metric, HourAmount]
"""By metric. One that is absent was zero where the cluster was observed, and does not apply where it cannot be."""

Origin = Literal["collector", "rrd", "import"]
"""Where an hour is from: watched by this collector, taken over from round-robin databases without a ledger, or imported
from an installation of KubeLedger or kube-opex-analytics."""

HOUR_SECONDS = 3600
MIN_KNOWN_SECONDS = HOUR_SECONDS // 2
"""What is known for exactly half of an hour stands for all of it, what is for less is unknown."""


@dataclass(frozen=True, slots=True)
class HourRow:
    """What a namespace, or a stored special entry, came to in an hour."""

    usage: HourAmounts
    requests: HourAmounts
    charged: HourAmounts
    """At least `requests`; unknown in hours of another origin than `collector`."""
    usage_matched: HourAmounts
    requests_matched: HourAmounts
    measured: HourAmount
    """Seconds of the hour, each counted by the share of the expected pods that was measured in it."""
    gpu_measured: HourAmount = None
    """The same of the GPUs that it holds; None where it held none."""
    unmeasured: Mapping[UnmeasuredReason, int] = field(default_factory=dict)
    """Samples of expected pods that were not measured, by reason."""
    storage: Mapping[str, HourAmount] = field(default_factory=dict)
    """Requested by PersistentVolumeClaims, by storage class."""
    labels: Mapping[str, str] | None = field(default_factory=dict)
    """Those at the hour's end; None where nobody told them, as of one that was deleted within the first interval."""
    present: bool = True
    """Whether it was listed in the hour; else it only stands in the day's order of names."""


@dataclass(frozen=True, slots=True)
class NodeIs:
    """What a node is: `facts`, and capacity and allocatable in thousandths of cores and GPUs, and MiB."""

    facts: NodeFacts
    capacity: HourAmounts
    allocatable: HourAmounts


@dataclass(frozen=True, slots=True)
class HourNode:
    """What a node came to in an hour.

    Where the cluster was not observed in all of a closed hour, what was observed stands for the rest of it.
    """

    usage: HourAmounts
    requests: HourAmounts
    present: int
    """Seconds for which it was there."""
    pods: int
    """Pod-seconds: Σ over ticks of the pods that held something at their end × the seconds they stand for."""
    what: NodeIs


@dataclass(frozen=True, slots=True)
class HourRate:
    """The rate in force: currency per hour for the whole cluster, and configured weights, None for the default."""

    rate: float
    currency: str
    weights: Mapping[Metric, float] | None


@dataclass(frozen=True, slots=True)
class ClosedHour:
    """An hour that is over. Namespaces that are not in it, and lived that day, used nothing in it."""

    start: int
    """UNIX seconds, a multiple of 3600."""
    origin: Origin
    observed: Mapping[Source, HourAmount]
    """Seconds that each source was observed; None for one that was not configured."""
    pods_observed: int
    """Seconds in which the pods and their usage were both known."""
    unobserved: Mapping[Source, Mapping[UnobservedCause, int]]
    """Seconds that each source was not observed though it was expected to be, by cause."""
    capacity: HourAmounts
    allocatable: HourAmounts
    """Of all metrics; all None in an hour with fewer than half of its seconds observed."""
    rate: HourRate | None
    bill: HourAmounts
    """Millionths of the currency; empty where no rate was in force or the hour is not observed."""
    namespaces: Mapping[str, HourRow]
    special: Mapping[StoredSpecial, HourRow]
    nodes: Mapping[str, HourNode] = field(default_factory=dict)
    storage_observed: HourAmount = None
    """Seconds in which claims were listed; None where nobody asked."""

    @property
    def is_observed(self) -> bool:
        """Whether anything is known of it: its capacity of cpu is."""
        return self.capacity.get("cpu") is not None
