"""What is known of the cluster, and for how long within an interval it was so.

Pure: listings and events are put in, each with the API server's time, and what accounting needs is read out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from collector.kubernetes.lives import Kind, Lives
from collector.kubernetes.volume_claims import VOLUME_CLAIM_KIND
from collector.observations import BlindSpot, Cluster, ClusterIdentity, Node, NodeSpan, Pod, PodSpan, VolumeClaimSpan

KUBE_SYSTEM = "kube-system"


@dataclass(frozen=True, slots=True)
class NodeLife:
    """A node, and from when to when it was there, UNIX seconds."""

    node: Node
    created: float
    deleted: float | None = None


@dataclass(frozen=True, slots=True)
class NamespaceLife:
    """A namespace with its labels, and when it was deleted, UNIX seconds."""

    name: str
    uid: str
    labels: Mapping[str, str]
    created: float | None = None
    """UNIX seconds; None where it does not tell."""
    deleted: float | None = None


def _settled_pod(held: Pod, pod: Pod, time: float) -> Pod:
    """Of two ends the first counts. One before a start that was seen is none: the change is what was seen."""
    if pod.ended is None:
        return pod
    if held.ended is not None:
        return replace(pod, ended=held.ended)
    if any(since > pod.ended for _, since in held.running):
        return replace(pod, ended=max(time, pod.bound))
    return pod


POD_KIND: Kind[Pod] = Kind(
    begin=lambda pod: pod.bound,
    end=lambda pod: pod.ended,
    ended_at=lambda pod, time: replace(pod, ended=time),
    counts_alike=lambda one, other: one.requests == other.requests,
    settled=_settled_pod,
)
NODE_KIND: Kind[NodeLife] = Kind(
    begin=lambda life: life.created,
    end=lambda life: life.deleted,
    ended_at=lambda life, time: replace(life, deleted=time),
    counts_alike=lambda one, other: one.node == replace(other.node, labels=one.node.labels),
    settled=lambda _held, life, _time: life,
)
NAMESPACE_KIND: Kind[NamespaceLife] = Kind(
    begin=lambda _life: 0.0,
    end=lambda life: life.deleted,
    ended_at=lambda life, time: replace(life, deleted=time),
    counts_alike=lambda _one, _other: True,
    settled=lambda _held, life, _time: life,
)


class ClusterState:
    """Namespaces, nodes, pods and persistent volume claims with their lives."""

    def __init__(self, horizon: float = 0.0) -> None:
        """No interval that starts before `horizon`, UNIX seconds, will be asked for."""
        self.namespaces = Lives(NAMESPACE_KIND, horizon)
        self.nodes = Lives(NODE_KIND, horizon)
        self.pods = Lives(POD_KIND, horizon)
        self.volume_claims = Lives(VOLUME_CLAIM_KIND, horizon)

    @property
    def identity(self) -> ClusterIdentity:
        """What tells it from other clusters."""
        kube_system = next((life for life in self.namespaces.present() if life.name == KUBE_SYSTEM), None)
        return (
            ClusterIdentity() if kube_system is None else ClusterIdentity(kube_system.uid or None, kube_system.created)
        )

    def interval(self, start: float, end: float, blind_spots: tuple[BlindSpot, ...] = ()) -> Cluster:
        """Return what was there within [start, end), to the second. What ended before `start` is forgotten.

        A pod holds something of a node that was there for a part of it alone while both were.
        """
        claims = tuple(VolumeClaimSpan(life.claim, seconds) for life, seconds in self.volume_claims.spans(start, end))
        nodes = tuple(self.nodes.stretches(start, end))
        in_part = _there_in_part(nodes, start, end)
        pods = tuple(
            PodSpan(pod, seconds)
            for pod, since, until in self.pods.stretches(start, end)
            if (seconds := _seconds_within(in_part.get(pod.node), since, until)) > 0
        )
        namespaces = {life.name: life.labels for life, _ in self.namespaces.spans(start, end) if life.deleted is None}
        identity = self.identity
        return Cluster(
            uid=identity.uid,
            created=identity.created,
            namespaces=namespaces,
            nodes=tuple(NodeSpan(life.node, until - since) for life, since, until in nodes),
            present=tuple(life.node for life in self.nodes.present()),
            pods=pods,
            blind_spots=blind_spots,
            volume_claims=claims,
        )

    def now(self) -> tuple[tuple[Pod, ...], tuple[Node, ...]]:
        """Return the pods that hold something now, and the nodes."""
        return tuple(self.pods.present()), tuple(life.node for life in self.nodes.present())


_Stretch = tuple[float, float]
"""From when to when, UNIX seconds."""


def _there_in_part(
    nodes: Iterable[tuple[NodeLife, float, float]], start: float, end: float
) -> dict[str, list[_Stretch]]:
    """Return when the machines were there that were for a part of an interval alone, by name and in order."""
    by_name: dict[str, list[_Stretch]] = {}
    for life, since, until in sorted(nodes, key=lambda node: node[1]):
        if life.node.excluded:
            continue
        stretches = by_name.setdefault(life.node.name, [])
        if stretches and since <= stretches[-1][1]:
            # One that changed, or was replaced under its name.
            stretches[-1] = stretches[-1][0], max(until, stretches[-1][1])
        else:
            stretches.append((since, until))
    return {name: stretches for name, stretches in by_name.items() if stretches != [(start, end)]}


def _seconds_within(stretches: Iterable[_Stretch] | None, since: float, until: float) -> float:
    """Return how much of a time lies in the stretches, all of it without them."""
    if stretches is None:
        return until - since
    return sum(max(0.0, min(until, last) - max(since, first)) for first, last in stretches)
