"""Holds the dataset in memory and replaces it whole when the collector publishes a new generation.

The directory is looked at once a second (one `stat` of the manifest) and loaded in a daemon thread. A load that fails
keeps the last good dataset, with a warning in every answer, and is tried again: at once when the files change, and with
growing pauses while they do not, since an unreadable volume may come back without any file changing.
"""

import logging
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Protocol

import anyio

from kl_core.daemon_threads import in_daemon_thread
from kl_core.vocabulary import MANIFEST
from kl_core.watched_file import Mark
from kl_query.dataset import Dataset, empty_dataset, load_dataset
from kl_query.errors import DatasetError
from kl_query.warnings.codes import Code
from kl_query.warnings.warning import DataWarning, Plain, texts, warning

logger = logging.getLogger(__name__)

LOOK_SECONDS = 1.0
RETRY_SECONDS = (2.0, 5.0, 15.0, 30.0)
PATIENCE_SECONDS = 10.0
"""How long a call waits for the first load: the file system may be one that never answers."""
MAX_LISTED_FILES = 1_000


def mark_of_dataset(directory: Path) -> tuple[object, ...]:
    """Return the mark of the manifest, else those of the JSON files in the directory. Where equal, nothing is new."""
    try:
        return Mark.of((directory / MANIFEST).stat())
    except OSError as error:
        return (type(error).__name__, *_listing(directory))


def _listing(directory: Path) -> tuple[object, ...]:
    try:
        with os.scandir(directory) as entries:
            files = (
                entry
                for entry in islice(entries, MAX_LISTED_FILES)
                if entry.name.endswith(".json") and not entry.name.startswith(".") and entry.is_file()
            )
            return tuple(sorted((entry.name, *Mark.of(entry.stat())) for entry in files))
    except OSError as error:
        return (type(error).__name__,)


class LoadCounts(Protocol):
    """Counts attempts to load, for whoever watches the watcher."""

    def count_load(self, outcome: str) -> None:
        """Count one that was "loaded", "failed", or "crashed" in a way that was not foreseen."""


@dataclass(frozen=True, slots=True)
class HeldDataset:
    """What the server answers from. `problem` says why the latest load failed; then `dataset` warns about it."""

    dataset: Dataset
    good: Dataset | None = None
    problem: DataWarning | None = None


class Holder:
    """The dataset of a process. `held` is replaced as one object, so a call that read it once sees one generation."""

    def __init__(
        self,
        directory: Path,
        counts: LoadCounts,
        *,
        load: Callable[[Path], Dataset] = load_dataset,
        look_seconds: float = LOOK_SECONDS,
        patience_seconds: float = PATIENCE_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.directory = directory
        self.held = HeldDataset(empty_dataset(warning(Code.DATASET_LOADING)))
        self._counts = counts
        self._load = load
        self._look_seconds = look_seconds
        self._patience_seconds = patience_seconds
        self._clock = clock
        self._mark: tuple[object, ...] | None = None
        self._failures = 0
        self._retry_at = float("inf")
        self._looked = anyio.Event()
        self._listeners: list[Callable[[Dataset], Awaitable[None]]] = []

    @property
    def looked(self) -> bool:
        """Whether the first attempt to load has ended, well or not."""
        return self._looked.is_set()

    async def dataset(self) -> Dataset:
        """Return the dataset to answer from; waits for the first attempt to load, not for ever, and never again."""
        if not self.looked:
            with anyio.move_on_after(self._patience_seconds):
                await self._looked.wait()
        return self.held.dataset

    def on_new(self, listener: Callable[[Dataset], Awaitable[None]]) -> None:
        """Call `listener` with every dataset that replaces an earlier one."""
        self._listeners.append(listener)

    @asynccontextmanager
    async def watching(self) -> AsyncIterator[None]:
        """Load now and keep watching until the block is left."""
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._watch)
            yield
            tasks.cancel_scope.cancel()

    async def _watch(self) -> None:
        while True:
            try:
                await self._look()
            except Exception:
                # The watcher must outlive whatever a look or a listener does: without it answers silently grow stale.
                self._counts.count_load("crashed")
                logger.exception("Looking at %s failed; trying again in %s s", self.directory, self._look_seconds)
            self._looked.set()
            await anyio.sleep(self._look_seconds)

    async def _look(self) -> None:
        mark = await in_daemon_thread(partial(mark_of_dataset, self.directory))
        if mark == self._mark and self._clock() < self._retry_at:
            return
        if mark != self._mark:
            self._failures = 0
        # The mark is taken before the files are read: what is published meanwhile shows at the next look.
        self._mark = mark
        try:
            dataset = await in_daemon_thread(partial(self._load, self.directory))
        except DatasetError as error:
            self._keep(error.warning)
        except Exception as error:  # noqa: BLE001 -- an unforeseen failure is a failed load, logged with its traceback
            directory, kind = Plain(str(self.directory)), Plain(type(error).__name__)
            self._keep(warning(Code.LOAD_FAILED, directory=directory, kind=kind), unforeseen=error)
        else:
            await self._replace(dataset)

    async def _replace(self, dataset: Dataset) -> None:
        for new in (each for each in dataset.warnings if each not in self.held.dataset.warnings):
            logger.warning("%s", new.text)
        self.held = HeldDataset(dataset, good=dataset)
        self._failures, self._retry_at = 0, float("inf")
        self._counts.count_load("loaded")
        logger.info("Loaded %s from %s", describe(dataset), self.directory)
        for listener in self._listeners if self.looked else ():
            await listener(dataset)

    def _keep(self, problem: DataWarning, unforeseen: Exception | None = None) -> None:
        good = self.held.good
        dataset = (
            empty_dataset(problem)
            if good is None
            else good.with_warnings(warning(Code.EARLIER_GENERATION, problem=problem.said, generation=good.generation))
        )
        self._retry_at = self._clock() + RETRY_SECONDS[min(self._failures, len(RETRY_SECONDS) - 1)]
        self._failures += 1
        self._counts.count_load("failed")
        if problem != self.held.problem:
            logger.warning("%s", problem.text, exc_info=unforeseen)
        self.held = HeldDataset(dataset, good, problem)


def describe(dataset: Dataset) -> str:
    """Return a dataset in a few words, for logs."""
    if dataset.layout == "none":
        return f"no data yet ({' '.join(texts(dataset.warnings))})"
    return f"generation {dataset.generation} ({dataset.layout} layout, {len(dataset.namespaces)} namespaces)"
