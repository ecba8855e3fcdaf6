"""A process that writes to a store is killed at random moments, over and over."""

from __future__ import annotations

import itertools
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from collector.model import TickSample
from collector.store.store import Store
from tests.collector.store.reading import usage
from tests.support.samples import NOON, STEP, entry, tick


@pytest.mark.faults
def test_a_collector_that_is_killed_again_and_again_loses_nothing(tmp_path: Path) -> None:
    """A real process, killed at random moments of a history that it writes as fast as it can."""
    script = (
        "import sys\nfrom pathlib import Path\nfrom collector.store.store import Store\n"
        "from tests.collector.store.test_killed_store import endless\n"
        "with Store.open(Path(sys.argv[1])) as store:\n    print('open', flush=True)\n"
        "    for sample in endless(store.last_tick):\n        store.append([sample])\n"
    )
    killed, calm = tmp_path / "killed", tmp_path / "calm"
    for round_number in range(6):
        command = [sys.executable, "-c", script, str(killed)]
        with subprocess.Popen(command, cwd=Path(__file__).parents[3], stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == b"open\n"
            time.sleep(0.05 + 0.037 * round_number)
            process.kill()
    with Store.open(killed) as found, Store.open(calm) as expected:
        last_tick = found.last_tick
        assert last_tick is not None
        expected.append(list(itertools.takewhile(lambda sample: sample.time <= last_tick, endless(None))))
        assert found.registry.namespaces == expected.registry.namespaces
        count = (last_tick - NOON) // STEP
        for name in expected.registry.namespaces:
            assert usage(found, name, NOON, count, step=STEP) == usage(expected, name, NOON, count, step=STEP)


def endless(after: int | None) -> Iterator[TickSample]:
    """Ticks of five namespaces that come and go, from the one after `after` on."""
    for i in itertools.count(1 if after is None else (after - NOON) // STEP + 1):
        names = [j for j in range(5) if (i // 5 + j) % 4 or i % 3 == 0]
        yield tick(NOON + i * STEP, {f"ns-{j}": entry(i / 7 + j) for j in names})
