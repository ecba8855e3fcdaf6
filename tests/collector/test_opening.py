"""A store of an earlier version, which has no ledger, is taken over at the first start."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

import orjson
import pytest

from collector.books import taken_over
from collector.books.hour_closing import Bookkeeper
from collector.errors import StoreError
from collector.hour import ClosedHour
from collector.model import TickSample
from collector.opening import BACKUP_FOLDER, opened
from collector.store import journal, rates
from collector.store.ledger.verify import verify
from collector.store.rates import RateChange
from collector.store.store import Store
from kl_core.calendar import DAY, HOUR, floor_day
from tests.collector.place import NOON
from tests.support.samples import STEP, entry, failed_tick, tick, ticks

RATE = RateChange(NOON, 3.0, "EUR", None)


def story() -> list[TickSample]:
    """A day and a half: steady, a pause, the API gone, a namespace that ends, one that holds a GPU."""
    web = entry(1.5, 2.0, cpu_requests=2.0, gib_requests=4.0, labels={"team": "shop"})
    half = entry(None, None, cpu_requests=1.0, measured=0.2)
    train = entry(0.5, 1.0, gpu=(0.5, 1.0), gpu_gib=8.0)
    begin = ticks(NOON, NOON + 5 * HOUR, {"web": web, "old": entry(0.25, 1.0)})
    gap = [failed_tick(NOON + 5 * HOUR + STEP * step) for step in range(1, 13)]
    after = NOON + 9 * HOUR
    gpus = [
        tick(after + STEP * step, {"web": web, "train": train, "half": half}, gpu=2.0, gpu_gib=32.0, dcgm=True)
        for step in range(1, 12 * 26 + 8)
    ]
    return [*begin, *gap, *gpus]


def earlier_store(directory: Path, samples: Sequence[TickSample]) -> None:
    """A store as version 0.1.0 left it."""
    with Store.open(directory) as store:
        store.append(samples)
    rates.save(directory, (RATE,))
    shutil.rmtree(directory / "ledger", ignore_errors=True)
    registry = orjson.loads((directory / "namespaces.json").read_bytes())
    (directory / "namespaces.json").write_bytes(orjson.dumps({**registry, "format": 1}))


@pytest.fixture(scope="module")
def earlier(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("earlier") / "db"
    earlier_store(place, story())
    return place


@pytest.fixture
def place(earlier: Path, tmp_path: Path) -> Path:
    shutil.copytree(earlier, tmp_path / "db")
    return tmp_path / "db"


def lines(directory: Path) -> list[ClosedHour]:
    with opened(directory, "prod") as store:
        return [*store.ledger.hours(0, NOON + 400 * DAY)]


def test_its_closed_hours_become_lines_that_say_where_they_are_from(place: Path) -> None:
    hours = lines(place)
    assert [hour.start for hour in hours] == [*range(NOON, NOON + 35 * HOUR, HOUR)]
    assert {hour.origin for hour in hours} == {"rrd"}
    first, gone, with_gpu = hours[0], hours[5], hours[-1]
    web = first.namespaces["web"]
    assert web.usage == {"cpu": 1500 * 3600, "memory": 2048 * 3600, "gpu": 0, "gpu_memory": 0}
    assert web.requests == {"cpu": 2000 * 3600, "memory": 4096 * 3600, "gpu": 0}
    assert (web.charged, web.labels) == ({"cpu": None, "memory": None, "gpu": None}, {"team": "shop"})
    assert sum(amount or 0 for amount in first.bill.values()) == 3_000_000
    assert gone.capacity["cpu"] is None
    assert gone.observed["kubernetes"] == 0
    assert not gone.bill
    assert with_gpu.namespaces["train"].usage["gpu"] == 500 * 3600
    assert with_gpu.namespaces["half"].usage["cpu"] is None
    assert with_gpu.namespaces["half"].measured == 720
    assert "old" not in with_gpu.namespaces
    assert verify(place).fault is None


def test_what_was_taken_over_is_what_the_books_say(place: Path) -> None:
    with opened(place, "prod") as store:
        _, page = Bookkeeper(store).books((RATE,)).scales["hourly_7d"]
        by_start = {hour.start: hour for hour in store.ledger.hours(0, NOON + 400 * DAY)}
    for row, key in enumerate(page.keys):
        for column, start in enumerate(page.starts.tolist()):
            if start not in by_start or key.kind != "namespace" or key.name not in by_start[start].namespaces:
                continue
            amount = by_start[start].namespaces[key.name].usage["memory"]
            booked = page.entries.usage[row, 1, column]
            assert (amount is None) == bool(booked != booked)
            assert amount is None or amount / (1024 * 3600) == pytest.approx(booked, abs=1e-6)


def test_the_open_hour_goes_on_and_closes_with_what_the_journal_kept(place: Path) -> None:
    newest = story()[-1].time
    with opened(place, "prod") as store:
        web = entry(1.5, 2.0, cpu_requests=2.0, gib_requests=4.0)
        store.append([tick(time, {"web": web}) for time in range(newest + STEP, NOON + 36 * HOUR + 1, STEP)])
        *_, hour = store.ledger.hours(0, NOON + 400 * DAY)
    assert (hour.start, hour.origin) == (NOON + 35 * HOUR, "collector")
    assert hour.observed["kubernetes"] == 3600
    assert hour.namespaces["web"].usage["cpu"] == 1500 * 3600


def test_the_small_files_are_kept_as_they_were(place: Path) -> None:
    before = (place / "namespaces.json").read_bytes()
    lines(place)
    assert (place / BACKUP_FOLDER / "namespaces.json").read_bytes() == before
    assert orjson.loads((place / "namespaces.json").read_bytes())["format"] == 2
    lines(place)
    assert (place / BACKUP_FOLDER / "namespaces.json").read_bytes() == before


class KilledError(BaseException):
    """The process ends here."""


@pytest.mark.parametrize("stretches", [0, 1])
def test_killed_at_any_point_it_goes_on_where_it_was(
    place: Path, stretches: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    shutil.copytree(place, tmp_path / "at-once")
    at_once = lines(tmp_path / "at-once")
    monkeypatch.setattr(taken_over, "stretches", by_day)
    write, done = Store.take_over, 0

    def killed(store: Store, hours: Sequence[ClosedHour]) -> None:
        nonlocal done
        if done == stretches:
            raise KilledError
        done += 1
        write(store, hours)

    with monkeypatch.context() as patch:
        patch.setattr(Store, "take_over", killed)
        with pytest.raises(KilledError):
            lines(place)
    assert lines(place) == at_once
    assert lines(place) == at_once


def test_no_more_than_a_day_of_hours_is_in_memory(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[int] = []
    write = Store.take_over

    def counted(store: Store, hours: Sequence[ClosedHour]) -> None:
        taken.append(len(hours))
        write(store, hours)

    monkeypatch.setattr(Store, "take_over", counted)
    assert len(lines(place)) == 35
    assert taken == [12, 23]


def by_day(begin: int, end: int, _: object) -> Iterator[tuple[int, int]]:
    return ((start, min(start + DAY, end)) for start in range(begin, end, DAY))


def test_a_first_day_of_which_nothing_is_known_any_more_has_no_lines(tmp_path: Path) -> None:
    """The databases reach back 400 days: of hours before that nobody can say that they were not observed."""
    later = NOON + 500 * DAY
    earlier_store(tmp_path / "db", [*ticks(NOON, NOON + HOUR), *ticks(later, later + 2 * HOUR)])
    with opened(tmp_path / "db", "prod") as store:
        hours = [*store.ledger.hours(0, later + DAY)]
    assert hours[0].start == floor_day(later)
    assert [hour.start for hour in hours if hour.is_observed] == [later, later + HOUR]
    assert verify(tmp_path / "db").fault is None


def test_an_empty_store_has_nothing_to_be_taken_over(tmp_path: Path) -> None:
    earlier_store(tmp_path / "db", [])
    assert lines(tmp_path / "db") == []


def test_a_store_in_its_first_hour_has_nothing_to_be_taken_over(tmp_path: Path) -> None:
    earlier_store(tmp_path / "db", ticks(NOON, NOON + 30 * 60))
    assert lines(tmp_path / "db") == []
    with opened(tmp_path / "db", "prod") as store:
        store.append(ticks(NOON + 30 * 60, NOON + HOUR))
        (hour,) = store.ledger.hours(0, NOON + 400 * DAY)
    assert hour.observed["kubernetes"] == 3600


def test_a_store_of_a_newer_version_is_refused_and_left_alone(place: Path) -> None:
    registry = orjson.loads((place / "namespaces.json").read_bytes())
    written = orjson.dumps({**registry, "format": 3, "more": True})
    (place / "namespaces.json").write_bytes(written)
    with pytest.raises(StoreError, match="format 3, and this KubeLedger reads formats up to 2"):
        lines(place)
    assert (place / "namespaces.json").read_bytes() == written


@pytest.fixture
def _pruned_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal, "MIN_KEPT_SECONDS", 0)


@pytest.mark.usefixtures("_pruned_at_once")
def test_a_ledger_that_is_lost_is_taken_from_the_databases(tmp_path: Path) -> None:
    with opened(tmp_path / "db", "prod") as store:
        for sample in ticks(NOON, NOON + 35 * HOUR, {"web": entry(1.5, 2.0)}, interval=HOUR):
            store.append([sample])
    shutil.rmtree(tmp_path / "db" / "ledger")
    hours = lines(tmp_path / "db")
    assert [hour.start for hour in hours] == [*range(NOON, NOON + 35 * HOUR, HOUR)]
    assert {hour.origin for hour in hours} == {"rrd"}
    assert {hour.namespaces["web"].usage["cpu"] for hour in hours} == {1500 * 3600}


@pytest.mark.usefixtures("_pruned_at_once")
@pytest.mark.parametrize(("minutes", "origins"), [(0, ["collector"] * 3), (90, ["rrd", "rrd", "collector"])])
def test_hours_after_a_line_of_a_backup_are_taken_from_the_databases(
    tmp_path: Path, minutes: int, origins: list[str]
) -> None:
    """The newest day's file is that of 20:00. The journal has the last twelve ticks, which are an hour."""
    web, place = {"web": entry(1.5, 2.0)}, tmp_path / "db"
    with opened(place, "prod") as store:
        store.append(ticks(NOON, NOON + 8 * HOUR, web))
    (day,) = place.rglob("*.jsonl")
    kept, end = day.read_bytes(), NOON + 9 * HOUR + minutes * 60
    with opened(place, "prod") as store:
        for sample in ticks(NOON + 8 * HOUR, end, web):
            store.append([sample])
    day.write_bytes(kept)
    with opened(place, "prod") as store:
        store.append(ticks(end, NOON + 11 * HOUR, web))
    hours = lines(place)
    assert [hour.start for hour in hours] == [*range(NOON, NOON + 11 * HOUR, HOUR)]
    assert [hour.origin for hour in hours[8:]] == origins
    assert {hour.namespaces["web"].usage["cpu"] for hour in hours} == {1500 * 3600}
    assert verify(place).fault is None
