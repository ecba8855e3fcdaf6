"""Streams that end, expire or fall silent just when pods come and go: what was there is known to the second."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from collector.kubernetes.watch import Timing
from collector.observations import Cluster
from collector.settings import load
from collector.snapshot import LiveSources
from simulator.faults import parse_time
from simulator.server import RunningSimulator, running_simulator
from simulator.shapes import HOUR, STEP
from simulator.workload import Metric, Workload
from tests.support.patience import LIMIT_SECONDS, eventually

pytestmark = pytest.mark.faults

WORKLOAD = Workload(parse_time("2025-10-01T00:00:00Z"))
MORNING = parse_time("2026-11-19T06:00:00Z")
HALF = STEP // 2
RESOURCES: tuple[Metric, ...] = ("cpu", "memory")
QUICK = Timing(short_watch=3, pauses=(0.01, 0.05))


def pods_at(end: int) -> set[str]:
    return {f"{pod.namespace}/{pod.name}" for pod in WORKLOAD.pods(end) if pod.charged}


HOURS = [hour for hour in range(MORNING, MORNING + 24 * HOUR, HOUR) if pods_at(hour) != pods_at(hour + STEP)]
"""Those at which pods come or go."""

FAULTS: dict[str, dict[str, Any]] = {
    "some streams are cut": {"watch": "cut", "watch_times": 5},
    "all streams are cut": {"watch": "cut"},
    "some streams expire": {"watch": "expired", "watch_times": 5},
    "all streams expire": {"watch": "expired"},
    "silence": {"watch": "silent"},
    "no watching": {"watch": "forbidden"},
    "410 for a status": {"paths": [{"prefix": "/api/v1/pods", "status": 410, "times": 1}]},
    "503": {"paths": [{"prefix": "/api/v1/", "status": 503, "times": 4}]},
    "429": {"paths": [{"prefix": "/api/v1/", "status": 429, "times": 4}]},
    "broken answers": {"paths": [{"prefix": "/api/v1/", "truncate": 0.5, "times": 4}]},
    "pages expire": {"watch": "expired", "expire_page": 2, "expire_times": 3},
}


@pytest.fixture
def simulator() -> Iterator[RunningSimulator]:
    with running_simulator(WORKLOAD, at=HOURS[0] - HALF) as running:
        yield running


def held(cluster: Cluster) -> Counter[tuple[str, str]]:
    """Amount times seconds that pods hold, by namespace and metric."""
    sums: Counter[tuple[str, str]] = Counter()
    for span in cluster.pods:
        for metric in RESOURCES:
            sums[span.pod.namespace, metric] += span.pod.requests.get(metric, 0.0) * span.seconds  # type: ignore[assignment]
    return sums


def check(cluster: Cluster | None, hour: int) -> None:
    """Compare the time around a full hour with the formula: a second is what the API server's time leaves open."""
    assert cluster is not None
    sums, ends = held(cluster), np.array([hour, hour + STEP])
    for spec in WORKLOAD.namespaces:
        for metric in RESOURCES:
            assert sums[spec.name, metric] == about(*WORKLOAD.requests(spec.name, metric, ends))
    assert sum(span.node.cpu_capacity * span.seconds for span in cluster.nodes) == about(
        *WORKLOAD.capacity("cpu", ends)
    )


def about(before: float, after: float) -> Any:
    """Half of the time this much, half of it that much."""
    return pytest.approx(HALF * (before + after), rel=1e-9, abs=2 * abs(after - before))


@pytest.mark.parametrize("faults", FAULTS.values(), ids=FAULTS)
def test_nothing_is_lost_or_counted_twice(
    simulator: RunningSimulator, faults: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("collector.kubernetes.listings.MAX_PAGE_OBJECTS", 40)

    def clock() -> float:
        return float(simulator.simulator.clock.now())

    settings = load({"HOME": "/nonexistent", "KL_K8S_API_ENDPOINT": simulator.url})
    with LiveSources(settings, boot=clock, clock=clock, timing=QUICK, reading_sec=LIMIT_SECONDS) as sources:
        assert sources.read_usage() is not None
        for hour in HOURS[:2]:
            simulator.set_clock(at=hour - 1)
            eventually(lambda: sources.read_usage() is not None)
            simulator.set_faults(**faults)
            simulator.set_clock(at=hour + 1)
            # Within the interval it is tried again until it is known.
            eventually(lambda: sources.read_usage() is not None)
            simulator.set_faults()
            simulator.set_clock(at=hour + HALF)
            check(sources.cluster(hour - HALF, hour + HALF), hour)
