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

from collector.import_legacy.capacity_history import constant_capacity
from collector.import_legacy.importer import make_plan, run
from collector.store import rates
from collector.store.store import Store
from tests.collector.import_legacy.importing import BEGIN, CAPACITY, END, OPEN_HOUR, import_
from tests.collector.store.reading import capacity, coverage, plain, requests, usage
from tests.support.legacy_rrd import DAY, HOUR, at, hashes, steps, write_database
from tests.support.patience import LIMIT_SECONDS
from tests.support.samples import GIB, entry, tick


def published(root: Path, scale: str) -> dict[str, Any]:
    manifest = orjson.loads((root / "data" / "dataset.json").read_bytes())
    document: dict[str, Any] = orjson.loads((root / "data" / manifest["files"][scale]["name"]).read_bytes())
    return document


def test_per_cent_of_capacity_become_cores_and_bytes(tmp_path: Path, source: Path) -> None:
    assert import_(tmp_path, OPEN_HOUR) == 0
    with Store.open(tmp_path / "db") as store:
        assert (store.registry.first_tick, store.last_tick) == (BEGIN + HOUR, END)
        # 10 % of 50 cores, 20 % of 200 GiB; requests are usage ÷ rf = 5 ÷ 0.5.
        assert usage(store, "shop", BEGIN, 3) == pytest.approx([5.0] * 3)
        assert usage(store, "shop", BEGIN, metric="memory") == pytest.approx([40 * GIB])
        assert requests(store, "shop", BEGIN, 2) == pytest.approx([10.0] * 2)
        asked = store.entry("namespace", "shop", BEGIN, BEGIN + HOUR, HOUR).requests["memory"]
        assert plain(asked) == pytest.approx([50 * GIB])
        # The newest 5-minute row: 20 % of 50 cores.
        assert usage(store, "shop", END - 300, step=300) == pytest.approx([10.0])
        assert capacity(store, BEGIN) == pytest.approx([50.0])
        # 6 % of 50 cores are not allocatable.
        assert plain(store.cluster(BEGIN, BEGIN + HOUR, HOUR).allocatable["cpu"]) == pytest.approx([47.0])
        assert set(coverage(store, BEGIN, 32 * 24)) == {1.0}


def test_an_rf_of_exactly_one_is_no_request_known(tmp_path: Path, source: Path) -> None:
    assert import_(tmp_path) == 0
    with Store.open(tmp_path / "db") as store:
        first = at("2026-11-02T00:00")
        assert usage(store, "lab", first) == pytest.approx([2.0])
        assert requests(store, "lab", first) == [None]
        asked = store.entry("namespace", "lab", first, first + HOUR, HOUR).requests["memory"]
        assert plain(asked) == pytest.approx([8 * GIB])  # 2 % of 200 GiB ÷ 0.5


def test_usage_of_hours_whose_requests_are_unknown_is_compared_with_nothing(tmp_path: Path) -> None:
    # Usage is 10 % of 50 cores, requests 10 % ÷ 0.5. On the 19th an rf of 1.0 for three hours: 21 hours know both.
    directory = tmp_path / "source"
    directory.mkdir()
    first = at("2026-11-19T09:00")
    write_database(directory / "shop", steps(BEGIN, END, 10.0, 20.0))
    write_database(directory / "shop__rf", steps(BEGIN, END, 0.5, 0.8) | steps(first, first + 3 * HOUR, 1.0, 1.0))
    assert import_(tmp_path) == 0
    daily = published(tmp_path, "daily_14d")
    amounts, day = daily["namespaces"]["shop"]["cpu"], daily["buckets"].index("2026-11-19T00:00:00Z")
    assert amounts["usage"][day - 1 : day + 1] == pytest.approx([120.0, 120.0])
    assert amounts["requests"][day - 1 : day + 1] == pytest.approx([240.0, 210.0])
    assert amounts["requests_matched"][day - 1 : day + 1] == pytest.approx([240.0, 210.0])
    assert amounts["usage_matched"][day - 1 : day + 1] == pytest.approx([120.0, 105.0])
    assert amounts["matched_hours"][day - 1 : day + 1] == pytest.approx([24.0, 21.0])
    # November holds that day, October does not: 20 October to the end.
    months = published(tmp_path, "monthly_12m")["namespaces"]["shop"]["cpu"]
    assert months["requests_matched"][0] == pytest.approx(12 * 24 * 10.0)
    assert months["usage"][1] - months["usage_matched"][1] == pytest.approx(15.0)


def test_a_namespace_lives_while_the_source_knows_it(tmp_path: Path, source: Path) -> None:
    assert import_(tmp_path) == 0
    with Store.open(tmp_path / "db") as store:
        record = store.registry.namespaces["lab"]
        assert (record.active, record.last_seen) == (False, at("2026-11-10T06:00"))
        assert store.registry.namespaces["shop"].active
    daily = published(tmp_path, "daily_14d")
    # 10 November: 6 hours of 2 cores, then known to be nothing.
    assert daily["namespaces"]["lab"]["cpu"]["usage"][daily["buckets"].index("2026-11-10T00:00:00Z")] == 12.0
    assert daily["namespaces"]["lab"]["cpu"]["usage"][daily["buckets"].index("2026-11-11T00:00:00Z")] == 0.0


def test_the_recorded_rate_becomes_the_history_of_rates(tmp_path: Path, source: Path) -> None:
    assert import_(tmp_path, KL_BILLING_CURRENCY="€") == 0
    history = rates.load(tmp_path / "db")
    assert [(change.effective, change.rate, change.currency) for change in history] == [
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
    assert "  namespaces  2, of which 2 with requests and 0 with GPUs\n" in told
    assert "GPU usage of 1 namespace(s) is skipped" in told
    assert "  capacity    50 cores and 200 GiB\n" in told
    assert told.endswith("nothing was written: this was a dry run\n")


def test_what_the_source_does_not_have_is_noted_in_the_plan(
    tmp_path: Path, source: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (source / "lab__rf").unlink()
    (source / "non-allocatable").unlink()
    (source / "shop__gpu").write_bytes((source / "shop").read_bytes())
    (source / "notes.txt").write_text("not a database")
    history = tmp_path / "gpus.csv"
    history.write_text("from,namespace,gpus,gpu_memory\n,*,8,320Gi\n,ml,5,200Gi\n")
    assert import_(tmp_path, "--gpu-history", str(history), "--dry-run") == 0
    told = capsys.readouterr().out
    assert "note        notes.txt: not a round-robin database; left aside\n" in told
    assert "note        no file non-allocatable: all of the capacity counts as allocatable\n" in told
    assert "note        requests of 1 namespace(s) are unknown, there is no __rf file: lab\n" in told
    assert "note        GPU usage of 1 namespace(s) is skipped, the GPU history has no row: shop\n" in told


@pytest.mark.parametrize("share", [0.0, None])
def test_a_share_that_is_nothing_or_unknown_is_noted_in_the_plan(
    tmp_path: Path, source: Path, capsys: pytest.CaptureFixture[str], share: float | None
) -> None:
    (source / "non-allocatable").unlink()
    write_database(source / "non-allocatable", steps(END - DAY, END, share, share))
    assert import_(tmp_path, "--dry-run") == 0
    told = capsys.readouterr().out
    assert "note        non-allocatable is zero or unknown throughout: all of the capacity counts as" in told


def test_requests_without_an_archive_of_five_minutes_are_unknown_in_the_open_hour_alone(
    tmp_path: Path, source: Path
) -> None:
    (source / "shop__rf").unlink()
    write_database(source / "shop__rf", steps(END - DAY, END, 0.5, 0.5), fine_rows=0)
    assert import_(tmp_path, OPEN_HOUR) == 0
    with Store.open(tmp_path / "db") as store:
        assert requests(store, "shop", END - END % HOUR - HOUR) == pytest.approx([20.0])
        assert usage(store, "shop", END - 300, step=300) == pytest.approx([10.0])
        assert requests(store, "shop", END - 300, step=300) == [None]


def test_an_import_names_what_can_be_started_next(
    tmp_path: Path, source: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert import_(tmp_path, KL_PUBLISH_KUBELEDGER_LAYOUT="true") == 0
    told = capsys.readouterr().out
    assert f"published generation 1 and, for existing dashboards, KubeLedger's layout in {tmp_path}/data\n" in told
    assert told.endswith(f"next: kl-mcp --data-dir {tmp_path}/data, and kl-collector run with the same settings\n")


def test_a_terminal_shows_how_far_the_import_is(tmp_path: Path) -> None:
    (tmp_path / "source").mkdir()
    write_database(tmp_path / "source" / "shop", steps(END - DAY, END, 10.0, 20.0))
    terminal, stderr = pty.openpty()
    termios.tcsetwinsize(stderr, (25, 100))
    environ = {"KL_DB_LOCATION": str(tmp_path / "db"), "KL_DATA_DIR": str(tmp_path / "data"), "HOME": str(tmp_path)}
    command = [sys.executable, "-m", "collector", "import", str(tmp_path / "source"), *CAPACITY, OPEN_HOUR]
    done = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=stderr, env=environ, check=False, timeout=LIMIT_SECONDS
    )
    os.close(stderr)
    shown = os.read(terminal, 65536).decode()
    os.close(terminal)
    assert done.returncode == 0
    # The 23 hours that are closed and known (the first has five steps only), and 35 minutes of the open one.
    assert "importing: 100%" in shown
    assert "30/30" in shown


def test_a_repeated_import_adds_nothing(tmp_path: Path, source: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert import_(tmp_path) == 0
    first, told = published(tmp_path, "monthly_12m"), capsys.readouterr().out
    assert import_(tmp_path) == 0
    again = published(tmp_path, "monthly_12m")
    assert again["namespaces"] == first["namespaces"]
    # 20 October to 21 November 12:00 by the hour.
    ticks = 32 * 24 + 12
    assert f"stored {ticks} ticks; 0 were there already\n" in told
    assert f"stored 0 ticks; {ticks} were there already\n" in capsys.readouterr().out


def test_an_import_that_was_interrupted_is_continued(tmp_path: Path, source: Path) -> None:
    def interrupt(_ticks: int) -> None:
        raise KeyboardInterrupt

    plan = make_plan(source, constant_capacity("50", "200Gi"), None, "$")
    with Store.open(tmp_path / "db") as store:
        with pytest.raises(KeyboardInterrupt):
            run(plan, store, interrupt)
        begun = store.last_tick
    assert begun == plan.timeline.ticks[287]
    assert import_(tmp_path) == 0
    assert import_(tmp_path / "whole", source=source) == 0
    for name in ("shop", "lab"):
        with Store.open(tmp_path / "db") as store, Store.open(tmp_path / "whole" / "db") as whole:
            count = 32 * 24
            assert usage(store, name, BEGIN, count) == usage(whole, name, BEGIN, count)
            assert store.registry.namespaces == whole.registry.namespaces


def test_an_import_of_a_source_that_went_on_adds_what_is_new(tmp_path: Path) -> None:
    directory = tmp_path / "source"
    directory.mkdir()
    write_database(directory / "shop", steps(END - DAY, END, 10.0, 20.0))
    assert import_(tmp_path, OPEN_HOUR) == 0
    (directory / "shop").unlink()
    write_database(directory / "shop", steps(END - DAY, END + 600, 10.0, 20.0))
    assert import_(tmp_path, OPEN_HOUR) == 0
    with Store.open(tmp_path / "db") as store:
        assert store.last_tick == END + 600
        assert usage(store, "shop", END - 1500, 7, step=300) == pytest.approx([5.0] * 7)


def test_a_store_that_a_collector_began_is_refused(
    tmp_path: Path, source: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with Store.open(tmp_path / "db") as store:
        store.append([tick(END, {"shop": entry(1.0)})])
    before = hashes(tmp_path / "db" / "namespaces")
    assert import_(tmp_path) == 1
    assert "already holds ticks, up to 2026-11-21T12:35:00Z" in capsys.readouterr().err
    assert hashes(tmp_path / "db" / "namespaces") == before


def test_an_interrupted_import_that_a_collector_followed_names_what_is_missing(
    tmp_path: Path, source: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert import_(tmp_path, OPEN_HOUR) == 0
    mark = tmp_path / "db" / "imported.json"
    mark.write_bytes(orjson.dumps(orjson.loads(mark.read_bytes()) | {"through": END - 600, "ticks": 785}))
    with Store.open(tmp_path / "db") as store:
        store.append([tick(END + 300, {"shop": entry(1.0)})])
    assert import_(tmp_path, OPEN_HOUR) == 0
    told = capsys.readouterr().out
    assert "  ticks       0 to be stored, 785 are there already\n" in told
    assert "stored 0 ticks; 785 were there already\n" in told
    assert "2 ticks of the source are missing and cannot be added" in told


def test_capacity_that_changed_is_taken_from_its_history(tmp_path: Path, source: Path) -> None:
    history = tmp_path / "capacity.csv"
    history.write_text("from,cpu,memory\n,50,200Gi\n2026-11-15,100,400Gi\n")
    assert import_(tmp_path, "--capacity-history", str(history), capacity=()) == 0
    with Store.open(tmp_path / "db") as store:
        change = at("2026-11-15T00:00")
        # 10 % of 50 cores until then, of 100 cores afterwards.
        assert usage(store, "shop", change - HOUR, 2) == pytest.approx([5.0, 10.0])
        assert capacity(store, change - HOUR, 2) == pytest.approx([50.0, 100.0])


def test_a_capacity_history_that_begins_too_late_is_refused(
    tmp_path: Path, source: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    history = tmp_path / "capacity.json"
    history.write_text('[{"from": "2026-11-15", "cpu": 100, "memory": "400Gi"}]')
    assert import_(tmp_path, "--capacity-history", str(history), capacity=()) == 1
    assert "begins at 2026-11-15T00:00:00Z, but the source at 2026-10-20T00:00:00Z" in capsys.readouterr().err


@pytest.mark.parametrize(("rate", "told"), [("", "not set, which ends charging"), ("7.5", "7.5 $ an hour")])
def test_an_import_does_not_change_what_is_charged_from_now_on(
    tmp_path: Path, source: Path, capsys: pytest.CaptureFixture[str], rate: str, told: str
) -> None:
    assert import_(tmp_path, KL_BILLING_HOURLY_RATE=rate) == 0
    assert [change.rate for change in rates.load(tmp_path / "db")] == [8.0, 9.5]
    assert (
        "  rate        9.5 $ an hour, after 1 change(s); from the collector's start on KL_BILLING_HOURLY_RATE: "
        f"{told}\n" in capsys.readouterr().out
    )


def test_an_amount_below_zero_is_not_known(tmp_path: Path) -> None:
    directory = tmp_path / "source"
    directory.mkdir()
    hour = at("2026-11-20T07:00")
    write_database(
        directory / "shop",
        steps(BEGIN, hour, 10.0, 20.0) | steps(hour, hour + HOUR, -4.0, 20.0) | steps(hour + HOUR, END, 10.0, 20.0),
    )
    assert import_(tmp_path) == 0
    with Store.open(tmp_path / "db") as store:
        assert usage(store, "shop", hour - HOUR, 3) == [pytest.approx(5.0), None, pytest.approx(5.0)]
        assert usage(store, "shop", hour, metric="memory") == pytest.approx([40 * GIB])


def test_an_hour_in_which_a_namespace_begins_or_ends_is_what_the_source_made_of_it(tmp_path: Path) -> None:
    # All use 2 cores. `lab` ends at 07:20, in an hour that the source's archive never closes. `new` begins at 08:20:
    # the mean of its 8 steps is the source's hour. `late` begins at 08:40: of 4 steps the source makes no hour.
    directory = tmp_path / "source"
    directory.mkdir()
    hour = at("2026-11-20T07:00")
    write_database(directory / "shop", steps(BEGIN, END, 4.0, 2.0))
    write_database(directory / "lab", steps(BEGIN, hour + 1200, 4.0, 2.0))
    write_database(directory / "new", steps(hour + HOUR + 1200, END, 4.0, 2.0))
    write_database(directory / "late", steps(hour + HOUR + 2400, END, 4.0, 2.0))
    assert import_(tmp_path) == 0
    hourly_7d = published(tmp_path, "hourly_7d")
    first = hourly_7d["buckets"].index("2026-11-20T06:00:00Z")
    found = {name: row["cpu"]["usage"][first : first + 4] for name, row in hourly_7d["namespaces"].items()}
    assert found == {
        "shop": [2.0, 2.0, 2.0, 2.0],
        "lab": [2.0, 0.0, 0.0, 0.0],
        "new": [0.0, 0.0, 2.0, 2.0],
        "late": [0.0, 0.0, 0.0, 2.0],
    }


def test_an_hour_that_the_source_observed_in_part_says_so(tmp_path: Path) -> None:
    # Down from 07:20 to 07:45: 7 of 12 steps, whose mean is the hour's. From 09:10 to 09:50 down: 4 of 12, unknown.
    directory = tmp_path / "source"
    directory.mkdir()
    hour = at("2026-11-20T07:00")
    write_database(
        directory / "shop",
        steps(BEGIN, hour, 10.0, 20.0)
        | steps(hour, hour + 1200, 20.0, 20.0)
        | steps(hour + 2700, hour + HOUR, 6.0, 20.0)
        | steps(hour + HOUR, hour + 2 * HOUR + 600, 10.0, 20.0)
        | steps(hour + 2 * HOUR + 3000, END, 10.0, 20.0),
    )
    assert import_(tmp_path) == 0
    with Store.open(tmp_path / "db") as store:
        assert coverage(store, hour, 4) == pytest.approx([7 / 12, 1.0, 0.0, 1.0])
        # (4 x 20 % + 3 x 6 %) ÷ 7 = 14 % of 50 cores.
        assert usage(store, "shop", hour, 4) == [*map(pytest.approx, [7.0, 5.0]), None, pytest.approx(5.0)]


def test_a_source_that_began_some_minutes_ago_has_those_minutes_imported_if_asked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    directory = tmp_path / "source"
    directory.mkdir()
    write_database(directory / "shop", steps(END - 1500, END, 10.0, 20.0))
    assert import_(tmp_path) == 1
    assert "no full hour of any namespace is known. Wait for one, or add --with-open-hour" in capsys.readouterr().err
    assert not (tmp_path / "db").exists()
    assert import_(tmp_path, OPEN_HOUR) == 0
    hourly_7d = published(tmp_path, "hourly_7d")
    # 25 minutes of 10 % of 50 cores.
    assert hourly_7d["namespaces"]["shop"]["cpu"]["usage"] == pytest.approx([5.0 * 25 / 60])
    assert hourly_7d["complete"] == [False]
