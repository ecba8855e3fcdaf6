"""A KubeLedger directory under a running server: new files are taken up, damaged ones not, and memory stays small."""

from __future__ import annotations

import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path

import anyio

from kl_mcp.counts import Counts
from kl_query.dataset import load_dataset
from kl_query.dataset.legacy import reader_of
from kl_query.dataset.watcher import Holder, describe
from tests.kl_query.dataset.legacy.conftest import NEWEST, Build
from tests.support.legacy_layout import at, cluster, put, trend_rows, write
from tests.support.patience import LIMIT_SECONDS, until
from tests.support.warned import told

TREND = "cpu_usage_trends.json"
MEASURE = """
import os, resource, sys
from pathlib import Path
from kl_query.dataset import load_dataset
from kl_query.warnings.warning import texts
directory = Path(sys.argv[1])
for _ in range(int(sys.argv[2])):
    for file in directory.iterdir():
        os.utime(file)
    dataset = load_dataset(directory)
pages = int(Path("/proc/self/statm").read_text().split()[1])
status = Path("/proc/self/status").read_text()
peak = int(status.split("VmHWM:")[1].split()[0]) / 1024
print(len(dataset.namespaces), peak, pages * resource.getpagesize() / 2**20, *texts(dataset.warnings), sep="|")
"""


def test_files_that_change_are_taken_up_and_damaged_ones_are_not(build: Build, tmp_path: Path) -> None:
    build()
    later = "2026-11-21T20:00:00Z"

    async def scenario() -> tuple[int | None, int | None, list[str], str]:
        holder = Holder(tmp_path, Counts(), look_seconds=0.02)
        async with holder.watching():
            first = (await holder.dataset()).last_sample_at["metrics"]
            put(tmp_path, TREND, trend_rows({"shop": {later: 3.0}}))
            await until(lambda: holder.held.dataset.last_sample_at["metrics"] != first)
            second = holder.held.dataset.last_sample_at["metrics"]
            put(tmp_path, TREND, '[{"name":"shop"')
            await until(lambda: any(TREND in warning for warning in told(holder.held.dataset)))
            kept = holder.held.dataset
            assert kept.last_sample_at["metrics"] == second
            return first, second, told(kept), describe(kept)

    first, second, warnings, described = anyio.run(scenario)
    assert (first, second) == (at(NEWEST), at(later))
    assert any("last good content" in warning for warning in warnings)
    assert "kubeledger layout" in described


def _measured(directory: Path, loads: int) -> tuple[int, float, float, list[str]]:
    """Load a directory in a process of its own; return namespaces, peak and resident MiB, and warnings."""
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, str(directory), str(loads)],
        capture_output=True,
        text=True,
        check=True,
        timeout=LIMIT_SECONDS,
    )
    count, peak, kept, *warnings = done.stdout.strip().split("|")
    return int(count), float(peak), float(kept), warnings


def test_a_thousand_namespaces_load_within_250_mb_and_stay_within_120_also_when_loaded_again(tmp_path: Path) -> None:
    write(tmp_path, cluster(1000, at(NEWEST)))
    count, peak, kept, _ = _measured(tmp_path, loads=2)
    assert count == 1000
    assert peak < 250
    assert kept < 120


def test_a_file_of_nearly_200_mb_is_read_in_little_memory(build: Build, tmp_path: Path) -> None:
    build()
    size, names = _write_large(tmp_path / TREND)
    assert 190e6 < size < 200e6
    count, peak, _, warnings = _measured(tmp_path, loads=1)
    assert count == names + 1, "and `shop` of the other files"
    assert peak < 300
    assert not any(TREND in warning for warning in warnings)


def _write_large(path: Path) -> tuple[int, int]:
    """Write 168 hours of 8,900 namespaces whose names have the 63 characters that are allowed at most."""
    newest = datetime.fromisoformat(NEWEST)
    dates = [(newest - timedelta(hours=back)).strftime("%Y-%m-%dT%H:%M:%SZ") for back in range(167, -1, -1)]
    names = [f"{i:063}" for i in range(8_900)]
    with path.open("w") as stream:
        for i, name in enumerate(names):
            rows = [f'{{"name":"{name}","dateUTC":"{date}","usage":0.0123456789}}' for date in dates]
            stream.write(("," if i else "[") + ",".join(rows))
        stream.write("]")
    return path.stat().st_size, len(names)


def test_a_file_too_large_to_be_read_is_named_and_the_others_answer(build: Build, tmp_path: Path) -> None:
    build()
    daily = tmp_path / "cpu_usage_period_1209600.json"
    with daily.open("r+b") as stream:
        stream.truncate(300_000_000)  # a hole: it takes no space
    dataset = load_dataset(tmp_path)
    assert list(dataset.scales["daily_14d"].namespaces["shop"]["cpu"].usage) == [200.0]
    long = "it has 300,000,000 bytes, more than the 256,000,000 that are read"
    assert f"{daily.name} cannot be read ({long}): answers use its last good content." in told(dataset)
    reader_of.cache_clear()
    dataset = load_dataset(tmp_path)
    assert dataset.scales["daily_14d"].starts == ()
    assert any(daily.name in warning and "its content is unknown" in warning for warning in told(dataset))
