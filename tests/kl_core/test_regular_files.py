"""Opening files in whose place there may be anything."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kl_core.regular_files import TooLongError, UnfitFileError, open_regular, read_large, read_regular
from tests.support.odd_files import ODD, OUTSIDE, PIPE, put_odd, without_waiting


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "folder"
    path.mkdir()
    return path


Read = Callable[..., bytes | memoryview]
READ = pytest.mark.parametrize("read", [read_regular, read_large])


@READ
def test_a_file_may_be_empty_and_as_long_as_is_allowed_and_no_longer(folder: Path, read: Read) -> None:
    (folder / "f").write_bytes(b"")
    assert bytes(read(folder / "f", 0, inside=folder)) == b""
    (folder / "f").write_bytes(b"0123456789")
    assert bytes(read(folder / "f", 10, inside=folder)) == b"0123456789"
    with pytest.raises(TooLongError):
        read(folder / "f", 9, inside=folder)


@READ
@pytest.mark.parametrize("what", ODD)
def test_whatever_is_no_regular_file_of_the_folder_is_refused_and_said_to_be_what_it_is(
    folder: Path, what: str, read: Read
) -> None:
    says = put_odd(folder / "f", what)

    with pytest.raises(UnfitFileError) as caught:
        without_waiting(lambda: read(folder / "f", 10, inside=folder))

    assert caught.value.strerror is not None
    assert caught.value.strerror == (f"{OUTSIDE}{folder}" if says == OUTSIDE else says)


@pytest.mark.parametrize("what", ["pipe", "directory", "socket", "link to a pipe"])
def test_without_a_folder_it_is_refused_too(folder: Path, what: str) -> None:
    says = put_odd(folder / "f", what)

    with pytest.raises(UnfitFileError, match=says):
        without_waiting(lambda: read_regular(folder / "f", 10))


@pytest.mark.parametrize("most", [10, 0])
def test_a_device_is_refused(most: int) -> None:
    with pytest.raises(UnfitFileError, match="it is a device, not a regular file"):
        read_regular(Path("/dev/zero"), most)


def test_without_a_folder_links_are_followed_anywhere(folder: Path) -> None:
    put_odd(folder / "f", "link to a file outside")

    assert read_regular(folder / "f", 10) == b"{}"


@READ
def test_a_file_is_read_through_the_links_by_which_kubernetes_swaps_mounted_files(folder: Path, read: Read) -> None:
    (folder / "..2026").mkdir()
    (folder / "..2026" / "f").write_bytes(b"content")
    (folder / "..data").symlink_to("..2026")
    (folder / "f").symlink_to("..data/f")

    assert bytes(read(folder / "f", 10, inside=folder)) == b"content"


def test_the_folder_may_be_a_link_and_a_link_in_it_may_name_it_in_full(folder: Path) -> None:
    (folder / "g").write_bytes(b"content")
    (folder / "f").symlink_to(folder / "g")
    alias = folder.parent / "alias"
    alias.symlink_to(folder)

    assert read_regular(alias / "f", 10, inside=alias) == b"content"


def test_a_folder_whose_name_only_begins_alike_is_outside(folder: Path) -> None:
    beside = folder.with_name("folder-2")
    beside.mkdir()
    (beside / "f").write_bytes(b"content")
    (folder / "f").symlink_to(beside / "f")

    with pytest.raises(UnfitFileError, match=OUTSIDE):
        read_regular(folder / "f", 10, inside=folder)


def test_as_many_bytes_as_are_allowed_are_read_and_not_one_more(folder: Path) -> None:
    (folder / "f").write_bytes(b"12345")

    assert read_regular(folder / "f", 5) == b"12345"
    with pytest.raises(TooLongError, match="it has 5 bytes, more than the 4 that are read") as caught:
        read_regular(folder / "f", 4)
    assert caught.value.size == 5
    with pytest.raises(TooLongError):
        read_regular(folder / "f", -1)


def test_a_longer_file_is_refused_before_it_is_read(folder: Path) -> None:
    with (folder / "f").open("wb") as file:
        file.truncate(1 << 40)  # a hole, which takes no space; read, it would not fit into memory

    with pytest.raises(TooLongError, match="it has 1,099,511,627,776 bytes"):
        read_regular(folder / "f", 10**9)


@pytest.mark.parametrize(("at_look", "most", "cut"), [(1, 100, b"12345\0"), (1, 5, None), (0, 100, None), (0, 5, None)])
def test_a_file_that_grows_while_it_is_read_is_cut(
    folder: Path, monkeypatch: pytest.MonkeyPatch, at_look: int, most: int, cut: bytes | None
) -> None:
    (folder / "f").write_bytes(b"12345")

    def fstat_before_it_grows(descriptor: int) -> os.stat_result:
        status = os.stat(descriptor)
        if next(looks) == at_look:
            os.truncate(folder / "f", 1 << 40)  # a hole; read, it would not fit into memory
        return status

    looks = itertools.count()
    monkeypatch.setattr(os, "fstat", fstat_before_it_grows)

    if cut is None:
        with pytest.raises(TooLongError):
            read_regular(folder / "f", most)
    else:
        assert read_regular(folder / "f", most) == cut


def test_a_link_put_there_after_links_were_resolved_is_not_followed(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "inner").mkdir()
    (folder / "inner" / "f").write_bytes(b"inside")
    outside = folder.parent / "outside"
    outside.mkdir()
    (outside / "f").write_bytes(b"outside")
    resolve = os.path.realpath

    def resolved_before_the_swap(path: Path) -> str:
        real: str = resolve(path)
        if path.name == "f":
            (folder / "inner").rename(folder / "old")
            (folder / "inner").symlink_to(outside)
        return real

    monkeypatch.setattr(os.path, "realpath", resolved_before_the_swap)

    with pytest.raises(OSError, match="Not a directory"):
        read_regular(folder / "inner" / "f", 10, inside=folder)


def test_a_pipe_put_there_after_the_look_is_not_waited_for(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "f").write_bytes(b"content")
    look = os.stat

    def looked_at_before_the_swap(path: Any, **options: Any) -> os.stat_result:
        status = look(path, **options)
        (folder / "f").unlink()
        os.mkfifo(folder / "f")
        return status

    monkeypatch.setattr(os, "stat", looked_at_before_the_swap)

    with pytest.raises(UnfitFileError, match=PIPE):
        without_waiting(lambda: read_regular(folder / "f", 10, inside=folder))


def _descriptors() -> set[str]:
    return {path.name for path in Path("/dev/fd").iterdir()}


def test_no_descriptor_is_left_open_and_none_is_inherited(folder: Path) -> None:
    (folder / "f").write_bytes(b"12345")
    put_odd(folder / "p", "pipe")
    (folder / "..data").mkdir()
    before = _descriptors()

    for name, most in (("f", 5), ("f", 4), ("p", 5), ("..data/none", 5)):
        try:
            read_regular(folder / name, most, inside=folder)
        except OSError:
            continue

    assert _descriptors() == before
    with open_regular(folder / "f", 5, inside=folder) as file:
        assert not os.get_inheritable(file.fileno())


def test_what_is_not_there_is_told_apart(folder: Path) -> None:
    (folder / "f").symlink_to("nowhere")

    with pytest.raises(FileNotFoundError):
        read_regular(folder / "f", 10, inside=folder)
    with pytest.raises(NotADirectoryError):
        read_regular(Path(__file__) / "f", 10, inside=Path(__file__))


def test_a_folder_that_may_be_entered_need_not_be_listable(folder: Path) -> None:
    if not hasattr(os, "O_PATH"):
        pytest.skip("only where the system knows O_PATH")
    (folder / "f").write_bytes(b"content")
    folder.chmod(0o111)
    root = os.geteuid() == 0
    try:
        if root:
            (folder / "f").chmod(0o644)
            for above in folder.parents:
                if above.is_relative_to("/tmp/") or above.name.startswith("pytest"):
                    above.chmod(0o755)
            os.seteuid(65534)
        assert read_regular(folder / "f", 10, inside=folder) == b"content"
    finally:
        if root:
            os.seteuid(0)
        folder.chmod(0o755)
