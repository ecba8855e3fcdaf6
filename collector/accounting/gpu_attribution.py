"""Who used the GPUs.

What a device did goes in equal parts to the pods its labels name, if they hold a GPU of its node. A device that names
none of these is idle below 5 % of use; else somebody used it who cannot be told, which goes to the special entry
`unattributed`. Of one that tells no use either nobody knows which.

Under time-slicing an exporter without `--kubernetes-virtual-gpus` names one pod of a device, whichever it met last
(NVIDIA/dcgm-exporter#307, #340). Where pods that share GPUs are named nowhere, the only device of their node is theirs
as well; of several devices none can be told, and what the named ones did is `unattributed`.

A GPU that its node has and no exporter shows is unknown use of the pods on that node that hold more than is shown of
them, and of nobody else. What is known of an entry counts while it is at least half of what the entry holds; that of
`unattributed`, while it is at least half of the GPUs that name nobody.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from collector.accounting.gpu_memory import TOLERANCE
from collector.accounting.gpu_places import GpuSighting, Place, PodName
from collector.accounting.gpu_units import GpuUnits
from collector.observations import BlindSpot, GpuDevice
from kl_core.wording import some

IDLE_BELOW = 0.05
"""Use of a device, 0.0 to 1.0, below which it is idle when nobody is known to hold it."""
MIN_SEEN_SHARE = 0.5
"""Share of the GPUs of an entry that exporters have to show for its use to count as known."""

EntryOf = Callable[[str], str | None]
"""The entry that a namespace is charged to; None for what is not charged."""


@dataclass(frozen=True, slots=True)
class GpuUse:
    """GPU equivalents in use, and framebuffer bytes; None where too much of it is unknown."""

    gpu: float | None = 0.0
    gpu_memory: float | None = 0.0


@dataclass(frozen=True, slots=True)
class GpuUsage:
    """Use of the GPUs of a cluster at one moment; an entry or a node that is absent used none."""

    entries: Mapping[str | None, GpuUse]
    nodes: Mapping[str, GpuUse]
    unattributed: GpuUse | None
    """Use by nobody who can be told; None when there is none."""
    unseen: Mapping[str, int]
    """How many pods of a namespace hold a GPU that no exporter shows."""
    blank: tuple[str, ...] = ()
    """Nodes with GPUs that name no pod, tell no use, and are not those that a pod lacks."""

    @property
    def blind_spots(self) -> tuple[BlindSpot, ...]:
        """GPUs of which nobody knows whether they are idle."""
        text = (
            f"GPUs on {some(self.blank)} name no pod and tell no use, so nobody knows whether they are idle. Check "
            "them, and restart the DCGM exporter there."
        )
        return (BlindSpot("gpus_without_use", text),) if self.blank else ()


@dataclass(slots=True)
class _Sum:
    """What is known of a use, and how many GPUs that is of and how many are unknown."""

    value: float = 0.0
    seen: float = 0.0
    unseen: float = 0.0

    def add(self, value: float, gpus: float) -> None:
        self.value += value
        self.seen += gpus

    @property
    def known(self) -> float | None:
        return self.value if self.seen + TOLERANCE >= MIN_SEEN_SHARE * (self.seen + self.unseen) else None


@dataclass(frozen=True, slots=True)
class _Work:
    """Whose a device's work was: of `holders` where they are charged, else of whom its use says."""

    device: GpuDevice
    holders: tuple[PodName, ...]
    use: Literal["charged", "idle", "unattributed", "unknown"]


@dataclass(frozen=True, slots=True)
class _Holding:
    """GPUs that a pod holds: those that exporters can show, and those that none can."""

    measured: float = 0.0
    unmeasured: float = 0.0


_NOTHING = _Holding()


@dataclass(slots=True)
class _Tally:
    """One metric of all places."""

    value_of: Callable[[GpuDevice], float | None]
    entry: EntryOf
    entries: dict[str | None, _Sum] = field(default_factory=dict)
    nodes: dict[str, _Sum] = field(default_factory=dict)
    unnamed: _Sum = field(default_factory=_Sum)
    """Of the devices that are charged to no pod, idle ones included."""
    unseen: set[PodName] = field(default_factory=set)
    blank: set[str] = field(default_factory=set)
    """Nodes with devices that tell nothing and are nobody's."""

    def add(self, place: Place, works: Iterable[_Work], at_work: Mapping[PodName, _Holding], gpus: float) -> None:
        """Add a place with so many `gpus` that exporters can show; `at_work` are its pods that ought to use them."""
        node = self.nodes.setdefault(place.nodes[0], _Sum()) if len(place.nodes) == 1 else _Sum()
        received: dict[PodName, float] = {}
        dark: dict[PodName, float] = {}
        blank = 0.0
        for work in works:
            share, value = work.device.share or 0.0, self.value_of(work.device)
            reached = received if value is not None else dark
            for pod in work.holders:
                reached[pod] = reached.get(pod, 0.0) + (share or 1.0) / len(work.holders)
            if value is not None:
                node.add(value, share)
            if work.use == "idle":
                self.unnamed.add(0.0, share)
            elif value is None or work.use == "unknown":
                blank += 0.0 if work.holders else share or 1.0
            elif work.use == "unattributed":
                self.unnamed.add(value, share)
            else:
                for pod in work.holders:
                    self._of(pod).add(value / len(work.holders), share / len(work.holders))
        node.unseen = max(0.0, gpus - node.seen)
        for pod in at_work.keys() | dark.keys():
            holding = at_work.get(pod, _NOTHING)
            named = dark.get(pod, 0.0)
            lacking = max(named, min(holding.measured - received.get(pod, 0.0), node.unseen))
            unseen = lacking + holding.unmeasured
            if unseen > TOLERANCE:
                self._of(pod).unseen += unseen
                self.unseen.add(pod)
                # Devices that name it are none of those that name nobody.
                blank -= lacking - named
        # What the pods of the place lack is their unknown use, and not that of nobody too.
        if blank > TOLERANCE:
            self.unnamed.unseen += blank
            self.blank.update(place.nodes)

    def _of(self, pod: PodName) -> _Sum:
        return self.entries.setdefault(self.entry(pod[0]), _Sum())


def attribute(sighting: GpuSighting, units: GpuUnits, entry: EntryOf) -> GpuUsage:
    """Split what the devices did over entries and nodes."""
    tallies = _Tally(_gpu, entry), _Tally(_memory, entry)
    is_unattributed = False
    for place in sighting.places:
        holding = {pod.key: _Holding(units.holds_measured(pod), units.holds_unmeasured(pod)) for pod in place.pods}
        at_work = {pod: held for pod, held in holding.items() if pod in sighting.at_work}
        works = list(_works(place, units, holding, at_work))
        is_unattributed |= any(work.use == "unattributed" and _gpu(work.device) is not None for work in works)
        for tally in tallies:
            tally.add(place, works, at_work, _expected(place, units, holding))
    gpu, memory = tallies
    unattributed = GpuUse(gpu.unnamed.known, memory.unnamed.known)
    unseen: dict[str, int] = {}
    for namespace, _ in gpu.unseen:
        unseen[namespace] = unseen.get(namespace, 0) + 1
    return GpuUsage(
        {key: GpuUse(_known(gpu.entries.get(key)), _known(memory.entries.get(key))) for key in gpu.entries},
        {name: GpuUse(use.known, _known(memory.nodes.get(name))) for name, use in gpu.nodes.items()},
        unattributed if is_unattributed or unattributed.gpu is None else None,
        unseen,
        tuple(sorted(gpu.blank)),
    )


def _gpu(device: GpuDevice) -> float | None:
    return None if device.utilisation is None or device.share is None else device.utilisation * device.share


def _memory(device: GpuDevice) -> float | None:
    return None if device.share is None else device.memory_used


def _known(use: _Sum | None) -> float | None:
    return None if use is None else use.known


def _expected(place: Place, units: GpuUnits, holding: Mapping[PodName, _Holding]) -> float:
    """GPUs that exporters have to show of a place for nothing to be unknown: what is sold of it, or all it has."""
    nodes = [units.nodes[name] for name in place.nodes if name in units.nodes]
    return max(
        sum(units.sold(node) or units.gpus(node) for node in nodes), sum(held.measured for held in holding.values())
    )


def _works(
    place: Place, units: GpuUnits, holding: Mapping[PodName, _Holding], at_work: Container[PodName]
) -> Iterable[_Work]:
    believed = {
        pod.key
        for pod in place.pods
        if holding[pod.key].measured or units.is_unread(pod) or not _sells(pod.node, units)
    }
    named = {pod for device in place.devices for pod in device.holders}
    unnamed = [pod for pod in place.pods if pod.key not in named and pod.key in at_work]
    sharers = tuple(pod.key for pod in unnamed if units.shares(pod))
    if any(len(device.holders) > 1 for device in place.devices):
        # An exporter that names several pods of a device names all: one that it does not name has not begun.
        sharers = ()
    for device in place.devices:
        holders = tuple(pod for pod in device.holders if pod in believed)
        if holders and sharers:
            # A label names one of several holders here. With a single device all of them hold it. With more, nobody can
            # say which pod ran on which, and charging the named one alone would bill its neighbours' work to it.
            only = len(place.devices) == 1
            yield _Work(device, holders + sharers if only else holders, "charged" if only else "unattributed")
        elif holders:
            yield _Work(device, holders, "charged")
        elif device.utilisation is None or device.share is None:
            yield _Work(device, (), "unknown")
        else:
            yield _Work(device, (), "idle" if device.utilisation < IDLE_BELOW else "unattributed")


def _sells(node: str, units: GpuUnits) -> bool:
    """Whether a node advertises its GPUs, so that a pod without a request holds none of them."""
    return node in units.nodes and units.sold(units.nodes[node]) > 0
