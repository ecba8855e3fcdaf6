from __future__ import annotations

import os
from fractions import Fraction
from pathlib import Path
from types import MappingProxyType

import pytest

from collector.errors import StoreError
from collector.model import Entry, NodeState, TickSample
from collector.store import journal
from collector.store.journal import Batch, Journal
from collector.store.rrd.database import Head
from tests.support.samples import NOON, STEP, entry, failed_tick, gpu_entry, tick

NODE = NodeState("n1", {"cpu": 4.0}, {"cpu": 3.0}, {"cpu": None, "memory": 1.0}, {}, 3, ready=True, schedulable=False)


def write(found: Journal, *times: int) -> None:
    for i in times:
        found.write(Batch(NOON, (tick(NOON + i * STEP),)))


def no_sync() -> None:
    pytest.fail("nothing that is fresh had to give way")


def names(directory: Path) -> list[int]:
    return sorted((int(path.stem) - NOON) // STEP for path in directory.iterdir())


def test_ticks_come_back_exactly_as_they_went(tmp_path: Path) -> None:
    samples = (
        tick(
            NOON + STEP, {"web": entry(0.1 + 0.2, 1e15 / 3, labels={"team": "ü"}), "train": gpu_entry(None, 2.0, None)}
        ),
        failed_tick(NOON + 2 * STEP, metrics=True),
        tick(NOON + 3 * STEP, special={"excluded": entry(None, measured=None)}, dcgm=False, nodes=(NODE,)),
    )
    Journal(tmp_path).write(Batch(NOON, samples))
    assert list(Journal(tmp_path).read(None)) == [Batch(NOON, samples)]


def test_exact_numbers_and_read_only_mappings_are_taken(tmp_path: Path) -> None:
    exact = Entry(MappingProxyType({"cpu": Fraction(1, 4), "memory": 1.0}))  # type: ignore[dict-item]
    Journal(tmp_path).write(Batch(None, (tick(NOON, MappingProxyType({"web": exact})),)))
    (batch,) = Journal(tmp_path).read(None)
    assert batch == Batch(None, (tick(NOON, {"web": Entry({"cpu": 0.25, "memory": 1.0})}),))


def test_the_nodes_of_every_tick_come_back(tmp_path: Path) -> None:
    samples = (tick(NOON, nodes=(NODE,)), tick(NOON + STEP, nodes=(NODE,)), failed_tick(NOON + 2 * STEP))
    Journal(tmp_path).write(Batch(None, samples))
    (batch,) = Journal(tmp_path).read(None)
    assert [sample.nodes for sample in batch.samples] == [(NODE,), (NODE,), ()]


def test_batches_are_read_by_the_time_of_their_last_tick(tmp_path: Path) -> None:
    assert Journal(tmp_path).newest is None
    found = Journal(tmp_path)
    write(found, 1, 2, 3, 4)
    assert found.newest == NOON + 4 * STEP

    def times(after: int | None, until: int | None) -> list[int]:
        return [batch.samples[-1].time for batch in Journal(tmp_path).read(after, until)]

    assert times(NOON + STEP, NOON + 3 * STEP) == [NOON + 2 * STEP, NOON + 3 * STEP]
    assert times(None, None) == [NOON + i * STEP for i in (1, 2, 3, 4)]


def test_fresh_batches_are_kept_beyond_their_number(tmp_path: Path) -> None:
    found = Journal(tmp_path)
    write(found, *range(1, 31))
    found.prune(NOON + 30 * STEP, no_sync)
    assert names(tmp_path) == list(range(1, 31))


def test_old_batches_are_removed_once_applied_but_for_the_newest(tmp_path: Path) -> None:
    write(Journal(tmp_path), *range(1, 31))
    for path in tmp_path.iterdir():
        os.utime(path, (int(path.stem), int(path.stem)))
    found = Journal(tmp_path)
    found.prune(NOON + 5 * STEP, no_sync)
    assert names(tmp_path) == list(range(6, 31)), "the others are not applied yet"
    found.prune(NOON + 30 * STEP, no_sync)
    assert names(tmp_path) == list(range(19, 31))
    assert [batch.samples[-1].time for batch in found.read(None)] == [NOON + i * STEP for i in range(19, 31)]


def test_fresh_batches_give_way_when_they_get_too_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = Journal(tmp_path)
    write(found, *range(1, 31))
    size = (tmp_path / f"{NOON + STEP:012d}.json").stat().st_size
    monkeypatch.setattr(journal, "MAX_KEPT_BYTES", 20 * size)
    kept_when_synced: list[list[int]] = []
    found.prune(NOON + 30 * STEP, lambda: kept_when_synced.append(names(tmp_path)))
    assert kept_when_synced == [list(range(1, 31))], "what they hold is on disk first"
    assert names(tmp_path) == list(range(19, 31)), "then none of them is needed"


def test_a_value_that_does_not_belong_there_is_a_type_error(tmp_path: Path) -> None:
    wrong = TickSample(NOON, 300, {"kubernetes": True, "metrics": None, "dcgm": object()}, {}, {}, {}, {})  # type: ignore[dict-item]
    with pytest.raises(TypeError):
        Journal(tmp_path).write(Batch(None, (wrong,)))
    assert list(tmp_path.iterdir()) == []


def test_heads_come_back_from_the_oldest_batch_since_which_nothing_is_missing(tmp_path: Path) -> None:
    found = Journal(tmp_path)
    for i in range(1, 6):
        found.write(Batch(NOON + (i - 1) * STEP, (tick(NOON + i * STEP),)))
        found.write_heads(NOON + i * STEP, {"a": Head(i, bytes([i])), f"b{i}": None})
    applied = NOON + 5 * STEP
    assert found.heads(applied) == {"a": Head(1, b"\x01"), "b1": None, "b2": None, "b3": None, "b4": None, "b5": None}
    found.write_heads(NOON + STEP, {"a": Head(9, b"later")})
    assert found.heads(applied)["a"] == Head(1, b"\x01"), "a second attempt leaves the heads of the first"
    (tmp_path / f"{NOON + 2 * STEP:012d}.heads").unlink()
    assert found.heads(applied) == {"a": Head(3, b"\x03"), "b3": None, "b4": None, "b5": None}
    (tmp_path / f"{NOON + 4 * STEP:012d}.json").write_bytes(b"damaged")
    assert found.heads(applied) == {"a": Head(5, b"\x05"), "b5": None}


def test_a_batch_that_was_not_begun_has_no_heads(tmp_path: Path) -> None:
    found = Journal(tmp_path)
    for i in (1, 2):
        found.write(Batch(NOON + (i - 1) * STEP, (tick(NOON + i * STEP),)))
    found.write_heads(NOON + STEP, {"a": None})
    assert found.heads(NOON + STEP) == {"a": None}
    assert found.heads(NOON + 2 * STEP) == {}, "applied, but its heads are gone"


def test_a_directory_that_is_gone_is_named(tmp_path: Path) -> None:
    folder = tmp_path / "journal"
    folder.mkdir()
    found = Journal(folder)
    folder.rmdir()
    with pytest.raises(StoreError, match="journal"):
        write(found, 1)
