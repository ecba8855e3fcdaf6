"""A sandbox for each test, over a small dataset or a large one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.clients import sandbox as sandboxes
from tests.clients.fixtures import data_dir, packages
from tests.clients.npm import Packages
from tests.clients.sandbox import Sandbox
from tests.support.large_dataset import publish_large

__all__ = ["data_dir", "packages"]


@pytest.fixture(scope="module")
def large_data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return publish_large(tmp_path_factory.mktemp("large"), 300)


@pytest.fixture
def large_sandbox(large_data_dir: Path, tmp_path: Path, packages: Packages) -> Iterator[Sandbox]:
    with sandboxes.sandbox(large_data_dir, tmp_path, packages) as box:
        yield box


@pytest.fixture
def sandbox(data_dir: Path, tmp_path: Path, packages: Packages) -> Iterator[Sandbox]:
    with sandboxes.sandbox(data_dir, tmp_path, packages) as box:
        yield box
