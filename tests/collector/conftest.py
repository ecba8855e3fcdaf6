"""What tests of the collector are given."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.collector.place import Place


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


@pytest.fixture
def heartbeat(tmp_path: Path) -> Path:
    return tmp_path / "heartbeat"
