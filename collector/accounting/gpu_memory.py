"""What is remembered of GPUs from tick to tick: how many shares each is sold in, and how many there were of late.

A node's labels or annotations tell the number of shares; where they do not, it is the advertised number ÷ the GPUs that
exporters show, once that has been a whole number of at least 2 for three ticks. It is remembered until the advertised
number changes while the exporter is there, so that no unit changes its worth because an exporter was away.

Neither the advertised nor the shown number of GPUs falls before it has been lower for an hour: device plugins, kubelets
and exporters restart. A `GpuMemory` is a value that goes into a tick and comes out of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Generic, TypeVar

from collector.kubernetes.gpu_resources import declared_clients, is_measured, slice_of
from collector.observations import GpuDevice, Node, NodeSpan
from kl_core.calendar import HOUR

TICKS_TO_BELIEVE = 3
"""Ticks for which a number of shares has to be the same before it is believed."""
TOLERANCE = 1e-6
_DIGITS = 9

T = TypeVar("T")
Units = Mapping[str, float]
"""Advertised units, or the GPUs that they are worth, by resource name."""


@dataclass(frozen=True, slots=True)
class PeakHold(Generic[T]):
    """A value that does not fall before it has been lower for an hour."""

    value: T
    since: int | None = None
    """The tick at which it was first seen lower; None while it is not."""
    below: T | None = None
    """The most that it was since then."""

    def after(self, now: T, time: int, size: Callable[[T], float]) -> PeakHold[T]:
        """Return it after the tick `time`, at which the value is `now`."""
        if size(now) >= size(self.value) - TOLERANCE:
            return PeakHold(now)
        since = time if self.since is None else self.since
        below = now if self.below is None or size(now) >= size(self.below) else self.below
        if time - since < HOUR:
            return PeakHold(self.value, since, below)
        return PeakHold(below).after(now, time, size)


@dataclass(frozen=True, slots=True)
class GpuSharing:
    """What exporters showed of the sharing of one resource of a node."""

    advertised: float
    """Units of all resources of whole GPUs, or the GPUs that instances of all sizes make."""
    devices: int
    """The most GPUs shown at once while so much was advertised."""
    ticks: int
    """For how many ticks it has been that many, as far as that matters."""
    clients: int | None = None
    """The shares that a GPU is sold in, once they are believed."""

    def after(self, advertised: float, devices: int) -> GpuSharing:
        """Return it after a tick with so much advertised, at which an exporter showed so many GPUs."""
        if advertised != self.advertised:
            return GpuSharing(advertised, devices, 1)
        if devices > self.devices:
            return GpuSharing(advertised, devices, 1, self.clients)
        ticks = min(self.ticks + 1, TICKS_TO_BELIEVE)
        if ticks < TICKS_TO_BELIEVE:
            return replace(self, ticks=ticks)
        ratio = round(advertised / self.devices)
        is_integer = ratio >= 1 and abs(ratio * self.devices - advertised) < TOLERANCE
        return replace(self, ticks=ticks, clients=ratio if is_integer else 1)


@dataclass(frozen=True, slots=True)
class NodeMemory:
    """What is remembered of a node."""

    last_there: int
    """The newest tick at which it was there."""
    advertised: PeakHold[Units] = field(default_factory=lambda: PeakHold({}))
    """GPUs that its units were worth when it advertised them, by resource."""
    devices: PeakHold[float] = field(default_factory=lambda: PeakHold(0.0))
    """GPUs that exporters show."""
    framebuffer: PeakHold[float] = field(default_factory=lambda: PeakHold(0.0))
    """Bytes of their memory, used and free."""
    units: Units = field(default_factory=dict)
    """The newest number above zero that was advertised, by resource."""
    sharing: Mapping[str, GpuSharing] = field(default_factory=dict)
    """By resource."""
    hints: Mapping[str, str] = field(default_factory=dict)
    """What the node has told of its GPUs since it advertises that many, also what it tells no longer."""

    def hints_of(self, node: Node) -> Mapping[str, str]:
        """Return what is told of the GPUs of a node: labels come later than what they tell of, and go for a while."""
        return {**node.gpu_hints, **self.hints} if self._advertises_as_many(node.gpu_capacity) else node.gpu_hints

    def worth(self, node: Node, resource: str) -> float:
        """GPUs that one unit of a resource of this node is worth."""
        advertised = node.gpu_capacity.get(resource) or self.units.get(resource, 0.0)
        return self._worth(resource, advertised, self.hints_of(node))

    def total(self, node: Node, units: Units) -> float:
        """GPUs that these units of this node are worth."""
        return sum(self.gpus(node, units).values())

    def gpus(self, node: Node, units: Units) -> Units:
        """Return the GPUs that these units of this node are worth, by resource."""
        return {resource: count * self.worth(node, resource) for resource, count in units.items()}

    def with_status(self, node: Node, units: Units) -> NodeMemory:
        """Return it after the node was as `node` says and had these units at the least."""
        as_many = self._advertises_as_many(units)
        hints = {**self.hints, **node.gpu_hints} if as_many else dict(node.gpu_hints)
        return replace(self, units={**self.units, **units}, hints=hints)

    def values_alike(self, other: NodeMemory, units: Units) -> bool:
        """Say whether these units have the same worth by what another memory knows."""
        return all(
            abs(self._worth(name, count, self.hints) - other._worth(name, count, other.hints)) < TOLERANCE
            for name, count in units.items()
            if self.units.get(name) == count
        )

    def _advertises_as_many(self, units: Units) -> bool:
        return all(self.units.get(name) == count for name, count in units.items() if count)

    def _worth(self, resource: str, advertised: float, hints: Mapping[str, str]) -> float:
        declared = declared_clients(resource, advertised, hints)
        learnt = self.sharing[resource].clients if resource in self.sharing else None
        return slice_of(resource, hints) / (declared or learnt or 1)


GpuMemory = Mapping[str, NodeMemory]
"""By UID of the node, or by name where it has none. Never changed: a tick makes a new one."""

NOTHING = NodeMemory(0)


def learn(
    memory: GpuMemory, spans: Iterable[NodeSpan], shown: Mapping[str, Sequence[GpuDevice]] | None, time: int
) -> GpuMemory:
    """Return what is remembered after the tick `time`, UNIX seconds.

    `spans` are the nodes of its interval; `shown` are the devices that exporters show, by name of the node, None when
    no exporter answered: then nothing is learnt of devices. A node that has gone is forgotten after an hour. A tick
    that is done again teaches nothing more.
    """
    states: dict[str, list[Node]] = {}
    for span in spans:
        if not span.node.excluded:
            states.setdefault(key_of(span.node), []).append(span.node)
    learnt = {key: known for key, known in memory.items() if time - known.last_there < HOUR}
    for key, nodes in states.items():
        devices = None if shown is None else shown.get(nodes[-1].name, ())
        if key in memory or devices or any(any(node.gpu_capacity.values()) for node in nodes):
            learnt[key] = _after(memory.get(key, NOTHING), nodes, devices, time)
    return learnt


def key_of(node: Node) -> str:
    """Return the key of a node in a `GpuMemory`."""
    return node.uid or node.name


def _after(known: NodeMemory, nodes: Sequence[Node], devices: Sequence[GpuDevice] | None, time: int) -> NodeMemory:
    """Return a node's memory after a tick in whose interval it was as `nodes` say, one after another."""
    last, is_again = nodes[-1], known.last_there == time
    units = {name: count for node in nodes for name, count in node.gpu_capacity.items() if count > 0}
    before = known
    known = replace(known.with_status(last, units), last_there=time)
    if devices and not is_again:
        known = replace(known, sharing={**known.sharing, **_sharing(known, last, units, devices)})

    most = max((known.gpus(node, node.gpu_capacity) for node in nodes), key=_total)
    # As many units that are told to be worth less are not fewer GPUs than before.
    lasts = before.values_alike(known, units)
    known = replace(known, advertised=known.advertised.after(most, time, _total) if lasts else PeakHold(most))
    return known if devices is None else _shown(known, devices, time)


def _total(gpus: Units) -> float:
    return sum(gpus.values())


def _shown(known: NodeMemory, devices: Sequence[GpuDevice], time: int) -> NodeMemory:
    sizes = [
        device.memory_used + device.memory_free
        for device in devices
        if device.memory_used is not None and device.memory_free is not None
    ]
    return replace(
        known,
        devices=known.devices.after(float(len({device.uuid for device in devices})), time, float),
        framebuffer=known.framebuffer.after(sum(sizes), time, float),
    )


def _sharing(known: NodeMemory, node: Node, units: Units, devices: Sequence[GpuDevice]) -> dict[str, GpuSharing]:
    """Return what is known of the sharing of each resource after a tick at which these devices were shown."""
    measured = {resource: count for resource, count in units.items() if is_measured(resource)}
    hints = known.hints_of(node)
    instances = {resource for resource in measured if _is_instance(resource, hints)}
    cut = {device.uuid for device in devices if device.instance is not None}
    undivided = {device.uuid for device in devices} - (cut if instances else set())
    # Instances of all sizes are cut out of the same GPUs, and whole ones can have several names.
    cut_up = round(sum(measured[resource] * slice_of(resource, hints) for resource in instances), _DIGITS)
    uncut = sum(count for resource, count in measured.items() if resource not in instances)
    sharing = {}
    for resource in measured:
        advertised, gpus = (cut_up, len(cut)) if resource in instances else (uncut, len(undivided))
        if gpus:
            before = known.sharing.get(resource)
            sharing[resource] = before.after(advertised, gpus) if before else GpuSharing(advertised, gpus, 1)
    return sharing


def _is_instance(resource: str, hints: Mapping[str, str]) -> bool:
    """Whether units of a resource of NVIDIA's are instances of partitioned GPUs."""
    return resource.startswith("nvidia.com/mig-") or slice_of(resource, hints) < 1
