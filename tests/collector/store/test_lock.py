"""The lock file says whether the collector before closed the store in order, whatever interrupts whom."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from collector.errors import InUseError
from collector.store.lock import DirectoryLock
from collector.store.paths import LOCK_FILE
from tests.support.crashes import Watch, kills


def test_a_store_in_use_is_so_on_disk_before_anything_is_written_there(tmp_path: Path) -> None:
    with Watch(tmp_path) as watch:
        lock = DirectoryLock(tmp_path)
    lock.release(in_order=False)
    assert all(watch.moments[-1].power_lost(random.Random(number)).get(LOCK_FILE) for number in range(30))


def test_a_store_that_was_not_closed_in_order_never_looks_as_if_it_was(tmp_path: Path) -> None:
    (tmp_path / LOCK_FILE).write_bytes(b"123456789012\n")
    with Watch(tmp_path) as watch:
        lock = DirectoryLock(tmp_path)
    assert not lock.in_order
    lock.release(in_order=False)
    assert all(state[LOCK_FILE] for state in kills(watch.moments, random.Random(1)))
    assert all(moment.power_lost(random.Random(1))[LOCK_FILE] for moment in watch.moments)


def test_a_second_release_leaves_the_next_collector_its_lock(tmp_path: Path) -> None:
    first = DirectoryLock(tmp_path)
    first.release(in_order=True)
    second = DirectoryLock(tmp_path)
    first.release(in_order=True)
    assert (tmp_path / LOCK_FILE).read_text() == f"{os.getpid()}\n"
    with pytest.raises(InUseError):
        DirectoryLock(tmp_path)
    second.release(in_order=True)
