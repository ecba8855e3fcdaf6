"""What is said of the room that is left, on real file systems."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from collector.space import no_space, reason
from tests.support.ordinary_user import ordinary_user
from tests.support.small_disk import leave_free, small_disk


def test_a_full_disk_is_told_with_what_is_free_and_needed(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", 1024) as disk:
        leave_free(disk, 40)
        said = reason(no_space(), disk / "not" / "there", 100 * 1024 + 1)

    assert said == "no space left (No space left on device; 40 KiB free, 101 KiB needed)"


def test_a_disk_with_room_and_without_inodes_is_told_so(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k,nr_inodes=2", "tmpfs", str(disk)]
    if subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("mounting needs root")
    try:
        (disk / "one").touch()
        with pytest.raises(OSError, match=os.strerror(28)) as full:
            (disk / "two").touch()
        said = reason(full.value, disk / "two")
    finally:
        subprocess.run(["umount", str(disk)], check=True)

    assert said == "no space left (No space left on device; 64 KiB free, but for no further file)"


def test_a_place_that_may_not_be_looked_into_does_not_hide_that_the_disk_is_full() -> None:
    with ordinary_user() as directory:
        directory.chmod(0)
        said = reason(no_space(), directory / "closed" / "file")

    # In newer versions of Python a path that may not be looked at counts as one that is not there.
    free = r"(how much is free is not known|[\d,]+ KiB free)"
    assert re.fullmatch(rf"no space left \(No space left on device; {free}\)", said)


def test_any_other_refusal_is_what_the_system_says(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as missing:
        (tmp_path / "none").read_bytes()
    assert reason(missing.value, tmp_path / "none") == "No such file or directory"
