"""Holding the dataset and replacing it."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import pytest

from kl_mcp.counts import Counts
from kl_query.dataset import Dataset, DatasetError, load_dataset
from kl_query.dataset.watcher import Holder, describe, mark_of_dataset
from kl_query.warnings.codes import Code
from kl_query.warnings.warning import warning
from tests.support.patience import LIMIT_SECONDS, until
from tests.support.published import publish
from tests.support.warned import told, warned

LOOK_SECONDS = 0.02
LOADING = warning(Code.DATASET_LOADING)


@asynccontextmanager
async def _held(directory: Path, counts: Counts | None = None, **options: object) -> AsyncIterator[Holder]:
    holder = Holder(directory, counts or Counts(), look_seconds=LOOK_SECONDS, **options)  # type: ignore[arg-type]
    async with holder.watching():
        await holder.dataset()
        yield holder


def test_before_the_first_look_it_says_that_the_dataset_is_being_loaded(tmp_path: Path) -> None:
    holder = Holder(tmp_path, Counts())

    assert not holder.looked
    assert holder.held.dataset.warnings == (LOADING,)


def test_a_file_system_that_does_not_answer_hangs_no_call(tmp_path: Path) -> None:
    publish(tmp_path, 1)
    answers = threading.Event()

    def load(directory: Path) -> Dataset:
        answers.wait(LIMIT_SECONDS)
        return load_dataset(directory)

    async def scenario() -> tuple[Dataset, Dataset]:
        holder = Holder(tmp_path, Counts(), load=load, look_seconds=LOOK_SECONDS, patience_seconds=0.05)
        async with holder.watching():
            meanwhile = await holder.dataset()
            answers.set()
            await until(lambda: holder.looked)
            return meanwhile, await holder.dataset()

    meanwhile, afterwards = anyio.run(scenario)

    assert (meanwhile.layout, told(meanwhile)) == ("none", [LOADING.text])
    assert afterwards.generation == 1


@pytest.mark.requirement("KL-X-4")
def test_it_loads_what_is_published_and_takes_up_the_next_generation(tmp_path: Path) -> None:
    publish(tmp_path, 1)

    async def scenario() -> list[int]:
        async with _held(tmp_path) as holder:
            seen = [holder.held.dataset.generation]
            publish(tmp_path, 2)
            await until(lambda: holder.held.dataset.generation == 2)
            return [*seen, holder.held.dataset.generation]

    assert anyio.run(scenario) == [1, 2]


@pytest.mark.requirement("KL-X-4")
def test_files_are_parsed_once_a_generation_however_often_it_looks(tmp_path: Path) -> None:
    publish(tmp_path, 1)
    loads: list[Path] = []

    def counting(directory: Path) -> Dataset:
        loads.append(directory)
        return load_dataset(directory)

    clock = _Clock()

    async def scenario() -> None:
        async with _held(tmp_path, load=counting, clock=clock):
            await until(lambda: clock.asked >= 10)

    anyio.run(scenario)

    assert len(loads) == 1


def test_a_missing_directory_is_an_empty_dataset_with_the_reason_until_it_appears(tmp_path: Path) -> None:
    directory = tmp_path / "later"

    async def scenario() -> tuple[Dataset, Dataset]:
        async with _held(directory) as holder:
            before = holder.held.dataset
            publish(directory, 7)
            await until(lambda: holder.held.dataset.generation == 7)
            return before, holder.held.dataset

    before, after = anyio.run(scenario)

    assert before.layout == "none"
    assert str(directory) in told(before)[0]
    assert after.layout == "native"
    assert after.warnings == ()


@pytest.mark.requirement("KL-E-4")
def test_the_log_tells_the_operator_once_what_is_wrong_with_a_file(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    publish(tmp_path, 1)
    (tmp_path / "nodes-1.json").unlink()

    async def scenario() -> None:
        counts = Counts()
        async with _held(tmp_path, counts):
            os.utime(tmp_path / "dataset.json")
            await until(lambda: counts.loads["loaded"] == 2)

    with caplog.at_level(logging.WARNING):
        anyio.run(scenario)

    assert [record.getMessage().partition(";")[0] for record in caplog.records] == ["nodes-1.json is missing"]


@pytest.mark.requirement("KL-E-5")
def test_a_generation_that_cannot_be_read_keeps_the_last_good_one_with_a_warning(tmp_path: Path) -> None:
    publish(tmp_path, 1)

    async def scenario() -> tuple[Dataset, Dataset]:
        async with _held(tmp_path) as holder:
            (tmp_path / "dataset.json").write_text('{"schema_version": 1, "gen')
            await until(lambda: holder.held.problem is not None)
            kept = holder.held.dataset
            publish(tmp_path, 2)
            await until(lambda: holder.held.dataset.generation == 2)
            return kept, holder.held.dataset

    kept, repaired = anyio.run(scenario)

    assert kept.generation == 1
    assert len(kept.namespaces) == 2
    assert "dataset.json" in told(kept)[-1]
    assert "generation 1" in told(kept)[-1]
    assert repaired.warnings == ()


@pytest.mark.requirement("KL-E-5")
def test_a_directory_that_vanishes_keeps_the_last_good_dataset(tmp_path: Path) -> None:
    directory = tmp_path / "data"
    publish(directory, 3)

    async def scenario() -> Dataset:
        async with _held(directory) as holder:
            directory.rename(tmp_path / "gone")
            await until(lambda: holder.held.problem is not None)
            return holder.held.dataset

    kept = anyio.run(scenario)

    assert kept.generation == 3
    assert told(kept)


@pytest.mark.parametrize(
    "content",
    [b"", b"[" * 100_000, b"\x89PNG\r\n", b"null", b'{"schema_version": 99}', b'{"schema_version": 1}', None],
    ids=["zero bytes", "deeply nested", "binary", "null", "newer schema", "nothing but a version", "a directory"],
)
def test_whatever_stands_in_the_manifest_the_reason_names_it(tmp_path: Path, content: bytes | None) -> None:
    manifest = tmp_path / "dataset.json"
    if content is None:
        manifest.mkdir()
    else:
        manifest.write_bytes(content)

    async def scenario() -> Dataset:
        async with _held(tmp_path) as holder:
            return holder.held.dataset

    dataset = anyio.run(scenario)

    assert dataset.layout == "none"
    assert "dataset.json" in told(dataset)[0]


def test_a_volume_that_comes_back_is_tried_again_though_no_file_changed(tmp_path: Path) -> None:
    publish(tmp_path, 1)
    attempts: list[Path] = []

    def flaky(directory: Path) -> Dataset:
        attempts.append(directory)
        if len(attempts) < 3:
            raise DatasetError(warned("Stale file handle."))
        return load_dataset(directory)

    clock = _Clock()

    async def scenario() -> int:
        async with _held(tmp_path, load=flaky, clock=clock) as holder:
            await until(lambda: clock.asked > 5)
            tried_at_once = len(attempts)
            clock.seconds = 2.0
            await until(lambda: holder._failures == 2)
            clock.seconds = 2.0 + 5.0
            await until(lambda: holder.held.problem is None)
            return tried_at_once

    assert anyio.run(scenario) == 1
    assert len(attempts) == 3


class _Clock:
    """Seconds that pass when a test says so; asked at each look."""

    seconds = 0.0
    asked = 0

    def __call__(self) -> float:
        self.asked += 1
        return self.seconds


def test_an_unforeseen_error_while_loading_is_counted_logged_once_and_does_not_end_the_watch(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    publish(tmp_path, 1)
    counts = Counts()
    broken = [True]

    def load(directory: Path) -> Dataset:
        if broken[0]:
            raise RecursionError
        return load_dataset(directory)

    async def scenario() -> list[str]:
        async with _held(tmp_path, counts, load=load) as holder:
            warnings = told(holder.held.dataset)
            (tmp_path / "dataset.json").touch()
            await until(lambda: counts.loads["failed"] == 2)
            broken[0] = False
            (tmp_path / "dataset.json").touch()
            await until(lambda: holder.held.dataset.generation == 1)
            return warnings

    with caplog.at_level(logging.WARNING):
        warnings = anyio.run(scenario)

    assert "RecursionError" in warnings[0]
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert caplog.records[0].exc_info is not None
    assert counts.loads == {"failed": 2, "loaded": 1}


def test_a_listener_hears_of_every_replacement_and_one_that_breaks_does_not_end_the_watch(tmp_path: Path) -> None:
    publish(tmp_path, 1)
    counts = Counts()
    heard: list[int] = []

    async def listener(dataset: Dataset) -> None:
        heard.append(dataset.generation)
        if dataset.generation == 2:
            raise ValueError("a listener's own trouble")

    async def scenario() -> None:
        holder = Holder(tmp_path, counts, look_seconds=LOOK_SECONDS)
        holder.on_new(listener)
        async with holder.watching():
            await holder.dataset()
            for generation in (2, 3):
                publish(tmp_path, generation)
                await until(lambda wanted=generation: wanted in heard)  # type: ignore[misc]

    anyio.run(scenario)

    assert heard == [2, 3]
    assert counts.loads == {"loaded": 3, "crashed": 1}


def test_a_mark_changes_when_the_manifest_is_replaced_by_one_of_equal_size_and_time(tmp_path: Path) -> None:
    publish(tmp_path, 1)
    manifest = tmp_path / "dataset.json"
    before, status = mark_of_dataset(tmp_path), manifest.stat()
    copy = tmp_path / "copy"
    copy.write_bytes(manifest.read_bytes())
    os.utime(copy, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert mark_of_dataset(tmp_path) == before

    copy.replace(manifest)

    assert mark_of_dataset(tmp_path) != before


def test_without_a_manifest_the_mark_follows_the_json_files_of_the_directory(tmp_path: Path) -> None:
    empty = mark_of_dataset(tmp_path)
    (tmp_path / "backend.json").write_text("{}")
    one = mark_of_dataset(tmp_path)
    (tmp_path / "notes.txt").write_text("not data")

    assert len({empty, one, mark_of_dataset(tmp_path / "absent")}) == 3
    assert mark_of_dataset(tmp_path) == one


def test_a_dataset_is_described_in_a_few_words(tmp_path: Path) -> None:
    publish(tmp_path, 5)

    assert describe(load_dataset(tmp_path)) == "generation 5 (native layout, 2 namespaces)"
