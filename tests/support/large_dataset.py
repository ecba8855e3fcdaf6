"""A cluster of many namespaces: long names, full windows, every metric, costs and gaps."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from random import Random

from kl_core.vocabulary import METRICS, SOURCES
from kl_query.dataset import Dataset as LoadedDataset
from tests.support.datasets import Column, Dataset, Row, Scale, at, instant, loaded, write

NOW = int(at("2026-11-21T19:30:00Z").timestamp())
HOUR, DAY = 3600, 86_400
MONTH_HOURS = [720.0, 744.0, 744.0, 672.0, 744.0, 720.0, 744.0, 720.0, 744.0, 744.0, 720.0, 744.0, 499.5]
"""From November 2025 on; this November is open."""


def large_dataset(count: int, generation: int = 1) -> LoadedDataset:
    """Return a dataset of `count` namespaces, loaded."""
    return loaded(_dataset(_long_names(count), generation), check=False)


def publish_large(directory: Path, count: int, generation: int = 1) -> Path:
    """Publish a dataset of `count` namespaces."""
    return write(directory, _dataset(_long_names(count), generation), check=False)


def publish_named(directory: Path, names: Sequence[str], *, priced: bool = True, gpus: bool = True) -> Path:
    """Publish the same for namespaces of these names, with or without a rate and GPUs."""
    return write(directory, _dataset(names, 1, METRICS if gpus else METRICS[:2], priced=priced), check=False)


def _long_names(count: int) -> list[str]:
    """Return `count` names of up to 63 characters."""
    return [
        f"{'kube-' if i % 10 == 0 else 'team-'}{i:04d}-{'payments-and-settlements-' * 2}".ljust(63, "x")[: 40 + i % 24]
        for i in range(count)
    ]


def _dataset(
    names: Sequence[str], generation: int, metrics: Sequence[str] = METRICS, *, priced: bool = True
) -> Dataset:
    """Return a dataset of namespaces of these names; amounts from a fixed seed."""
    random = Random(generation)
    amounts = {"cpu_cores": 64.0, "mem_bytes": 2.0**38, "gpus": 8.0, "gpu_mem_bytes": 2.0**39}
    each = dict.fromkeys(("capacity", "allocatable", "usage", "requests"), amounts)
    return Dataset(
        hourly=_scale(
            random, names, "2026-11-14T19:00:00Z", [1.0] * 168 + [0.5], metrics, priced=None if priced else False
        ),
        daily=_scale(random, names, "2026-11-07", [24.0] * 14 + [19.5], metrics, priced=priced),
        monthly=_scale(random, names, "2025-11", MONTH_HOURS, metrics, priced=priced),
        generation=generation,
        currency="$" if priced else None,
        rates=[
            {"effective": _at(NOW - i * DAY), "rate": 100.0 + i, "currency": "$", "weights": None}
            for i in range(30 if priced else 0, 0, -1)
        ],
        last_sample=_at(NOW),
        last_sample_at=dict.fromkeys(SOURCES, _at(NOW)),
        table={
            name: {"first_seen": _at(NOW - i * HOUR), "last_seen": _at(NOW), "active": i % 7 != 0}
            for i, name in enumerate(names)
        },
        nodes=[{"name": f"node-{i}", "ready": True, "schedulable": True, "pods": 30, **each} for i in range(500)],
        more={"cluster": "large"},
    )


def _at(seconds: int) -> str:
    return instant(datetime.fromtimestamp(seconds, UTC))


def _scale(
    random: Random,
    names: Sequence[str],
    first: str,
    elapsed: list[float],
    metrics: Sequence[str],
    *,
    priced: bool | None,
) -> Scale:
    """Return a scale; where `priced` is None it has a bill, and costs follow from it."""
    observed = [0.0 if i % 29 == 5 else hours for i, hours in enumerate(elapsed)]

    def column(factor: float) -> list[float | None]:
        # With as many digits as the collector writes.
        return [float(f"{random.random() * factor * hours:.10g}") if hours else None for hours in observed]

    def constant(factor: float) -> Column:
        return [factor * hours if hours else None for hours in observed]

    def row(i: int) -> dict[str, Row]:
        return {metric: amounts() for metric in (metrics if i % 5 == 0 else metrics[:2])}

    def amounts() -> Row:
        usage, requests, matched, cost = (column(factor) for factor in (12345.678, 23456.789, 2e4, 321.0))
        return Row(_holes(random, usage), requests, matched, cost if priced else None)

    return Scale(
        first,
        {name: row(i) for i, name in enumerate(names)},
        capacity={metric: constant(3e7) for metric in metrics},
        open_hours=elapsed[-1],
        observed=observed,
        bill={} if priced is False else {metric: constant(40.0) for metric in metrics[:3]},
        coverage={source: [1.0] * len(elapsed) for source in SOURCES},
    )


def _holes(random: Random, column: list[float | None]) -> list[float | None]:
    if random.random() < 0.3:
        column[random.randrange(len(column))] = None
    return column
