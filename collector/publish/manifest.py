"""The manifest, `dataset.json`, and the nodes document, but for what a publication adds: generation and files."""

from collections.abc import Container, Mapping, Sequence
from typing import Any

from collector.clock import Disagreement
from collector.model import MetricValues, TickSample
from collector.store.ledger.ledger import Ledger
from collector.store.rates import RateChange
from collector.store.registry import NamespaceRecord, NodeList
from kl_core.calendar import iso, iso_or_none
from kl_core.vocabulary import METRICS, SCHEMA_VERSION, SOURCES, Metric, Source

_UNITS: Mapping[Metric, str] = {
    "cpu": "cpu_cores",
    "memory": "mem_bytes",
    "gpu": "gpus",
    "gpu_memory": "gpu_mem_bytes",
}


def manifest(
    *,
    version: str,
    cluster: str,
    cost_model: str,
    currency: str | None,
    rates: Sequence[RateChange],
    polling_interval_seconds: int,
    generated_at: int,
    last_sample_at: Mapping[Source, int | None],
    metrics: Sequence[Metric],
    namespaces: Mapping[str, NamespaceRecord],
    clock_disagrees: Disagreement | None = None,
    newest: TickSample | None = None,
    ledger: Ledger | None = None,
) -> dict[str, Any]:
    """Return the manifest of `spec/dataset/manifest.schema.json` but for `generation` and `files`; UNIX seconds in.

    `newest` is the newest tick; None where this process has stored none yet.
    """
    return {
        "schema_version": SCHEMA_VERSION,
        "producer": {"name": "kubeledger-collector", "version": version},
        "cluster": cluster,
        "cost_model": cost_model,
        "currency": currency,
        "rates": [
            {
                "effective": iso(change.effective),
                "rate": change.rate,
                "currency": change.currency,
                "weights": None if change.weights is None else dict(change.weights),
            }
            for change in rates
        ],
        "polling_interval_seconds": polling_interval_seconds,
        "generated_at": iso(generated_at),
        "last_sample_at": {source: iso_or_none(last_sample_at.get(source)) for source in SOURCES},
        "metrics": list(metrics),
        "namespaces": [_namespace(name, record) for name, record in namespaces.items()],
        **({} if clock_disagrees is None else {"clock_disagrees": _clock(clock_disagrees)}),
        **({} if newest is None else _unseen(newest, namespaces)),
        **({} if ledger is None or ledger.last_hour is None else {"ledger": _ledger(ledger, ledger.last_hour)}),
    }


def _unseen(newest: TickSample, reported: Container[str]) -> dict[str, Any]:
    # What is not reported by name has no row in the table.
    unmeasured = {name: dict(reasons) for name, reasons in sorted(newest.unmeasured.items()) if name in reported}
    spots = [{"code": spot.code, "text": spot.text} for spot in newest.blind_spots]
    return {"unmeasured": unmeasured, "blind_spots": spots}


def _ledger(ledger: Ledger, last_hour: int) -> dict[str, Any]:
    lines = {} if ledger.length is None else {"lines": ledger.length}
    return {"head": ledger.head, **lines, "last_hour": iso(last_hour)}


def _clock(disagreement: Disagreement) -> dict[str, Any]:
    return {
        "detected_at": iso(round(disagreement.time)),
        "ahead_seconds": round(disagreement.ahead),
        "contradicted_by": list(disagreement.contradicted_by),
    }


def _namespace(name: str, record: NamespaceRecord) -> dict[str, Any]:
    return {
        "name": name,
        "labels": {
            label: [{"value": item.value, "first_seen": iso(item.first_seen)} for item in values]
            for label, values in sorted(record.labels.items())
        },
        "first_seen": iso(record.first_seen),
        "last_seen": iso(record.last_seen),
        "active": record.active,
    }


def nodes_document(listed: NodeList) -> dict[str, Any]:
    """Return the document of `spec/dataset/nodes.schema.json` without its generation, by node name."""
    return {
        "schema_version": SCHEMA_VERSION,
        "at": iso_or_none(listed.time),
        "nodes": [
            {
                "name": node.name,
                "ready": node.ready,
                "schedulable": node.schedulable,
                "pods": node.pods,
                "capacity": _by_unit(node.capacity),
                "allocatable": _by_unit(node.allocatable),
                "usage": _by_unit(node.usage),
                "requests": _by_unit(node.requests),
            }
            for node in sorted(listed.nodes, key=lambda node: node.name)
        ],
    }


def _by_unit(values: MetricValues) -> dict[str, float | None]:
    return {_UNITS[metric]: values[metric] for metric in METRICS if metric in values}
