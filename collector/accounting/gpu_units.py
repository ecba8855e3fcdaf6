"""How many GPUs a node has, and how many of them a unit of its GPU resources is worth.

A GPU is sold in *k* shares (time-slicing, MPS, vendors' sharing). A node has as many GPUs as it advertises units ÷ k,
or as exporters show, whichever is more: by what is known of the tick and by what is remembered of those before it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from collector.accounting.gpu_memory import NOTHING, TOLERANCE, GpuMemory, NodeMemory, key_of
from collector.kubernetes.gpu_resources import declared_gpus, is_gpu_resource, is_measured, slice_of, vendor
from collector.observations import BlindSpot, Node, NodeSpan, Pod


@dataclass(frozen=True, slots=True)
class NodeGpus:
    """What a node has over an interval: GPUs, and bytes of their memory (None where no exporter told)."""

    capacity: float
    allocatable: float
    memory: float | None


@dataclass(frozen=True, slots=True)
class GpuUnits:
    """What GPUs are worth on the nodes of one tick."""

    memory: GpuMemory
    """As it is after that tick."""
    nodes: Mapping[str, Node]
    """By name."""
    claimed: Mapping[str, float | None] | None = field(default_factory=dict)
    """GPUs that pods hold by resource claims, by `Pod.identity`; None where they, or a pod's, are unknown."""
    exporter_answered: bool = True
    """Whether any exporter answered."""

    def worth(self, node: Node, resource: str) -> float:
        """GPUs that one unit of a resource is worth on a node."""
        return self._of(node).worth(node, resource)

    def sold(self, node: Node) -> float:
        """GPUs of a node that exporters can show and that it sells as units; 0.0 where there are none of these."""
        return self._advertised(node, is_measured)

    def gpus(self, node: Node) -> float:
        """GPUs of a node."""
        others = self._advertised(node, lambda resource: not is_measured(resource))
        shown = self._of(node).devices.value
        return others + max(self.sold(node), shown) or declared_gpus(self._of(node).hints_of(node))

    def _advertised(self, node: Node, wanted: Callable[[str], bool]) -> float:
        known = self._of(node)
        now, of_late = known.gpus(node, node.gpu_capacity), known.advertised.value
        return max(sum(gpus for name, gpus in each.items() if wanted(name)) for each in (now, of_late))

    def allocatable(self, node: Node) -> float:
        """GPUs of a node that can be allocated; all of them while it advertises none."""
        known = self._of(node)
        if not known.total(node, node.gpu_capacity):
            return self.gpus(node)
        return min(known.total(node, node.gpu_allocatable), self.gpus(node))

    def holds(self, pod: Pod) -> float:
        """GPUs that a pod holds: the units that it requests, and what its resource claims were allocated."""
        return self.holds_unmeasured(pod) + self.holds_measured(pod)

    def holds_measured(self, pod: Pod) -> float:
        """Those of them that exporters can show."""
        return self._requested(pod, is_measured) + ((self.claimed or {}).get(pod.identity) or 0.0)

    def holds_unmeasured(self, pod: Pod) -> float:
        """Those of them that no exporter can show."""
        return self._requested(pod, lambda resource: not is_measured(resource))

    def _requested(self, pod: Pod, wanted: Callable[[str], bool]) -> float:
        node = self.nodes.get(pod.node)
        return sum(
            count * (self.worth(node, resource) if node else slice_of(resource, {}))
            for resource, count in pod.requests.items()
            if count and is_gpu_resource(resource) and wanted(resource)
        )

    def is_unread(self, pod: Pod) -> bool:
        """Whether a pod names resource claims that are unknown: then it may hold more than `holds` tells."""
        return bool(pod.claims) and (self.claimed or {}).get(pod.identity) is None

    def shares(self, pod: Pod) -> bool:
        """Whether others may hold the same GPU of those that exporters can show."""
        node = self.nodes.get(pod.node)
        return node is not None and any(
            self.worth(node, resource) < slice_of(resource, self._of(node).hints_of(node)) - TOLERANCE
            for resource, count in pod.requests.items()
            if count and is_measured(resource)
        )

    def of_nodes(self, spans: Iterable[NodeSpan], held: Mapping[str, float], interval: int) -> dict[str, NodeGpus]:
        """GPUs of the nodes that have any, by name: means over an interval of so many seconds.

        `held` is what pods hold, by node, as a mean too: neither allocatable nor capacity is below it.
        """
        sums: dict[str, NodeGpus] = {}
        for span in spans:
            node, part = span.node, span.seconds / interval
            gpus = self.gpus(node)
            if node.excluded or not (gpus or held.get(node.name)):
                continue
            before = sums.get(node.name, NodeGpus(0.0, 0.0, 0.0))
            memory = self._of(node).framebuffer.value if self.exporter_answered else 0.0
            sums[node.name] = NodeGpus(
                before.capacity + gpus * part,
                before.allocatable + self.allocatable(node) * part,
                before.memory + memory * part if memory and before.memory is not None else None,
            )
        return {name: _at_least(gpus, held.get(name, 0.0)) for name, gpus in sums.items()}

    @property
    def blind_spots(self) -> tuple[BlindSpot, ...]:
        """GPUs that no exporter can show."""
        resources = {
            resource: maker
            for node in self.nodes.values()
            for resource, count in node.gpu_capacity.items()
            if count and not is_measured(resource) and (maker := vendor(resource))
        }
        if not resources:
            return ()
        names = ", ".join(f"{resource} ({maker})" for resource, maker in sorted(resources.items()))
        return (
            BlindSpot(
                "gpus_of_other_vendors",
                f"Use of {names} is unknown: only NVIDIA's GPUs are measured. Their capacity and requests count.",
            ),
        )

    def _of(self, node: Node) -> NodeMemory:
        return self.memory.get(key_of(node), NOTHING)


def _at_least(gpus: NodeGpus, held: float) -> NodeGpus:
    capacity = max(gpus.capacity, held)
    return NodeGpus(capacity, min(max(gpus.allocatable, held), capacity), gpus.memory)
