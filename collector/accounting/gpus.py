"""The GPUs of one tick: what is learnt of them, what they are worth, and who used them."""

from __future__ import annotations

from collector.accounting.gpu_attribution import Entry, GpuUsage, attribute
from collector.accounting.gpu_memory import GpuMemory, learn
from collector.accounting.gpu_places import GpuSighting
from collector.accounting.gpu_units import GpuUnits
from collector.observations import Cluster


def gpus_of(
    cluster: Cluster, sighting: GpuSighting | None, memory: GpuMemory, *, time: int, entry: Entry
) -> tuple[GpuUnits, GpuUsage | None]:
    """Return the GPUs of the interval that ends at `time`, UNIX seconds, which `cluster` tells of, and their use.

    `sighting` is what exporters showed at a moment of it, None when none answered: then the use is None. `memory` is
    what the tick before remembered; what this one does is in the units. `entry` tells the entry that a namespace is
    charged to.
    """
    shown = None if sighting is None else sighting.shown
    learnt = learn(memory, cluster.nodes, shown, time)
    nodes = {span.node.name: span.node for span in cluster.nodes if not span.node.excluded}
    units = GpuUnits(learnt, nodes, cluster.claimed, told=sighting is not None)
    return units, None if sighting is None else attribute(sighting, units, entry)
