"""The one builder of published datasets: from amounts per bucket to files that are valid against spec/dataset.

What follows from the amounts (special entries, costs, matched requests) is derived here by the definitions of the
schema, so that a test states only the numbers it is about. `published`, `small_cluster` and `large_dataset` are uses of
it.
"""

from __future__ import annotations

import hashlib
import lzma
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import jsonschema
import orjson

from kl_mcp import __version__
from kl_query.dataset import Dataset as LoadedDataset
from kl_query.dataset import load_dataset

SPEC = Path(__file__).parents[2] / "spec" / "dataset"
HOUR = 3600
Amount = float | None
Column = Sequence[Amount]
Json = dict[str, Any]


def at(text: str) -> datetime:
    """Read `2026-11-21`, `2026-11` or `2026-11-21T14:00:00Z`."""
    for pattern in ("%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%d", "%Y-%m"):
        try:
            return datetime.strptime(text, pattern).replace(tzinfo=UTC)
        except ValueError:
            continue
    raise ValueError(text)


def instant(moment: datetime) -> str:
    """Write an instant as the dataset does."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass(frozen=True)
class Row:
    """A namespace's metric: usage and requests per bucket; the rest is derived where it is None."""

    usage: Column
    requests: Column
    matched: Column | None = None
    cost: Column | None = None
    usage_hours: Column | None = None
    cost_hours: Column | None = None
    usage_matched: Column | None = None
    matched_hours: Column | None = None


@dataclass(frozen=True)
class Scale:
    """Buckets from `first` on. `open_hours` is what the last one holds when it is open."""

    first: str
    namespaces: Mapping[str, Mapping[str, Row]]
    capacity: Mapping[str, Column]
    allocatable: Mapping[str, Column] | None = None
    open_hours: float | None = None
    observed: Column | None = None
    bill: Mapping[str, Column] = field(default_factory=dict)
    coverage: Mapping[str, Column] = field(default_factory=dict)
    measured: Mapping[str, Column] = field(default_factory=dict)
    """Coverage of namespaces whose pods were not all measured."""
    more: Mapping[str, Any] = field(default_factory=dict)
    """Optional columns of the file: `priced_hours`, `silent_hours` and the like."""
    special: Mapping[str, Any] = field(default_factory=dict)
    """Special entries besides non-allocatable, idle and unmeasured."""


@dataclass(frozen=True)
class Dataset:
    """What to publish. A scale that is None is written without buckets."""

    hourly: Scale | None = None
    daily: Scale | None = None
    monthly: Scale | None = None
    generation: int = 1
    cost_model: str = "CUMULATIVE_RATIO"
    currency: str | None = None
    rates: Sequence[Mapping[str, Any]] = ()
    last_sample: str = "2026-11-21T19:00:00Z"
    last_sample_at: Mapping[str, str | None] | None = None
    table: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Facts of the namespace table that differ from the default, by namespace."""
    nodes: Sequence[Json] = ()
    history: Sequence[Scale] | None = None
    """Days of one month each; None where there is no index."""
    more: Mapping[str, Any] = field(default_factory=dict)
    """Members of the manifest that differ. They are not checked: a test may publish what a newer collector would."""


def loaded(dataset: Dataset, *, check: bool = True) -> LoadedDataset:
    """Return what the server reads of it."""
    with TemporaryDirectory() as directory:
        return load_dataset(write(Path(directory), dataset, check=check))


def write(directory: Path, dataset: Dataset, *, check: bool = True) -> Path:
    """Publish a generation: data files first, the manifest last, by rename.

    Every document is validated, but for `check=False`: it takes minutes for a thousand namespaces.
    """
    directory.mkdir(parents=True, exist_ok=True)
    files = {}
    for part, document in data_files(dataset).items():
        if check:
            validate(document, "nodes" if part == "nodes" else "scale")
        files[part] = write_file(directory, f"{part}-{dataset.generation}.json", document)
    if dataset.history is not None:
        index = {
            "schema_version": 1,
            "generation": dataset.generation,
            "files": [write_days(directory, scale, dataset.currency, check=check) for scale in dataset.history],
        }
        validate(index, "history")
        files["history"] = write_file(directory, f"history-{dataset.generation}.json", index)
    document = manifest(dataset, files)
    if check:
        validate(document, "manifest")
    temporary = directory / ".dataset.json.tmp"
    temporary.write_bytes(orjson.dumps({**document, **dataset.more}))
    temporary.replace(directory / "dataset.json")
    return directory


def data_files(dataset: Dataset) -> dict[str, Json]:
    """Return the documents of the data files by their names in the manifest."""
    generation = dataset.generation
    return {
        "hourly_7d": scale_document("hourly_7d", dataset.hourly, generation),
        "daily_14d": scale_document("daily_14d", dataset.daily, generation),
        "monthly_12m": scale_document("monthly_12m", dataset.monthly, generation),
        "nodes": {
            "schema_version": 1,
            "generation": generation,
            "at": dataset.last_sample,
            "nodes": list(dataset.nodes),
        },
    }


def write_file(directory: Path, name: str, document: Json) -> Json:
    """Write a data file and return its entry in the manifest."""
    content = orjson.dumps(document)
    (directory / name).write_bytes(content)
    return {"name": name, "size": len(content), "sha256": hashlib.sha256(content).hexdigest()}


def write_days(directory: Path, scale: Scale, currency: str | None, *, check: bool = True) -> Json:
    """Write a file of the history and return its entry in the index."""
    document = {key: value for key, value in scale_document("daily_14d", scale, 1).items() if key != "generation"}
    if check:
        validate(document, "scale")
    content, name = lzma.compress(orjson.dumps(document)), f"history/days-{scale.first}.json.xz"
    (directory / "history").mkdir(exist_ok=True)
    (directory / name).write_bytes(content)
    starts, ends = _buckets("daily_14d", scale.first, len(document["buckets"]))
    return {
        "name": name,
        "size": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
        "scale": "daily_14d",
        "start": instant(starts[0]),
        "end": instant(ends[-1]),
        "currency": currency,
    }


def manifest(dataset: Dataset, files: Json) -> Json:
    """Return the manifest of a dataset."""
    scales = [scale for scale in (dataset.hourly, dataset.daily, dataset.monthly) if scale]
    names = sorted({name for scale in scales for name in scale.namespaces} | set(dataset.table))
    facts = {"labels": {}, "first_seen": "2025-12-01T00:00:00Z", "last_seen": dataset.last_sample, "active": True}
    metrics = [m for m in ("cpu", "memory", "gpu", "gpu_memory") if any(m in scale.capacity for scale in scales)]
    sampled = {"kubernetes": dataset.last_sample, "metrics": dataset.last_sample, "dcgm": None}
    return {
        "schema_version": 1,
        "producer": {"name": "kl-collector", "version": __version__},
        "generation": dataset.generation,
        "cluster": "test",
        "cost_model": dataset.cost_model,
        "currency": dataset.currency,
        "rates": [dict(rate) for rate in dataset.rates],
        "polling_interval_seconds": 300,
        "generated_at": dataset.last_sample,
        "last_sample_at": dict(dataset.last_sample_at or sampled),
        "metrics": metrics,
        "files": files,
        "namespaces": [{"name": name, **facts, **dataset.table.get(name, {})} for name in names],
    }


def scale_document(name: str, scale: Scale | None, generation: int) -> Json:
    """Return a scale file."""
    if scale is None:
        return _empty(name, generation)
    count = len(next(iter(scale.capacity.values())))
    starts, ends = _buckets(name, scale.first, count)
    elapsed = [(end - start).total_seconds() / HOUR for start, end in zip(starts, ends, strict=True)]
    if scale.open_hours is not None:
        elapsed[-1] = scale.open_hours
    ones = [1.0] * count
    coverage: Json = {"kubernetes": ones, "metrics": ones, "dcgm": [None] * count}
    allocatable = dict(scale.allocatable or scale.capacity)
    return {
        "schema_version": 1,
        "generation": generation,
        "scale": name,
        "buckets": [instant(start) for start in starts],
        "complete": [scale.open_hours is None or i < count - 1 for i in range(count)],
        "elapsed_hours": elapsed,
        "observed_hours": list(scale.observed or elapsed),
        "coverage": {**coverage, **{source: list(column) for source, column in scale.coverage.items()}},
        **scale.more,
        "capacity": _lists(scale.capacity),
        "allocatable": _lists(allocatable),
        "bill": _lists(scale.bill),
        "namespaces": {
            namespace: {
                **{metric: _amounts(name, metric, row, scale) for metric, row in rows.items()},
                **({"coverage": list(scale.measured[namespace])} if namespace in scale.measured else {}),
            }
            for namespace, rows in scale.namespaces.items()
        },
        "special": _special(name, scale, allocatable),
    }


def validate(document: Mapping[str, Any], schema: str) -> None:
    """Fail unless a document conforms to `spec/dataset/SCHEMA.schema.json`."""
    _validator(schema).validate(document)


@cache
def _validator(schema: str) -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(orjson.loads((SPEC / f"{schema}.schema.json").read_bytes()))


def _empty(name: str, generation: int) -> Json:
    return {
        "schema_version": 1,
        "generation": generation,
        "scale": name,
        **{key: [] for key in ("buckets", "complete", "elapsed_hours", "observed_hours")},
        "coverage": {"kubernetes": [], "metrics": [], "dcgm": []},
        **{key: {} for key in ("capacity", "allocatable", "bill", "namespaces")},
        "special": {"non-allocatable": {}, "idle": {}},
    }


def _buckets(name: str, first: str, count: int) -> tuple[list[datetime], list[datetime]]:
    bounds = [at(first)]
    for _ in range(count):
        start = bounds[-1]
        if name == "monthly_12m":
            bounds.append((start + timedelta(days=31)).replace(day=1))
        else:
            bounds.append(start + timedelta(hours=1 if name == "hourly_7d" else 24))
    return bounds[:-1], bounds[1:]


def _amounts(name: str, metric: str, row: Row, scale: Scale) -> Json:
    amounts: Json = {"usage": list(row.usage), "requests": list(row.requests)}
    if name != "hourly_7d":
        matched = row.matched or [r if u is not None else None for u, r in zip(row.usage, row.requests, strict=True)]
        amounts["requests_matched"] = list(matched)
        cost = row.cost or _cost(metric, row.usage, scale)
        if cost is not None:
            amounts["cost"] = list(cost)
    else:
        if row.matched is not None:
            amounts["requests_matched"] = list(row.matched)
        if row.cost is not None:
            amounts["cost"] = list(row.cost)
    if row.usage_hours is not None:
        amounts["usage_hours"] = list(row.usage_hours)
    for key in ("cost_hours", "usage_matched", "matched_hours"):
        column = getattr(row, key)
        if column is not None:
            amounts[key] = list(column)
    return amounts


def _cost(metric: str, usage: Column, scale: Scale) -> Column | None:
    """Return usage * bill ÷ capacity, which holds where rate and capacity are constant inside a bucket."""
    if metric not in scale.bill:
        return None
    triples = zip(usage, scale.bill[metric], scale.capacity[metric], strict=True)
    return [None if u is None or b is None or not c else u * b / c for u, b, c in triples]


def _special(name: str, scale: Scale, allocatable: Mapping[str, Column]) -> Json:
    special: Json = {"non-allocatable": {}, "idle": {}, **{k: dict(v) for k, v in scale.special.items()}}
    for metric, capacity in scale.capacity.items():
        usages = [rows[metric].usage for rows in scale.namespaces.values() if metric in rows]
        usages += [entry[metric]["usage"] for entry in scale.special.values() if metric in entry]
        over = [None if c is None or a is None else c - a for c, a in zip(capacity, allocatable[metric], strict=True)]
        idle: list[Amount] = []
        unmeasured: list[Amount] = []
        for i, whole in enumerate(allocatable[metric]):
            column = [usage[i] for usage in usages]
            left = None if whole is None else whole - sum(value for value in column if value is not None)
            known = None not in column
            idle.append(left if known else None)
            unmeasured.append(0.0 if known and left is not None else left)
        special["non-allocatable"][metric] = _special_amounts(name, metric, over, scale)
        special["idle"][metric] = _special_amounts(name, metric, idle, scale)
        if any(unmeasured):
            special.setdefault("unmeasured", {})[metric] = _special_amounts(name, metric, unmeasured, scale)
    return special


def _special_amounts(name: str, metric: str, usage: Column, scale: Scale) -> Json:
    cost = _cost(metric, usage, scale) if name != "hourly_7d" else None
    return {"usage": list(usage), **({"cost": list(cost)} if cost is not None else {})}


def _lists(columns: Mapping[str, Column]) -> Json:
    return {metric: list(column) for metric, column in columns.items()}
