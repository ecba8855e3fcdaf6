"""What an operator can get wrong: each gives one clear message, and nothing is lost."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import rrdtool

from collector.errors import StoreError
from collector.store.paths import LOCK_FILE
from collector.store.store import Store
from tests.collector.store.reading import usage
from tests.support.ordinary_user import ordinary_user
from tests.support.samples import HOUR, NOON, STEP, entry, tick, ticks

ROOT = Path(__file__).parents[3]


def stored(directory: Path) -> dict[Path, bytes]:
    """A store of half an hour, and the content of its databases."""
    with Store.open(directory) as store:
        store.append(ticks(NOON, NOON + 6 * STEP, {"web": entry(1.0), "other": entry(2.0)}))
    return {path: path.read_bytes() for path in directory.rglob("*.rrd")}


def test_two_stores_on_one_directory_are_refused(tmp_path: Path) -> None:
    with Store.open(tmp_path) as first:
        with pytest.raises(StoreError, match=f"{tmp_path} is in use by another collector .*Stop it"):
            Store.open(tmp_path)
        first.append([tick(NOON + STEP)])
    with Store.open(tmp_path) as second:
        assert second.last_tick == NOON + STEP


def test_two_processes_on_one_directory_are_refused(tmp_path: Path) -> None:
    script = (
        "import sys\nfrom pathlib import Path\nfrom collector.store.store import Store\n"
        "with Store.open(Path(sys.argv[1])):\n    print('open', flush=True)\n    sys.stdin.read()\n"
    )
    command = [sys.executable, "-c", script, str(tmp_path)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "open\n"
        with pytest.raises(StoreError, match=rf"in use by another collector \(process {other.pid}\)"):
            Store.open(tmp_path)
        other.kill()
    with Store.open(tmp_path) as store:
        assert store.last_tick is None


def test_a_failed_open_leaves_the_directory_free(tmp_path: Path) -> None:
    (tmp_path / "namespaces.json").write_text("nonsense")
    for _ in range(2):
        with pytest.raises(StoreError, match=r"namespaces\.json"):
            Store.open(tmp_path)


def test_a_directory_that_is_a_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "db"
    path.write_text("")
    with pytest.raises(StoreError, match=f"cannot create {path}"):
        Store.open(path)
    with pytest.raises(StoreError, match="has to be a directory"):
        Store.open(path / "below")


def test_an_unreadable_directory_is_named() -> None:
    with ordinary_user() as directory:
        directory.chmod(0o000)
        with pytest.raises(StoreError, match=f"{directory}.*Permission denied.*read and write"):
            Store.open(directory / "db")


def test_a_read_only_directory_is_named() -> None:
    with ordinary_user() as directory:
        stored(directory)
        directory.chmod(0o500)
        (directory / "lock").chmod(0o400)
        with pytest.raises(StoreError, match=f"{directory}.*Permission denied.*read and write"):
            Store.open(directory)


@pytest.mark.parametrize("keep", [0, 100, 200_000])
def test_a_truncated_cluster_database_is_named_and_nothing_else_is_touched(tmp_path: Path, keep: int) -> None:
    before = stored(tmp_path)
    path = tmp_path / "cluster.rrd"
    path.write_bytes(before[path][:keep])
    with pytest.raises(StoreError, match=rf"{path}.*backup"):
        Store.open(tmp_path)
    assert {p: p.read_bytes() for p in before} == before | {path: before[path][:keep]}


def test_a_cluster_database_damaged_while_open_is_named_and_the_others_stay_at_the_same_tick(tmp_path: Path) -> None:
    before = stored(tmp_path)
    path = tmp_path / "cluster.rrd"
    with Store.open(tmp_path) as store:
        path.write_bytes(b"no database")
        with pytest.raises(StoreError, match=rf"{path}.*backup"):
            store.append([tick(NOON + 7 * STEP, {"web": entry(7.0), "other": entry(7.0)})])
        assert {p: p.read_bytes() for p in before} == before | {path: b"no database"}
        path.write_bytes(before[path])
        store.append([tick(NOON + 8 * STEP, {"web": entry(8.0), "other": entry(8.0)})])
        assert usage(store, "web", NOON + 5 * STEP, 3, step=STEP) == [1.0, 7.0, 8.0]
        assert usage(store, "other", NOON + 5 * STEP, 3, step=STEP) == [2.0, 7.0, 8.0]


def test_a_foreign_cluster_database_is_named(tmp_path: Path) -> None:
    stored(tmp_path)
    path = tmp_path / "cluster.rrd"
    path.unlink()
    rrdtool.create(str(path), "--step", "300", "DS:temperature:GAUGE:600:U:U", "RRA:AVERAGE:0.5:1:100")
    with pytest.raises(StoreError, match=rf"{path}.*found temperature, expected cap_cpu"):
        Store.open(tmp_path)


def test_a_cluster_database_without_a_registry_is_someone_elses(tmp_path: Path) -> None:
    before = stored(tmp_path)
    (tmp_path / "namespaces.json").unlink()
    with pytest.raises(StoreError, match=r"cluster\.rrd but no namespaces\.json"):
        Store.open(tmp_path)
    assert {p: p.read_bytes() for p in before} == before


def test_a_registry_without_its_cluster_database_is_not_continued(tmp_path: Path) -> None:
    stored(tmp_path)
    for path in (tmp_path / "journal").iterdir():
        path.unlink()
    (tmp_path / "cluster.rrd").unlink()
    with pytest.raises(StoreError, match=r"cluster\.rrd is missing"):
        Store.open(tmp_path)
    assert not (tmp_path / "cluster.rrd").exists()


@pytest.mark.parametrize(
    "content",
    [
        "", "{", "[]", '{"format": 2}', '{"format": 1}', '"x"', "null",
        '{"format": 1, "first_tick": 1, "last_tick": 1, "last_sample_at": {}, "namespaces": {}, "special": {}}',
    ],
)  # fmt: skip
def test_a_damaged_or_foreign_registry_is_named_and_left_alone(tmp_path: Path, content: str) -> None:
    stored(tmp_path)
    (tmp_path / "namespaces.json").write_text(content)
    with pytest.raises(StoreError, match=r"namespaces\.json.*(backup|registry)"):
        Store.open(tmp_path)
    assert (tmp_path / "namespaces.json").read_text() == content


def test_a_registry_cannot_point_out_of_the_directory(tmp_path: Path) -> None:
    stored(tmp_path)
    path = tmp_path / "namespaces.json"
    path.write_text(path.read_text().replace('"other"', '"../../other"'))
    with pytest.raises(StoreError, match="not a DNS label"):
        Store.open(tmp_path)


def test_an_hour_that_was_stored_before_an_error_is_still_there_after_it(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        store.append(ticks(NOON, NOON + HOUR, {"web": entry(1.0)}))
        with pytest.raises(StoreError):
            store.append([tick(NOON + HOUR + STEP, {"Not A Name": entry(1.0)})])
        store.append([tick(NOON + HOUR + STEP, {"web": entry(3.0)})])
        assert usage(store, "web", NOON, 13, step=STEP) == [1.0] * 12 + [3.0]


def test_a_store_whose_databases_cannot_be_written_to_disk_is_not_closed_in_order() -> None:
    with ordinary_user() as directory:
        store = Store.open(directory)
        store.append([tick(NOON, {"shop": entry(1.0)})])
        folders = [path for path in directory.iterdir() if path.is_dir()]
        for folder in folders:
            folder.chmod(0)
        with pytest.raises(StoreError, match="Permission denied"):
            store.close()
        for folder in folders:
            folder.chmod(0o700)
        assert (directory / LOCK_FILE).read_text()
        with Store.open(directory) as reopened:
            assert usage(reopened, "shop", NOON - STEP, step=STEP) == [1.0]
