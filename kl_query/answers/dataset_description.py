"""describe_dataset: what there is to ask about, how deep, how fresh, and in what terms."""

from collections.abc import Iterable, Sequence
from typing import Any

from kl_core.calendar import GRANULARITY
from kl_core.vocabulary import BILLED_METRICS, SCALES, SOURCES, ScaleName
from kl_query.dataset.model import Dataset, Node
from kl_query.date_windows import bucket_name, full_window, instant
from kl_query.measures.by_layout import layout_of, rules_of
from kl_query.measures.rates import pending_warning, rate_in_force
from kl_query.measures.unmeasured import idle_of
from kl_query.metadata import coverage_of, metadata
from kl_query.numbers import MONEY, known_sum, rounded
from kl_query.selection import listed
from kl_query.view import scale_of
from kl_query.warnings.codes import Code
from kl_query.warnings.warning import DataWarning, Plain, warning

_RATE_CHANGES = 10
_MAX_VERSION_CHARS = 40


def describe(dataset: Dataset, now: float, *, server_version: str) -> dict[str, Any]:
    """Return the description; every list in it is short however large the cluster is."""
    names = listed(dataset)
    priced = any(dataset.priced(metric) for metric in BILLED_METRICS)
    current = rate_in_force(dataset, dataset.newest_sample)
    hourly = scale_of(dataset, "hourly_7d")
    gpu = "gpu" in dataset.metrics
    return {
        "layout": dataset.layout,
        "cluster": dataset.cluster,
        "producer": dataset.producer,
        "generation": dataset.generation or None,
        "metrics_available": [*dataset.metrics, *(["total"] if priced else [])],
        "gpu_available": gpu,
        "scales": {name: _scale(dataset, name) for name in SCALES},
        "trends": {
            "granularity": "hour",
            "depth": layout_of(dataset).depth["hourly_7d"],
            "points_per_namespace": len(hourly.starts),
            "tools": ["get_timeseries", "get_efficiency_timeseries"],
        },
        "dimensions": ["usage", "requests"],
        "efficiency": {"aggregated": bool(dataset.scales), "hourly_timeseries": "hourly_7d" in dataset.scales},
        "cost_model": dataset.cost_model,
        "cost_models_available": layout_of(dataset).cost_models(dataset),
        "currency": dataset.currency,
        "billing_hourly_rate": rounded(current.rate, MONEY) if current else None,
        "rate_history": [
            {"effective": instant(rate.effective), "rate": rounded(rate.rate, MONEY), "currency": rate.currency}
            for rate in dataset.rates[-_RATE_CHANGES:]
        ],
        "recorded_since": instant(dataset.recorded_since),
        "data_freshness_utc": instant(dataset.newest_sample),
        "last_sample_at": {source: instant(dataset.last_sample_at.get(source)) for source in SOURCES},
        "polling_interval_seconds": dataset.polling_interval_seconds,
        "namespaces": {
            "total": len(names),
            "application": sum(1 for name in names if not dataset.is_system(name)),
            "system": sum(1 for name in names if dataset.is_system(name)),
            "active": sum(1 for name in names if dataset.namespaces[name].active),
        },
        "nodes": _nodes(dataset),
        "metadata": metadata(
            dataset,
            now,
            warnings=[
                *_version_warning(dataset, server_version),
                *pending_warning(dataset, dataset.newest_sample),
                *rules_of(scale_of(dataset, "daily_14d")).metric_warnings(dataset.metrics),
                *(spot.said for spot in dataset.blind_spots or ()),
            ],
        ),
    }


def _version_warning(dataset: Dataset, server_version: str) -> list[DataWarning]:
    """Say that collector and server are not of the same version."""
    if dataset.producer_version in (None, server_version):
        return []
    published = Plain(str(dataset.producer_version)[:_MAX_VERSION_CHARS])
    return [warning(Code.VERSIONS_DIFFER, collector=published, server=Plain(server_version))]


def _scale(dataset: Dataset, name: ScaleName) -> dict[str, Any]:
    window = full_window(scale_of(dataset, name))
    starts = window.scale.starts
    return {
        "granularity": GRANULARITY[name],
        "depth": layout_of(dataset).depth[name],
        "points_per_namespace": len(starts),
        "first": bucket_name(name, starts[0]) if starts else None,
        "last": bucket_name(name, starts[-1]) if starts else None,
        "partial": window.partial,
        "observed_hours": rounded(rules_of(window.scale).observed_hours(window)),
        "elapsed_hours": rounded(window.elapsed_hours),
        "coverage": {source: coverage_of(window, source) for source in SOURCES},
    }


def _nodes(dataset: Dataset) -> dict[str, Any] | None:
    if dataset.nodes is None:
        return None
    nodes = dataset.nodes.nodes
    return {
        "at": instant(dataset.nodes.at),
        "total": len(nodes),
        "ready": sum(1 for node in nodes if node.ready),
        "schedulable": sum(1 for node in nodes if node.schedulable),
        "pods": sum(node.pods for node in nodes),
        "capacity": _resources(nodes, [node.capacity for node in nodes]),
        "allocatable": _resources(nodes, [node.allocatable for node in nodes]),
        "usage": _resources(nodes, [node.usage for node in nodes]),
        "requests": _resources(nodes, [node.requests for node in nodes]),
        "idle_not_ready": _idle([node for node in nodes if not node.ready]),
    }


def _idle(nodes: Sequence[Node]) -> dict[str, float | None]:
    return _resources(nodes, [{key: idle_of(node, key) for key in node.allocatable} for node in nodes])


def _resources(nodes: Iterable[Node], amounts: list[Any]) -> dict[str, float | None]:
    """Add up a resource over the nodes that have it; unknown where one of them does not know it."""
    keys = sorted({key for node in nodes for key in node.capacity})
    sums: dict[str, float | None] = {}
    for key in keys:
        values = [amount[key] for amount in amounts if key in amount]
        sums[key] = None if None in values else rounded(known_sum(values))
    return sums
