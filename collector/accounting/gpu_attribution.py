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

from collections.abc import Callable, Collection, Container, Iterable, Mapping
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
class ShownGpus:
    """How much of the GPUs of an entry exporters showed."""

    share: float
    """Of those that its pods work on or ought to, 0.0 to 1.0."""
    requests: float
    """GPUs that the pods hold of the devices whose use is charged to them: what this use is to be set against. Where
    nobody can tell whose a device's work was, neither the work nor the holding is in it."""


@dataclass(frozen=True, slots=True)
class GpuUsage:
    """Use of the GPUs of a cluster at one moment; an entry or a node that is absent used none."""

    entries: Mapping[str | None, GpuUse]
    nodes: Mapping[str, GpuUse]
    unattributed: GpuUse | None
    """Use by nobody who can be told; None when there is none."""
    unseen: Mapping[str, int]
    """How many pods of a namespace hold a GPU that no exporter shows."""
    shown: Mapping[str | None, ShownGpus] = field(default_factory=dict)
    """By entry; one that is absent has no GPU that it is expected to use."""
    pods: Mapping[str, float] = field(default_factory=dict)
    """GPU equivalents in use by `Pod.identity`, as far as devices that were shown are charged to it."""
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
    requests: float = 0.0
    """What pods hold of the devices that this is the use of."""

    def add(self, value: float, gpus: float) -> None:
        self.value += value
        self.seen += gpus

    @property
    def known(self) -> float | None:
        return self.value if self.seen + TOLERANCE >= MIN_SEEN_SHARE * (self.seen + self.unseen) else None

    @property
    def shown(self) -> ShownGpus:
        gpus = self.seen + self.unseen
        return ShownGpus(self.seen / gpus if gpus else 1.0, self.requests)


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
    pods: dict[PodName, float] = field(default_factory=dict)
    unseen: set[PodName] = field(default_factory=set)
    blank: set[str] = field(default_factory=set)
    """Nodes with devices that tell nothing and are nobody's."""

    def add(
        self,
        place: Place,
        works: Iterable[_Work],
        holdings: Mapping[PodName, _Holding],
        at_work: Collection[PodName],
        gpus: float,
    ) -> None:
        """Add a place with so many `gpus` that exporters can show; `at_work` are its pods that ought to use them."""
        node = self.nodes.setdefault(place.nodes[0], _Sum()) if len(place.nodes) == 1 else _Sum()
        received: dict[PodName, float] = {}
        dark: dict[PodName, float] = {}
        charged: dict[PodName, float] = {}
        lacked: dict[PodName, float] = {}
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
                    self.pods[pod] = self.pods.get(pod, 0.0) + value / len(work.holders)
                    charged[pod] = charged.get(pod, 0.0) + share
        node.unseen = max(0.0, gpus - node.seen)
        for pod in {*at_work, *dark}:
            holding = holdings[pod] if pod in at_work else _NOTHING
            named = dark.get(pod, 0.0)
            lacking = lacked[pod] = max(named, min(holding.measured - received.get(pod, 0.0), node.unseen))
            unseen = lacking + holding.unmeasured
            if unseen > TOLERANCE:
                self._of(pod).unseen += unseen
                self.unseen.add(pod)
                # Devices that name it are none of those that name nobody.
                blank -= lacking - named
        for pod, share in charged.items():
            # Of a device that others share it may hold any part, but no more than the whole.
            self._of(pod).requests += max(0.0, min(holdings[pod].measured - lacked.get(pod, 0.0), share))
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
        at_work = holding.keys() & sighting.at_work
        works = list(_works(place, units, holding, at_work))
        is_unattributed |= any(work.use == "unattributed" and _gpu(work.device) is not None for work in works)
        for tally in tallies:
            tally.add(place, works, holding, at_work, _expected(place, units, holding))
    gpu, memory = tallies
    unattributed = GpuUse(gpu.unnamed.known, memory.unnamed.known)
    identities = {pod.key: pod.identity for place in sighting.places for pod in place.pods}
    unseen: dict[str, int] = {}
    for namespace, _ in gpu.unseen:
        unseen[namespace] = unseen.get(namespace, 0) + 1
    return GpuUsage(
        {key: GpuUse(_known(gpu.entries.get(key)), _known(memory.entries.get(key))) for key in gpu.entries},
        {name: GpuUse(use.known, _known(memory.nodes.get(name))) for name, use in gpu.nodes.items()},
        unattributed if is_unattributed or unattributed.gpu is None else None,
        unseen,
        {key: use.shown for key, use in gpu.entries.items()},
        {identities[pod]: use for pod, use in gpu.pods.items()},
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
