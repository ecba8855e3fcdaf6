"""On which node each GPU is that an exporter shows.

Exporters tell a host name. It is the node's, or that with or without its domain; or else the exporter's own, such as
its pod's. Then the pods that its devices name tell the node, or another exporter that shows the same GPU does. Where no
host is a node's, the hosts that remain are those of the nodes that remain, if these have room for their GPUs. The
devices of other hosts are none of the cluster's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from collector.accounting.gpu_memory import TOLERANCE
from collector.dcgm.exposition import merge
from collector.kubernetes.gpu_resources import declared_clients, declared_gpus, is_gpu_resource, is_measured, slice_of
from collector.observations import GpuDevice, Node, Pod, UsageReading

PodName = tuple[str, str]
"""Namespace and name."""


@dataclass(frozen=True, slots=True)
class Place:
    """A node and the GPUs that are shown of it; several nodes where nobody can tell which is on which."""

    nodes: tuple[str, ...]
    devices: tuple[GpuDevice, ...]
    pods: tuple[Pod, ...]
    """Of those on it, the ones that request GPUs or claims, or that a device names."""


@dataclass(frozen=True, slots=True)
class GpuSighting:
    """GPUs and the pods that may hold them at one moment."""

    places: tuple[Place, ...]
    at_work: frozenset[PodName]
    """Pods that are expected to use what they hold: a container runs, on a node that is not dead."""

    @property
    def shown(self) -> dict[str, tuple[GpuDevice, ...]]:
        """Devices by name of the node, as far as that is known."""
        return {place.nodes[0]: place.devices for place in self.places if len(place.nodes) == 1}


def sight(reading: UsageReading, interval: int) -> GpuSighting | None:
    """Return what exporters showed at the moment of a reading; None when none answered.

    A node that is not ready for an `interval`, in seconds, counts as dead. Excluded nodes are left out.
    """
    if reading.devices is None:
        return None
    all_nodes = {node.name: node for node in reading.nodes}
    nodes = {name: node for name, node in all_nodes.items() if not node.excluded}
    named = {holder for device in reading.devices for holder in device.holders}
    pods = [pod for pod in reading.pods if pod.node in nodes and (_may_hold(pod) or pod.key in named)]
    on: dict[str, list[Pod]] = {}
    for pod in pods:
        on.setdefault(pod.node, []).append(pod)
    by_nodes: dict[tuple[str, ...], list[GpuDevice]] = {(name,): [] for name in on}
    for device, place in _placed(reading.devices, all_nodes, on):
        if place[0] in nodes:
            by_nodes.setdefault(place, []).append(device)
    dead = {node.name for node in nodes.values() if not node.ready and reading.moment - node.ready_since >= interval}
    return GpuSighting(
        tuple(
            Place(place, merge(devices), tuple(pod for name in place for pod in on.get(name, ())))
            for place, devices in _without_parts(by_nodes).items()
        ),
        frozenset(pod.key for pod in pods if pod.running and pod.node not in dead),
    )


def _without_parts(by_nodes: Mapping[tuple[str, ...], list[GpuDevice]]) -> dict[tuple[str, ...], list[GpuDevice]]:
    """Leave out nodes that are a part of a place of several."""
    pooled = {name for place in by_nodes if len(place) > 1 for name in place}
    return {place: devices for place, devices in by_nodes.items() if len(place) > 1 or place[0] not in pooled}


def _may_hold(pod: Pod) -> bool:
    return bool(pod.claims) or any(count and is_gpu_resource(name) for name, count in pod.requests.items())


def _placed(
    devices: Sequence[GpuDevice], nodes: Mapping[str, Node], on: Mapping[str, Sequence[Pod]]
) -> Iterable[tuple[GpuDevice, tuple[str, ...]]]:
    """Each device of the cluster with the nodes that it can be on."""
    hosts: dict[str, list[GpuDevice]] = {}
    for device in devices:
        hosts.setdefault(device.node, []).append(device)
    places: dict[str, tuple[str, ...]] = {host: (name,) for host in hosts if (name := _named_after(host, nodes))}
    nameless = not places
    by_pod = {pod.key: name for name, pods in on.items() for pod in pods}
    places |= _placed_by(hosts, places, lambda device: {by_pod[pod] for pod in device.holders if pod in by_pod})
    by_uuid = {device.uuid: places[device.node][0] for device in devices if device.node in places}
    places |= _placed_by(hosts, places, lambda device: {by_uuid[device.uuid]} if device.uuid in by_uuid else set())
    if nameless:
        places |= _remaining(hosts, places, nodes, on)
    for device in devices:
        if device.node in places:
            place = places[device.node]
            yield replace(device, node=place[0]), place


def _named_after(host: str, nodes: Mapping[str, Node]) -> str | None:
    """Return the node whose name a host name is, in any case, with or without the domain; None of none or several."""
    if host in nodes:
        return host
    low = host.lower()
    fitting = [name for name in nodes if low == name or low.startswith(f"{name}.") or name.startswith(f"{low}.")]
    return fitting[0] if len(fitting) == 1 and host else None


def _placed_by(
    hosts: Mapping[str, Sequence[GpuDevice]],
    places: Mapping[str, tuple[str, ...]],
    nodes_of: Callable[[GpuDevice], set[str]],
) -> dict[str, tuple[str, ...]]:
    """Return the one node that the devices of a host tell, for the hosts that have no place yet."""
    nodes_by_host = {
        host: set().union(*map(nodes_of, devices)) for host, devices in hosts.items() if host not in places
    }
    return {host: (*names,) for host, names in nodes_by_host.items() if len(names) == 1}


def _remaining(
    hosts: Mapping[str, Sequence[GpuDevice]],
    places: Mapping[str, tuple[str, ...]],
    nodes: Mapping[str, Node],
    on: Mapping[str, Sequence[Pod]],
) -> dict[str, tuple[str, ...]]:
    left = [host for host in hosts if host not in places]
    taken = {name for place in places.values() for name in place}
    room = {name: _room(node, on.get(name, ())) for name, node in nodes.items() if not (node.excluded or name in taken)}
    free = tuple(name for name, gpus in room.items() if gpus > 0)
    gpus = {device.uuid for host in left for device in hosts[host]}
    return dict.fromkeys(left, free) if free and len(gpus) <= sum(room.values()) + TOLERANCE else {}


def _room(node: Node, pods: Iterable[Pod]) -> float:
    """GPUs that a node can have, as far as it and its pods tell."""

    def gpus(units: Iterable[tuple[str, float]]) -> float:
        return sum(
            count * slice_of(name, node.gpu_hints) / (declared_clients(name, count, node.gpu_hints) or 1)
            for name, count in units
            if is_measured(name)
        )

    held = sum(max(gpus(pod.requests.items()), len(pod.claims)) for pod in pods)
    return max(gpus(node.gpu_capacity.items()), declared_gpus(node.gpu_hints), held)
