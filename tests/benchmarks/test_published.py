"""What the benchmarks serve is what a collector would publish."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import orjson

from benchmarks.published import publish
from kl_mcp.tools import TABLE
from kl_query.dataset import load_dataset
from tests.support.large_dataset import NOW, large_dataset

SPEC = Path(__file__).resolve().parents[2] / "spec" / "dataset"
CALLS: dict[str, dict[str, Any]] = {
    "get_usage": {"metric": "memory", "scale": "monthly_12m"},
    "get_efficiency": {"metric": "gpu"},
    "get_timeseries": {"namespaces": ["kube-*"]},
    "get_namespace_breakdown": {"metric": "total", "cost_model": "costs", "date": "all"},
    "list_namespaces": {"sort": "last_seen"},
}


def test_a_dataset_reads_back_as_it_was(tmp_path: Path) -> None:
    """Told by what the tools answer: NaN is not equal to itself, so the datasets cannot be compared."""
    dataset = large_dataset(12)
    publish(dataset, tmp_path)
    again = load_dataset(tmp_path)
    assert again.warnings == ()
    for tool, arguments in CALLS.items():
        assert TABLE[tool].run(arguments, again, NOW) == TABLE[tool].run(arguments, dataset, NOW)


def test_the_files_conform_to_the_published_contract(tmp_path: Path) -> None:
    for file in publish(large_dataset(6), tmp_path):
        kind = {"dataset": "manifest", "nodes": "nodes"}.get(file.stem.partition("-")[0], "scale")
        schema = json.loads((SPEC / f"{kind}.schema.json").read_text())
        jsonschema.Draft202012Validator(schema).validate(orjson.loads(file.read_bytes()))
