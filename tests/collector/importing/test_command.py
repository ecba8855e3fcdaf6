"""`kl-collector import` on databases written with librrd in the form of the source; expected numbers by hand."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
import termios
from pathlib import Path
from typing import Any

import orjson
import pytest

from collector import cli
from collector.importing.histories import constant_capacity
from collector.importing.importer import make_plan, run
from collector.store import rates
from collector.store.ledger import Ledger
from tests.collector.store.reading import capacity, coverage, plain, requests, usage
from tests.support.kubeledger_rrd import DAY, HOUR, at, hashes, hourly, steps, write_database
from tests.support.ticks import GIB, entry, tick

BEGIN, END = at("2026-10-20T00:00"), at("2026-11-21T12:35")
"""32 days and a half: the hourly archive reaches back further than the 14 days of 5-minute rows."""
CAPACITY = ("--capacity-cpu", "50", "--capacity-memory", "200Gi")


def import_(
    root: Path, *arguments: str, capacity: tuple[str, ...] = CAPACITY, source: Path | None = None, **settings: str
) -> int:
    environ = {"KL_DB_LOCATION": str(root / "db"), "KL_DATA_DIR": str(root / "data"), "HOME": str(root), **settings}
    return cli.main(["import", str(source or root / "source"), *capacity, *arguments], environ, lambda: float(END + 60))


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """`shop` at 10 % and 20 %, doubled from 20 November on, with rf 0.5; `lab` at 4 % from 1 to 10 November, rf 1.0."""
    directory = tmp_path / "source"
    directory.mkdir()
    change = at("2026-11-20T00:00")
    write_database(directory / "shop", steps(BEGIN, change, 10.0, 20.0) | steps(change, END, 20.0, 40.0))
    write_database(directory / "shop__rf", steps(BEGIN, END, 0.5, 0.8))
    lab = (at("2026-11-01T00:00"), at("2026-11-10T06:00"))
    write_database(directory / "lab", steps(*lab, 4.0, 2.0))
    write_database(directory / "lab__rf", steps(*lab, 1.0, 0.5))
    write_database(directory / "non-allocatable", steps(BEGIN, END, 6.0, 5.0))
    write_database(directory / ".billing-hourly-rate", steps(BEGIN, change, 8.0, 8.0) | steps(change, END, 9.5, 9.5))
    return directory


def published(root: Path, scale: str) -> dict[str, Any]:
    manifest = orjson.loads((root / "data" / "dataset.json").read_bytes())
    document: dict[str, Any] = orjson.loads((root / "data" / manifest["files"][scale]["name"]).read_bytes())
    return document


def test_per_cent_of_capacity_become_cores_and_bytes(tmp_path: Path, source: Path) -> None:
    assert import_(tmp_path) == 0
    with Ledger.open(tmp_path / "db") as ledger:
        assert (ledger.first_tick, ledger.last_tick) == (BEGIN + HOUR, END)
        # 10 % of 50 cores, 20 % of 200 GiB; requests are usage ÷ rf = 5 ÷ 0.5.
        assert usage(ledger, "shop", BEGIN, 3) == pytest.approx([5.0] * 3)
        assert usage(ledger, "shop", BEGIN, metric="memory") == pytest.approx([40 * GIB])
        assert requests(ledger, "shop", BEGIN, 2) == pytest.approx([10.0] * 2)
        asked = ledger.entry("namespace", "shop", BEGIN, BEGIN + HOUR, HOUR).requests["memory"]
        assert plain(asked) == pytest.approx([50 * GIB])
        # The newest 5-minute row: 20 % of 50 cores.
        assert usage(ledger, "shop", END - 300, step=300) == pytest.approx([10.0])
        assert capacity(ledger, BEGIN) == pytest.approx([50.0])
        # 6 % of 50 cores are not allocatable.
        assert plain(ledger.cluster(BEGIN, BEGIN + HOUR, HOUR).allocatable["cpu"]) == pytest.approx([47.0])
        assert set(coverage(ledger, BEGIN, 32 * 24)) == {1.0}


def test_an_rf_of_exactly_one_is_no_request_known(tmp_path: Path, source: Path) -> None:
    assert import_(tmp_path) == 0
    with Ledger.open(tmp_path / "db") as ledger:
        first = at("2026-11-02T00:00")
        assert usage(ledger, "lab", first) == pytest.approx([2.0])
        assert requests(ledger, "lab", first) == [None]
        asked = ledger.entry("namespace", "lab", first, first + HOUR, HOUR).requests["memory"]
        assert plain(asked) == pytest.approx([8 * GIB])  # 2 % of 200 GiB ÷ 0.5


def test_a_namespace_lives_while_the_source_knows_it(tmp_path: Path, source: Path) -> None:
    assert import_(tmp_path) == 0
    with Ledger.open(tmp_path / "db") as ledger:
        record = ledger.namespaces["lab"]
        assert (record.active, record.last_seen) == (False, at("2026-11-10T06:00"))
        assert ledger.namespaces["shop"].active
    daily = published(tmp_path, "daily_14d")
    # 10 November: 6 hours of 2 cores, then known to be nothing.
    assert daily["namespaces"]["lab"]["cpu"]["usage"][daily["buckets"].index("2026-11-10T00:00:00Z")] == 12.0
    assert daily["namespaces"]["lab"]["cpu"]["usage"][daily["buckets"].index("2026-11-11T00:00:00Z")] == 0.0


def test_the_recorded_rate_becomes_the_history_of_rates(tmp_path: Path, source: Path) -> None:
    assert import_(tmp_path, KL_BILLING_CURRENCY_SYMBOL="€") == 0
    history = rates.load(tmp_path / "db")
    # The collector has no rate set: charging ends with the hour the import was done in.
    assert [(change.effective, change.rate, change.currency) for change in history[:2]] == [
        (BEGIN, 8.0, "€"),
        (at("2026-11-20T00:00"), 9.5, "€"),
    ]


def test_the_source_is_never_touched(tmp_path: Path, source: Path) -> None:
    before = hashes(source)
    assert import_(tmp_path) == 0
    assert hashes(source) == before


def test_a_dry_run_prints_the_plan_and_writes_nothing(
    tmp_path: Path, source: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (source / "shop__gpu").write_bytes((source / "shop").read_bytes())
    assert import_(tmp_path, "--dry-run") == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["source"]
    told = capsys.readouterr().out
    assert "entries   2 namespaces, 2 with requests, 0 with GPUs\n" in told
    assert "GPU usage of 1 namespace(s) is skipped" in told
    assert "capacity  50 cores and 200 GiB\n" in told
    assert told.endswith("nothing was written: this was a dry run\n")


def test_a_terminal_shows_how_far_the_import_is(tmp_path: Path) -> None:
    (tmp_path / "source").mkdir()
    write_database(tmp_path / "source" / "shop", steps(END - DAY, END, 10.0, 20.0))
    terminal, stderr = pty.openpty()
    termios.tcsetwinsize(stderr, (25, 100))
    environ = {"KL_DB_LOCATION": str(tmp_path / "db"), "KL_DATA_DIR": str(tmp_path / "data"), "HOME": str(tmp_path)}
    command = [sys.executable, "-m", "collector", "import", str(tmp_path / "source"), *CAPACITY]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=stderr, env=environ, check=False, timeout=60)
    os.close(stderr)
    shown = os.read(terminal, 65536).decode()
    os.close(terminal)
    assert done.returncode == 0
    # A day of 5-minute rows.
    assert "importing: 100%" in shown
    assert "288/288" in shown


def test_a_repeated_import_adds_nothing(tmp_path: Path, source: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert import_(tmp_path) == 0
    first, told = published(tmp_path, "monthly_12m"), capsys.readouterr().out
    assert import_(tmp_path) == 0
    again = published(tmp_path, "monthly_12m")
    assert again["namespaces"] == first["namespaces"]
    # 18 days by the hour, 20 October to 7 November 13:00, then 14 days less 25 minutes by 5 minutes.
    fine_from = at("2026-11-07T13:00")
    ticks = (fine_from - BEGIN) // HOUR + (END - fine_from) // 300
    assert f"stored {ticks} ticks; 0 were there already\n" in told
    assert f"stored 0 ticks; {ticks} were there already\n" in capsys.readouterr().out


def test_an_import_that_was_interrupted_is_continued(tmp_path: Path, source: Path) -> None:
    def interrupt(_ticks: int) -> None:
        raise KeyboardInterrupt

    plan = make_plan(source, constant_capacity("50", "200Gi"), None, "$")
    with Ledger.open(tmp_path / "db") as ledger:
        with pytest.raises(KeyboardInterrupt):
            run(plan, ledger, interrupt)
        begun = ledger.last_tick
    assert begun == plan.timeline.ticks[287]
    assert import_(tmp_path) == 0
    assert import_(tmp_path / "whole", source=source) == 0
    for name in ("shop", "lab"):
        with Ledger.open(tmp_path / "db") as ledger, Ledger.open(tmp_path / "whole" / "db") as whole:
            count = 32 * 24
            assert usage(ledger, name, BEGIN, count) == usage(whole, name, BEGIN, count)
            assert ledger.namespaces == whole.namespaces


def test_an_import_of_a_source_that_went_on_adds_what_is_new(tmp_path: Path) -> None:
    directory = tmp_path / "source"
    directory.mkdir()
    write_database(directory / "shop", steps(END - DAY, END, 10.0, 20.0))
    assert import_(tmp_path) == 0
    (directory / "shop").unlink()
    write_database(directory / "shop", steps(END - DAY, END + 600, 10.0, 20.0))
    assert import_(tmp_path) == 0
    with Ledger.open(tmp_path / "db") as ledger:
        assert ledger.last_tick == END + 600
        assert usage(ledger, "shop", END - 1500, 7, step=300) == pytest.approx([5.0] * 7)


def test_a_store_that_a_collector_began_is_refused(
    tmp_path: Path, source: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with Ledger.open(tmp_path / "db") as ledger:
        ledger.append([tick(END, {"shop": entry(1.0)})])
    before = hashes(tmp_path / "db" / "namespaces")
    assert import_(tmp_path) == 1
    assert "already holds ticks, up to 2026-11-21T12:35:00Z" in capsys.readouterr().err
    assert hashes(tmp_path / "db" / "namespaces") == before


def test_an_interrupted_import_that_a_collector_followed_names_what_is_missing(
    tmp_path: Path, source: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert import_(tmp_path) == 0
    mark = tmp_path / "db" / "imported.json"
    mark.write_bytes(orjson.dumps({"end": END, "through": END - 600}))
    with Ledger.open(tmp_path / "db") as ledger:
        ledger.append([tick(END + 300, {"shop": entry(1.0)})])
    assert import_(tmp_path) == 0
    assert "2 ticks of the source are missing and cannot be added" in capsys.readouterr().out


def test_damaged_and_foreign_files_are_reported_and_left_aside(
    tmp_path: Path, source: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = (source / "shop").read_bytes()
    (source / "cut-short").write_bytes(whole[:4000])
    (source / "notes.txt").write_text("not a database")
    write_database(source / "other", steps(END - DAY, END, 1.0, 1.0), sources=("in", "out"))
    (source / "Not_A_Namespace").write_bytes(whole)
    assert import_(tmp_path) == 0
    told = capsys.readouterr().out
    assert "cut-short: damaged or not readable (" in told
    assert "notes.txt: not a round-robin database; left aside" in told
    assert "other: not a database of KubeLedger's: it holds in, out" in told
    assert "'Not_A_Namespace' is no name of a namespace" in told
    with Ledger.open(tmp_path / "db") as ledger:
        assert sorted(ledger.namespaces) == ["lab", "shop"]


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ((), "either --capacity-cpu CORES and --capacity-memory BYTES"),
        (("--capacity-cpu", "50"), "either --capacity-cpu CORES and --capacity-memory BYTES"),
        (("--capacity-cpu", "many", "--capacity-memory", "1Gi"), "'many' is not a Kubernetes quantity"),
        (("--capacity-cpu", "0", "--capacity-memory", "1Gi"), "--capacity-cpu is '0'; allowed: a number above 0"),
    ],
)
def test_a_capacity_that_cannot_be_used_is_explained(
    tmp_path: Path, source: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], reason: str
) -> None:
    assert import_(tmp_path, capacity=arguments) == 1
    assert reason in capsys.readouterr().err
    assert not (tmp_path / "db").exists()


@pytest.mark.parametrize("name", ["missing", "source"])
def test_a_directory_without_databases_is_explained(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    (tmp_path / name).mkdir()
    assert import_(tmp_path) == 1
    assert "Name the directory of the databases of the existing installation" in capsys.readouterr().err


def test_capacity_that_changed_is_taken_from_its_history(tmp_path: Path, source: Path) -> None:
    history = tmp_path / "capacity.csv"
    history.write_text("from,cpu,memory\n,50,200Gi\n2026-11-15,100,400Gi\n")
    assert import_(tmp_path, "--capacity-history", str(history), capacity=()) == 0
    with Ledger.open(tmp_path / "db") as ledger:
        change = at("2026-11-15T00:00")
        # 10 % of 50 cores until then, of 100 cores afterwards.
        assert usage(ledger, "shop", change - HOUR, 2) == pytest.approx([5.0, 10.0])
        assert capacity(ledger, change - HOUR, 2) == pytest.approx([50.0, 100.0])


def test_a_capacity_history_that_begins_too_late_is_refused(
    tmp_path: Path, source: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    history = tmp_path / "capacity.json"
    history.write_text('[{"from": "2026-11-15", "cpu": 100, "memory": "400Gi"}]')
    assert import_(tmp_path, "--capacity-history", str(history), capacity=()) == 1
    assert "begins at 2026-11-15T00:00:00Z, but the source at 2026-10-20T00:00:00Z" in capsys.readouterr().err


def test_gpus_are_imported_with_their_number(tmp_path: Path) -> None:
    directory = tmp_path / "source"
    directory.mkdir()
    write_database(directory / "ml", steps(END - DAY, END, 10.0, 20.0))
    write_database(directory / "ml__gpu", steps(END - DAY, END, 60.0, 50.0))
    write_database(directory / "ml__gpu__rf", steps(END - DAY, END, 0.75, 0.75))
    history = tmp_path / "gpus.csv"
    history.write_text("from,namespace,gpus,gpu_memory\n,*,8,320Gi\n,ml,5,200Gi\n")
    assert import_(tmp_path, "--gpu-history", str(history)) == 0
    with Ledger.open(tmp_path / "db") as ledger:
        first = END - END % HOUR - 2 * HOUR
        rows = ledger.entry("namespace", "ml", first, first + HOUR, HOUR)
        # A mean of 60 % over 5 GPUs, 50 % of their 200 GiB; 3 ÷ 0.75 were requested.
        assert plain(rows.usage["gpu"]) == pytest.approx([3.0])
        assert plain(rows.usage["gpu_memory"]) == pytest.approx([100 * GIB])
        assert plain(rows.requests["gpu"]) == pytest.approx([4.0])
        assert capacity(ledger, first, metric="gpu") == pytest.approx([8.0])


def test_the_hour_in_which_a_namespace_ended_is_imported_as_far_as_it_lived(tmp_path: Path) -> None:
    # `lab` ends at 07:20 on 20 November: 4 of 12 steps of 2 cores, an hour that the source's archive never closes.
    directory = tmp_path / "source"
    directory.mkdir()
    ended = at("2026-11-20T07:00")
    write_database(directory / "shop", steps(BEGIN, END, 10.0, 20.0))
    write_database(directory / "lab", steps(BEGIN, ended + 1200, 4.0, 2.0))
    assert import_(tmp_path) == 0
    assert hourly(directory / "lab", ended, ended + HOUR) == [(None, None)]
    with Ledger.open(tmp_path / "db") as ledger:
        assert usage(ledger, "lab", ended - HOUR, 2) == pytest.approx([2.0, 2.0 * 4 / 12])


def test_an_outage_stays_unknown(tmp_path: Path) -> None:
    directory = tmp_path / "source"
    directory.mkdir()
    down, up = at("2026-10-25T00:00"), at("2026-10-26T00:00")
    write_database(directory / "shop", steps(BEGIN, down, 10.0, 20.0) | steps(up, END, 10.0, 20.0))
    assert import_(tmp_path) == 0
    with Ledger.open(tmp_path / "db") as ledger:
        assert usage(ledger, "shop", down - HOUR, 2) == [pytest.approx(5.0), None]
        assert usage(ledger, "shop", up - HOUR, 2) == [None, pytest.approx(5.0)]
        assert coverage(ledger, down, 1) == [0.0]


def test_a_step_of_one_minute_and_names_with_an_extension_are_read(tmp_path: Path) -> None:
    directory = tmp_path / "source"
    directory.mkdir()
    minutes = dict.fromkeys(range(END - DAY + 60, END + 1, 60), (10.0, 20.0))
    write_database(directory / "shop.rrd", minutes, step=60)
    assert import_(tmp_path) == 0
    with Ledger.open(tmp_path / "db") as ledger:
        assert usage(ledger, "shop", END - 600, 2, step=300) == pytest.approx([5.0, 5.0])


def test_hours_are_imported_alone_without_an_archive_of_five_minutes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    directory = tmp_path / "source"
    directory.mkdir()
    write_database(directory / "shop", steps(BEGIN, END, 10.0, 20.0), fine_rows=0)
    assert import_(tmp_path) == 0
    assert "the hourly archives are imported alone" in capsys.readouterr().out
    with Ledger.open(tmp_path / "db") as ledger:
        assert ledger.last_tick == at("2026-11-21T12:00")
        assert usage(ledger, "shop", at("2026-11-21T11:00")) == pytest.approx([5.0])


def test_every_hour_is_the_sources_hour(tmp_path: Path, source: Path) -> None:
    # The source's own hourly means, in per cent of 50 cores, against our hours in cores.
    assert import_(tmp_path) == 0
    end = at("2026-11-21T12:00")
    theirs = [row[0] for row in hourly(source / "shop", BEGIN, end)]
    with Ledger.open(tmp_path / "db") as ledger:
        ours = usage(ledger, "shop", BEGIN, (end - BEGIN) // HOUR)
    assert ours == pytest.approx([value / 2 for value in theirs if value is not None])
