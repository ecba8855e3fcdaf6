"""From what is known of an interval, and of usage at a moment of it, to what is stored of it.

A sample is whole or absent: what a failed source feeds is None for this interval, never zero.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from collector.accounting.capacities import Capacity, capacities, nodes_that_left, seconds_present
from collector.accounting.entry_values import charged_values, gpu_share, matched_values
from collector.accounting.gpu_attribution import GpuUsage, GpuUse
from collector.accounting.gpu_units import GpuUnits, NodeGpus
from collector.accounting.gpus import Gpus
from collector.accounting.measured_usage import MeasuredUsage
from collector.accounting.node_states import node_states
from collector.accounting.pod_rates import PodRates
from collector.accounting.pod_totals import Charge, Held, PodTotals, UsedByPods, total_pods
from collector.accounting.storage import StorageByEntry, total_storage
from collector.errors import SourceError
from collector.model import Entry, MetricValues, NodeState, StoredSpecial, TickSample, UnmeasuredReason, UnobservedCause
from collector.observations import Cluster, NodeSpan
from kl_core.vocabulary import Metric, Source

log = logging.getLogger(__name__)

Charged = Callable[[str], bool]


_NO_GPUS = Gpus()
_NO_CAUSES: Mapping[Source, UnobservedCause] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class _Interval:
    cluster: Cluster
    totals: PodTotals
    measured: MeasuredUsage | None
    gpu_usage: GpuUsage | None
    node_gpus: Mapping[str, NodeGpus]
    dcgm: bool | None
    storage: StorageByEntry

    @property
    def keys(self) -> Collection[str | None]:
        """Entries that held or used anything."""
        used = self.measured.entries if self.measured else None
        gpus = self.gpu_usage.entries if self.gpu_usage else {}
        return {**self.totals.entries, **(used or {}), **gpus, **self.storage}.keys()


def account(
    cluster: Cluster | None,
    measured: MeasuredUsage | None,
    *,
    time: int,
    interval: int,
    charged: Charged,
    gpus: Gpus = _NO_GPUS,
    causes: Mapping[Source, UnobservedCause] = _NO_CAUSES,
) -> TickSample:
    """Account for the interval that ends at `time`; consumes `cluster.pods`.

    `time` is in UNIX seconds, `interval` its length in seconds. `cluster` is None where the API did not answer,
    `measured` where usage was not read. `charged` tells by name whether a namespace is charged; the others are summed
    into the special entry `excluded`. Requests, capacity and allocatable are means over the interval; usage is that of
    the moment it was read, and stands for the interval. A pod of a namespace that is not listed at the end is counted
    all the same. A `SourceError` that comes out of `cluster.pods` leaves the cluster unobserved and is logged. `causes`
    tells why sources told nothing, as far as they were asked.
    """
    totals, cause = (None, None) if cluster is None else _totals(cluster, interval, gpus, charged, measured)
    usage_read = measured is not None and measured.entries is not None
    observed: dict[Source, bool | None] = {"kubernetes": totals is not None, "metrics": usage_read, "dcgm": gpus.dcgm}
    known_causes = causes if cause is None else {**causes, "kubernetes": cause}
    lacking: dict[Source, UnobservedCause] = {
        source: known_causes.get(source, "unread") for source, answered in observed.items() if answered is False
    }
    if cluster is None or totals is None:
        return TickSample(time, interval, observed, {}, {}, {}, {}, causes=lacking, storage_observed=False)
    held_gpus = {name: held.gpu for name, held in totals.nodes.items() if held.gpu}
    node_gpus = gpus.units.of_nodes(cluster.nodes, held_gpus, interval)
    storage = total_storage(cluster.volume_claims or (), interval, charged)
    seen = _Interval(cluster, totals, measured, gpus.usage, node_gpus, gpus.dcgm, storage)
    capacity, allocatable = capacities(cluster.nodes, interval)
    return TickSample(
        time=time,
        interval=interval,
        observed=observed,
        capacity=_values(seen, capacity, lambda node: node.capacity),
        allocatable=_values(seen, allocatable, lambda node: node.allocatable),
        namespaces=_namespaces(seen, charged),
        special=_special(seen, charged),
        nodes=_nodes(seen, gpus.units, interval),
        unmeasured=_unmeasured(seen),
        blind_spots=(
            *cluster.blind_spots,
            *gpus.units.blind_spots,
            *(gpus.usage.blind_spots if gpus.usage else ()),
        ),
        causes=lacking,
        storage_observed=cluster.volume_claims is not None,
    )


def _totals(
    cluster: Cluster, interval: int, gpus: Gpus, charged: Charged, measured: MeasuredUsage | None
) -> tuple[PodTotals | None, UnobservedCause | None]:
    used = UsedByPods(measured.rates if measured else PodRates(), gpus.usage.pods if gpus.usage else {})
    try:
        return total_pods(cluster.pods, seconds_present(cluster.nodes), interval, gpus.units, charged, used=used), None
    except SourceError as error:
        log.warning("nothing is known of this interval: %s", error)
        return None, error.cause


def _nodes(seen: _Interval, units: GpuUnits, interval: int) -> tuple[NodeState, ...]:
    """Return the nodes that were there with all that they have, however short that was."""
    held, left = seen.totals.nodes, nodes_that_left(seen.cluster.nodes, seen.cluster.present)
    nodes = *seen.cluster.present, *left
    gpus = units.of_nodes([NodeSpan(node, 1) for node in nodes], {name: each.gpu for name, each in held.items()}, 1)
    present = {name: seconds / interval for name, seconds in seconds_present(seen.cluster.nodes).items()}
    usage = seen.measured.nodes if seen.measured else {}
    names = {node.name for node in left}
    return node_states(nodes, held, usage, gpus, seen.gpu_usage, present=present, left=names)


def _values(seen: _Interval, sums: Capacity, gpus: Callable[[NodeGpus], float]) -> MetricValues:
    """Return sums over nodes; GPUs only where there are any, their memory as far as exporters tell it."""
    values: dict[Metric, float | None] = {"cpu": sums.cpu, "memory": sums.memory}
    if seen.node_gpus:
        nodes = seen.node_gpus.values()
        memory = [node.memory for node in nodes if node.memory is not None]
        values["gpu"] = sum(map(gpus, nodes))
        values["gpu_memory"] = sum(memory) if memory else None
    return values


def _namespaces(seen: _Interval, charged: Charged) -> dict[str, Entry]:
    listed = seen.cluster.namespaces
    names = dict.fromkeys([*(name for name in listed if charged(name)), *_named(seen.keys)])
    return {name: _entry(seen, name, listed.get(name)) for name in names}


def _named(keys: Iterable[str | None]) -> Iterable[str]:
    return (key for key in keys if key is not None)


def _entry(seen: _Interval, key: str | None, labels: Mapping[str, str] | None) -> Entry:
    held = seen.totals.entries.get(key) or Held()
    requests: dict[Metric, float | None] = {"cpu": held.cpu, "memory": held.memory}
    used = seen.measured.of(key) if seen.measured else None
    usage: dict[Metric, float | None] = {
        "cpu": used.cpu if used else None,
        "memory": used.memory if used else None,
    }
    gpu_use = seen.gpu_usage.entries.get(key) if seen.gpu_usage else None
    if held.gpu or held.claims_unread or gpu_use is not None:
        requests["gpu"] = None if held.claims_unread else held.gpu
        usage |= _gpu_values(gpu_use, known=seen.gpu_usage is not None)
    shown = seen.gpu_usage.shown.get(key) if seen.gpu_usage else None
    usage_matched, requests_matched = matched_values(usage, requests, used, shown)
    return Entry(
        usage,
        requests,
        used.share if used else None,
        labels,
        charged_values(seen.totals.charges.get(key) or Charge(), requests),
        usage_matched,
        requests_matched,
        gpu_share(seen.gpu_usage, key, configured=seen.dcgm is not None) if "gpu" in requests else None,
        seen.storage.get(key, {}),
    )


def _gpu_values(use: GpuUse | None, *, known: bool) -> dict[Metric, float | None]:
    if use is None:
        return dict.fromkeys(("gpu", "gpu_memory"), 0.0 if known else None)
    return {"gpu": use.gpu, "gpu_memory": use.gpu_memory}


def _special(seen: _Interval, charged: Charged) -> dict[StoredSpecial, Entry]:
    special: dict[StoredSpecial, Entry] = {}
    if None in seen.keys or not all(map(charged, seen.cluster.namespaces)):
        special["excluded"] = _entry(seen, None, {})
    nobodys = seen.gpu_usage.unattributed if seen.gpu_usage else None
    # While no exporter answers, whoever holds GPUs may have used them, and so may somebody who cannot be told.
    unknown = seen.dcgm is False and any(held.gpu for held in seen.totals.nodes.values())
    if nobodys is not None or unknown:
        usage: dict[Metric, float | None] = {"cpu": 0.0, "memory": 0.0, **_gpu_values(nobodys, known=not unknown)}
        special["unattributed"] = _unattributed(usage)
    return special


def _unattributed(usage: MetricValues) -> Entry:
    """Nobody requested it, and it is nobody's use that could be set against requests; it is charged as it was used."""
    nothing: MetricValues = {"cpu": 0.0, "memory": 0.0, "gpu": 0.0}
    unmatched = {**nothing, "gpu": None if usage["gpu"] is None else 0.0}
    return Entry(
        usage,
        nothing,
        1.0,
        charged={**nothing, "gpu": usage["gpu"]},
        usage_matched=unmatched,
        requests_matched=unmatched,
    )


def _unmeasured(seen: _Interval) -> Mapping[str, Mapping[UnmeasuredReason, int]]:
    reasons: dict[str, dict[UnmeasuredReason, int]] = {}
    for name, counts in (seen.measured.unmeasured if seen.measured else {}).items():
        reasons.setdefault(name, {}).update(counts)
    for name, pods in (seen.gpu_usage.unseen if seen.gpu_usage else {}).items():
        reasons.setdefault(name, {})["gpu_not_seen"] = pods
    return reasons
