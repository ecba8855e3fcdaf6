"""Writes a dataset that is in memory as the collector would publish it, so that a server can be measured on it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from kl_core.vocabulary import SCALES, SOURCES
from kl_query.dataset.model import Amounts, Column, Dataset, Row, Scale

Json = dict[str, Any]


def publish(dataset: Dataset, directory: Path) -> list[Path]:
    """Writes one generation, the manifest last, and returns its files."""
    directory.mkdir(parents=True, exist_ok=True)
    documents: dict[str, Json] = {name: _scale(dataset.scales[name], dataset.generation) for name in SCALES}
    documents["nodes"] = _nodes(dataset)
    paths = {name: directory / f"{name}-{dataset.generation}.json" for name in documents}
    files = {name: _write(paths[name], document) for name, document in documents.items()}
    manifest = directory / "dataset.json"
    temporary = manifest.with_suffix(".new")
    _write(temporary, _manifest(dataset, files))
    temporary.replace(manifest)
    return [manifest, *paths.values()]


def _write(path: Path, document: Json) -> Json:
    content = orjson.dumps(document)  # writes NaN, which is unknown here, as null
    path.write_bytes(content)
    return {"name": path.name, "size": len(content), "sha256": hashlib.sha256(content).hexdigest()}


def _instant(moment: float | None) -> str | None:
    return None if moment is None else datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _manifest(dataset: Dataset, files: Mapping[str, Json]) -> Json:
    models = {"cumulative": "CUMULATIVE_RATIO", "normalized": "RATIO", "costs": "CHARGE_BACK"}
    return {
        "schema_version": 1,
        "producer": {"name": "benchmarks", "version": "1"},
        "generation": dataset.generation,
        "cluster": dataset.cluster or "",
        "cost_model": models[dataset.cost_model],
        "currency": dataset.currency,
        "rates": [
            {"effective": _instant(each.effective), "rate": each.rate, "currency": each.currency, "weights": None}
            for each in dataset.rates
        ],
        "polling_interval_seconds": dataset.polling_interval_seconds or 300,
        "generated_at": _instant(dataset.generated_at),
        "last_sample_at": {source: _instant(dataset.last_sample_at.get(source)) for source in SOURCES},
        "metrics": list(dataset.metrics),
        "files": dict(files),
        "namespaces": [
            {
                "name": each.name,
                "labels": {},
                "first_seen": _instant(each.first_seen),
                "last_seen": _instant(each.last_seen),
                "active": each.active,
            }
            for each in dataset.namespaces.values()
        ],
    }


def _nodes(dataset: Dataset) -> Json:
    nodes = dataset.nodes.nodes if dataset.nodes else ()
    return {
        "schema_version": 1,
        "generation": dataset.generation,
        "at": _instant(dataset.nodes.at) if dataset.nodes else None,
        "nodes": [
            {
                "name": node.name,
                "ready": node.ready,
                "schedulable": node.schedulable,
                "pods": node.pods,
                "capacity": dict(node.capacity),
                "allocatable": dict(node.allocatable),
                "usage": dict(node.usage),
                "requests": dict(node.requests),
            }
            for node in nodes
        ],
    }


def _scale(scale: Scale, generation: int) -> Json:
    return {
        "schema_version": 1,
        "generation": generation,
        "scale": scale.name,
        "buckets": [_instant(start) for start in scale.starts],
        "complete": list(scale.complete),
        "elapsed_hours": scale.elapsed_hours.tolist(),
        "observed_hours": scale.observed_hours.tolist(),
        "coverage": _columns(scale.coverage),
        "capacity": _columns(scale.capacity),
        "allocatable": _columns(scale.allocatable),
        "bill": _columns(scale.bill),
        "namespaces": {name: _row(row, scale) for name, row in scale.namespaces.items()},
        "special": {entry: _row(row, scale) for entry, row in scale.special.items()},
    }


def _columns(columns: Mapping[Any, Column]) -> Json:
    return {name: column.tolist() for name, column in columns.items()}


def _row(row: Row, scale: Scale) -> Json:
    return {metric: _amounts(amounts, scale) for metric, amounts in row.items()}


def _amounts(amounts: Amounts, scale: Scale) -> Json:
    columns = {
        "usage": amounts.usage,
        "requests": amounts.requests,
        "requests_matched": amounts.requests_matched if scale.name != "hourly_7d" else None,
        "cost": amounts.cost if scale.name != "hourly_7d" else None,
        "usage_hours": amounts.usage_hours,
    }
    return {name: column.tolist() for name, column in columns.items() if column is not None}
