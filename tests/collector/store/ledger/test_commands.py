"""`kl-collector verify` and `export` as an operator runs them."""

from __future__ import annotations

import csv
import io
import subprocess
import sys
from pathlib import Path

import pytest

from collector.store.ledger.ledger import Ledger
from collector.store.lock import DirectoryLock
from kl_core.calendar import DAY
from tests.collector.commands import kl_collector
from tests.collector.store.ledger.hours import CLUSTER, MIDNIGHT, day


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    ledger = Ledger.open(tmp_path)
    ledger.append([*day(), *day(MIDNIGHT + DAY, 2)], CLUSTER)
    return ledger


def run(directory: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return kl_collector(*arguments, environ={"KL_DB_LOCATION": str(directory), "HOME": str(directory)})


def test_verify_needs_the_database_location_alone_and_no_lock(tmp_path: Path, ledger: Ledger) -> None:
    lock = DirectoryLock(tmp_path)
    done = run(tmp_path, "verify")
    lock.release(in_order=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"consistent: 28 lines of 2 days; the newest is {ledger.head}.")
    assert "give one with --head" in done.stdout


def test_verify_proves_a_ledger_by_a_head(tmp_path: Path, ledger: Ledger) -> None:
    done = run(tmp_path, "verify", "--head", ledger.head.upper())
    assert done.returncode == 0
    assert done.stdout.startswith("proven until 2026-10-04T02:00:00Z: 28 lines")
    missing = run(tmp_path, "verify", "--head", ledger.head, "--to", "2026-10-03")
    assert (missing.returncode, missing.stdout) == (1, "")
    assert f"no line up to here has the head {ledger.head}" in missing.stderr


def test_verify_names_file_and_line_of_the_first_bad_line(tmp_path: Path, ledger: Ledger) -> None:
    path = next(tmp_path.rglob("*.jsonl"))
    path.write_bytes(path.read_bytes().replace(b'"rate":2.5', b'"rate":2.4', 1))
    done = run(tmp_path, "verify")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        f"kl-collector: {path}, line 2: its chain is not that of its content after the line before it. Nothing was "
        "changed. Restore the file from a backup\n"
    )


@pytest.mark.parametrize(
    "arguments",
    [
        ("verify", "--from", "2026-13-01"),
        ("verify", "--to", "yesterday"),
        ("verify", "--head", "abc"),
        ("export", "--by", "week"),
        ("export", "--format", "parquet"),
    ],
)
def test_wrong_usage_exits_with_2(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    done = run(tmp_path, *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert arguments[1] in done.stderr


def test_where_there_is_no_ledger_that_is_said(tmp_path: Path) -> None:
    for command in ("verify", "export"):
        done = run(tmp_path, command)
        assert (done.returncode, done.stdout) == (1, "")
        assert f"there is no day of a ledger under {tmp_path}. Set KL_DB_LOCATION" in done.stderr


def test_export_writes_to_standard_output_or_a_file(tmp_path: Path, ledger: Ledger) -> None:
    printed = run(tmp_path, "export", "--by", "day", "--from", "2026-10-04")
    assert (printed.returncode, printed.stderr) == (0, "")
    table = list(csv.DictReader(io.StringIO(printed.stdout)))
    assert {each["time"] for each in table} == {"2026-10-04"}
    target = tmp_path / "rows.csv"
    saved = run(tmp_path, "export", "--by", "day", "--from", "2026-10-04", "--output", str(target))
    assert (saved.returncode, saved.stdout) == (0, f"exported to {target}\n")
    assert target.read_text() == printed.stdout


def test_an_export_that_nobody_reads_to_its_end_says_so(tmp_path: Path) -> None:
    Ledger.open(tmp_path).append([hour for at in range(20) for hour in day(MIDNIGHT + at * DAY)], CLUSTER)
    command = f"{sys.executable} -m collector export | head -n 1; exit ${{PIPESTATUS[0]}}"
    environ = {"KL_DB_LOCATION": str(tmp_path), "HOME": str(tmp_path), "PATH": "/usr/bin:/bin"}
    done = subprocess.run(["bash", "-c", command], env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr == "kl-collector: standard output was closed before all was exported\n"


def test_parquet_without_its_library_is_one_line_that_says_how_to_install_it(tmp_path: Path, ledger: Ledger) -> None:
    script = "import sys; sys.modules['pyarrow'] = None; from collector.__main__ import main; sys.exit(main())"
    command = [sys.executable, "-c", script, "export", "--format", "parquet", "--output", str(tmp_path / "rows")]
    environ = {"KL_DB_LOCATION": str(tmp_path), "HOME": str(tmp_path)}
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert "pip install 'kubeledger[parquet]'" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not (tmp_path / "rows").exists()
