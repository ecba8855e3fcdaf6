"""Publishes a small dataset, as the collector would: two closed hours of a cluster with two namespaces.

Per hour: 4 cores and 16 GiB of capacity, 3.6 and 14 allocatable; `shop` uses 1 core of 2 requested and 4 GiB of 4;
`kube-system` 0.5 core of 0.5 and 1 GiB of 2. Idle is 3.6 - 1.5 = 2.1 cores and 14 - 5 = 9 GiB. No rate is set.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.support.datasets import Dataset, Row, Scale, write

LAST_TICK = "2026-11-21T12:00:00Z"
FIRST_SEEN = "2026-11-21T10:00:00Z"
NODE = {
    "name": "node-1",
    "ready": True,
    "schedulable": True,
    "pods": 3,
    "capacity": {"cpu_cores": 4.0, "mem_bytes": 16 * 2**30},
    "allocatable": {"cpu_cores": 3.6, "mem_bytes": 14 * 2**30},
    "usage": {"cpu_cores": 1.5, "mem_bytes": 5 * 2**30},
    "requests": {"cpu_cores": 2.5, "mem_bytes": 6 * 2**30},
}


def publish(directory: Path, generation: int = 1, *, generated_at: str = LAST_TICK, **members: Any) -> None:
    """Write one whole generation, with these members added to its manifest."""
    hours = _scale(FIRST_SEEN, [1.0, 1.0])
    day, month = _scale("2026-11-21", [2.0], open_hours=2.0), _scale("2026-11", [2.0], open_hours=2.0)
    table = {name: {"first_seen": FIRST_SEEN} for name in hours.namespaces}
    more = {"cluster": "small", "generated_at": generated_at, **members}
    write(
        directory,
        Dataset(hours, day, month, generation, last_sample=LAST_TICK, table=table, nodes=[NODE], more=more),
    )


def _scale(first: str, hours: list[float], open_hours: float | None = None) -> Scale:
    def column(per_hour: float) -> list[float]:
        return [round(per_hour * length, 9) for length in hours]

    def row(usage: float, requests: float) -> Row:
        return Row(column(usage), column(requests))

    return Scale(
        first,
        {
            "shop": {"cpu": row(1.0, 2.0), "memory": row(4.0, 4.0)},
            "kube-system": {"cpu": row(0.5, 0.5), "memory": row(1.0, 2.0)},
        },
        capacity={"cpu": column(4.0), "memory": column(16.0)},
        allocatable={"cpu": column(3.6), "memory": column(14.0)},
        open_hours=open_hours,
    )
