import os
from pathlib import Path

from kl_core.watched_file import LOOK_SECONDS, RETRY_SECONDS, ChangingFile, mark_of


def test_a_file_has_one_mark_until_it_changes(tmp_path: Path) -> None:
    file = tmp_path / "a"
    file.write_bytes(b"one")
    before = mark_of(file)
    assert before is not None
    assert mark_of(file) == before
    file.write_bytes(b"other")
    assert mark_of(file) != before


def test_content_of_the_same_size_and_time_in_another_file_is_noticed(tmp_path: Path) -> None:
    file, other = tmp_path / "a", tmp_path / "b"
    for path in (file, other):
        path.write_bytes(path.name.encode())
        os.utime(path, ns=(0, 0))
    before = mark_of(file)
    other.replace(file)
    assert mark_of(file) != before


def test_a_link_that_leads_elsewhere_is_noticed_and_one_that_leads_nowhere_has_no_mark(tmp_path: Path) -> None:
    for name in ("old", "new"):
        (tmp_path / name).write_bytes(b"content")
    link = tmp_path / "link"
    link.symlink_to("old")
    before = mark_of(link)
    link.unlink()
    link.symlink_to("new")
    assert mark_of(link) not in (before, None)
    (tmp_path / "new").unlink()
    assert mark_of(link) is None


def test_a_changed_file_is_due_again_until_it_is_taken_up(tmp_path: Path) -> None:
    now = 0.0
    file = tmp_path / "a"
    file.write_bytes(b"one")
    watched = ChangingFile(file, lambda: now)
    file.write_bytes(b"other")
    assert not watched.has_changed()
    now += LOOK_SECONDS
    assert watched.has_changed()
    assert not watched.is_taken_up
    now += LOOK_SECONDS
    assert not watched.has_changed()
    now += RETRY_SECONDS
    assert watched.has_changed()
    watched.taken_up()
    now += RETRY_SECONDS
    assert not watched.has_changed()
