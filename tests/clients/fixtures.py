"""The installed npm packages as a fixture, for the tests of the clients and of conformance."""

from __future__ import annotations

import pytest

from tests.clients.npm import Packages, UnreachableError, install


@pytest.fixture(scope="session")
def packages() -> Packages:
    """The npm packages; the tests that need them are skipped, with the reason, where they cannot be had."""
    try:
        return install()
    except UnreachableError as reason:
        pytest.skip(f"MCP clients from npm: {reason}")
