"""The ledger as its writer holds it: what may follow what, and what it knows after a start."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest

from collector.errors import DamagedDayError, StoreError
from collector.store.ledger import chain
from collector.store.ledger.day import UNKNOWN
from collector.store.ledger.day_file import day_files
from collector.store.ledger.ledger import Ledger
from kl_core.calendar import DAY, HOUR
from tests.collector.store.ledger.hours import CLUSTER, MIDNIGHT, day, hour, row, unobserved


def headers(directory: Path) -> list[dict[str, object]]:
    return [orjson.loads(file.lines()[0][0]) for file in day_files(directory)]


def test_an_empty_ledger_has_no_hour_and_the_head_of_the_beginning(tmp_path: Path) -> None:
    ledger = Ledger.open(tmp_path)
    assert (ledger.first_hour, ledger.last_hour, ledger.length, ledger.head) == (None, None, 0, chain.BEGINNING)
    assert list(ledger.days(0, 2**35)) == []


def test_after_a_start_it_knows_where_it_was(tmp_path: Path) -> None:
    first = MIDNIGHT + 21 * HOUR
    ledger = Ledger.open(tmp_path)
    ledger.append([*day(first, 3), *day(MIDNIGHT + DAY), *day(MIDNIGHT + 2 * DAY, 2)], CLUSTER)
    again = Ledger.open(tmp_path)
    for each in (ledger, again):
        assert (each.first_hour, each.last_hour) == (first, MIDNIGHT + 2 * DAY + HOUR)
        assert each.length == 4 + 25 + 3 == sum(len(file.lines()[0]) for file in day_files(tmp_path))
        assert each.head == chain.split(day_files(tmp_path)[-1].lines()[0][-1])[1]


def test_days_that_are_over_are_compressed_and_the_newest_is_not(tmp_path: Path) -> None:
    Ledger.open(tmp_path).append([*day(), *day(MIDNIGHT + DAY, 1)], CLUSTER)
    names = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.jsonl*"))
    assert names == ["ledger/2026/10/2026-10-03.jsonl.xz", "ledger/2026/10/2026-10-04.jsonl"]


def test_an_hour_is_not_closed_twice(tmp_path: Path) -> None:
    ledger = Ledger.open(tmp_path)
    ledger.append(day(hours=2), CLUSTER)
    for start in (MIDNIGHT, MIDNIGHT + HOUR):
        with pytest.raises(StoreError, match="its newest hour is 2026-10-03T01:00:00Z, and none is closed twice"):
            ledger.append([hour(start)], CLUSTER)
    assert ledger.length == 3


@pytest.mark.parametrize("start", [MIDNIGHT + 2 * HOUR, MIDNIGHT + DAY, MIDNIGHT + DAY + HOUR])
def test_hours_of_a_day_that_has_a_file_are_not_left_out(tmp_path: Path, start: int) -> None:
    ledger = Ledger.open(tmp_path)
    ledger.append(day(hours=1), CLUSTER)
    with pytest.raises(StoreError, match="2026-10-03T01:00:00Z has to be closed first"):
        ledger.append([hour(start)], CLUSTER)


def test_a_day_that_follows_unobserved_days_begins_with_its_first_hour(tmp_path: Path) -> None:
    ledger = Ledger.open(tmp_path)
    ledger.append(day(), CLUSTER)
    with pytest.raises(StoreError, match="only whole days may be left out"):
        ledger.append([hour(MIDNIGHT + 2 * DAY + HOUR)], CLUSTER)
    ledger.append([unobserved(MIDNIGHT + 2 * DAY), hour(MIDNIGHT + 2 * DAY + HOUR)], CLUSTER)
    assert [header["unobserved_days"] for header in headers(tmp_path)] == [
        None,
        {"first": "2026-10-04", "last": "2026-10-04"},
    ]


def test_a_time_that_is_no_hour_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="2026-10-03T00:00:01Z is no full hour"):
        Ledger.open(tmp_path).append([hour(MIDNIGHT + 1)], CLUSTER)


def test_of_several_hours_those_before_one_that_is_refused_are_closed(tmp_path: Path) -> None:
    ledger = Ledger.open(tmp_path)
    ledger.append(day(hours=1), CLUSTER)
    with pytest.raises(StoreError):
        ledger.append([hour(MIDNIGHT + HOUR), hour(MIDNIGHT + 3 * HOUR)], CLUSTER)
    assert Ledger.open(tmp_path).last_hour == ledger.last_hour == MIDNIGHT + HOUR


def test_a_header_says_of_which_cluster_it_is_and_whom_the_day_begins_with(tmp_path: Path) -> None:
    ledger = Ledger.open(tmp_path)
    ledger.append(day(), CLUSTER)
    head = ledger.head
    ledger.append([hour(MIDNIGHT + DAY, {"shop": row(1, labels={"team": "a"})})], CLUSTER)
    first, second = headers(tmp_path)
    assert first["previous"] == chain.BEGINNING
    assert second["previous"] == head
    assert second["cluster"] == {"name": "prod", "uid": "7f0c", "created": "2025-01-02T03:04:05Z"}
    assert second["namespaces"] == [{"name": "shop", "labels": {"team": "a"}}]
    assert [node["name"] for node in second["nodes"]] == ["node-1"]  # type: ignore[attr-defined]


def test_new_names_and_changed_labels_stand_in_the_hour_of_their_change_alone(tmp_path: Path) -> None:
    changed = {"shop": row(1, labels={"team": "b"}), "new": row(2)}
    ledger = Ledger.open(tmp_path)
    ledger.append([hour(MIDNIGHT), hour(MIDNIGHT + HOUR, changed), hour(MIDNIGHT + 2 * HOUR, changed)], CLUSTER)
    lines = [orjson.loads(line) for line in day_files(tmp_path)[0].lines()[0]]
    assert (lines[2]["names"], lines[2]["labels"]) == ([{"name": "new", "labels": {}}], {"0": {"team": "b"}})
    assert lines[2]["gone"] == lines[3]["gone"] == [1]
    assert not {"names", "labels", "node_changes"} & lines[3].keys()


@pytest.mark.parametrize(("listed", "of_others"), [(0, UNKNOWN), (1799, UNKNOWN), (1800, 0), (3600, 0)])
def test_who_has_no_claim_of_a_class_has_none_where_claims_were_listed_for_half_of_the_hour(
    tmp_path: Path, listed: int, of_others: int
) -> None:
    # In the second hour nobody's claim is told of.
    hours = [hour(MIDNIGHT, {"shop": row(1, storage={"fast": 7}), "web": row(1)}, storage_observed=HOUR)]
    hours.append(hour(MIDNIGHT + HOUR, {"shop": row(1), "web": row(1)}, storage_observed=listed))
    ledger = Ledger.open(tmp_path)
    ledger.append(hours, CLUSTER)
    (read,) = ledger.days(MIDNIGHT, MIDNIGHT + DAY)
    assert read.namespaces.storage["fast"].tolist() == [[7, of_others], [0, of_others]]


def test_labels_that_nobody_told_are_what_they_were(tmp_path: Path) -> None:
    # Deleted within the first minutes of its last hour: the day's use of it is still that of its team.
    shops = [row(9, labels={"team": "a"}), row(1, labels=None)]
    ledger = Ledger.open(tmp_path)
    ledger.append(
        [hour(MIDNIGHT + at * HOUR, {"shop": shop, "new": shops[1]}) for at, shop in enumerate(shops)], CLUSTER
    )
    lines = [orjson.loads(line) for line in day_files(tmp_path)[0].lines()[0]]
    assert lines[0]["namespaces"] == [{"name": "new", "labels": {}}, {"name": "shop", "labels": {"team": "a"}}]
    assert [line.get("labels") for line in lines] == [None, None, None]


@pytest.mark.parametrize("restarts", [False, True])
def test_labels_that_nobody_told_since_midnight_are_those_of_the_day_before(tmp_path: Path, *, restarts: bool) -> None:
    ledger = Ledger.open(tmp_path)
    ledger.append([hour(MIDNIGHT + 23 * HOUR, {"shop": row(9, labels={"team": "a"})})], CLUSTER)
    ledger = Ledger.open(tmp_path) if restarts else ledger
    rows = {"shop": row(1, labels=None), "new": row(1, labels=None)}
    ledger.append([hour(MIDNIGHT + DAY, rows), hour(MIDNIGHT + DAY + HOUR, rows)], CLUSTER)
    _, second = headers(tmp_path)
    assert second["namespaces"] == [{"name": "new", "labels": {}}, {"name": "shop", "labels": {"team": "a"}}]
    (read,) = ledger.days(MIDNIGHT + DAY, MIDNIGHT + 2 * DAY)
    assert [*read.last_labels] == [{}, {"team": "a"}]


def test_a_newest_day_that_was_compressed_before_its_end_is_damaged(tmp_path: Path) -> None:
    Ledger.open(tmp_path).append(day(hours=5), CLUSTER)
    day_files(tmp_path)[0].compress()
    with pytest.raises(DamagedDayError, match="line 7: it is missing, for the day is not over there"):
        Ledger.open(tmp_path)


def test_a_damaged_newest_day_is_named_and_nothing_is_deleted(tmp_path: Path) -> None:
    Ledger.open(tmp_path).append(day(hours=3), CLUSTER)
    path = day_files(tmp_path)[0].plain
    damaged = path.read_bytes().replace(b"1001", b"1009", 1)
    path.write_bytes(damaged)
    with pytest.raises(DamagedDayError, match="line 3: its chain is not that of its content") as error:
        Ledger.open(tmp_path)
    assert (error.value.file, error.value.line) == (str(path), 3)
    assert path.read_bytes() == damaged


def test_a_start_and_an_hour_read_no_day_but_the_newest(tmp_path: Path) -> None:
    ledger = Ledger.open(tmp_path)
    ledger.append([*day(), *day(MIDNIGHT + DAY, 1)], CLUSTER)
    day_files(tmp_path)[0].compressed.write_bytes(b"rot" * 9)
    again = Ledger.open(tmp_path)
    again.append([hour(MIDNIGHT + DAY + HOUR)], CLUSTER)
    assert [each.start for each in again.hours(MIDNIGHT + DAY, 2**35)] == [MIDNIGHT + DAY, MIDNIGHT + DAY + HOUR]
    with pytest.raises(DamagedDayError, match="it cannot be decompressed"):
        list(again.hours(0, 2**35))


def test_other_files_in_its_folders_are_none_of_its_own(tmp_path: Path) -> None:
    Ledger.open(tmp_path).append(day(hours=1), CLUSTER)
    folder = day_files(tmp_path)[0].plain.parent
    for name in ("notes-of-mine.jsonl", "2026-10-02.jsonl.bak", "mine.unfinished"):
        (folder / name).write_text("mine")
    assert Ledger.open(tmp_path).length == 2
    assert len(list(folder.iterdir())) == 4
