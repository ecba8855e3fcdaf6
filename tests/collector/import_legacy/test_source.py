"""What is read of a source's directory, with files written by librrd as different installations leave them."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import rrdtool

from collector.errors import MigrationError
from collector.import_legacy.source import open_source
from tests.support.legacy_rrd import DAY, HOUR, at, hashes, steps, write_database

BEGIN, END = at("2026-11-19T00:00"), at("2026-11-21T12:35")


def polled(path: Path, interval: int, begin: int, end: int) -> None:
    """A file as an installation with this polling interval creates it: rows of one and of twelve intervals.

    Its per cents are the hour of the day in which the interval ends, and twice that.
    """
    sources = [f"DS:{name}:GAUGE:{2 * interval}:U:U" for name in ("cpu_usage", "mem_usage")]
    archives = ("RRA:AVERAGE:0.5:1:4032", "RRA:AVERAGE:0.5:12:8880")
    rrdtool.create(str(path), "--start", str(begin), "--step", str(interval), *sources, *archives)
    hours = [(time, (time - 1) % DAY // HOUR) for time in range(begin + interval, end + 1, interval)]
    rrdtool.update(str(path), *(f"{time}:{hour}:{2 * hour}" for time, hour in hours))


def test_names_tell_what_a_file_holds_with_or_without_an_extension(tmp_path: Path) -> None:
    rows = steps(BEGIN, END, 1.0, 1.0)
    for name in ("a", "b.rrd", "non-allocatable.rrd", ".billing-hourly-rate"):
        write_database(tmp_path / name, rows)
    for suffix in ("__rf", "__gpu", "__gpu__rf"):
        write_database(tmp_path / f"a{suffix}", rows)
        write_database(tmp_path / f"b{suffix}.rrd", rows)
        # The existing installation makes such files, empty ones, for its special entries too.
        write_database(tmp_path / f"non-allocatable{suffix}", rows)
    source = open_source(tmp_path)
    for found in (source.usage, source.rf, source.gpu, source.gpu_rf):
        assert sorted(found) == ["a", "b"]
    assert source.gpu_rf["a"].path.name == "a__gpu__rf"
    assert source.non_allocatable is not None
    assert source.billing_rate is not None
    assert source.problems == ()


def test_a_special_name_is_no_namespace_and_one_that_only_looks_special_is(tmp_path: Path) -> None:
    for name in ("non-allocatable", "idle", "rf", "gpu"):
        write_database(tmp_path / name, steps(BEGIN, END, 1.0, 1.0))
    assert sorted(open_source(tmp_path).usage) == ["gpu", "idle", "rf"]


@pytest.mark.parametrize("length", [0, 3, 4, 200, 4000, -1])
def test_a_database_cut_short_is_named_and_left_aside(tmp_path: Path, length: int) -> None:
    write_database(tmp_path / "whole", steps(BEGIN, END, 1.0, 1.0))
    (tmp_path / "cut-short").write_bytes((tmp_path / "whole").read_bytes()[:length])
    source = open_source(tmp_path)
    assert sorted(source.usage) == ["whole"]
    (problem,) = source.problems
    assert problem.startswith(("cut-short: damaged or not readable (", "cut-short: not a round-robin database"))
    assert problem.endswith("; left aside")


def test_whatever_else_lies_in_the_directory_is_named_and_left_aside(tmp_path: Path) -> None:
    write_database(tmp_path / "shop", steps(BEGIN, END, 1.0, 1.0))
    whole = (tmp_path / "shop").read_bytes()
    for name in ("shop.rrd", "team.a", "Not_A_Namespace", "shop.bak", "_", "__rf", "x" * 64):
        (tmp_path / name).write_bytes(whole)
    (tmp_path / "notes.txt").write_text("not a database")
    (tmp_path / ".DS_Store").write_bytes(b"\0\0\0\1Bud1")
    write_database(tmp_path / "other", steps(BEGIN, END, 1.0, 1.0), sources=("in", "out"))
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    (tmp_path / "lost+found").mkdir()
    source = open_source(tmp_path)
    assert sorted(source.usage) == ["shop"]
    told = dict(problem.split(": ", 1) for problem in source.problems)
    assert told["shop.rrd"] == "a second file for shop; left aside"
    assert told["notes.txt"] == told[".DS_Store"] == "not a round-robin database; left aside"
    assert told["other"].startswith("not a database of KubeLedger's: it holds in, out instead of cpu_usage, mem_usage")
    for name in ("team.a", "Not_A_Namespace", "shop.bak", "_", "__rf", "x" * 64):
        assert "is no name of a namespace" in told[name]
    assert len(told) == len(source.problems) == 10


@pytest.mark.parametrize("name", ["missing", "empty", "a-file"])
def test_a_directory_without_databases_is_explained(tmp_path: Path, name: str) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "a-file").touch()
    with pytest.raises(MigrationError, match="Name the directory of the databases of the existing installation"):
        open_source(tmp_path / name)


@pytest.mark.parametrize("interval", [60, 300, 600, 900])
def test_hours_are_read_whatever_the_polling_interval_was(tmp_path: Path, interval: int) -> None:
    polled(tmp_path / "shop", interval, BEGIN, END)
    database = open_source(tmp_path).usage["shop"]
    assert database.step == interval
    begin, end = END - END % HOUR - 2 * DAY, END - END % HOUR
    cpu, memory = database.read(begin, end, HOUR)
    expected = [(12 + hour) % 24 for hour in range(48)]
    assert cpu == pytest.approx(expected)
    assert memory == pytest.approx(np.multiply(2, expected))


def test_five_minutes_are_read_from_rows_of_one_minute(tmp_path: Path) -> None:
    polled(tmp_path / "shop", 60, END - DAY, END)
    database = open_source(tmp_path).usage["shop"]
    # Until 12:00, 12:05 and 12:10.
    assert database.read(END - 2400, END - 1500, 300)[0] == pytest.approx([11, 12, 12])


def test_what_only_longer_rows_reach_back_to_is_read_from_them(tmp_path: Path) -> None:
    # Polled every 15 minutes: 42 days of quarters of an hour, older ones as means of three hours.
    begin = END - END % (3 * HOUR) - 50 * DAY
    polled(tmp_path / "shop", 900, begin, END)
    database = open_source(tmp_path).usage["shop"]
    # 00:00 to 06:00: the means of 0, 1, 2 and of 3, 4, 5.
    first = begin - begin % DAY + DAY
    assert database.read(first, first + 6 * HOUR, HOUR)[0] == pytest.approx([1, 1, 1, 4, 4, 4])
    # An hour later than the start of such a row.
    assert database.read(first + HOUR, first + 4 * HOUR, HOUR)[0] == pytest.approx([1, 1, 4])
    recent = first + 20 * DAY
    assert database.read(recent, recent + 6 * HOUR, HOUR)[0] == pytest.approx([0, 1, 2, 3, 4, 5])


def test_an_hour_of_which_less_than_half_is_known_is_unknown(tmp_path: Path) -> None:
    # Rows of 12 minutes: 24 of 60 minutes are known of the first hour, 36 of the second.
    start = END - END % DAY
    known = [*range(start, start + 1440, 60), *range(start + HOUR, start + HOUR + 2160, 60), start + 2 * HOUR]
    rows = {time + 60: (5.0, 5.0) for time in known}
    write_database(tmp_path / "shop", rows, step=60, heartbeat=60, archives=("RRA:AVERAGE:0.5:12:8880",))
    found = open_source(tmp_path).usage["shop"].read(start, start + 2 * HOUR, HOUR)[0]
    assert np.isnan(found[0])
    assert found[1] == pytest.approx(5.0)


def test_reading_leaves_every_byte_as_it_was(tmp_path: Path) -> None:
    polled(tmp_path / "shop", 300, BEGIN, END)
    before = hashes(tmp_path)
    open_source(tmp_path).usage["shop"].read(BEGIN, END - END % HOUR, HOUR)
    assert hashes(tmp_path) == before


@pytest.mark.parametrize("archive", ["RRA:AVERAGE:0.5:288:100", "RRA:MAX:0.5:1:100"])
def test_a_database_from_which_no_hour_follows_is_named_and_left_aside(tmp_path: Path, archive: str) -> None:
    write_database(tmp_path / "shop", steps(BEGIN, END, 1.0, 1.0))
    write_database(tmp_path / "days", steps(BEGIN, END, 1.0, 1.0), archives=[archive])
    source = open_source(tmp_path)
    assert sorted(source.usage) == ["shop"]
    assert source.problems == ("days: it has no archive of averages from which hours follow; left aside",)


def test_a_database_that_is_damaged_while_it_is_imported_is_an_error_that_names_it(tmp_path: Path) -> None:
    path = tmp_path / "shop"
    write_database(path, steps(BEGIN, END, 1.0, 1.0))
    database = open_source(tmp_path).usage["shop"]
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(MigrationError, match=f"cannot read {path}: "):
        database.read(BEGIN, BEGIN + DAY, HOUR)
