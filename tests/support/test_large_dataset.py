"""The large dataset is what a collector would publish, though nothing checks it when it is large."""

from __future__ import annotations

from pathlib import Path

import orjson

from kl_query.dataset import load_dataset
from tests.support.datasets import validate
from tests.support.large_dataset import publish_large


def test_its_files_conform_to_the_published_contract(tmp_path: Path) -> None:
    publish_large(tmp_path, 6)
    assert load_dataset(tmp_path).warnings == ()
    for file in tmp_path.iterdir():
        schema = {"dataset": "manifest", "nodes": "nodes"}.get(file.stem.partition("-")[0], "scale")
        validate(orjson.loads(file.read_bytes()), schema)
