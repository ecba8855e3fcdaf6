"""What is measured of a few pods."""

from collections.abc import Iterable
from typing import Any

from collector.accounting.measured_usage import EntryUsage, MeasuredUsage, measure
from collector.observations import Pod, PodMetrics
from tests.support.observed import reading

UNKNOWN = (None, None)


def measured(
    pods: Iterable[Pod] = (),
    items: Iterable[PodMetrics] | None = (),
    *,
    interval: float = 300.0,
    charged: Any = lambda _: True,
    **changes: Any,
) -> MeasuredUsage:
    return measure(reading(pods, items, **changes), interval, charged)


def entry(found: MeasuredUsage, key: str | None = "shop") -> EntryUsage:
    usage = found.of(key)
    assert usage is not None
    return usage


def usage(found: MeasuredUsage, key: str | None = "shop") -> tuple[float | None, float | None]:
    return entry(found, key).cpu, entry(found, key).memory
