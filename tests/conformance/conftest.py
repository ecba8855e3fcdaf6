"""Registers the marker of this suite, and what it shares with the tests of the clients."""

from __future__ import annotations

import pytest

from tests.clients.fixtures import packages

__all__ = ["packages"]


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker."""
    config.addinivalue_line("markers", "conformance: the official MCP conformance suite (needs npm)")
