"""No store is begun among the databases of an installation that is to be imported."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from collector import cli
from collector.errors import StoreError
from collector.store import foreign_databases
from collector.store.store import Store
from tests.support.legacy_rrd import at, hashes, steps, write_database
from tests.support.samples import entry, tick

NOON = at("2026-11-21T12:00")


def existing(directory: Path) -> Path:
    """A location with a namespace's database, and files that are none."""
    directory.mkdir()
    (directory / "a-note").write_text("no database")
    (directory / "b-cut").write_bytes(b"RRD\0")
    os.mkfifo(directory / "c-pipe")
    (directory / "d-gone").symlink_to(directory / "nowhere")
    write_database(directory / "shop", steps(NOON - 3600, NOON, 1.0, 1.0))
    return directory


def test_a_store_is_not_begun_among_them_and_nothing_is_written(tmp_path: Path) -> None:
    directory = existing(tmp_path / "db")
    (directory / "c-pipe").unlink()
    (directory / "d-gone").unlink()
    before = hashes(directory)
    with pytest.raises(StoreError, match=r"existing KubeLedger or kube-opex-analytics installation \(it holds shop\)"):
        Store.open(directory)
    assert hashes(directory) == before


@pytest.mark.parametrize("command", ["once", "run"])
def test_a_collector_with_the_existing_setting_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    # The setting and its default are the same: ~/.kubeledger/db.
    directory = tmp_path / ".kubeledger" / "db"
    directory.parent.mkdir()
    existing(directory)
    before = sorted(path.name for path in directory.iterdir())
    environ = {"HOME": str(tmp_path), "KL_DB_LOCATION": str(directory), "KL_K8S_API_ENDPOINT": "http://127.0.0.1:9"}
    assert cli.main([command], environ) == 1
    told = capsys.readouterr().err
    assert "Nothing was written. Set KL_DB_LOCATION to another directory" in told
    assert f"`kl-collector import {directory}` takes the history over from here" in told
    assert sorted(path.name for path in directory.iterdir()) == before


def test_an_import_of_another_source_into_it_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    environ = {"KL_DB_LOCATION": str(existing(tmp_path / "db")), "KL_DATA_DIR": str(tmp_path / "data")}
    arguments = ["--capacity-cpu", "4", "--capacity-memory", "8Gi", "--dry-run"]
    assert cli.main(["import", str(existing(tmp_path / "other")), *arguments], environ) == 1
    assert f"{tmp_path}/db is the database location of an existing" in capsys.readouterr().err


def test_our_own_databases_are_not_taken_for_them(tmp_path: Path) -> None:
    with Store.open(tmp_path / "db") as store:
        store.append([tick(NOON, {"shop": entry(1.0)})])
    foreign_databases.check(tmp_path / "db")
    foreign_databases.check(tmp_path / "db" / "namespaces")
    foreign_databases.check(tmp_path / "nowhere")
    with Store.open(tmp_path / "db") as store:
        assert store.last_tick == NOON


def test_a_store_that_was_begun_among_them_before_still_opens(tmp_path: Path) -> None:
    with Store.open(tmp_path / "db") as store:
        store.append([tick(NOON, {"shop": entry(1.0)})])
    write_database(tmp_path / "db" / "shop", steps(NOON - 3600, NOON, 1.0, 1.0))
    with Store.open(tmp_path / "db") as store:
        assert store.last_tick == NOON
