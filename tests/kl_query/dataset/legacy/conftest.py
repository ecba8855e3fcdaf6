"""A small directory, written by hand: two namespaces, the newest hourly point at 2026-11-21T19:00:00Z."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kl_query.dataset import Dataset, load_dataset
from tests.support.legacy_layout import put, trend_rows

Build = Callable[..., Dataset]
NEWEST = "2026-11-21T19:00:00Z"
FILES: dict[str, Any] = {
    "backend.json": {"cost_model": "cumulative", "currency": "%"},
    "cpu_usage_trends.json": trend_rows({"shop": {"2026-11-21T18:00:00Z": 10.0, NEWEST: 12.0}, "web": {NEWEST: 5.0}}),
    "memory_usage_trends.json": [],
    "cpu_rf_trends.json": [],
    "memory_rf_trends.json": [],
    "cpu_usage_period_1209600.json": [{"stack": "shop", "usage": 200.0, "date": "21 Nov"}],
    "cpu_requests_period_1209600.json": [{"stack": "shop", "usage": 20.0, "date": "21 Nov"}],
    "memory_usage_period_1209600.json": [],
    "memory_requests_period_1209600.json": [],
    "cpu_usage_period_31968000.json": [{"stack": "shop", "usage": 4000.0, "date": "Nov 2026"}],
    "cpu_requests_period_31968000.json": [{"stack": "shop", "usage": 20.0, "date": "Nov 2026"}],
    "memory_usage_period_31968000.json": [],
    "memory_requests_period_31968000.json": [],
}


@pytest.fixture
def build(tmp_path: Path) -> Build:
    """Return a function that writes the small directory with other files (None: not there) and loads it."""

    def written_and_loaded(files: dict[str, Any] | None = None) -> Dataset:
        for name, content in {**FILES, **(files or {})}.items():
            if content is None:
                (tmp_path / name).unlink(missing_ok=True)
            else:
                put(tmp_path, name, content)
        return load_dataset(tmp_path)

    return written_and_loaded
