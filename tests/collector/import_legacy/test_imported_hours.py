"""Hours as `kl-collector import` takes them from databases written with librrd in the form of the source."""

from __future__ import annotations

from pathlib import Path

import pytest

from collector.store.store import Store
from tests.collector.import_legacy.importing import BEGIN, END, import_
from tests.collector.store.reading import coverage, usage
from tests.support.legacy_rrd import HOUR, at, hourly, steps, write_database


def test_an_outage_stays_unknown(tmp_path: Path) -> None:
    directory = tmp_path / "source"
    directory.mkdir()
    down, up = at("2026-10-25T00:00"), at("2026-10-26T00:00")
    write_database(directory / "shop", steps(BEGIN, down, 10.0, 20.0) | steps(up, END, 10.0, 20.0))
    assert import_(tmp_path) == 0
    with Store.open(tmp_path / "db") as store:
        assert usage(store, "shop", down - HOUR, 2) == [pytest.approx(5.0), None]
        assert usage(store, "shop", up - HOUR, 2) == [None, pytest.approx(5.0)]
        assert coverage(store, down, 1) == [0.0]


def test_hours_are_imported_alone_without_an_archive_of_five_minutes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    directory = tmp_path / "source"
    directory.mkdir()
    write_database(directory / "shop", steps(BEGIN, END, 10.0, 20.0), fine_rows=0)
    assert import_(tmp_path) == 0
    assert "the hourly archives are imported alone" in capsys.readouterr().out
    with Store.open(tmp_path / "db") as store:
        assert store.last_tick == at("2026-11-21T12:00")
        assert usage(store, "shop", at("2026-11-21T11:00")) == pytest.approx([5.0])


def test_every_hour_is_the_sources_hour(tmp_path: Path, source: Path) -> None:
    # The source's own hourly means, in per cent of 50 cores, against our hours in cores.
    assert import_(tmp_path) == 0
    end = at("2026-11-21T12:00")
    theirs = [row[0] for row in hourly(source / "shop", BEGIN, end)]
    with Store.open(tmp_path / "db") as store:
        ours = usage(store, "shop", BEGIN, (end - BEGIN) // HOUR)
    assert ours == pytest.approx([value / 2 for value in theirs if value is not None])
