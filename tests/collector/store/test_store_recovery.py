"""A crash at any point between the journal and the registry leaves the books of an uninterrupted run."""

from __future__ import annotations

import logging
import os
import random
import shutil
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from collector.errors import StoreError
from collector.model import TickSample
from collector.store import journal, registry
from collector.store.paths import CLUSTER, ENTRY, GPU, RrdFile
from collector.store.rrd import database as rrd
from collector.store.store import Store
from tests.collector.store.reading import coverage, usage
from tests.support.crashes import Watch, put
from tests.support.samples import DAY, HOUR, NOON, STEP, entry, failed_tick, gpu_entry, tick, ticks

END = NOON + 3 * HOUR


class PowerCutError(Exception):
    """Raised where the process is meant to die."""


def history() -> list[list[TickSample]]:
    """Three hours of batches with births, deaths, GPUs, special entries, failures and a gap."""
    samples: list[TickSample] = []
    for i in [*range(2, 17), *range(20, 37)]:
        entries = {"always": entry(i / 7, float(i), cpu_requests=1.0, labels={"tick": str(i % 5)})}
        if 5 <= i <= 9 or i >= 30:
            entries["sometimes"] = gpu_entry(0.5, 1.0, 1.0, cpu=3.0) if i > 7 else entry(3.0)
        special = {"excluded": entry(1.0)} if i % 4 else {}
        time = NOON + i * STEP
        samples.append(failed_tick(time) if i in (6, 25) else tick(time, entries, special=special))  # type: ignore[arg-type]
    return [samples[first : first + 3] for first in range(0, len(samples), 3)]


def books(directory: Path) -> dict[str, object]:
    """Everything a store says, comparable."""
    with Store.open(directory) as store:
        rows: dict[str, object] = {}
        for step in (STEP, HOUR):
            cluster = store.cluster(NOON, END, step)
            parts = (cluster.capacity, cluster.allocatable, cluster.observed)
            rows[f"cluster {step}"] = [column.tobytes() for part in parts for column in part.values()]
            for kind, names in (("namespace", store.registry.namespaces), ("special", store.registry.special)):
                for name in names:
                    entry_rows = store.entry(kind, name, NOON, END, step)  # type: ignore[arg-type]
                    columns = [*entry_rows.usage.values(), *entry_rows.requests.values(), entry_rows.measured]
                    rows[f"{name} {step}"] = [np.nan_to_num(column, nan=-1.0).tolist() for column in columns]
        rows["registry"] = store.registry
        rows["nodes"] = store.nodes.time
        return rows


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    directory = tmp_path_factory.mktemp("uninterrupted")
    with Store.open(directory) as store:
        for batch in history():
            store.append(batch)
    return books(directory)


def die_at_call(
    monkeypatch: pytest.MonkeyPatch,
    module: object,
    name: str,
    number: int,
    last_act: Callable[[Path], None] | None = None,
) -> None:
    """Lets the `number`-th call of a function, counted from now, be the process's last."""
    real = getattr(module, name)
    calls = 0

    def until_then(*arguments: Any) -> object:
        nonlocal calls
        calls += 1
        if calls == number:
            if last_act:
                last_act(arguments[0])
            raise PowerCutError
        return real(*arguments)

    monkeypatch.setattr(module, name, until_then)


def tear(path: Path) -> None:
    """What librrd leaves when it is killed at the wrong moment: ring pointers that belong to other rows."""
    form = CLUSTER if path.name == "cluster.rrd" else GPU if path.name.endswith(".gpu.rrd") else ENTRY
    size = len(rrd.head(path, form.sources).content)
    with path.open("r+b") as file:
        file.seek(size - 16)
        pointers = struct.unpack("qq", file.read(16))
        assert 0 <= pointers[0] < rrd.FINE_ROWS
        assert 0 <= pointers[1] < rrd.HOURLY_ROWS
        file.seek(size - 16)
        file.write(struct.pack("qq", *(pointer + 1 for pointer in pointers)))


@pytest.mark.parametrize("torn", [False, True])
@pytest.mark.parametrize(
    ("batch_number", "survivors"),
    [
        *((batch, files) for batch in (0, 4, 5) for files in (0, 1, 2)),
        *((batch, files) for batch in (2, 9) for files in range(5)),
    ],
)
def test_a_crash_after_some_databases_were_written_leaves_no_trace(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    uninterrupted: dict[str, object],
    batch_number: int,
    survivors: int,
    torn: bool,
) -> None:
    batches = history()
    with Store.open(tmp_path) as store:
        for batch in batches[:batch_number]:
            store.append(batch)
        with monkeypatch.context() as patch:
            die_at_call(patch, rrd, "update", survivors + 1, tear if torn else None)
            with pytest.raises(PowerCutError):
                store.append(batches[batch_number])
    with Store.open(tmp_path) as store:
        assert store.last_tick == batches[batch_number][-1].time, "the journal completed the batch"
        for batch in batches[batch_number + 1 :]:
            store.append(batch)
    assert books(tmp_path) == uninterrupted


@pytest.mark.parametrize(
    ("batch_number", "point"),
    [(0, "create"), (2, "create"), *((batch, point) for batch in (0, 2, 5) for point in ("registry", "nodes"))],
)
def test_a_crash_before_the_registry_was_written_leaves_no_trace(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, uninterrupted: dict[str, object], batch_number: int, point: str
) -> None:
    module, name = {
        "create": (rrd, "create"),
        "registry": (registry, "save"),
        "nodes": (registry, "save_nodes"),
    }[point]
    batches = history()
    with Store.open(tmp_path) as store:
        for batch in batches[:batch_number]:
            store.append(batch)
        with monkeypatch.context() as patch:
            die_at_call(patch, module, name, 1)
            with pytest.raises(PowerCutError):
                store.append(batches[batch_number])
    with Store.open(tmp_path) as store:
        for batch in batches[batch_number + 1 :]:
            store.append(batch)
    assert books(tmp_path) == uninterrupted


def test_a_database_that_the_kernel_did_not_write_back_is_completed_from_the_kept_journal(
    tmp_path: Path, uninterrupted: dict[str, object]
) -> None:
    """As after a power cut: the registry of the last tick, but databases as they were some ticks before."""
    batches = history()
    stale = tmp_path / "stale"
    live = tmp_path / "live"
    with Store.open(live) as store:
        for number, batch in enumerate(batches):
            store.append(batch)
            if number == 5:
                shutil.copytree(live, stale)
    for name in ("cluster.rrd", "namespaces/always.rrd", "special/excluded.rrd"):
        shutil.copy(stale / name, live / name)
    (live / "namespaces" / "sometimes.gpu.rrd").unlink()
    assert books(live) == uninterrupted


def test_replaying_changes_nothing_that_is_there(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        for batch in history():
            store.append(batch)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*.rrd")}
    registry.save(tmp_path, registry.EMPTY)
    with Store.open(tmp_path) as store:
        assert store.last_tick == END
    assert {path: path.read_bytes() for path in tmp_path.rglob("*.rrd")} == before


def test_a_tick_that_could_not_be_written_is_completed_by_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Store.open(tmp_path) as store:
        store.append(ticks(NOON, NOON + 3 * STEP, {"web": entry(1.0)}))
        with monkeypatch.context() as patch:
            patch.setattr(rrd, "update", full)
            for i in (4, 5):
                with pytest.raises(StoreError, match="no space"):
                    store.append([tick(NOON + i * STEP, {"web": entry(float(i))})])
        assert store.last_tick == NOON + 3 * STEP
        assert store.append([tick(NOON + 4 * STEP)]).refused == 1, "its first sample is in the journal"
        store.append([tick(NOON + 6 * STEP, {"web": entry(6.0)})])
        assert usage(store, "web", NOON, 6, step=STEP) == [1.0, 1.0, 1.0, 4.0, 5.0, 6.0]
        assert store.last_tick == NOON + 6 * STEP


def test_ticks_that_waited_for_space_are_on_disk_before_their_journal_goes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal, "MIN_KEPT_BATCHES", 1)
    monkeypatch.setattr(journal, "MIN_KEPT_SECONDS", 0)
    live, lost = tmp_path / "live", tmp_path / "lost"
    live.mkdir()
    lost.mkdir()
    with Store.open(live) as store:
        store.append([tick(NOON + STEP, {"web": entry(1.0)})])
        with monkeypatch.context() as patch:
            patch.setattr(rrd, "update", full)
            for i in (2, 3, 4):
                with pytest.raises(StoreError, match="no space"):
                    store.append([tick(NOON + i * STEP, {"web": entry(float(i))})])
        with Watch(live) as watch:
            store.append([tick(NOON + 5 * STEP, {"web": entry(5.0)})])
    for number in range(30):
        put(lost, watch.moments[-1].power_lost(random.Random(number)))
        with Store.open(lost) as store:
            assert usage(store, "web", NOON, 5, step=STEP) == [1.0, 2.0, 3.0, 4.0, 5.0]


def full(*_: object) -> int:
    raise StoreError("no space left")


def pending(directory: Path) -> Path:
    """A store whose last batch is in the journal only; its journal file."""
    with Store.open(directory) as store:
        store.append(ticks(NOON, NOON + 6 * STEP, {"web": entry(1.0)}))
    saved = (directory / "namespaces.json").read_bytes()
    databases = {path: path.read_bytes() for path in directory.rglob("*.rrd")}
    with Store.open(directory) as store:
        store.append([tick(NOON + 7 * STEP, {"web": entry(7.0)})])
    (directory / "namespaces.json").write_bytes(saved)
    for path, content in databases.items():
        path.write_bytes(content)
    return max((directory / "journal").glob("*.json"))


def test_a_whole_journal_file_is_replayed(tmp_path: Path) -> None:
    pending(tmp_path)
    with Store.open(tmp_path) as store:
        assert usage(store, "web", NOON + 6 * STEP, 1, step=STEP) == [7.0]


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: b"",
        lambda content: content[: len(content) // 2],
        lambda content: content.replace(b"7.0", b"8.0"),
        lambda content: b"\x00" * len(content),
        lambda content: b'{"samples": []}',
    ],
    ids=["empty", "truncated", "changed", "zeros", "foreign"],
)
def test_a_damaged_journal_file_is_reported_and_set_aside(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, damage: Callable[[bytes], bytes]
) -> None:
    path = pending(tmp_path)
    path.write_bytes(damage(path.read_bytes()))
    with caplog.at_level(logging.ERROR), Store.open(tmp_path) as store:
        assert (path.name in caplog.text, "set aside" in caplog.text) == (True, True)
        assert path.with_name(path.name + ".bad").exists()
        assert not path.exists()
        assert store.last_tick == NOON + 6 * STEP
        store.append([tick(NOON + 8 * STEP, {"web": entry(8.0)})])
        assert usage(store, "web", NOON + 5 * STEP, 3, step=STEP) == [1.0, None, 8.0]
        assert coverage(store, NOON + 5 * STEP, 3, step=STEP) == [1.0, 0.0, 1.0]


def test_a_birth_after_a_damaged_batch_knows_the_steps_of_that_batch(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        for i in (1, 2, 3):
            store.append([tick(NOON + i * STEP, {"web": entry(1.0), **({"new": entry(3.0)} if i == 3 else {})})])
    (tmp_path / "journal" / f"{NOON + 2 * STEP:012d}.json").write_bytes(b"damaged")
    (tmp_path / "namespaces" / "new.rrd").unlink()
    with Store.open(tmp_path) as store:
        # The hour was observed throughout, without it.
        assert usage(store, "new", NOON, 3, step=STEP) == [0.0, 0.0, 3.0]


def test_a_cluster_database_that_is_gone_is_built_from_a_journal_that_has_it_all(
    tmp_path: Path, uninterrupted: dict[str, object]
) -> None:
    with Store.open(tmp_path) as store:
        for batch in history():
            store.append(batch)
    (tmp_path / "cluster.rrd").unlink()
    assert books(tmp_path) == uninterrupted


def test_what_a_crash_left_half_written_is_tidied_up(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        store.append([tick(NOON + STEP)])
    half = tmp_path / "journal" / f"{NOON + 2 * STEP:012d}.json.unfinished"
    half.write_bytes(b"half a")
    (tmp_path / "namespaces.json.unfinished").write_bytes(b"half a")
    begun = [tmp_path / "cluster.rrd.new", tmp_path / "namespaces" / "web.rrd.newXo3f1A"]
    for path in begun:
        path.write_bytes(b"half a")
    (tmp_path / "lock").write_bytes(b"1\n")
    with Store.open(tmp_path) as store:
        assert store.last_tick == NOON + STEP
        store.append([tick(NOON + 2 * STEP)])
    assert not any(path.exists() for path in (half, *begun))


def test_the_journal_does_not_grow(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        for i in range(1, 30):
            store.append([tick(NOON + i * STEP)])
            newest = max((tmp_path / "journal").glob("*.json"))
            os.utime(newest, (NOON + i * STEP, NOON + i * STEP))
    with Store.open(tmp_path) as store:
        store.append([tick(NOON + 30 * STEP)])
        kept = {path.name for path in (tmp_path / "journal").iterdir()}
    assert kept == {f"{NOON + i * STEP:012d}.{kind}" for i in range(19, 31) for kind in ("json", "heads")}


def test_a_database_that_was_moved_away_is_begun_anew_and_said_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with Store.open(tmp_path) as store:
        store.append(ticks(NOON, NOON + 6 * STEP, {"web": entry(1.0), "other": entry(2.0)}))
    for path in (tmp_path / "journal").iterdir():
        path.unlink()
    RrdFile("namespace", "web", ENTRY).path(tmp_path).unlink()
    with caplog.at_level(logging.WARNING), Store.open(tmp_path) as store:
        assert usage(store, "web", NOON, 6, step=STEP) == [None] * 6
        store.append([tick(NOON + 7 * STEP, {"web": entry(3.0), "other": entry(2.0)})])
        assert usage(store, "web", NOON, 7, step=STEP) == [None] * 6 + [3.0]
        assert usage(store, "other", NOON, 7, step=STEP) == [2.0] * 7
    assert "web.rrd" in caplog.text
    assert "begun anew" in caplog.text


def test_an_older_copy_that_was_put_in_place_after_a_crash_does_not_pass_off_old_rows_as_new(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The heads in the journal do not fit to it: where it lacks rows, the ring holds those of 14 days before."""
    database = tmp_path / "namespaces" / "web.rrd"
    with Store.open(tmp_path) as store:
        store.append(ticks(NOON - 15 * DAY, NOON, {"web": entry(9.0)}, interval=HOUR))
        older = database.read_bytes()
        for i in range(1, 5):
            store.append([tick(NOON + i * STEP, {"web": entry(float(i))})])
        for path in sorted((tmp_path / "journal").iterdir())[:6]:
            path.unlink()
        with monkeypatch.context() as patch:
            die_at_call(patch, rrd, "update", 1)
            with pytest.raises(PowerCutError):
                store.append([tick(NOON + 5 * STEP, {"web": entry(5.0)})])
    database.write_bytes(older)
    with Store.open(tmp_path) as store:
        assert usage(store, "web", NOON - STEP, 6, step=STEP) == [9.0, None, None, 3.0, 4.0, 5.0]


def test_a_proper_close_leaves_nothing_to_replay(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="collector.store"):
        for batch in [*history(), *([failed_tick(END + i * STEP)] for i in range(1, 15)), [tick(END + 15 * STEP)]]:
            with Store.open(tmp_path) as store:
                store.append(batch)
    assert caplog.text == ""
