"""A KubeLedger directory under a running server: new files are taken up, damaged ones not, and memory stays small."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import anyio

from kl_mcp.counts import Counts
from kl_mcp.holder import Holder, describe
from tests.kl_mcp.dataset.kubeledger.conftest import NEWEST, Build
from tests.support.kubeledger_layout import at, cluster, put, trend_rows, write

TREND = "cpu_usage_trends.json"
MEASURE = """
import resource, sys
from pathlib import Path
from kl_mcp.dataset import load_dataset
dataset = load_dataset(Path(sys.argv[1]))
pages = int(Path("/proc/self/statm").read_text().split()[1])
status = Path("/proc/self/status").read_text()
peak = int(status.split("VmHWM:")[1].split()[0]) / 1024
print(len(dataset.namespaces), peak, pages * resource.getpagesize() / 2**20)
"""


def test_files_that_change_are_taken_up_and_damaged_ones_are_not(build: Build, tmp_path: Path) -> None:
    build()
    later = "2026-11-21T20:00:00Z"

    async def scenario() -> tuple[int | None, int | None, tuple[str, ...], str]:
        holder = Holder(tmp_path, Counts(), look_seconds=0.02)
        async with holder.watching():
            first = (await holder.dataset()).last_sample_at["metrics"]
            put(tmp_path, TREND, trend_rows({"shop": {later: 3.0}}))
            await _until(lambda: holder.held.dataset.last_sample_at["metrics"] != first)
            second = holder.held.dataset.last_sample_at["metrics"]
            put(tmp_path, TREND, '[{"name":"shop"')
            await _until(lambda: any(TREND in warning for warning in holder.held.dataset.warnings))
            kept = holder.held.dataset
            assert kept.last_sample_at["metrics"] == second
            return first, second, kept.warnings, describe(kept)

    first, second, warnings, described = anyio.run(scenario)
    assert (first, second) == (at(NEWEST), at(later))
    assert any("last good content" in warning for warning in warnings)
    assert "kubeledger layout" in described


async def _until(condition: Callable[[], bool]) -> None:
    with anyio.fail_after(10):
        while not condition():
            await anyio.sleep(0.01)


def test_a_thousand_namespaces_load_within_250_mb_and_stay_within_120(tmp_path: Path) -> None:
    write(tmp_path, cluster(1000, at(NEWEST)))
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, str(tmp_path)], capture_output=True, text=True, check=True, timeout=60
    )
    count, peak, kept = map(float, done.stdout.split())
    assert count == 1000
    assert peak < 250
    assert kept < 120
