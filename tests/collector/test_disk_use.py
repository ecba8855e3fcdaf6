"""Sizes of the store and of disks."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace

import pytest

from collector.disk_use import Disk, measure
from collector.model import TickSample
from collector.store.store import Store
from tests.collector.place import NOON


def write(path: Path, size: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x" * size)


def test_files_are_summed_by_what_they_are(tmp_path: Path) -> None:
    write(tmp_path / "cluster.rrd", 100)
    write(tmp_path / "namespaces" / "shop.rrd", 20)
    write(tmp_path / "namespaces" / "shop.gpu.rrd", 3)
    write(tmp_path / "journal" / "1.journal", 50)
    write(tmp_path / "ledger" / "2026" / "10" / "2026-10-03.jsonl.xz", 7)
    write(tmp_path / "namespaces.json", 4)
    # A folder of that name elsewhere is another.
    write(tmp_path / "special" / "ledger" / "a", 1)
    assert measure(tmp_path, {}).stored == {"rrd": 123, "journal": 50, "ledger": 7, "other": 5}


def test_the_parts_of_a_real_store_are_those(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        observed = {"kubernetes": True, "metrics": True, "dcgm": None}
        store.append([TickSample(NOON, 300, observed, {"cpu": 1.0}, {"cpu": 1.0}, {}, {})])  # type: ignore[arg-type] # literals in a variable
        stored = measure(tmp_path, {}).stored
    assert set(stored) == {"rrd", "journal", "ledger", "other"}
    assert stored["rrd"] == (tmp_path / "cluster.rrd").stat().st_size


def test_a_directory_that_is_not_there_has_no_size_and_no_disk(tmp_path: Path) -> None:
    use = measure(tmp_path / "none", {"store": tmp_path / "none"})
    assert (use.stored, use.disks) == ({}, {})


def test_what_is_free_is_what_this_user_may_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    status = SimpleNamespace(f_blocks=1000, f_bfree=300, f_bavail=200, f_frsize=4096)
    monkeypatch.setattr(os, "statvfs", lambda _path: status)
    assert measure(tmp_path, {"store": tmp_path}).disks == {"store": Disk(4_096_000, 819_200)}
    # As some network file systems answer.
    status.f_blocks = 0
    assert measure(tmp_path, {"store": tmp_path}).disks == {}
