"""Files of days under kills and losses of power: what was closed is there, and nothing that was not."""

from __future__ import annotations

import lzma
import os
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from collector.errors import NoSpaceError, StoreError
from collector.store.ledger import day_file
from collector.store.ledger.day_file import DayFile
from collector.store.ledger.ledger import Ledger
from kl_core.calendar import DAY, HOUR
from tests.collector.store.ledger.hours import CLUSTER, MIDNIGHT, day, hour, row
from tests.support.crashes import Content, Watch, identity, kills, put

ALL = (0, 2**35)


def closed(directory: Path) -> list[int]:
    """Starts of the hours that are there after a start."""
    return [each.start for each in Ledger.open(directory).hours(*ALL)]


def plain_file(directory: Path) -> Path:
    (path,) = directory.rglob("*.jsonl")
    return path


def test_a_last_line_torn_at_any_byte_is_cut_off_and_closed_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    ledger = Ledger.open(tmp_path)
    hours = [hour(MIDNIGHT + at * HOUR, {"shop": row(at)}, nodes={}) for at in range(3)]
    ledger.append(hours[:2], CLUSTER)
    path = plain_file(tmp_path)
    before = len(path.read_bytes())
    ledger.append(hours[2:], CLUSTER)
    complete = path.read_bytes()
    for length in range(before + 1, len(complete)):
        path.write_bytes(complete[:length])
        caplog.clear()
        again = Ledger.open(tmp_path)
        assert (again.last_hour, len(path.read_bytes())) == (MIDNIGHT + HOUR, before)
        assert f"{path} ended in {length - before} bytes of a line" in caplog.text
        again.append(hours[2:], CLUSTER)
        assert path.read_bytes() == complete


def test_a_whole_last_line_counts(tmp_path: Path) -> None:
    ledger = Ledger.open(tmp_path)
    ledger.append([hour(MIDNIGHT)], CLUSTER)
    assert closed(tmp_path) == [MIDNIGHT]


def test_a_last_line_that_a_killed_process_may_not_have_synced_is_on_disk_before_it_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Ledger.open(tmp_path).append([hour(MIDNIGHT)], CLUSTER)
    synced: list[int] = []
    monkeypatch.setattr(os, "fsync", lambda descriptor: synced.append(os.fstat(descriptor).st_ino))
    Ledger.open(tmp_path)
    assert plain_file(tmp_path).stat().st_ino in synced


def test_a_last_line_of_which_power_took_a_page_is_cut_off(tmp_path: Path) -> None:
    ledger = Ledger.open(tmp_path)
    ledger.append([hour(MIDNIGHT), hour(MIDNIGHT + HOUR)], CLUSTER)
    path = plain_file(tmp_path)
    content = path.read_bytes()
    path.write_bytes(content[:-40] + bytes(20) + content[-20:])
    assert closed(tmp_path) == [MIDNIGHT]


def crashes(directory: Path) -> Iterator[tuple[Content, set[int], set[int]]]:
    """Contents that a kill or a loss of power leaves of two days, whose lines are several pages, and what is closed.

    That is all of the first set, and no more than the second.
    """
    chance = random.Random(5)
    starts = [MIDNIGHT + at * HOUR for at in (21, 22, 23, 24, 25)]
    hours = [hour(start, {f"n{i}": row(chance.randrange(10**9)) for i in range(300)}) for start in starts]
    steps = [hours[:1], hours[1:3], hours[3:4], hours[4:]]
    ledger = Ledger.open(directory)
    done: set[int] = set()
    for step in steps:
        with Watch(directory) as watch:
            ledger.append(step, CLUSTER)
        may = done | {each.start for each in step}
        for content in kills(watch.moments, chance):
            yield content, done, may
        for moment in watch.moments:
            for _ in range(50):
                yield moment.power_lost(chance), done, may
        done = may


def test_after_any_crash_every_closed_hour_is_there_and_the_next_can_be_closed(tmp_path: Path) -> None:
    (live := tmp_path / "live").mkdir()
    (dead := tmp_path / "dead").mkdir()
    seen: set[object] = set()
    for content, done, may in crashes(live):
        if identity(content) in seen:
            continue
        seen.add(identity(content))
        put(dead, content)
        ledger = Ledger.open(dead)
        starts = {each.start for each in ledger.hours(*ALL)}
        assert done <= starts <= may
        following = MIDNIGHT + 21 * HOUR if ledger.last_hour is None else ledger.last_hour + HOUR
        ledger.append([hour(following, {"shop": row(1)})], CLUSTER)
        assert closed(dead) == [*sorted(starts), following]
        assert list(dead.rglob("*.unfinished")) == []
    assert len(seen) > 40


def test_a_compression_that_was_cut_short_is_completed(tmp_path: Path) -> None:
    Ledger.open(tmp_path).append(day(), CLUSTER)
    (compressed,) = tmp_path.rglob("*.xz")
    content = compressed.read_bytes()
    plain = compressed.with_suffix("")
    for state in (
        {},
        {compressed: content},
        {compressed: content[:-9]},
        {plain.with_name(compressed.name + ".unfinished"): b""},
    ):
        compressed.unlink(missing_ok=True)
        plain.write_bytes(lzma.decompress(content))
        for path, left in state.items():
            path.write_bytes(left)
        assert len(closed(tmp_path)) == 24
        assert [path.name for path in compressed.parent.iterdir()] == [compressed.name]
        assert compressed.read_bytes() == content


def test_where_a_line_does_not_fit_nothing_is_closed_until_it_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = Ledger.open(tmp_path)
    ledger.append(day(hours=1), CLUSTER)
    length, head = len(plain_file(tmp_path).read_bytes()), ledger.head

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(NoSpaceError, match="no space left"):
            ledger.append(day(hours=2)[1:], CLUSTER)
    assert (ledger.head, ledger.last_hour) == (head, MIDNIGHT)
    assert len(plain_file(tmp_path).read_bytes()) > length
    ledger.append(day(hours=2)[1:], CLUSTER)
    assert closed(tmp_path) == [MIDNIGHT, MIDNIGHT + HOUR]


def test_a_day_that_cannot_be_compressed_stays_as_it_is_until_the_next_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    ledger = Ledger.open(tmp_path)
    ledger.append(day(hours=23), CLUSTER)

    def refused(path: Path, content: bytes) -> None:
        raise StoreError("no space")

    with monkeypatch.context() as patch:
        patch.setattr(day_file, "write_atomically", refused)
        ledger.append(day()[23:], CLUSTER)
    assert "2026-10-03.jsonl could not be compressed and stays as it is: no space" in caplog.text
    assert plain_file(tmp_path).name == "2026-10-03.jsonl"
    ledger.append(day(MIDNIGHT + DAY, 1), CLUSTER)
    assert len(closed(tmp_path)) == 25
    assert plain_file(tmp_path).name == "2026-10-04.jsonl"


def test_a_start_on_a_full_disk_leaves_a_day_that_is_not_compressed_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = Ledger.open(tmp_path)
    with monkeypatch.context() as patch:
        ledger.append(day(hours=23), CLUSTER)
        patch.setattr(DayFile, "compress", lambda _: None)
        ledger.append(day()[23:], CLUSTER)
        ledger.append(day(MIDNIGHT + DAY, 1), CLUSTER)

    def full(path: Path, content: bytes) -> None:
        raise NoSpaceError("no space")

    with monkeypatch.context() as patch:
        patch.setattr(day_file, "write_atomically", full)
        assert len(closed(tmp_path)) == 25
    assert [path.name for path in sorted(tmp_path.rglob("*.jsonl"))] == ["2026-10-03.jsonl", "2026-10-04.jsonl"]
    assert len(closed(tmp_path)) == 25
    assert plain_file(tmp_path).name == "2026-10-04.jsonl"


@pytest.mark.parametrize("following", [0, 1])
def test_a_copy_from_during_the_day_beside_the_whole_day_takes_nothing_from_it(tmp_path: Path, following: int) -> None:
    """A backup that is made again and again, and removes nothing, holds both."""
    ledger = Ledger.open(tmp_path)
    ledger.append(day(hours=10), CLUSTER)
    path, early = plain_file(tmp_path), plain_file(tmp_path).read_bytes()
    ledger.append([*day()[10:], *day(MIDNIGHT + DAY, following)], CLUSTER)
    path.write_bytes(early)
    assert len(closed(tmp_path)) == 24 + following
    assert not path.exists()
