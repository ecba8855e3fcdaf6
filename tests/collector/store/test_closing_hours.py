"""Hours get their line in the ledger when they close: with the tick at their end, after a pause with the next one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from collector.errors import NoSpaceError, StoreError
from collector.hour import ClosedHour
from collector.model import STEP, NodeState, TickSample
from collector.store import rates
from collector.store.ledger.day_file import DayFile
from collector.store.ledger.form import LedgerCluster
from collector.store.ledger.ledger import Ledger
from collector.store.ledger.verify import verify
from collector.store.rates import RateChange
from collector.store.store import Store
from kl_core.calendar import DAY, HOUR, floor_day
from tests.collector.place import NOON
from tests.support.samples import entry, tick, ticks

MIDNIGHT = floor_day(NOON) + DAY


def hours(store: Store) -> list[ClosedHour]:
    return [*store.ledger.hours(0, NOON + 400 * DAY)]


def stored(directory: Path, samples: Sequence[TickSample]) -> list[ClosedHour]:
    with Store.open(directory, "prod") as store:
        store.append(samples)
        return hours(store)


def test_an_hour_closes_with_the_tick_at_its_end_and_not_before(tmp_path: Path) -> None:
    web = {"web": entry(cpu=1.5)}
    with Store.open(tmp_path) as store:
        store.append(ticks(NOON, NOON + HOUR - STEP, web))
        assert hours(store) == []
        store.append([tick(NOON + HOUR, web)])
        (hour,) = hours(store)
    assert (hour.start, hour.origin) == (NOON, "collector")
    assert hour.namespaces["web"].usage["cpu"] == 1500 * 3600
    assert hour.capacity["cpu"] == 10_000 * 3600
    assert hour.observed == {"kubernetes": 3600, "metrics": 3600, "dcgm": None}


def test_ticks_of_an_hour_are_kept_over_restarts_until_it_closes(tmp_path: Path) -> None:
    """Each process stores one tick: thirteen of them close the hour."""
    for step in range(1, 13):
        assert stored(tmp_path, [tick(NOON + step * STEP, {"web": entry(cpu=float(step))})]) == [] or step == 12
    with Store.open(tmp_path) as store:
        (hour,) = hours(store)
    assert hour.namespaces["web"].usage["cpu"] == sum(range(1, 13)) * 300 * 1000
    assert hour.observed["kubernetes"] == 3600


def test_nodes_of_an_open_hour_are_kept_over_a_restart(tmp_path: Path) -> None:
    nodes = (NodeState("n1", {"cpu": 4.0}, {"cpu": 4.0}, {"cpu": 1.0}, {"cpu": 2.0}, 3, ready=True, schedulable=True),)
    samples = [tick(NOON + step * STEP, nodes=nodes) for step in range(1, 13)]
    assert stored(tmp_path, samples[:9]) == []
    (hour,) = stored(tmp_path, samples[9:])
    assert (hour.nodes["n1"].present, hour.nodes["n1"].pods) == (3600, 3 * 3600)


def test_nodes_of_ticks_that_were_stored_together_count_after_a_restart_as_before(tmp_path: Path) -> None:
    """Six ticks of 1 to 6 cores in use at once, six more of 7 to 12: 78 × 300 core-seconds."""
    samples = [
        tick(NOON + step * STEP, nodes=(NodeState("n1", {}, {}, {"cpu": float(step)}, {}, 2, True, True),))
        for step in range(1, 13)
    ]
    stored(tmp_path, samples[:6])
    (hour,) = stored(tmp_path, samples[6:])
    assert hour.nodes["n1"].usage["cpu"] == 78 * 300 * 1000
    assert (hour.nodes["n1"].present, hour.nodes["n1"].pods) == (3600, 2 * 3600)


def test_an_hour_that_ends_in_a_pause_closes_with_the_next_tick(tmp_path: Path) -> None:
    begun = ticks(NOON, NOON + 30 * 60, {"web": entry(cpu=1.0)})
    closed = stored(tmp_path, [*begun, tick(NOON + 3 * HOUR + STEP, {"web": entry(cpu=2.0)})])
    assert [hour.start for hour in closed] == [NOON, NOON + HOUR, NOON + 2 * HOUR]
    first, second, _ = closed
    assert first.namespaces["web"].usage["cpu"] == 1000 * 3600
    assert first.unobserved == {source: {"collector_down": 1800} for source in ("kubernetes", "metrics")}
    assert second.observed["kubernetes"] == 0
    assert second.capacity["cpu"] is None
    assert second.unobserved["kubernetes"] == {"collector_down": 3600}


def test_less_than_half_of_an_hour_is_nothing(tmp_path: Path) -> None:
    begun = ticks(NOON, NOON + 25 * 60, {"web": entry(cpu=1.0)})
    (hour,) = stored(tmp_path, [*begun, tick(NOON + HOUR + STEP)])
    assert hour.capacity["cpu"] is None
    assert hour.namespaces["web"].usage["cpu"] is None
    assert hour.observed["kubernetes"] == 1500


def test_whole_days_in_which_nobody_sampled_have_no_file(tmp_path: Path) -> None:
    later = MIDNIGHT + 2 * DAY + 5 * HOUR
    closed = stored(tmp_path, [*ticks(NOON, NOON + HOUR), tick(later + STEP)])
    assert [hour.start for hour in closed] == [*range(NOON, MIDNIGHT, HOUR), *range(MIDNIGHT + 2 * DAY, later, HOUR)]
    assert len([*tmp_path.glob("ledger/*/*/*")]) == 2
    assert verify(tmp_path).fault is None


def test_a_day_that_ends_with_the_pause_is_no_day_without_samples(tmp_path: Path) -> None:
    """The last line before the pause ends its day."""
    begun = ticks(MIDNIGHT - HOUR, MIDNIGHT)
    closed = stored(tmp_path, [*begun, tick(MIDNIGHT + DAY + STEP), tick(MIDNIGHT + DAY + HOUR)])
    assert [hour.start for hour in closed] == [MIDNIGHT - HOUR, MIDNIGHT + DAY]


def test_the_rate_in_force_stands_in_the_line_and_stays(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        rates.save(tmp_path, (RateChange(NOON + HOUR, 2.0, "EUR", None),))
        store.append(ticks(NOON, NOON + 2 * HOUR))
        rates.save(tmp_path, (RateChange(NOON, 9.0, "USD", None),))
        store.append(ticks(NOON + 2 * HOUR, NOON + 3 * HOUR))
        before, first, changed = hours(store)
    assert before.rate is None
    assert before.bill == {}
    assert first.rate is not None
    assert (first.rate.rate, first.rate.currency) == (2.0, "EUR")
    assert sum(amount or 0 for amount in first.bill.values()) == 2_000_000
    assert changed.rate is not None
    assert changed.rate.currency == "USD"


def test_imported_hours_are_marked(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        store.append(ticks(NOON, NOON + HOUR + 30 * 60, interval=STEP), "import")
        store.append(ticks(NOON + HOUR + 30 * 60, NOON + 3 * HOUR))
        assert [hour.origin for hour in hours(store)] == ["import", "import", "collector"]


def test_a_store_that_was_begun_anew_after_a_kill_before_the_line_closes_it_at_the_next_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class KilledError(BaseException):
        pass

    def killed(*_: object) -> None:
        raise KilledError

    samples = ticks(NOON, NOON + HOUR, {"web": entry(cpu=1.0)})
    with monkeypatch.context() as patch, Store.open(tmp_path) as store:
        patch.setattr(store.ledger, "append", killed)
        with pytest.raises(KilledError):
            store.append(samples)
    with Store.open(tmp_path) as store:
        (hour,) = hours(store)
    assert hour.namespaces["web"].usage["cpu"] == 1000 * 3600


def test_a_line_that_cannot_be_written_is_written_with_the_next_tick(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Store.open(tmp_path) as store:
        with monkeypatch.context() as patch:
            patch.setattr(store.ledger, "append", _refuse)
            with pytest.raises(StoreError):
                store.append(ticks(NOON, NOON + HOUR))
        assert hours(store) == []
        store.append([tick(NOON + HOUR + STEP)])
        assert [hour.start for hour in hours(store)] == [NOON]


def test_of_hours_that_close_together_those_that_got_their_line_are_not_written_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk is full after the first line of three."""
    write, written = DayFile.append, 0

    def full_after_one(file: DayFile, line: bytes, size: int) -> int:
        nonlocal written
        written += 1
        if written > 1:
            raise NoSpaceError("no space")
        return write(file, line, size)

    with Store.open(tmp_path) as store:
        store.append(ticks(NOON, NOON + HOUR + 30 * 60, {"web": entry(cpu=1.0)}))
        with monkeypatch.context() as patch:
            patch.setattr(DayFile, "append", full_after_one)
            with pytest.raises(NoSpaceError):
                store.append([tick(NOON + 4 * HOUR + STEP)])
        assert [hour.start for hour in hours(store)] == [NOON, NOON + HOUR]
        store.append([tick(NOON + 4 * HOUR + 2 * STEP)])
        assert [hour.start for hour in hours(store)] == [*range(NOON, NOON + 4 * HOUR, HOUR)]
        assert hours(store)[1].namespaces["web"].usage["cpu"] == 1000 * 3600
    assert verify(tmp_path).fault is None


def test_a_store_is_opened_where_the_disk_is_too_full_for_a_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(*_: object) -> None:
        raise NoSpaceError("no space left")

    with monkeypatch.context() as patch:
        patch.setattr(Ledger, "append", full)
        with Store.open(tmp_path) as store, pytest.raises(NoSpaceError):
            store.append(ticks(NOON, NOON + HOUR))
        with Store.open(tmp_path) as store:
            assert hours(store) == []
    assert "no space left. The hours that are over are closed with the next tick" in caplog.text
    with Store.open(tmp_path) as store:
        assert [hour.start for hour in hours(store)] == [NOON]


def _refuse(*_: object) -> None:
    raise StoreError("no space")


def test_labels_and_names_of_the_cluster_stand_in_the_ledger(tmp_path: Path) -> None:
    labelled = replace(entry(), labels={"team": "data"})
    stored(tmp_path, ticks(NOON, NOON + HOUR, {"web": labelled}))
    with Store.open(tmp_path, "prod") as store:
        (day,) = store.ledger.days(NOON, NOON + HOUR)
        assert day.cluster.name == "prod"
        assert day.labels[0][0] == {"team": "data"}


def test_every_hour_of_a_long_story_has_one_line_and_the_ledger_is_whole(tmp_path: Path) -> None:
    for start in range(NOON, NOON + 40 * HOUR, 7 * HOUR):
        stored(tmp_path, ticks(start, start + 7 * HOUR, {"web": entry(cpu=1.0)}, interval=HOUR))
    with Store.open(tmp_path) as store:
        assert [hour.start for hour in hours(store)] == [*range(NOON, NOON + 42 * HOUR, HOUR)]
    assert verify(tmp_path).fault is None


def test_a_day_that_begins_before_the_cluster_has_told_who_it_is_is_of_the_one_before(tmp_path: Path) -> None:
    with Store.open(tmp_path, "prod") as store:
        store.identity = LedgerCluster("prod", "uid-1", "2026-01-02T03:04:05Z")
        store.append(ticks(MIDNIGHT - HOUR, MIDNIGHT))
    with Store.open(tmp_path, "renamed") as store:
        store.append(ticks(MIDNIGHT, MIDNIGHT + HOUR))
        first, second = store.ledger.days(MIDNIGHT - HOUR, MIDNIGHT + HOUR)
    assert first.cluster == LedgerCluster("prod", "uid-1", "2026-01-02T03:04:05Z")
    assert second.cluster == LedgerCluster("renamed", "uid-1", "2026-01-02T03:04:05Z")
