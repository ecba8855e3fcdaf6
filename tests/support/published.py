"""Writes a small published dataset, as the collector would: two closed hours of a cluster with two namespaces.

Per hour: 4 cores and 16 GiB of capacity, 3.6 and 14 allocatable; `shop` uses 1 core of 2 requested and 4 GiB of 4;
`kube-system` 0.5 core of 0.5 and 1 GiB of 2. Idle is 3.6 - 1.5 = 2.1 cores and 14 - 5 = 9 GiB. No rate is set.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson

LAST_TICK = "2026-11-21T12:00:00Z"
FIRST_SEEN = "2026-11-21T10:00:00Z"
BUCKETS = {
    "hourly_7d": (["2026-11-21T10:00:00Z", "2026-11-21T11:00:00Z"], [True, True], [1.0, 1.0]),
    "daily_14d": (["2026-11-21T00:00:00Z"], [False], [2.0]),
    "monthly_12m": (["2026-11-01T00:00:00Z"], [False], [2.0]),
}
CAPACITY = {"cpu": 4.0, "memory": 16.0}
ALLOCATABLE = {"cpu": 3.6, "memory": 14.0}
USED = {"shop": {"cpu": (1.0, 2.0), "memory": (4.0, 4.0)}, "kube-system": {"cpu": (0.5, 0.5), "memory": (1.0, 2.0)}}
METRICS = ("cpu", "memory")


def publish(directory: Path, generation: int = 1, *, generated_at: str = LAST_TICK, **members: Any) -> None:
    """Write one whole generation; the manifest, with these members added, last, by rename."""
    directory.mkdir(parents=True, exist_ok=True)
    documents: dict[str, Any] = {name: _scale(name, generation) for name in BUCKETS}
    documents["nodes"] = {"schema_version": 1, "generation": generation, "at": LAST_TICK, "nodes": [_node()]}
    files = {name: _write(directory, f"{name}-{generation}.json", document) for name, document in documents.items()}
    temporary = directory / ".dataset.json.tmp"
    temporary.write_bytes(orjson.dumps({**_manifest(generation, files, generated_at), **members}))
    temporary.replace(directory / "dataset.json")


def _write(directory: Path, name: str, document: Mapping[str, Any]) -> dict[str, Any]:
    content = orjson.dumps(document)
    (directory / name).write_bytes(content)
    return {"name": name, "size": len(content), "sha256": hashlib.sha256(content).hexdigest()}


def _manifest(generation: int, files: Mapping[str, Any], generated_at: str) -> dict[str, Any]:
    return {
        "schema_version": 1,
        "producer": {"name": "tests", "version": "1"},
        "generation": generation,
        "cluster": "small",
        "cost_model": "CUMULATIVE_RATIO",
        "currency": None,
        "rates": [],
        "polling_interval_seconds": 300,
        "generated_at": generated_at,
        "last_sample_at": {"kubernetes": LAST_TICK, "metrics": LAST_TICK, "dcgm": None},
        "metrics": list(METRICS),
        "files": dict(files),
        "namespaces": [
            {"name": name, "labels": {}, "first_seen": FIRST_SEEN, "last_seen": LAST_TICK, "active": True}
            for name in sorted(USED)
        ],
    }


def _scale(name: str, generation: int) -> dict[str, Any]:
    buckets, complete, hours = BUCKETS[name]

    def column(rate: float) -> list[float]:
        return [round(rate * length, 9) for length in hours]

    def amounts(usage: float, requests: float) -> dict[str, list[float]]:
        columns = {"usage": column(usage), "requests": column(requests)}
        return columns if name == "hourly_7d" else {**columns, "requests_matched": column(requests)}

    overhead = {metric: {"usage": column(CAPACITY[metric] - ALLOCATABLE[metric])} for metric in METRICS}
    used = {metric: sum(rates[metric][0] for rates in USED.values()) for metric in METRICS}
    idle = {metric: {"usage": column(ALLOCATABLE[metric] - used[metric])} for metric in METRICS}
    return {
        "schema_version": 1,
        "generation": generation,
        "scale": name,
        "buckets": buckets,
        "complete": complete,
        "elapsed_hours": hours,
        "observed_hours": hours,
        "coverage": {
            "kubernetes": [1.0] * len(buckets),
            "metrics": [1.0] * len(buckets),
            "dcgm": [None] * len(buckets),
        },
        "capacity": {metric: column(CAPACITY[metric]) for metric in METRICS},
        "allocatable": {metric: column(ALLOCATABLE[metric]) for metric in METRICS},
        "bill": {},
        "namespaces": {
            namespace: {metric: amounts(*rates[metric]) for metric in METRICS} for namespace, rates in USED.items()
        },
        "special": {"non-allocatable": overhead, "idle": idle},
    }


def _node() -> dict[str, Any]:
    return {
        "name": "node-1",
        "ready": True,
        "schedulable": True,
        "pods": 3,
        "capacity": {"cpu_cores": 4.0, "mem_bytes": 16 * 2**30},
        "allocatable": {"cpu_cores": 3.6, "mem_bytes": 14 * 2**30},
        "usage": {"cpu_cores": 1.5, "mem_bytes": 5 * 2**30},
        "requests": {"cpu_cores": 2.5, "mem_bytes": 6 * 2**30},
    }
