"""A published dataset and a sandbox for each module."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.clients import sandbox as sandboxes
from tests.clients.fixtures import packages
from tests.clients.npm import Packages
from tests.clients.sandbox import Sandbox
from tests.support.large_dataset import publish_large
from tests.support.published import publish

__all__ = ["packages"]


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("data")
    publish(directory)
    return directory


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
