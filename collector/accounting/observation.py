"""The accounting of a tick in its two steps: usage is judged when it is read, the rest when the interval is over."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from collector.accounting.gpu_memory import GpuMemory
from collector.accounting.gpu_places import GpuSighting, sight
from collector.accounting.gpus import gpus_of
from collector.accounting.measured_usage import MeasuredUsage, measure
from collector.accounting.tick_sample import account
from collector.accounting.who_is_charged import entries_of
from collector.model import TickSample
from collector.observations import Cluster, UsageReading


@dataclass(frozen=True, slots=True)
class Observation:
    """What one reading of usage showed."""

    measured: MeasuredUsage
    gpus: GpuSighting | None

    @property
    def answers(self) -> int:
        """How many sources of usage answered."""
        return (self.measured.entries is not None) + (self.gpus is not None)


def observe(reading: UsageReading, interval: int, charged: Callable[[str], bool]) -> Observation:
    """Judge what was read within an interval of so many seconds; consumes the listing of metrics."""
    return Observation(measure(reading, interval, charged), sight(reading, interval))


def account_interval(
    cluster: Cluster | None,
    observation: Observation | None,
    memory: GpuMemory,
    *,
    time: int,
    interval: int,
    charged: Callable[[str], bool],
    dcgm_configured: bool,
) -> tuple[TickSample, GpuMemory]:
    """Return what is stored of the interval that ends at `time`, and what is to be remembered of GPUs after it.

    `cluster` is None where the API did not answer, `observation` where usage was not read. `memory` is what the tick
    before remembered. `charged` tells by name whether a namespace is charged.
    """
    measured, sighting = (observation.measured, observation.gpus) if observation else (None, None)
    entry = entries_of(charged)
    gpus = gpus_of(cluster, sighting, memory, time=time, entry=entry, configured=dcgm_configured)
    sample = account(cluster, measured, time=time, interval=interval, charged=charged, gpus=gpus)
    return sample, gpus.units.memory
