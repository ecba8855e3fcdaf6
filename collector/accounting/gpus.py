"""The GPUs of one tick: what is learnt of them, what they are worth, and who used them."""

from __future__ import annotations

from dataclasses import dataclass

from collector.accounting.gpu_memory import GpuMemory, learn
from collector.accounting.gpu_places import GpuSighting
from collector.accounting.gpu_units import GpuUnits
from collector.accounting.gpu_usage import Entry, GpuUsage, attribute
from collector.observations import Cluster


@dataclass(frozen=True, slots=True)
class GpuTick:
    """What a tick knows of GPUs."""

    memory: GpuMemory
    """For the next tick."""
    units: GpuUnits
    usage: GpuUsage | None
    """None when no exporter answered."""


def gpu_tick(cluster: Cluster, sighting: GpuSighting | None, memory: GpuMemory, *, time: int, entry: Entry) -> GpuTick:
    """Return the GPUs of the interval that ends at `time`, UNIX seconds, which `cluster` tells of.

    `sighting` is what exporters showed at a moment of it, `memory` what the tick before remembered; `entry` tells the
    entry that a namespace is charged to.
    """
    shown = None if sighting is None else sighting.shown
    learnt = learn(memory, cluster.nodes, shown, time)
    nodes = {span.node.name: span.node for span in cluster.nodes if not span.node.excluded}
    units = GpuUnits(learnt, nodes, cluster.claimed, told=sighting is not None)
    return GpuTick(learnt, units, None if sighting is None else attribute(sighting, units, entry))
