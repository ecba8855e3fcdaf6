"""What the nodes of a cluster had over an interval."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from collector.observations import Node, NodeSpan


@dataclass(slots=True)
class Capacity:
    """A mean over an interval: cores and bytes."""

    cpu: float = 0.0
    memory: float = 0.0

    def add(self, part: float, cpu: float, memory: float) -> None:
        """Add what was there for a part (0.0 to 1.0) of the interval."""
        self.cpu += part * cpu
        self.memory += part * memory


def seconds_present(spans: Iterable[NodeSpan]) -> dict[str, float]:
    """For how long within the interval each node was there, by name; not at all as what is no machine."""
    seconds: dict[str, float] = {}
    for span in spans:
        if not span.node.excluded:
            seconds[span.node.name] = seconds.get(span.node.name, 0.0) + span.seconds
    return seconds


def nodes_that_left(spans: Iterable[NodeSpan], at_end: Iterable[Node]) -> tuple[Node, ...]:
    """Return the machines of an interval that were none at its end, as they were last; `at_end` is what was there."""
    staying = {node.name for node in at_end if not node.excluded}
    last = {span.node.name: span.node for span in spans if not span.node.excluded and span.node.name not in staying}
    return tuple(last.values())


def capacities(spans: Iterable[NodeSpan], interval: float) -> tuple[Capacity, Capacity]:
    """Return capacity and allocatable of the nodes that are machines, as means over `interval` seconds."""
    capacity, allocatable = Capacity(), Capacity()
    for span in spans:
        node, part = span.node, span.seconds / interval
        if not node.excluded:
            capacity.add(part, node.cpu_capacity, node.memory_capacity)
            allocatable.add(part, node.cpu_allocatable, node.memory_allocatable)
    return capacity, allocatable
