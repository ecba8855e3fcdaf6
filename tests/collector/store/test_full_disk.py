"""A full disk: what does not fit is unknown until it does, all else goes on, and nothing is left half written."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from collector.errors import NoSpaceError
from collector.store.rrd import database
from collector.store.rrd.databases import MIN_SPARE_BYTES_PER_FILE
from collector.store.store import Store
from tests.collector.store.reading import capacity, usage
from tests.support.patience import LIMIT_SECONDS
from tests.support.samples import NOON, STEP, entry, gpu_entry, tick
from tests.support.small_disk import KIB, leave_free, small_disk

ROOT = Path(__file__).parents[3]
ONE = 548_120
"""Bytes of a namespace's database."""


def append(store: Store, number: int, *names: str) -> None:
    store.append([tick(NOON + number * STEP, {name: entry(float(number)) for name in names})])


def unfinished(directory: Path) -> list[Path]:
    return [path for path in directory.rglob("*") if ".new" in path.name or ".unfinished" in path.name]


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    with small_disk(tmp_path / "disk", 8192) as directory:
        yield directory


def test_a_namespace_that_does_not_fit_is_unknown_until_it_does_and_the_others_go_on(
    disk: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with Store.open(disk) as store:
        append(store, 1, "old")
        filler = leave_free(disk, 400)
        append(store, 2, "old", "new")
        append(store, 3, "old", "new")
        assert usage(store, "old", NOON, 3, step=STEP) == [1.0, 2.0, 3.0]
        assert usage(store, "new", NOON, 3, step=STEP) == [None] * 3
        assert capacity(store, NOON, 3, step=STEP) == [10.0] * 3
        assert store.last_tick == NOON + 3 * STEP
        assert unfinished(disk) == []
        filler.unlink()
        append(store, 4, "old", "new")
        assert usage(store, "new", NOON, 4, step=STEP) == [0.0, 2.0, 3.0, 4.0], "the journal had it, from its birth on"
    message = caplog.messages[0]
    assert message.startswith(
        f"cannot create the round-robin database {disk / 'namespaces' / 'new.rrd'}: no space left"
    )
    assert "KiB free" in message
    assert f"{-(-(ONE + 3 * MIN_SPARE_BYTES_PER_FILE) // KIB)} KiB needed" in message
    assert "Delete files from that file system, or enlarge the volume" in message


def test_what_the_journal_no_longer_has_stays_unknown_and_is_never_zero(disk: Path) -> None:
    with Store.open(disk) as store:
        append(store, 1, "old")
        filler = leave_free(disk, 400)
        append(store, 2, "old", "new")
        append(store, 3, "old", "new")
    for path in (disk / "journal").iterdir():
        path.unlink()
    filler.unlink()
    with Store.open(disk) as store:
        append(store, 4, "old", "new")
        assert usage(store, "new", NOON, 4, step=STEP) == [None, None, None, 4.0]
        assert usage(store, "old", NOON, 4, step=STEP) == [1.0, 2.0, 3.0, 4.0]


def test_a_restart_tries_again_at_once(disk: Path) -> None:
    with Store.open(disk) as store:
        append(store, 1, "old")
        filler = leave_free(disk, 400)
        append(store, 2, "old", "new")
    with Store.open(disk) as store:
        assert usage(store, "new", NOON, 2, step=STEP) == [None, None], "still full"
    filler.unlink()
    with Store.open(disk) as store:
        assert usage(store, "new", NOON, 2, step=STEP) == [0.0, 2.0]


def test_the_gpu_database_alone_may_not_fit(disk: Path) -> None:
    with Store.open(disk) as store:
        append(store, 1, "old")
        filler = leave_free(disk, 1000)
        sample = {"old": entry(2.0), "new": gpu_entry(1.0, 1.0, 0.0, cpu=3.0)}
        store.append([tick(NOON + 2 * STEP, sample)])
        assert usage(store, "new", NOON + STEP, 1, step=STEP) == [3.0]
        assert usage(store, "new", NOON + STEP, 1, step=STEP, metric="gpu") == [None]
        filler.unlink()
        store.append([tick(NOON + 3 * STEP, sample)])
        assert usage(store, "new", NOON, 3, step=STEP, metric="gpu") == [0.0, 1.0, 1.0]


def test_a_crash_while_it_does_not_fit_changes_nothing(disk: Path) -> None:
    with Store.open(disk) as store:
        append(store, 1, "old")
        filler = leave_free(disk, 400)
        append(store, 2, "old", "new")
    (disk / "lock").write_text("1\n")
    filler.unlink()
    with Store.open(disk) as store:
        append(store, 3, "old", "new")
        assert usage(store, "new", NOON, 3, step=STEP) == [0.0, 2.0, 3.0]
        assert usage(store, "old", NOON, 3, step=STEP) == [1.0, 2.0, 3.0]


def test_new_namespaces_leave_room_for_the_ticks_of_the_old_ones(disk: Path) -> None:
    """Else the one that still fitted would be the last thing that is ever stored."""
    names = [f"ns-{i}" for i in range(12)]
    with Store.open(disk) as store:
        for number in range(1, 40):
            append(store, number, *names)
        assert store.last_tick == NOON + 39 * STEP
        created = [name for name in names if (disk / "namespaces" / f"{name}.rrd").exists()]
        assert 0 < len(created) < len(names)
        for name in names:
            expected = [float(number) for number in range(34, 40)] if name in created else [None] * 6
            assert usage(store, name, NOON + 33 * STEP, 6, step=STEP) == expected
    status = os.statvfs(disk)
    assert status.f_bavail * status.f_frsize > 100 * KIB


def test_a_disk_without_a_byte_keeps_the_ticks_before_and_says_no_space(disk: Path) -> None:
    with Store.open(disk) as store:
        append(store, 1, "old")
        filler = leave_free(disk, 0)
        with pytest.raises(NoSpaceError, match=r"cannot write .*journal.*no space left.* 0 KiB free"):
            append(store, 2, "old")
        assert unfinished(disk) == []
        assert store.last_tick == NOON + STEP
        assert usage(store, "old", NOON, 1, step=STEP) == [1.0]
        filler.unlink()
        append(store, 3, "old")
        assert usage(store, "old", NOON, 3, step=STEP) == [1.0, None, 3.0]


@pytest.mark.parametrize("name", ["old", "cluster"])
def test_a_database_with_holes_does_not_kill_the_process(disk: Path, name: str) -> None:
    """A copy may leave out zeros. librrd maps the file: the kernel answers a page that cannot be had with SIGBUS."""
    with Store.open(disk) as store:
        append(store, 1, "old", "other")
    path = disk / ("cluster.rrd" if name == "cluster" else "namespaces/old.rrd")
    content = path.read_bytes()
    path.unlink()
    with path.open("wb") as file:
        file.write(content[:8192])
        file.truncate(len(content))
    leave_free(disk, 100)
    script = (
        "import sys\nfrom pathlib import Path\nfrom collector.errors import NoSpaceError\n"
        "from collector.store.store import Store\nfrom tests.collector.store.test_full_disk import append\n"
        "with Store.open(Path(sys.argv[1])) as store:\n    for i in range(2, 9):\n"
        "        try:\n            append(store, i, 'old', 'other')\n"
        "        except NoSpaceError as error:\n            print(error)\n"
    )
    command = [sys.executable, "-c", script, str(disk)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=LIMIT_SECONDS)
    assert done.returncode == 0, -signal.SIGBUS
    assert f"cannot write the round-robin database {path}: no space left" in done.stdout + done.stderr
    (disk / "filler").unlink()
    with Store.open(disk) as store:
        append(store, 9, "old", "other")
        assert usage(store, "old", NOON + STEP, 8, step=STEP) == [float(i) for i in range(2, 10)]
        assert usage(store, "other", NOON + STEP, 8, step=STEP) == [float(i) for i in range(2, 10)]


@contextmanager
def longest_file(size: int) -> Iterator[None]:
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def test_a_limit_on_file_sizes_is_called_no_space_as_well(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with Store.open(tmp_path) as store:
        append(store, 1, "old")
        with longest_file(300_000):
            append(store, 2, "old", "new")
        assert "no space left (File too large; " in caplog.text
        assert unfinished(tmp_path) == []
        assert usage(store, "old", NOON, 2, step=STEP) == [1.0, 2.0]
        append(store, 3, "old", "new")
        assert usage(store, "new", NOON, 3, step=STEP) == [0.0, 2.0, 3.0]


def test_librrd_that_fails_in_the_middle_leaves_nothing(tmp_path: Path) -> None:
    """Where the file system said that there is space, as a quota does not show in what is free."""
    with longest_file(300_000), pytest.raises(NoSpaceError, match=r"a\.rrd: no space left \(File too large"):
        database.create(tmp_path / "a.rrd", ("a", "b", "c", "d", "e"), NOON)
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_process_left_half_created_is_removed_at_the_next_start(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        append(store, 1, "old")
    folder = tmp_path / "namespaces"
    for name in ("a.rrd.new", "a.rrd.newzKQ0FS"):
        (folder / name).write_bytes(b"half")
    (folder / "a.rrd.damaged").write_bytes(b"kept")
    with Store.open(tmp_path):
        assert {path.name for path in folder.iterdir()} == {"old.rrd", "a.rrd.damaged"}
