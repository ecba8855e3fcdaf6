"""The GPUs of one tick: what is learnt of them, what they are worth, and who used them."""

from __future__ import annotations

from dataclasses import dataclass, field

from collector.accounting.gpu_attribution import EntryOf, GpuUsage, attribute
from collector.accounting.gpu_memory import GpuMemory, learn
from collector.accounting.gpu_places import GpuSighting
from collector.accounting.gpu_units import GpuUnits
from collector.observations import Cluster


@dataclass(frozen=True, slots=True)
class Gpus:
    """What is known of the GPUs in an interval."""

    units: GpuUnits = field(default_factory=lambda: GpuUnits({}, {}))
    """What they are worth, and what is to be remembered for the next tick."""
    usage: GpuUsage | None = None
    """None when no exporter answered."""
    dcgm: bool | None = None
    """Whether the exporters were observed; None when none is configured."""


def gpus_of(
    cluster: Cluster | None,
    sighting: GpuSighting | None,
    memory: GpuMemory,
    *,
    time: int,
    entry: EntryOf,
    configured: bool,
) -> Gpus:
    """Return the GPUs of the interval that ends at `time`, UNIX seconds, which `cluster` tells of, and their use.

    `cluster` is None where the API did not answer: then nothing is learnt. `sighting` is what exporters showed at a
    moment of the interval, None when none answered; `configured` says whether there are any. `memory` is what the tick
    before remembered. `entry` tells the entry that a namespace is charged to.
    """
    dcgm = sighting is not None if configured else None
    if cluster is None:
        return Gpus(GpuUnits(memory, {}), None, dcgm)
    learnt = learn(memory, cluster.nodes, None if sighting is None else sighting.shown, time)
    nodes = {span.node.name: span.node for span in cluster.nodes if not span.node.excluded}
    units = GpuUnits(learnt, nodes, cluster.claimed, exporter_answered=sighting is not None)
    return Gpus(units, None if sighting is None else attribute(sighting, units, entry), dcgm)
