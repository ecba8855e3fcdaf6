"""Pods as accounting reads them: what one holds, from when to when, and which of its containers run.

Many pods come from one template, and what it gives them is kept once.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator
from datetime import datetime
from sys import intern
from types import MappingProxyType
from typing import TypeVar

from collector.kubernetes.objects import Condition, ContainerStatus, PodObject, PodStatus
from collector.kubernetes.pod_requests import Totals, effective_requests
from collector.observations import Pod

FINISHED = frozenset({"Succeeded", "Failed"})
DATE_RESOLUTION_SEC = 1.0
"""The server's `Date` leaves the parts of a second out."""

MAX_SHARED_VALUES = 1 << 14

H = TypeVar("H", bound=Hashable)
V = TypeVar("V")


class Shared:
    """Values that many pods have, each kept once. A full one begins anew, which costs memory alone."""

    def __init__(self, limit: int = MAX_SHARED_VALUES) -> None:
        self._values: dict[object, object] = {}
        self._limit = limit

    def one(self, value: H) -> H:
        """Return the value that equals this one."""
        return self._kept(value, value)

    def requests(self, totals: Totals) -> MappingProxyType[str, float]:
        """Return requests that equal these, and that nobody changes."""
        return self._kept(frozenset(totals.items()), MappingProxyType(totals))

    def _kept(self, key: object, value: V) -> V:
        if len(self._values) >= self._limit:
            self._values.clear()
        return self._values.setdefault(key, value)  # type: ignore[return-value]


def parse_pod(pod: PodObject, now: float, shared: Shared) -> Pod | None:
    """Return the Pod, None while it is bound to no node; `now` is the API server's time, UNIX seconds.

    Raises `ValueError` for a quantity outside the grammar.
    """
    spec, status = pod.spec, pod.status or PodStatus()
    if not spec.node_name:
        return None
    latest = now + DATE_RESOLUTION_SEC
    reported = _bound(pod, status)
    bound, behind = min(reported, latest), _clock_behind(status, reported)
    names = (
        intern(each.name)
        for each in _all(spec.init_containers, spec.containers, spec.ephemeral_containers)
        if each.name
    )
    return Pod(
        namespace=intern(pod.metadata.namespace or ""),
        name=pod.metadata.name,
        uid=pod.metadata.uid or "",
        node=intern(spec.node_name),
        requests=shared.requests(effective_requests(pod)),
        bound=bound,
        ended=max(bound, min(_ended(status, bound, behind), latest)) if status.phase in FINISHED else None,
        containers=shared.one(tuple(names)),
        running=tuple((intern(name), min(since and since + behind, latest)) for name, since in _running(pod, status)),
        claims=_claims(pod, status),
    )


def seconds(time: datetime | None) -> float:
    """UNIX seconds; 0.0 where nothing is told."""
    return 0.0 if time is None else max(0.0, time.timestamp())


def condition_since(conditions: Iterable[Condition] | None, kind: str, status: str) -> float:
    """Return since when a condition has this status; 0.0 where it has another or does not tell."""
    times = (
        seconds(each.last_transition_time) for each in conditions or () if (each.type, each.status) == (kind, status)
    )
    return next(times, 0.0)


def _bound(pod: PodObject, status: PodStatus) -> float:
    scheduled = condition_since(status.conditions, "PodScheduled", "True")
    return scheduled or seconds(status.start_time) or seconds(pod.metadata.creation_timestamp)


def _clock_behind(status: PodStatus, bound: float) -> float:
    """Seconds that the node's clock is behind the API server's: no kubelet begins with a pod before it is bound."""
    began = seconds(status.start_time)
    return max(0.0, bound - began) if began else 0.0


def _ended(status: PodStatus, bound: float, behind: float) -> float:
    """When a finished pod ended; one that tells nothing of it was rejected before anything ran."""
    latest = max(map(_finished_at, _statuses(status)), default=0.0)
    latest = latest and latest + behind
    # The kubelet tells no time of a container that it cannot locate any more (ContainerStatusUnknown).
    if not latest or not all(map(_finished_at, status.container_statuses or ())):
        stopped = condition_since(status.conditions, "DisruptionTarget", "True")
        latest = max(latest, stopped or condition_since(status.conditions, "Ready", "False"))
    return latest or seconds(status.start_time) or bound


def _finished_at(container: ContainerStatus) -> float:
    """When a container ended; 0.0 where it does not tell, or has not."""
    terminated = container.state and container.state.terminated
    return seconds(terminated.finished_at) if terminated else 0.0


def _running(pod: PodObject, status: PodStatus) -> Iterator[tuple[str, float]]:
    """Names of the containers that run, with since when. A pod without statuses is taken at its phase's word."""
    if status.phase in FINISHED or status.phase == "Unknown":
        return
    healthy = status.phase in {"Running", None}
    if healthy and not status.container_statuses:
        sidecars = (each for each in pod.spec.init_containers or () if each.restart_policy == "Always")
        yield from ((each.name, 0.0) for each in _all(sidecars, pod.spec.containers) if each.name)
        return
    for each in _statuses(status):
        if each.name and each.state and each.state.running:
            yield each.name, seconds(each.state.running.started_at)
    for each in status.container_statuses or ():
        if each.name and each.state is None and healthy:
            yield each.name, 0.0


def _statuses(status: PodStatus) -> Iterator[ContainerStatus]:
    return _all(status.init_container_statuses, status.container_statuses, status.ephemeral_container_statuses)


def _claims(pod: PodObject, status: PodStatus) -> tuple[str, ...]:
    """Names of claims that it shares with others, and of those that were made for it."""
    claims = _all(pod.spec.resource_claims, status.resource_claim_statuses)
    return tuple(dict.fromkeys(each.resource_claim_name for each in claims if each.resource_claim_name))


def _all(*lists: Iterable[V] | None) -> Iterator[V]:
    for each in lists:
        if each:
            yield from each
