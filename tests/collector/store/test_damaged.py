"""A database of one namespace that is damaged or foreign: set aside and begun anew, and all others go on."""

from __future__ import annotations

import os
import resource
import struct
from collections.abc import Callable
from pathlib import Path

import pytest
import rrdtool

from collector.errors import StoreError
from collector.store.paths import CLUSTER, ENTRY, rrd_file
from collector.store.rrd import database, databases
from collector.store.store import Store
from tests.collector.store.reading import measured, usage
from tests.support.ordinary_user import ordinary_user
from tests.support.samples import DAY, HOUR, NOON, STEP, entry, gpu_entry, tick, ticks

HEAD = 2360
"""Bytes of the head of a namespace's database."""


def patched(path: Path, offset: int, content: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(offset)
        file.write(content)


def replaced(path: Path, make: Callable[[Path], object]) -> None:
    path.unlink()
    make(path)


def created(path: Path, *definition: str, step: int = STEP) -> None:
    rrdtool.create(str(path), "--start", str(NOON - DAY), "--step", str(step), *definition)


def ours(path: Path, step: int = STEP, rows: int = database.FINE_ROWS) -> None:
    archives = (f"RRA:AVERAGE:0.5:1:{rows}", f"RRA:AVERAGE:0.5:12:{database.HOURLY_ROWS}")
    created(path, *(f"DS:{name}:GAUGE:300:U:U" for name in ENTRY.sources), *archives, step=step)


def of_the_future(path: Path) -> None:
    database.create(path, ENTRY.sources, NOON)
    database.update(path, [database.Span(NOON, NOON + DAY, (5.0,) * 5)])


def a_directory(path: Path) -> None:
    path.mkdir()
    (path / "mine").write_text("kept")


DAMAGES: dict[str, Callable[[Path], object]] = {
    "empty": lambda path: path.write_bytes(b""),
    "text": lambda path: path.write_bytes(b"no database"),
    "truncated in its head": lambda path: os.truncate(path, 1000),
    "truncated in its rows": lambda path: os.truncate(path, 200_000),
    "too long": lambda path: os.truncate(path, 600_000),
    "zeros": lambda path: path.write_bytes(b"\0" * 548_120),
    "head of zeros": lambda path: patched(path, 0, b"\0" * HEAD),
    "count of sources": lambda path: patched(path, 24, struct.pack("L", 2**60)),
    "ring pointer": lambda path: patched(path, HEAD - 16, struct.pack("L", 2**40)),
    "other sources": lambda p: replaced(p, lambda path: created(path, "DS:t:GAUGE:600:U:U", "RRA:AVERAGE:0.5:1:100")),
    "existing installation's": lambda p: replaced(
        p,
        lambda path: created(
            path, "DS:cpu_usage:GAUGE:600:U:U", "DS:mem_usage:GAUGE:600:U:U", "RRA:AVERAGE:0.5:1:4032"
        ),
    ),
    "another step": lambda p: replaced(p, lambda path: ours(path, step=60)),
    "another depth": lambda p: replaced(p, lambda path: ours(path, rows=100)),
    "of the future": lambda p: replaced(p, of_the_future),
    "directory": lambda p: replaced(p, a_directory),
    "link to nowhere": lambda p: replaced(p, lambda path: path.symlink_to("nowhere")),
    "link to itself": lambda p: replaced(p, lambda path: path.symlink_to(path.name)),
    "pipe": lambda p: replaced(p, os.mkfifo),
}

each_damage = pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES.keys())


def stored_file(directory: Path) -> Path:
    """Two days of `web` at 1 core and `other` at 2, in a journal that keeps their last hour; the database of `web`."""
    with Store.open(directory) as store:
        store.append(ticks(NOON - 2 * DAY, NOON - HOUR, {"web": entry(1.0), "other": entry(2.0)}, interval=HOUR))
        for i in range(-11, 1):
            store.append([tick(NOON + i * STEP, {"web": entry(1.0), "other": entry(2.0)})])
    for oldest in sorted((directory / "journal").iterdir())[:2]:
        oldest.unlink()
    return directory / "namespaces" / "web.rrd"


def following(store: Store, count: int) -> None:
    store.append([tick(NOON + count * STEP, {"web": entry(3.0), "other": entry(4.0)})])


def check_begun_anew(store: Store, path: Path, log: str) -> None:
    """`web` is unknown but for what the journal has; `other` is untouched."""
    assert usage(store, "web", NOON - DAY, 23) == [None] * 23
    assert usage(store, "web", NOON - HOUR, 13, step=STEP) == [1.0] * 12 + [3.0]
    assert usage(store, "other", NOON - DAY, 24) == [2.0] * 24
    assert usage(store, "other", NOON - STEP, 2, step=STEP) == [2.0, 4.0]
    assert os.path.lexists(path.with_name("web.rrd.damaged"))
    assert f"{path} cannot be used: " in log
    assert "set aside as web.rrd.damaged and begun anew" in log


@pytest.mark.parametrize("crashed", [False, True])
@each_damage
def test_found_at_the_start(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, damage: Callable[[Path], object], crashed: bool
) -> None:
    """After a crash heads of the journal are put back: into what they are of, and into nothing else."""
    path = stored_file(tmp_path)
    damage(path)
    before = path.read_bytes() if path.is_file() else None
    if crashed:
        (tmp_path / "lock").write_text("1\n")
    with Store.open(tmp_path) as store:
        following(store, 1)
        check_begun_anew(store, path, caplog.text)
    if before is not None:
        assert path.with_name("web.rrd.damaged").read_bytes() == before


@each_damage
def test_found_between_two_ticks(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, damage: Callable[[Path], object]
) -> None:
    path = stored_file(tmp_path)
    with Store.open(tmp_path) as store:
        damage(path)
        following(store, 1)
        check_begun_anew(store, path, caplog.text)


@pytest.mark.parametrize("damage", [d for name, d in DAMAGES.items() if name != "of the future"])
def test_found_while_the_books_are_read(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, damage: Callable[[Path], object]
) -> None:
    path = stored_file(tmp_path)
    with Store.open(tmp_path) as store:
        damage(path)
        assert usage(store, "web", NOON - DAY, 24) == [None] * 24
        assert usage(store, "other", NOON - DAY, 24) == [2.0] * 24
        following(store, 1)
        check_begun_anew(store, path, caplog.text)


def test_what_is_not_ours_is_moved_and_not_changed(tmp_path: Path) -> None:
    path = stored_file(tmp_path)
    DAMAGES["directory"](path)
    with Store.open(tmp_path):
        assert (path.with_name("web.rrd.damaged") / "mine").read_text() == "kept"


def test_one_set_aside_earlier_is_never_overwritten(tmp_path: Path) -> None:
    path = stored_file(tmp_path)
    with Store.open(tmp_path) as store:
        for i in range(1, 4):
            path.write_bytes(b"%d" % i)
            following(store, i)
    names = ("web.rrd.damaged", "web.rrd.damaged-2", "web.rrd.damaged-3")
    assert [path.with_name(name).read_bytes() for name in names] == [b"1", b"2", b"3"]


@pytest.mark.parametrize("mode", [0o000, 0o400])
def test_one_that_this_user_may_not_use_is_set_aside(caplog: pytest.LogCaptureFixture, mode: int) -> None:
    with ordinary_user() as directory:
        path = stored_file(directory)
        path.chmod(mode)
        with Store.open(directory) as store:
            following(store, 1)
            check_begun_anew(store, path, caplog.text)
        assert "Permission denied" in caplog.text


def test_where_nothing_may_be_used_nothing_is_set_aside() -> None:
    """Such as after a restore by another user: it is the cluster's database that is complained of."""
    with ordinary_user() as directory:
        path = stored_file(directory)
        with Store.open(directory) as store:
            for each in directory.rglob("*.rrd"):
                each.chmod(0o000)
            for action in (lambda: following(store, 1), lambda: usage(store, "web", NOON - HOUR)):
                with pytest.raises(StoreError, match=r"cluster\.rrd: Permission denied"):
                    action()
            for each in directory.rglob("*.rrd"):
                each.chmod(0o600)
            following(store, 2)
            assert usage(store, "web", NOON - STEP, 3, step=STEP) == [1.0, 3.0, 3.0]
        assert not list(path.parent.glob("*.damaged"))


def test_a_machine_that_runs_out_of_files_is_no_damage(tmp_path: Path) -> None:
    path = stored_file(tmp_path)
    with Store.open(tmp_path) as store:
        limits = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (0, limits[1]))
        try:
            with pytest.raises(StoreError, match="Too many open files"):
                usage(store, "web", NOON - HOUR)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, limits)
        assert usage(store, "web", NOON - HOUR) == [1.0]
    assert not path.with_name("web.rrd.damaged").exists()


def test_a_special_entry_and_a_gpu_database_likewise(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        entries = {"web": gpu_entry(1.0, 1.0, 0.0, cpu=2.0)}
        store.append([tick(NOON + HOUR, entries, interval=HOUR, special={"excluded": entry(1.0)})])
        (tmp_path / "namespaces" / "web.gpu.rrd").write_bytes(b"")
        (tmp_path / "special" / "excluded.rrd").write_bytes(b"")
        assert usage(store, "web", NOON, metric="gpu") == [None]
        assert usage(store, "web", NOON) == [2.0], "its CPU is in another file"
        assert usage(store, "excluded", NOON, kind="special") == [None]
        store.append([tick(NOON + HOUR + STEP, entries, special={"excluded": entry(1.0)})])
        assert usage(store, "web", NOON + HOUR, 1, step=STEP, metric="gpu") == [1.0]
        assert usage(store, "excluded", NOON + HOUR, 1, step=STEP, kind="special") == [1.0]


@pytest.mark.parametrize("damage", ["empty", "truncated in its rows", "ring pointer", "directory"])
def test_the_clusters_stays_a_refusal_and_is_left_alone(tmp_path: Path, damage: str) -> None:
    stored_file(tmp_path)
    path = tmp_path / "cluster.rrd"
    size = len(database.head(path, CLUSTER.sources).content)
    if damage == "ring pointer":
        patched(path, size - 16, struct.pack("L", 2**40))
    else:
        DAMAGES[damage](path)
    with pytest.raises(StoreError, match=rf"{path}.*backup"):
        Store.open(tmp_path)
    assert not list(tmp_path.rglob("*.damaged"))


def test_the_clusters_that_vanishes_between_two_ticks_is_not_begun_anew(tmp_path: Path) -> None:
    stored_file(tmp_path)
    path = tmp_path / "cluster.rrd"
    with Store.open(tmp_path) as store:
        path.rename(tmp_path / "kept")
        with pytest.raises(StoreError, match=r"cluster\.rrd is missing"):
            following(store, 1)
        (tmp_path / "kept").rename(path)
        following(store, 2)
        assert usage(store, "web", NOON - STEP, 3, step=STEP) == [1.0, 3.0, 3.0]


def test_a_namespace_that_has_ended_is_unknown_in_its_hours(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        store.append(ticks(NOON, NOON + HOUR, {"web": entry(1.0), "other": entry(2.0)}))
        for i in range(1, 25):
            store.append([tick(NOON + HOUR + i * STEP, {"other": entry(2.0)})])
    (tmp_path / "namespaces" / "web.rrd").write_bytes(b"")
    for path in (tmp_path / "journal").iterdir():
        path.unlink()
    with Store.open(tmp_path) as store:
        assert usage(store, "web", NOON) == [None]
        assert usage(store, "other", NOON, 3) == [2.0] * 3


def test_the_hour_in_which_it_is_begun_anew_says_how_much_of_it_was_measured(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        store.append(ticks(NOON, NOON + 3 * STEP, {"web": entry(1.0)}))
    for path in (tmp_path / "journal").iterdir():
        path.unlink()
    (tmp_path / "namespaces" / "web.rrd").write_bytes(b"")
    with Store.open(tmp_path) as store:
        store.append(ticks(NOON + 3 * STEP, NOON + HOUR, {"web": entry(4.0)}))
        assert usage(store, "web", NOON) == [4.0]
        assert measured(store, "web", NOON) == [pytest.approx(9 / 12)]


@pytest.mark.parametrize("older", [False, True])
def test_an_hour_that_was_closed_is_unknown_where_the_journal_has_only_its_end(tmp_path: Path, older: bool) -> None:
    """9 cores to 12:25, then nothing: from 12:30 on the journal has it, of which the hour's mean would be zero."""
    path = tmp_path / "namespaces" / "web.rrd"
    with Store.open(tmp_path) as store:
        store.append(ticks(NOON - 2 * HOUR, NOON - HOUR, {"web": entry(9.0)}))
        copy = path.read_bytes()
        store.append(ticks(NOON - HOUR, NOON + 5 * STEP, {"web": entry(9.0)}))
        for oldest in (tmp_path / "journal").iterdir():
            oldest.unlink()
    with Store.open(tmp_path) as store:
        for i in range(6, 18):
            store.append([tick(NOON + i * STEP, {"web": entry(0.0)})])
        assert usage(store, "web", NOON) == [pytest.approx(9 * 5 / 12)]
        path.write_bytes(copy if older else b"")
        store.append([tick(NOON + 18 * STEP, {"web": entry(1.0)})])
        assert usage(store, "web", NOON - HOUR, 2) == [None, None]
        assert usage(store, "web", NOON + HOUR, 6, step=STEP) == [0.0] * 5 + [1.0]
        store.append([tick(NOON + i * STEP, {"web": entry(1.0)}) for i in range(19, 25)])
        assert usage(store, "web", NOON + HOUR) == [pytest.approx(7 / 12)]


def test_a_crash_after_it_was_begun_anew_does_not_put_the_head_of_the_old_file_into_the_new_one(tmp_path: Path) -> None:
    """Their rings begin at different rows: what was stored now would stand in some hour of the past."""
    path = stored_file(tmp_path)
    path.write_bytes(b"")
    with Store.open(tmp_path) as store:
        following(store, 1)
    (tmp_path / "lock").write_text("1\n")
    with Store.open(tmp_path) as store:
        following(store, 2)
        steps = usage(store, "web", NOON - 14 * DAY, 14 * DAY // STEP + 2, step=STEP)
        assert steps[-14:] == [1.0] * 12 + [3.0, 3.0]
        known = [i for i, value in enumerate(steps) if value is not None]
        assert known[0] >= len(steps) - 15, "nothing stands in the past"


def test_a_whole_older_copy_put_in_its_place_is_taken_and_completed(tmp_path: Path) -> None:
    path = stored_file(tmp_path)
    copy = path.read_bytes()
    path.write_bytes(b"")
    with Store.open(tmp_path) as store:
        following(store, 1)
    path.write_bytes(copy)
    with Store.open(tmp_path) as store:
        assert usage(store, "web", NOON - DAY, 24) == [1.0] * 24
        assert usage(store, "web", NOON, 1, step=STEP) == [3.0]


@pytest.mark.parametrize("with_cluster", [True, False])
def test_what_stands_where_a_database_is_to_be_removed_is_set_aside(tmp_path: Path, *, with_cluster: bool) -> None:
    path = stored_file(tmp_path)
    replaced(path, a_directory)
    if not with_cluster:
        (tmp_path / "cluster.rrd").unlink()
    databases.remove(tmp_path, [rrd_file("namespaces/web.rrd")])
    assert not path.exists()
    assert (path.with_name("web.rrd.damaged") / "mine").read_text() == "kept"
