"""A real server over the small cluster, asked in both eras."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import TypeVar

import anyio
import pytest
from mcp.client import Client
from mcp.shared.exceptions import MCPError

from kl_query.dataset import Dataset, load_dataset
from tests.support.datasets import write
from tests.support.mcp_clients import HttpServer, Target, connect, http_server
from tests.support.small_cluster import published

T = TypeVar("T")
ERAS = ("2026-07-28", "legacy")


@pytest.fixture(scope="package")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small cluster, published."""
    return write(tmp_path_factory.mktemp("books"), published())


@pytest.fixture(scope="package")
def server(directory: Path) -> Iterator[HttpServer]:
    """`kl-mcp` over HTTP."""
    with http_server(directory) as running:
        yield running


@pytest.fixture(scope="package")
def books(directory: Path) -> Dataset:
    """The same, loaded."""
    return load_dataset(directory)


def asked(target: Target, era: str, question: Callable[[Client], Awaitable[T]]) -> T:
    """Connect and ask. Raises the `MCPError` the question is refused with."""

    async def scenario() -> T | MCPError:
        async with connect(target, era) as client:
            try:
                return await question(client)
            except MCPError as error:
                # Raised inside the task groups of the client it would arrive wrapped in exception groups.
                return error

    outcome = anyio.run(scenario)
    if isinstance(outcome, MCPError):
        raise outcome
    return outcome
