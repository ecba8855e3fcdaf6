"""What the books read: arrays of averages per step, NaN for unknown."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from collector.store.paths import (
    ALLOCATABLE_SOURCES,
    CAPACITY_SOURCES,
    CLUSTER_FILE,
    CONFIGURED_DCGM,
    ENTRY,
    GPU,
    OBSERVED_PODS,
    OBSERVED_SOURCES,
    REQUESTS_SOURCES,
    USAGE_SOURCES,
    EntryKind,
    RrdFile,
)
from collector.store.rrd import database, databases
from collector.store.rrd.database import Array
from kl_core.vocabulary import METRICS, SOURCES, Metric, Source


@dataclass(frozen=True, slots=True)
class ClusterRows:
    """Element i of every array stands for (start + i x step, start + (i + 1) x step]; cores, bytes, GPU equivalents."""

    start: int
    step: int
    capacity: Mapping[Metric, Array]
    """All four metrics; a cluster without GPUs has 0 of them."""
    allocatable: Mapping[Metric, Array]
    observed: Mapping[Source, Array]
    """Share of the steps that the source answered, 0.0 to 1.0."""
    observed_pods: Array
    """Share of the steps in which the pods and their usage were both known, 0.0 to 1.0."""
    configured_dcgm: Array
    """Share of the steps in which an exporter was configured, 0.0 to 1.0. The other sources always are."""


@dataclass(frozen=True, slots=True)
class EntryRows:
    """As stored, without regard to lives; element i as in ClusterRows."""

    usage: Mapping[Metric, Array]
    """`gpu` and `gpu_memory` only for an entry that ever held a GPU."""
    requests: Mapping[Metric, Array]
    """`gpu` likewise; nobody requests `gpu_memory`."""
    measured: Array
    """Share of the running pods that metrics-server knew, over all steps: 0.0 in one in which the pods and their usage
    were not both known, 1.0 in another in which the entry was not there. NaN in hours that it did not live in, and in
    those that nobody sampled."""


def read_cluster(directory: Path, start: int, end: int, step: int) -> ClusterRows:
    """Capacity, allocatable and coverage; all NaN before the first tick. StoreError if the file cannot be read."""
    table = _read(directory, CLUSTER_FILE, start, end, step)
    return ClusterRows(
        start=start,
        step=step,
        capacity={metric: table[CAPACITY_SOURCES[metric]] for metric in METRICS},
        allocatable={metric: table[ALLOCATABLE_SOURCES[metric]] for metric in METRICS},
        observed={source: table[OBSERVED_SOURCES[source]] for source in SOURCES},
        observed_pods=table[OBSERVED_PODS],
        configured_dcgm=table[CONFIGURED_DCGM],
    )


def read_entry(
    directory: Path, kind: EntryKind, name: str, *, start: int, end: int, step: int, gpu_since: int | None
) -> EntryRows:
    """Usage and requests of one entry; StoreError if a file cannot be read."""
    table = _read(directory, RrdFile(kind, name, ENTRY), start, end, step)
    if gpu_since is not None:
        table |= _read(directory, RrdFile(kind, name, GPU), start, end, step)
    return EntryRows(
        usage={metric: table[source] for metric, source in USAGE_SOURCES.items() if source in table},
        requests={metric: table[source] for metric, source in REQUESTS_SOURCES.items() if source in table},
        measured=table["measured"],
    )


def _read(directory: Path, file: RrdFile, start: int, end: int, step: int) -> dict[str, Array]:
    table = databases.attempt(directory, file, lambda path: database.fetch(path, file.form.sources, start, end, step))
    if table is not None:
        return table
    # Not begun yet, or moved away and begun anew with the next tick.
    length = max(0, (end - start) // step)
    return {source: np.full(length, np.nan) for source in file.form.sources}
