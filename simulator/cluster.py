"""The simulated cluster's objects at one step, addressed as the API addresses them: by resource, namespace and name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import ceil

from simulator.objects import (
    Json,
    namespace_object,
    node_metrics_objects,
    node_object,
    pod_metrics_object,
    running_pods,
)
from simulator.pod_objects import pod_object
from simulator.pods import PodInstance
from simulator.volume_claims import claims_at, volume_claim_object
from simulator.workload import Workload


@dataclass(frozen=True, slots=True)
class Collection:
    """Objects of one resource, by sorted key (`namespace/name`, or `name`)."""

    keys: Sequence[str]
    build: Callable[[int], Json]
    constant: bool = False
    """Whether no object changes while it exists."""


@dataclass(frozen=True)
class View:
    """A cluster in the step that ends at `end`; usage is the mean over the `interval` seconds before."""

    workload: Workload
    end: int
    interval: int

    @cached_property
    def _pods(self) -> list[PodInstance]:
        return sorted(self.workload.pods(self.end), key=_key)

    @cached_property
    def _running(self) -> list[tuple[PodInstance, tuple[int, int]]]:
        return sorted(running_pods(self.workload, self.end, self.interval), key=lambda item: _key(item[0]))

    def pods(self, namespace: str | None) -> Collection:
        """Pods of one namespace, or of all."""
        pods = [pod for pod in self._pods if namespace in (None, pod.namespace)]
        return Collection([_key(pod) for pod in pods], lambda i: pod_object(self.workload, pods[i], self.end), True)

    def nodes(self, _namespace: str | None = None) -> Collection:
        """All nodes."""
        nodes = sorted(self.workload.nodes_at(self.end), key=lambda node: node.name)
        return Collection([node.name for node in nodes], lambda i: node_object(self.workload, nodes[i], self.end))

    def namespaces(self, _namespace: str | None = None) -> Collection:
        """All namespaces."""
        specs = sorted(self.workload.living(self.end), key=lambda spec: spec.name)
        return Collection([spec.name for spec in specs], lambda i: namespace_object(self.workload, specs[i], self.end))

    def volume_claims(self, namespace: str | None) -> Collection:
        """PersistentVolumeClaims of one namespace, or of all."""
        living = claims_at(self.workload, self.end)
        claims = [claim for claim in living if namespace in (None, claim.spec.namespace)]
        return Collection(
            [claim.key for claim in claims], lambda i: volume_claim_object(self.workload, claims[i]), constant=True
        )

    def pod_metrics(self, namespace: str | None, known_share: float = 1.0, scraped: int | None = None) -> Collection:
        """PodMetrics of one namespace, or of all; of each namespace's pods only a share, first by name.

        `scraped` is when they were measured, UNIX seconds: the end of the step unless it is given.
        """
        scraped = self.end if scraped is None else scraped
        items = self._known(known_share) if known_share < 1.0 else self._running
        items = [item for item in items if namespace in (None, item[0].namespace)]
        return Collection(
            [_key(pod) for pod, _ in items],
            lambda i: pod_metrics_object(items[i][0], items[i][1], scraped),
        )

    def _known(self, share: float) -> list[tuple[PodInstance, tuple[int, int]]]:
        by_namespace: dict[str, list[tuple[PodInstance, tuple[int, int]]]] = {}
        for item in self._running:
            by_namespace.setdefault(item[0].namespace, []).append(item)
        return [item for items in by_namespace.values() for item in items[: ceil(len(items) * share)]]

    def node_metrics(self, scraped: int | None = None) -> Collection:
        """NodeMetrics of all nodes."""
        scraped = self.end if scraped is None else scraped
        metrics = node_metrics_objects(self.workload, self._running, self.end, scraped)
        items = sorted(metrics, key=lambda item: str(item["metadata"]["name"]))
        return Collection([str(item["metadata"]["name"]) for item in items], lambda i: items[i])


def _key(pod: PodInstance) -> str:
    return f"{pod.namespace}/{pod.name}"
