"""The dataset that is held, as each caller may see it, and where questions about it are worked out."""

from collections.abc import Callable
from typing import TypeVar

import anyio
import anyio.to_thread

from kl_mcp.access.callers import Caller, Views
from kl_query.dataset import Dataset
from kl_query.dataset.watcher import Holder

T = TypeVar("T")

MAX_INLINE_NAMESPACES = 200
"""Up to this many namespaces no call takes longer than others would notice. With 5,000, one for every hour of all of
them, one of twenty patterns, or one that is asked wrongly takes up to half a second. It runs in a thread, so that
probes and other callers are answered meanwhile."""
MAX_THREADS = 4


class Datasets:
    """The datasets of a server."""

    def __init__(self, holder: Holder) -> None:
        self._holder = holder
        self._views = Views()
        self._threads = anyio.CapacityLimiter(MAX_THREADS)

    async def seen_by(self, caller: Caller) -> Dataset:
        """Return what `caller` may see of the dataset that is held now."""
        return self._views.of(await self._holder.dataset(), caller)

    async def ask(self, dataset: Dataset, question: Callable[[], T]) -> T:
        """Return the result of `question`, which is about `dataset`: on the event loop if short, else in a thread."""
        if dataset.total_namespaces <= MAX_INLINE_NAMESPACES:
            return question()
        return await anyio.to_thread.run_sync(question, limiter=self._threads)
