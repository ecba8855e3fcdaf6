"""Pods of a simulated cluster: their names, and how a namespace's usage is split over them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from zlib import crc32

from simulator.shapes import KIB, PodGroup


@dataclass(frozen=True, slots=True)
class PodInstance:
    """One pod of a group while it exists."""

    namespace: str
    group: PodGroup
    ordinal: int
    name: str
    node: str | None
    """None while it is not bound."""

    @property
    def running(self) -> bool:
        """Whether metrics-server knows it."""
        return self.group.state == "running"

    @property
    def charged(self) -> bool:
        """Whether it holds its requests: bound and not finished."""
        return self.group.state in ("running", "pulling")


def pod_name(namespace: str, group: PodGroup, ordinal: int, node: str | None) -> str:
    """A name of the form that the owner's controller gives: `web-7c9f5d8b6c-x2x7k`, `db-0`, `etcd-master-1`."""
    if group.kind == "StatefulSet":
        return f"{group.name}-{ordinal}"
    if group.kind == "Node":
        return f"{group.name}-{node}"
    suffix = _letters(f"{namespace}/{group.name}/{ordinal}", 5)
    if group.kind == "Deployment":
        return f"{group.name}-{_letters(f'{namespace}/{group.name}', 9)}-{suffix}"
    return f"{group.name}-{suffix}"


def _letters(text: str, count: int) -> str:
    """Characters that Kubernetes uses for generated names."""
    alphabet = "bcdfghjklmnpqrstvwxz2456789"
    number = crc32(text.encode()) | crc32(text[::-1].encode()) << 32
    return "".join(alphabet[number // len(alphabet) ** i % len(alphabet)] for i in range(count))


def split(total: int, weights: Sequence[float]) -> list[int]:
    """`total` in whole parts in proportion to `weights` that add up to it exactly."""
    sum_of_weights = sum(weights)
    parts, given, passed = [], 0, 0.0
    for weight in weights:
        passed += weight
        until = round(total * passed / sum_of_weights)
        parts.append(until - given)
        given = until
    return parts


def pod_units(pods: Sequence[PodInstance], totals: Mapping[str, tuple[float, float]]) -> list[tuple[int, int]]:
    """(nanocores, KiB) of each pod, in the units metrics-server writes; `totals` is cores and bytes by namespace.

    The pods of a namespace add up to its total, rounded once to a nanocore and to a KiB. Pods that do not run use 0.
    """
    members: dict[str, list[int]] = {}
    for index, pod in enumerate(pods):
        if pod.running:
            members.setdefault(pod.namespace, []).append(index)
    units = [(0, 0)] * len(pods)
    for namespace, indexes in members.items():
        cpu, memory = totals[namespace]
        weights = [pods[index].group.weight for index in indexes]
        for index, nanocores, kibibytes in zip(
            indexes, split(round(cpu * 1e9), weights), split(round(memory / KIB), weights), strict=True
        ):
            units[index] = (nanocores, kibibytes)
    return units
