"""Files that appear whole."""

from __future__ import annotations

from pathlib import Path

import pytest

from kl_core.durable_files import UNFINISHED, sync_path, write_atomically


def test_a_file_is_replaced_and_nothing_else_is_left(tmp_path: Path) -> None:
    file = tmp_path / "a.json"
    write_atomically(file, b"old")
    write_atomically(file, b"new")
    assert file.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [file]


def test_what_cannot_be_put_in_place_leaves_no_attempt_behind(tmp_path: Path) -> None:
    (tmp_path / "a.json").mkdir()
    with pytest.raises(OSError, match="directory"):
        write_atomically(tmp_path / "a.json", b"new")
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]


def test_what_a_crash_left_is_written_over(tmp_path: Path) -> None:
    file = tmp_path / "a.json"
    file.with_name(f"a.json{UNFINISHED}").write_bytes(b"a part that is longer than the whole")
    write_atomically(file, b"new")
    sync_path(tmp_path)
    sync_path(file)
    assert file.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [file]


def test_what_is_not_there_cannot_be_synced(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        sync_path(tmp_path / "a.json")
