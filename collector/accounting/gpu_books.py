"""What accounting asks of whoever knows about GPUs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Protocol

from collector.observations import NodeSpan, Pod


class GpuUse(Protocol):
    """What was in use; None where too much of it is unknown."""

    @property
    def gpu(self) -> float | None:
        """GPU equivalents."""

    @property
    def gpu_memory(self) -> float | None:
        """Bytes of framebuffer."""


class GpuUsage(Protocol):
    """Use of GPUs as exporters showed it. An entry or a node that is absent used none."""

    @property
    def entries(self) -> Mapping[str | None, GpuUse]:
        """By namespace, and under None for everything that is not charged."""

    @property
    def nodes(self) -> Mapping[str, GpuUse]:
        """By node."""

    @property
    def unattributed(self) -> GpuUse | None:
        """Of nobody who can be told; None where there is none."""

    @property
    def unseen(self) -> Mapping[str, int]:
        """Pods that hold GPUs which no exporter shows, by namespace."""


class NodeGpus(Protocol):
    """What a node has over an interval."""

    @property
    def capacity(self) -> float:
        """GPUs."""

    @property
    def allocatable(self) -> float:
        """GPUs, never fewer than are held."""

    @property
    def memory(self) -> float | None:
        """Bytes; None where no exporter told."""


class GpuUnits(Protocol):
    """What GPUs are worth on the nodes of one interval."""

    def holds(self, pod: Pod) -> float:
        """GPUs that a pod holds."""

    def is_unread(self, pod: Pod) -> bool:
        """Whether it may hold more by resource claims that could not be read."""

    def of_nodes(self, spans: Iterable[NodeSpan], held: Mapping[str, float], interval: int) -> Mapping[str, NodeGpus]:
        """GPUs of the nodes that have any, by name; `held` is what pods hold, by node, as a mean too."""
