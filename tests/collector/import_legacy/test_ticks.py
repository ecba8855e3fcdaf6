"""Which ticks the rows of a source stand for, and what an import makes of hours that were open."""

from __future__ import annotations

from pathlib import Path

import pytest

from collector.import_legacy.source import open_source
from collector.import_legacy.ticks import timeline
from collector.store.store import Store
from tests.collector.import_legacy.importing import END, OPEN_HOUR, import_
from tests.collector.store.reading import usage
from tests.support.legacy_rrd import DAY, HOUR, Pair, at, hourly, steps, write_database


def climbing(start: int, end: int) -> dict[int, Pair]:
    """Another value for every 5 minutes."""
    return {time: ((time - start) / DAY + 1, 2.0) for time in range(start + 300, end + 1, 300)}


def test_closed_hours_are_one_tick_each_and_what_follows_is_five_minutes_a_tick(tmp_path: Path) -> None:
    write_database(tmp_path / "shop", steps(END - DAY, END, 1.0, 1.0))
    line = timeline(open_source(tmp_path), open_hour=True)
    noon = at("2026-11-21T12:00")
    # The hour from 12:00 of the day before has five known steps, which the source makes no hour of.
    assert line.begin == noon - 23 * HOUR
    assert line.ticks == (*range(noon - 22 * HOUR, noon + 1, HOUR), *range(noon + 300, END + 1, 300))
    closed = timeline(open_source(tmp_path))
    assert closed.ticks == tuple(range(noon - 22 * HOUR, noon + 1, HOUR))
    assert (closed.closed_until, closed.newest) == (noon, END)


def test_an_hour_observed_in_part_is_a_tick_for_each_of_its_observed_steps(tmp_path: Path) -> None:
    noon = at("2026-11-21T12:00")
    rows = steps(noon - 5 * HOUR, noon - 3 * HOUR - 1200, 1.0, 1.0) | steps(noon - 3 * HOUR, noon, 1.0, 1.0)
    write_database(tmp_path / "shop", rows)
    (batch,) = timeline(open_source(tmp_path)).batches(0, 1)
    first = noon - 4 * HOUR
    assert batch.ticks == (first, *range(first + 300, first + 2401, 300), *range(noon - 2 * HOUR, noon + 1, HOUR))
    assert batch.intervals == (3600, *[300] * 8, 3600, 3600, 3600)
    assert batch.places == [0, *[1] * 8, 2, 3, 4]


def test_batches_are_the_smaller_the_more_namespaces_there_are_and_end_with_an_hour(tmp_path: Path) -> None:
    write_database(tmp_path / "shop", steps(END - 5 * DAY, END, 1.0, 1.0))
    line = timeline(open_source(tmp_path))
    for namespaces in (1, 1_000, 100_000):
        batches = list(line.batches(0, namespaces))
        assert tuple(tick for batch in batches for tick in batch.ticks) == line.ticks
        assert all(batch.end % HOUR == 0 for batch in batches if batch.step == HOUR)
        assert max(len(batch.ticks) for batch in batches) <= max(12, 100_000 // namespaces)


def test_a_source_that_is_writing_just_now_is_imported_up_to_what_all_have(tmp_path: Path) -> None:
    # `shop` has the sample of 12:00, which closes its hour; `lab` is about to get it.
    noon = at("2026-11-21T12:00")
    (tmp_path / "source").mkdir()
    write_database(tmp_path / "source" / "shop", steps(noon - DAY, noon, 4.0, 4.0))
    write_database(tmp_path / "source" / "lab", steps(noon - DAY, noon - 300, 4.0, 4.0))
    assert import_(tmp_path) == 0
    with Store.open(tmp_path / "db") as store:
        assert store.last_tick == noon - HOUR
        assert store.registry.namespaces["lab"].active
        # 4 % of 50 cores.
        assert usage(store, "lab", noon - 2 * HOUR, 2) == [pytest.approx(2.0), None]


def test_what_ended_just_before_the_source_was_stopped_does_not_hold_up_the_last_hour(tmp_path: Path) -> None:
    noon = at("2026-11-21T12:00")
    write_database(tmp_path / "shop", steps(noon - DAY, noon, 4.0, 4.0) | {noon + 120: (4.0, 4.0)})
    write_database(tmp_path / "lab", steps(noon - DAY, noon - 300, 4.0, 4.0))
    assert timeline(open_source(tmp_path)).closed_until == noon - HOUR
    line = timeline(open_source(tmp_path), open_hour=True)
    assert (line.closed_until, line.ticks[-1]) == (noon, noon)


def test_an_hour_that_the_source_closed_from_fewer_than_six_steps_counts_as_observed(tmp_path: Path) -> None:
    # Polled every minute, the source has rows of 12 minutes, known when 6 minutes are; an hour is known when 3 of its 5
    # rows are: with 00 to 06 and 18 to 30 it is. Of its steps of 5 minutes three are known, of which 3 minutes are.
    noon = at("2026-11-21T12:00")
    minutes = [*range(-1440, -60), *range(-60, -54), *range(-42, -30), *range(10)]
    known: dict[int, Pair] = {noon + 60 * (minute + 1): (4.0, 4.0) for minute in minutes}
    archives = ("RRA:AVERAGE:0.5:1:4032", "RRA:AVERAGE:0.5:12:8880")
    write_database(tmp_path / "shop", known, step=60, heartbeat=60, archives=archives)
    line = timeline(open_source(tmp_path))
    assert [noon - step for step in line.steps if noon - HOUR < step <= noon] == [55 * 60, 35 * 60, 30 * 60]
    assert line.ticks[-2:] == (noon - HOUR, noon)


def test_the_open_hour_is_left_for_the_import_that_finds_it_closed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # `brief` is there from 12:20 to 12:45, less than half of the hour: nothing, as in the source. Imported while the
    # hour was open, it would have had 15 minutes. `ends` is gone at 12:20, in an hour that is never closed.
    noon = at("2026-11-21T12:00")
    source = tmp_path / "source"
    source.mkdir()
    for end in (END, END + 2 * HOUR):
        for path in source.iterdir():
            path.unlink()
        write_database(source / "shop", climbing(END - DAY, end))
        write_database(source / "brief", steps(noon + 1200, min(end, noon + 2700), 4.0, 4.0))
        write_database(source / "ends", steps(END - DAY, noon + 1200, 4.0, 4.0))
        assert import_(tmp_path) == 0
    assert import_(tmp_path / "fresh", source=source) == 0
    theirs = [row[0] for row in hourly(source / "shop", noon - 4 * HOUR, noon + 2 * HOUR)]
    with Store.open(tmp_path / "db") as store, Store.open(tmp_path / "fresh" / "db") as fresh:
        assert store.last_tick == noon + 2 * HOUR
        ours = usage(store, "shop", noon - 4 * HOUR, 6)
        # In neither store it ever was.
        assert store.registry.namespaces.keys() == fresh.registry.namespaces.keys() == {"shop", "ends"}
        # 4 % of 50 cores.
        assert usage(store, "ends", noon - HOUR, 2) == [pytest.approx(2.0), None]
    # Per cent of 50 cores.
    assert ours == pytest.approx([value / 2 for value in theirs if value is not None])
    told = capsys.readouterr().out
    assert "  open hour   35 minutes, left out: repeat the import when the hour is over" in told
    # 23 hours; then two more.
    assert "stored 23 ticks; 0 were there already" in told
    assert "stored 2 ticks; 23 were there already" in told


def test_an_hour_that_was_imported_while_it_was_open_goes_on_by_five_minutes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "source").mkdir()
    for end in (END, END + 2 * HOUR):
        (tmp_path / "source" / "shop").unlink(missing_ok=True)
        write_database(tmp_path / "source" / "shop", climbing(END - DAY, end))
        assert import_(tmp_path, OPEN_HOUR) == 0
    noon = at("2026-11-21T12:00")
    theirs = [row[0] for row in hourly(tmp_path / "source" / "shop", noon - 4 * HOUR, noon + 2 * HOUR)]
    with Store.open(tmp_path / "db") as store:
        assert store.last_tick == END + 2 * HOUR
        ours = usage(store, "shop", noon - 4 * HOUR, 6)
    # 23 hours and 35 minutes; then 25 minutes of the open hour, an hour, and 35 minutes of the next one.
    told = capsys.readouterr().out
    assert "  open hour   35 minutes, as they stand: if the source goes on" in told
    assert "stored 30 ticks; 0 were there already" in told
    assert "stored 13 ticks; 30 were there already" in told
    # Per cent of 50 cores.
    assert ours == pytest.approx([value / 2 for value in theirs if value is not None])


def test_an_hour_that_was_imported_while_it_was_open_is_not_taken_again(tmp_path: Path) -> None:
    # Imported up to 12:35, where the source was stopped; it is started again at 14:00.
    noon = at("2026-11-21T12:00")
    write_database(
        tmp_path / "shop", steps(END - DAY, END, 4.0, 4.0) | steps(noon + 2 * HOUR, noon + 4 * HOUR, 4.0, 4.0)
    )
    line = timeline(open_source(tmp_path))
    assert noon + HOUR in line.hours
    (batch,) = line.batches(END, 1)
    assert batch.ticks == (noon + 3 * HOUR, noon + 4 * HOUR)


def test_what_is_older_than_the_store_keeps_is_not_read(tmp_path: Path) -> None:
    # `old` ended 100 days ago, and its archive reaches back 370 days from there.
    write_database(tmp_path / "shop", steps(END - DAY, END, 1.0, 1.0))
    old = END - 100 * DAY
    write_database(tmp_path / "old", steps(old - 365 * DAY, old, 1.0, 1.0))
    assert timeline(open_source(tmp_path)).begin == at("2026-11-21T12:00") - 400 * DAY
