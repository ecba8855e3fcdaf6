"""What a pod holds of its node: its effective requests, as the Kubernetes scheduler computes them.

Source of the rules: component-helpers `PodRequests` with status resources, and KEP-753 (restartable init containers,
"sidecars"), KEP-1287 (in-place resize), KEP-2837 (pod-level resources), KEP-688 (overhead).

Three aggregates are formed over the containers: of what the spec asks, of what the kubelet allocated, of what it made
effective. A pod holds the greatest of the three per resource, so that a resize under way is charged at its larger
end; while a resize is infeasible, the spec does not count.

The pod's own status, where a kubelet writes one, includes the overhead, which is therefore taken off it before the
overhead is added: kubernetes/kubernetes#139627, where component-helpers counted it twice.

Huge pages of all sizes are bytes of memory that are set aside beforehand: they are named by themselves, and are part of
the memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache

from collector.kubernetes.gpu_resources import is_gpu_resource
from collector.kubernetes.objects import (
    Container,
    ContainerStatus,
    PodObject,
    PodSpec,
    PodStatus,
    Requirements,
    ResourceList,
)
from collector.kubernetes.quantity import quantity
from collector.observations import HUGE_PAGES

Totals = dict[str, float]
"""Amounts in base units by resource name."""

HUGE_PAGES_PREFIX = "hugepages-"
_POD_LEVEL = frozenset({"cpu", "memory"})
_NOTHING: ResourceList = {}
_NO_STATUS = ContainerStatus()


def effective_requests(pod: PodObject) -> Totals:
    """Effective requests of a pod by resource name: cpu in cores, memory in bytes, GPU resources in units.

    Raises `ValueError` for a quantity outside the grammar.
    """
    spec, status = pod.spec, pod.status or PodStatus()
    totals = _container_requests(spec, status)
    pod_level = _only_pod_level(_relevant(_requests(spec.resources)))
    if pod_level:
        totals.update(_effective_pod_level(pod_level, spec, status))
    if spec.overhead:
        _add(totals, _relevant(spec.overhead))
    return with_huge_pages(totals)


def with_huge_pages(amounts: Totals) -> Totals:
    """Return the amounts with huge pages of all sizes as one, which is part of the memory."""
    sizes = [name for name in amounts if name.startswith(HUGE_PAGES_PREFIX)]
    if not sizes:
        return amounts
    rest = {name: value for name, value in amounts.items() if name not in sizes}
    pages = sum(amounts[name] for name in sizes)
    return {**rest, "memory": rest.get("memory", 0.0) + pages, HUGE_PAGES: pages}


def _container_requests(spec: PodSpec, status: PodStatus) -> Totals:
    infeasible = _resize_infeasible(status)
    statuses = _statuses_with_resources(status)
    pod_allocated, pod_actuated = _pod_level_status(spec, status)
    if not (statuses or infeasible or (pod_allocated is not None and pod_actuated is not None)):
        return _aggregate(spec, _spec_requests)

    def allocated(container: Container) -> ResourceList:
        return _allocated(container, statuses.get(container.name or "", _NO_STATUS), infeasible)

    def actuated(container: Container) -> ResourceList:
        return _actuated(container, statuses.get(container.name or "", _NO_STATUS), infeasible)

    if pod_allocated is not None and pod_actuated is not None:
        aggregates = [pod_allocated, pod_actuated]
    else:
        aggregates = [_aggregate(spec, allocated), _aggregate(spec, actuated)]
    if not infeasible:
        aggregates.append(_aggregate(spec, _spec_requests))
    return _greatest(aggregates)


def _aggregate(spec: PodSpec, requests_of: Callable[[Container], ResourceList]) -> Totals:
    """App containers and sidecars together, or the most that any moment of the initialisation needs."""
    totals: Totals = {}
    for container in spec.containers or ():
        _add(totals, _relevant(requests_of(container)))
    if not spec.init_containers:
        return totals
    sidecars: Totals = {}
    initialising: Totals = {}
    for container in spec.init_containers:
        requests = _relevant(requests_of(container))
        if container.restart_policy == "Always":
            _add(totals, requests)
            _add(sidecars, requests)
            needed = sidecars
        else:
            needed = dict(sidecars)
            _add(needed, requests)
        initialising = _greatest((initialising, needed))
    return _greatest((totals, initialising))


def _requests(resources: Requirements | None) -> ResourceList | None:
    return None if resources is None else resources.requests


def _spec_requests(container: Container) -> ResourceList:
    return _requests(container.resources) or _NOTHING


def _allocated(container: Container, status: ContainerStatus, infeasible: bool) -> ResourceList:
    if status.allocated_resources is not None:
        return status.allocated_resources
    return _NOTHING if infeasible else _spec_requests(container)


def _actuated(container: Container, status: ContainerStatus, infeasible: bool) -> ResourceList:
    actuated = _requests(status.resources)
    return actuated if actuated is not None else _allocated(container, status, infeasible)


def _statuses_with_resources(status: PodStatus) -> dict[str, ContainerStatus]:
    """Container statuses that say what was allocated or made effective, by name; app containers win over init ones."""
    return {
        item.name or "": item
        for items in (status.init_container_statuses, status.container_statuses)
        for item in items or ()
        if item.allocated_resources is not None or item.resources is not None
    }


def _resize_infeasible(status: PodStatus) -> bool:
    for condition in status.conditions or ():
        if condition.type == "PodResizePending":
            return condition.reason == "Infeasible"
    return False


def _pod_level_status(spec: PodSpec, status: PodStatus) -> tuple[Totals | None, Totals | None]:
    """Return the pod's own allocated and effective requests, for all of its containers, without the overhead."""
    if status.allocated_resources is None and status.resources is None:
        return None, None
    overhead = _relevant(spec.overhead)

    def without_overhead(resources: ResourceList | None) -> Totals | None:
        if resources is None:
            return None
        return {name: max(0.0, value - overhead.get(name, 0.0)) for name, value in _relevant(resources).items()}

    return without_overhead(status.allocated_resources), without_overhead(_requests(status.resources))


def _effective_pod_level(requests: Totals, spec: PodSpec, status: PodStatus) -> Totals:
    """Pod-level requests, or what is allocated or effective of them where that is greater; without overhead."""
    if status.resources is None and status.allocated_resources is None:
        return requests
    in_status = [totals for totals in _pod_level_status(spec, status) if totals is not None]
    levels = [_only_pod_level(totals) for totals in in_status]
    return _greatest(levels if _resize_infeasible(status) else [requests, *levels])


def _relevant(resources: ResourceList | None) -> Mapping[str, float]:
    """Amounts of the resources that are accounted for: cpu, memory, huge pages and GPUs."""
    return _amounts(tuple(resources.items())) if resources else {}


@lru_cache(maxsize=4096)
def _amounts(resources: tuple[tuple[str, str | int | float], ...]) -> Mapping[str, float]:
    """Few lists of resources occur in many pods."""
    return {name: quantity(text) for name, text in resources if is_accounted(name)}


def _only_pod_level(totals: Mapping[str, float]) -> Totals:
    return {name: value for name, value in totals.items() if _is_pod_level(name)}


def is_accounted(name: str) -> bool:
    """Whether amounts of the resource are kept."""
    return _is_pod_level(name) or is_gpu_resource(name)


def _is_pod_level(name: str) -> bool:
    return name in _POD_LEVEL or name.startswith(HUGE_PAGES_PREFIX)


def _add(totals: Totals, more: Mapping[str, float]) -> None:
    for name, value in more.items():
        totals[name] = totals.get(name, 0.0) + value


def _greatest(lists: Iterable[Mapping[str, float]]) -> Totals:
    greatest: Totals = {}
    for totals in lists:
        for name, value in totals.items():
            if value > greatest.get(name, 0.0) or name not in greatest:
                greatest[name] = value
    return greatest
