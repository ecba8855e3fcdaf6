"""A day of the ledger as matrices of integers: what everything reads that adds up or compares hours."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from collector.hour import HourRate, NodeIs, Origin
from collector.model import StoredSpecial, UnmeasuredReason, UnobservedCause
from collector.store.ledger.form import AmountField, LedgerCluster, UnobservedDays
from kl_core.calendar import HOUR
from kl_core.vocabulary import Metric, Source

Integers: TypeAlias = NDArray[np.int64]
UNKNOWN = int(np.iinfo(np.int64).min)
"""Stands in them for what is not known."""


@dataclass(frozen=True, slots=True, eq=False)
class RowMatrices:
    """What N rows came to in H hours; every matrix is N × H. Units and meanings as in `collector.hour`."""

    names: tuple[str, ...]
    amounts: Mapping[AmountField, Mapping[Metric, Integers]]
    """Of `gpu_memory` usage alone."""
    measured: Integers
    gpu_measured: Integers
    unmeasured: Mapping[UnmeasuredReason, Integers]
    """Those that occur."""
    storage: Mapping[str, Integers]
    """By class, those that occur."""
    present: NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class NodeMatrices:
    """The same of nodes; one that was not there in an hour has zeros in it."""

    names: tuple[str, ...]
    usage: Mapping[Metric, Integers]
    requests: Mapping[Metric, Integers]
    """Of what can be requested."""
    present: Integers
    pods: Integers
    what: Sequence[Mapping[str, NodeIs]]
    """By hour, of those that the day had named by then."""


@dataclass(frozen=True, slots=True, eq=False)
class LedgerDay:
    """The hours of one file, from its first to its last without gaps. Arrays have an element an hour."""

    date: str
    cluster: LedgerCluster
    previous: str
    """The chain of the line before the first one."""
    unobserved_days: UnobservedDays | None
    chains: tuple[str, ...]
    """Of all lines, that of the header first."""
    starts: Integers
    """UNIX seconds."""
    origins: tuple[Origin, ...]
    namespaces: RowMatrices
    """Before it was named a namespace has zeros where the capacity is known, and is not present."""
    named: tuple[int, ...]
    """How many of the namespaces the day had named by each hour."""
    labels: Sequence[Sequence[Mapping[str, str]]]
    """By hour, of those, in the order of names."""
    special: RowMatrices
    """Of both stored special entries; present where the hour has them."""
    nodes: NodeMatrices
    observed: Mapping[Source, Integers]
    pods_observed: Integers
    storage_observed: Integers
    unobserved: tuple[Mapping[Source, Mapping[UnobservedCause, int]], ...]
    capacity: Mapping[Metric, Integers]
    allocatable: Mapping[Metric, Integers]
    rates: tuple[HourRate | None, ...]
    bill: Mapping[Metric, Integers]
    """Of billed metrics, unknown where there is none."""

    @property
    def end(self) -> int:
        """UNIX seconds at which its last hour ends."""
        return int(self.starts[-1]) + HOUR

    @property
    def last_labels(self) -> Sequence[Mapping[str, str]]:
        """Labels of each namespace at the day's end, which it carries through the day."""
        return self.labels[-1]


SPECIAL_ROWS: tuple[StoredSpecial, ...] = ("excluded", "unattributed")
"""The rows of `LedgerDay.special`."""
