"""What the tests of the clients, of the roads to install and of conformance share: a dataset and the npm packages."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.clients.npm import Packages, UnreachableError, install
from tests.support.published import publish


@pytest.fixture(scope="session")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small published dataset, which nothing writes to."""
    directory = tmp_path_factory.mktemp("data")
    publish(directory)
    return directory


@pytest.fixture(scope="session")
def packages() -> Packages:
    """The npm packages; the tests that need them are skipped, with the reason, where they cannot be had."""
    try:
        return install()
    except UnreachableError as reason:
        pytest.skip(f"MCP clients from npm: {reason}")
