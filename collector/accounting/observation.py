"""The accounting of a tick in its two steps: usage is judged when it is read, the rest when the interval is over."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from collector.accounting.gpu_memory import GpuMemory
from collector.accounting.gpu_places import GpuSighting, sight
from collector.accounting.gpus import gpus_of
from collector.accounting.measured_usage import MeasuredUsage, measure
from collector.accounting.tick_sample import account
from collector.accounting.who_is_charged import entries_of
from collector.model import TickSample, UnobservedCause
from collector.observations import Cluster, UsageReading
from kl_core.vocabulary import Source


@dataclass(frozen=True, slots=True)
class Observation:
    """What one reading of usage showed."""

    measured: MeasuredUsage
    gpus: GpuSighting | None
    causes: Mapping[Source, UnobservedCause] = field(default_factory=dict)
    """Why a source of usage showed nothing, where it was asked."""

    @property
    def answers(self) -> int:
        """How many sources of usage answered."""
        return (self.measured.entries is not None) + (self.gpus is not None)

    def or_better(self, newer: Observation) -> Observation:
        """Return the one that shows more, and of two that show as much the first, with the newest causes."""
        if newer.answers > self.answers:
            return newer
        return replace(self, causes={source: newer.causes.get(source, cause) for source, cause in self.causes.items()})


_NO_CAUSES: Mapping[Source, UnobservedCause] = MappingProxyType({})


def observe(
    reading: UsageReading,
    interval: int,
    charged: Callable[[str], bool],
    causes: Mapping[Source, UnobservedCause] = _NO_CAUSES,
) -> Observation:
    """Judge what was read within an interval of so many seconds; consumes the listing of metrics.

    `causes` tells why sources did not answer.
    """
    measured, gpus = measure(reading, interval, charged), sight(reading, interval)
    why: dict[Source, UnobservedCause | None] = {
        "metrics": measured.cause or causes.get("metrics") if measured.entries is None else None,
        "dcgm": causes.get("dcgm") if gpus is None else None,
    }
    return Observation(measured, gpus, {source: cause for source, cause in why.items() if cause is not None})


def account_interval(
    cluster: Cluster | None,
    observation: Observation | None,
    memory: GpuMemory,
    *,
    time: int,
    interval: int,
    charged: Callable[[str], bool],
    dcgm_configured: bool,
    cause: UnobservedCause | None = None,
) -> tuple[TickSample, GpuMemory]:
    """Return what is stored of the interval that ends at `time`, and what is to be remembered of GPUs after it.

    `cluster` is None where the API did not answer, `observation` where usage was not read. `memory` is what the tick
    before remembered. `charged` tells by name whether a namespace is charged, `cause` why the API did not answer.
    """
    measured, sighting = (observation.measured, observation.gpus) if observation else (None, None)
    entry = entries_of(charged)
    gpus = gpus_of(cluster, sighting, memory, time=time, entry=entry, configured=dcgm_configured)
    causes = dict(observation.causes) if observation else {}
    if cause is not None:
        causes["kubernetes"] = cause
    sample = account(cluster, measured, time=time, interval=interval, charged=charged, gpus=gpus, causes=causes)
    return sample, gpus.units.memory
