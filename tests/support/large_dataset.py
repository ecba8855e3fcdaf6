"""A cluster of many namespaces in memory: long names, full windows, every metric, costs and gaps."""

from __future__ import annotations

import math
from array import array
from random import Random

from kl_core.vocabulary import METRICS, SOURCES, Metric, ScaleName
from kl_query.dataset.model import Amounts, Column, Dataset, Namespace, Node, Nodes, Rate, Row, Scale
from tests.support.datasets import at

NOW = int(at("2026-11-21T19:30:00Z").timestamp())
HOUR = 3600


def large_dataset(count: int, generation: int = 1) -> Dataset:
    """Return a dataset of `count` namespaces whose names have up to 63 characters; amounts from a fixed seed."""
    random = Random(generation)
    names = [
        f"{'kube-' if i % 10 == 0 else 'team-'}{i:04d}-{'payments-and-settlements-' * 2}".ljust(63, "x")[: 40 + i % 24]
        for i in range(count)
    ]
    scales: dict[ScaleName, Scale] = {
        "hourly_7d": _scale(random, "hourly_7d", names, _hours()),
        "daily_14d": _scale(random, "daily_14d", names, _days()),
        "monthly_12m": _scale(random, "monthly_12m", names, _months()),
    }
    rates = {"cpu_cores": 64.0, "mem_bytes": 2.0**38, "gpus": 8.0, "gpu_mem_bytes": 2.0**39}
    return Dataset(
        layout="native",
        cost_model="cumulative",
        currency="$",
        cluster="large",
        producer="kl-collector 1.0.0",
        generation=generation,
        polling_interval_seconds=300,
        generated_at=NOW,
        last_sample_at=dict.fromkeys(SOURCES, NOW),
        metrics=METRICS,
        rates=tuple(Rate(NOW - i * 86_400, 100.0 + i, "$", None) for i in range(30, 0, -1)),
        namespaces={name: Namespace(name, NOW - i * HOUR, NOW, i % 7 != 0) for i, name in enumerate(names)},
        scales=scales,
        nodes=Nodes(NOW, tuple(Node(f"node-{i}", True, True, 30, rates, rates, rates, rates) for i in range(500))),
        files={"manifest": "dataset.json"},
    )


def _hours() -> list[int]:
    return [(NOW // HOUR - 168 + i) * HOUR for i in range(170)]


def _days() -> list[int]:
    return [(NOW // 86_400 - 14 + i) * 86_400 for i in range(16)]


def _months() -> list[int]:
    dates = [f"2025-{month:02d}" for month in (11, 12)] + [f"2026-{month:02d}" for month in range(1, 13)]
    return [int(at(date).timestamp()) for date in dates]


def _scale(random: Random, name: ScaleName, names: list[str], bounds: list[int]) -> Scale:
    starts, ends = bounds[:-1], bounds[1:]
    elapsed = array("d", [(min(end, NOW) - start) / HOUR for start, end in zip(starts, ends, strict=True)])
    observed = array("d", [0.0 if i % 29 == 5 else hours for i, hours in enumerate(elapsed)])
    length = len(starts)

    def column(scale: float) -> Column:
        return array("d", [math.nan if not hours else random.random() * scale * hours for hours in observed])

    def row(i: int) -> Row:
        metrics: tuple[Metric, ...] = METRICS if i % 5 == 0 else ("cpu", "memory")
        return {
            m: Amounts(_holes(random, column(12345.678)), column(23456.789), column(2e4), column(321.0))
            for m in metrics
        }

    capacity: dict[Metric, Column] = {
        m: array("d", [math.nan if not h else 3e7 * h for h in observed]) for m in METRICS
    }
    bill: dict[Metric, Column] = {
        m: array("d", [math.nan if not h else 40.0 * h for h in observed]) for m in METRICS[:3]
    }
    return Scale(
        name=name,
        file=f"{name}-1.json",
        starts=tuple(starts),
        ends=tuple(ends),
        complete=tuple([True] * (length - 1) + [False]),
        elapsed_hours=elapsed,
        observed_hours=observed,
        coverage={source: array("d", [1.0]) * length for source in SOURCES},
        capacity=capacity,
        allocatable=capacity,
        bill=bill,
        namespaces={namespace: row(i) for i, namespace in enumerate(names)},
        special={"non-allocatable": {}, "idle": {"cpu": Amounts(column(1e6), None, None, column(1e3))}},
    )


def _holes(random: Random, column: Column) -> Column:
    if random.random() < 0.3:
        column[random.randrange(len(column))] = math.nan
    return column
