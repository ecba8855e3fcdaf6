"""Two collectors with databases of their own and one place of publication: the second is refused."""

from __future__ import annotations

import fcntl
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import orjson
import pytest

from collector import cli
from collector.clock import boot_time
from collector.errors import PublishError
from collector.publish.publication_lock import PUBLICATION_LOCK_FILE, PublicationLock
from collector.settings import Settings, load
from collector.store.lock import DirectoryLock
from kl_query.dataset import load_dataset
from kl_query.dataset.watcher import mark_of_dataset
from tests.collector.commands import cluster, environment, kl_collector, running, wait_for
from tests.support.published import publish
from tests.support.scripted_http import serving
from tests.support.small_disk import leave_free, small_disk


@pytest.fixture
def endpoint() -> Iterator[str]:
    with serving(cluster) as server:
        yield server.url


@pytest.mark.parametrize("command", ["run", "once"])
def test_a_second_collector_with_other_databases_is_refused_and_begins_none(
    tmp_path: Path, endpoint: str, command: str
) -> None:
    environ = environment(tmp_path, endpoint)
    with running(environ) as first:
        wait_for(tmp_path / "data" / "dataset.json")
        before = orjson.loads((tmp_path / "data" / "dataset.json").read_bytes())
        second = kl_collector(command, environ={**environ, "KL_DB_LOCATION": str(tmp_path / "other")})
        assert first.poll() is None
        after = orjson.loads((tmp_path / "data" / "dataset.json").read_bytes())
        # The first one may have taken its next tick meanwhile.
        assert after == before or after["last_sample_at"] != before["last_sample_at"]
    assert second.returncode == 1
    assert second.stderr.count("\n") == 1
    for part in (f"KL_DATA_DIR {tmp_path / 'data'}", f"process {first.pid}", f"KL_DB_LOCATION={tmp_path / 'db'}",
                 f"KL_DB_LOCATION={tmp_path / 'other'}", "Stop the other one, or give this one"):  # fmt: skip
        assert part in second.stderr
    assert not (tmp_path / "other").exists()


def test_a_collector_that_was_killed_does_not_keep_the_next_one_out(tmp_path: Path, endpoint: str) -> None:
    environ = environment(tmp_path, endpoint)
    with running(environ) as first:
        wait_for(tmp_path / "data" / "dataset.json")
        first.kill()
        first.wait()
    second = kl_collector("once", environ={**environ, "KL_DB_LOCATION": str(tmp_path / "other")})
    assert second.returncode == 0


def settings(root: Path, name: str, **changed: object) -> Settings:
    return Settings(db_location=root / name, data_dir=root / "data", **changed)  # type: ignore[arg-type]


def test_one_after_the_other_is_fine(tmp_path: Path) -> None:
    for name in ("one", "two"):
        with PublicationLock(settings(tmp_path, name)):
            pass


def test_the_same_directory_by_another_way_is_the_same(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "link").symlink_to("data")
    with (
        PublicationLock(settings(tmp_path, "one")),
        pytest.raises(PublishError, match="in use"),
        PublicationLock(Settings(db_location=tmp_path / "two", data_dir=tmp_path / "link")),
    ):
        pytest.fail("both hold it")


@pytest.mark.parametrize("other", ["layout", "data/kubeledger"])
def test_the_place_of_the_existing_installations_files_is_held_as_well(tmp_path: Path, other: str) -> None:
    chosen = tmp_path / "layout" if other == "layout" else None
    first = settings(tmp_path, "one", publish_kubeledger_layout=True, kubeledger_data_dir=chosen)
    second = Settings(
        db_location=tmp_path / "two",
        data_dir=tmp_path / "data-2",
        publish_kubeledger_layout=True,
        kubeledger_data_dir=tmp_path / other,
    )
    with PublicationLock(first), pytest.raises(PublishError, match=r"KL_KUBELEDGER_DATA_DIR .* in use"):
        PublicationLock(second).__enter__()
    with PublicationLock(second):
        pass


def test_one_directory_for_both_layouts_is_held_once(tmp_path: Path) -> None:
    both = settings(tmp_path, "one", publish_kubeledger_layout=True, kubeledger_data_dir=tmp_path / "data")
    with PublicationLock(both):
        pass


def test_a_refused_one_lets_go_of_what_it_held(tmp_path: Path) -> None:
    first = Settings(db_location=tmp_path / "one", data_dir=tmp_path / "layout")
    second = settings(tmp_path, "two", publish_kubeledger_layout=True, kubeledger_data_dir=tmp_path / "layout")
    with PublicationLock(first), pytest.raises(PublishError):
        PublicationLock(second).__enter__()
    with PublicationLock(settings(tmp_path, "three")):
        pass


def test_a_full_place_does_not_keep_the_cluster_from_being_sampled(tmp_path: Path) -> None:
    with small_disk(tmp_path / "data", 256) as disk:
        leave_free(disk, 0)
        with PublicationLock(settings(tmp_path, "one")):
            pass


def test_a_place_that_was_full_is_held_before_anything_is_published_to_it(tmp_path: Path) -> None:
    with small_disk(tmp_path / "data", 256) as disk:
        filler = leave_free(disk, 0)
        with PublicationLock(settings(tmp_path, "one")) as place:
            with pytest.raises(PublishError, match=r"cannot publish .*: no space left"):
                place.hold()
            filler.unlink()
            place.hold()
            with pytest.raises(PublishError, match="in use"):
                PublicationLock(settings(tmp_path, "two")).__enter__()


def test_a_place_that_another_one_took_meanwhile_is_not_published_to(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("in the way")
    with PublicationLock(settings(tmp_path, "one")) as place:
        (tmp_path / "data").unlink()
        with PublicationLock(settings(tmp_path, "two")), pytest.raises(PublishError, match="in use"):
            place.hold()
        place.hold()


def test_a_collector_publishes_nothing_where_it_does_not_hold_the_place(tmp_path: Path, endpoint: str) -> None:
    chosen = load(environment(tmp_path, endpoint))
    (tmp_path / "data").write_text("in the way")
    due = int(time.time()) // 300 * 300
    with cli._collector(chosen, lambda: float(due), boot_time) as collector:
        (tmp_path / "data").unlink()
        with PublicationLock(settings(tmp_path, "other")), pytest.raises(PublishError, match="in use"):
            collector.tick(due)
        assert collector.last_tick == due
        assert not (tmp_path / "data" / "dataset.json").exists()
        assert collector.publish() == 1


def gone(data: Path) -> None:
    shutil.rmtree(data)


def replaced(data: Path) -> None:
    data.rename(data.with_name("before"))
    data.mkdir()


def unlocked(data: Path) -> None:
    (data / PUBLICATION_LOCK_FILE).unlink()


@pytest.mark.parametrize("happens", [gone, replaced, unlocked])
def test_a_place_that_is_another_directory_now_is_held_again(tmp_path: Path, happens: Callable[[Path], None]) -> None:
    with PublicationLock(settings(tmp_path, "one")) as place:
        happens(tmp_path / "data")
        place.hold()
        with pytest.raises(PublishError, match="in use"):
            PublicationLock(settings(tmp_path, "two")).__enter__()


def test_the_server_does_not_see_the_lock(tmp_path: Path) -> None:
    publish(tmp_path)
    before = (mark_of_dataset(tmp_path), load_dataset(tmp_path).namespaces)
    lock = DirectoryLock(tmp_path, PUBLICATION_LOCK_FILE)
    assert (mark_of_dataset(tmp_path), load_dataset(tmp_path).namespaces) == before
    (tmp_path / "dataset.json").unlink()
    unpublished = mark_of_dataset(tmp_path)
    (tmp_path / PUBLICATION_LOCK_FILE).write_text("changed")
    assert mark_of_dataset(tmp_path) == unpublished
    lock.release(in_order=True)


def test_a_file_system_without_locks_is_said_and_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def no_locks(*_: object) -> None:
        raise OSError(37, "No locks available")

    monkeypatch.setattr(fcntl, "flock", no_locks)
    with PublicationLock(settings(tmp_path, "one")) as place:
        place.hold()
    assert caplog.text.count("is not locked against a second collector") == 1
    assert "is not locked against a second collector: [Errno 37] No locks available" in caplog.text
