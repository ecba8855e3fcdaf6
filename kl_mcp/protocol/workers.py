"""Where questions about a dataset are worked out: on the event loop while they are short, else in a thread."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import anyio
import anyio.to_thread

from kl_query.dataset import Dataset

T = TypeVar("T")

INLINE_NAMESPACES = 200
"""Up to this many namespaces the slowest tool takes a few milliseconds, less than other requests would notice. With
2,000 it takes a hundred, and runs in a thread so that probes and other callers are answered meanwhile."""
THREADS = 4


class Workers:
    """The threads of a server."""

    def __init__(self) -> None:
        self._threads = anyio.CapacityLimiter(THREADS)

    async def run(self, work: Callable[[], T], dataset: Dataset) -> T:
        """Return the result of `work`, which asks `dataset`."""
        if dataset.total_namespaces <= INLINE_NAMESPACES:
            return work()
        return await anyio.to_thread.run_sync(work, limiter=self._threads)
