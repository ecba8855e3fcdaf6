"""Which ticks the rows of a source stand for, and what an import makes of hours that were open."""

from __future__ import annotations

from pathlib import Path

import pytest

from collector.importing.source import open_source
from collector.importing.timeline import timeline
from collector.store.ledger import Ledger
from tests.collector.importing.importing import END, import_
from tests.collector.store.reading import usage
from tests.support.kubeledger_rrd import DAY, HOUR, Pair, at, hourly, steps, write_database


def climbing(start: int, end: int) -> dict[int, Pair]:
    """Another value for every 5 minutes."""
    return {time: ((time - start) / DAY + 1, 2.0) for time in range(start + 300, end + 1, 300)}


def test_closed_hours_are_one_tick_each_and_what_follows_is_five_minutes_a_tick(tmp_path: Path) -> None:
    write_database(tmp_path / "shop", steps(END - DAY, END, 1.0, 1.0))
    line = timeline(open_source(tmp_path))
    noon = at("2026-11-21T12:00")
    # The hour from 12:00 of the day before has five known steps, which the source makes no hour of.
    assert line.begin == noon - 23 * HOUR
    assert line.ticks == (*range(noon - 22 * HOUR, noon + 1, HOUR), *range(noon + 300, END + 1, 300))


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
    with Ledger.open(tmp_path / "db") as ledger:
        assert ledger.last_tick == noon - 300
        assert ledger.namespaces["lab"].active
        # 4 % of 50 cores.
        assert usage(ledger, "lab", noon - HOUR, 12, step=300) == [*map(pytest.approx, [2.0] * 11), None]


def test_an_hour_that_was_open_is_completed_by_the_next_import(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "source").mkdir()
    for end in (END, END + 2 * HOUR):
        (tmp_path / "source" / "shop").unlink(missing_ok=True)
        write_database(tmp_path / "source" / "shop", climbing(END - DAY, end))
        assert import_(tmp_path) == 0
    noon = at("2026-11-21T12:00")
    theirs = [row[0] for row in hourly(tmp_path / "source" / "shop", noon - 4 * HOUR, noon + 2 * HOUR)]
    with Ledger.open(tmp_path / "db") as ledger:
        assert ledger.last_tick == END + 2 * HOUR
        ours = usage(ledger, "shop", noon - 4 * HOUR, 6)
    # 23 hours and 35 minutes; then 25 minutes of the open hour, an hour, and 35 minutes of the next one.
    told = capsys.readouterr().out
    assert "stored 30 ticks; 0 were there already" in told
    assert "stored 13 ticks; 30 were there already" in told
    # Per cent of 50 cores.
    assert ours == pytest.approx([value / 2 for value in theirs if value is not None])


def test_what_is_older_than_the_store_keeps_is_not_read(tmp_path: Path) -> None:
    # `old` ended 100 days ago, and its archive reaches back 370 days from there.
    write_database(tmp_path / "shop", steps(END - DAY, END, 1.0, 1.0))
    old = END - 100 * DAY
    write_database(tmp_path / "old", steps(old - 365 * DAY, old, 1.0, 1.0))
    assert timeline(open_source(tmp_path)).begin == at("2026-11-21T12:00") - 400 * DAY
