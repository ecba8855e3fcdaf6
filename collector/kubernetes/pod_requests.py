"""What a pod holds of its node: its effective requests, as the Kubernetes scheduler computes them.

Source of the rules: component-helpers `PodRequests` with status resources, and KEP-753 (restartable init containers,
"sidecars"), KEP-1287 (in-place resize), KEP-2837 (pod-level resources), KEP-688 (overhead).

Three aggregates are formed over the containers: of what the spec asks, of what the kubelet allocated, of what it made
effective. A pod holds the greatest of the three per resource, so that a resize under way is charged at its larger
end; while a resize is infeasible, the spec does not count.

The pod's own status, where a kubelet writes one, includes the overhead, which is therefore taken off it before the
overhead is added: kubernetes/kubernetes#139627, where component-helpers counted it twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from collector.kubernetes.gpu_resources import is_gpu_resource
from collector.kubernetes.quantity import quantity

Object = Mapping[str, Any]
"""A decoded JSON object of the Kubernetes API."""
Resources = Mapping[str, str]
"""Quantities by resource name, as the API writes them."""
Totals = dict[str, float]
"""Amounts in base units by resource name."""

_POD_LEVEL = frozenset({"cpu", "memory"})
_NONE: Mapping[str, Any] = {}


def effective_requests(pod: Object) -> Totals:
    """Effective requests of a pod by resource name: cpu in cores, memory in bytes, GPU resources in units.

    `pod` is a Pod as decoded JSON. Raises `ValueError` for a quantity outside the grammar.
    """
    spec, status = pod["spec"], pod.get("status") or _NONE
    totals = _container_requests(spec, status)
    pod_level = _relevant((spec.get("resources") or _NONE).get("requests"), _POD_LEVEL.__contains__)
    if pod_level:
        totals.update(_effective_pod_level(pod_level, spec, status))
    overhead = spec.get("overhead")
    if overhead:
        _add(totals, _relevant(overhead))
    return totals


def _container_requests(spec: Object, status: Object) -> Totals:
    infeasible = _resize_infeasible(status)
    statuses = _statuses_with_resources(status)
    pod_allocated, pod_actuated = _pod_level_status(spec, status)
    if not (statuses or infeasible or (pod_allocated is not None and pod_actuated is not None)):
        return _aggregate(spec, _spec_requests)

    def allocated(container: Object) -> Resources:
        return _allocated(container, statuses.get(container.get("name", ""), _NONE), infeasible)

    def actuated(container: Object) -> Resources:
        return _actuated(container, statuses.get(container.get("name", ""), _NONE), infeasible)

    if pod_allocated is not None and pod_actuated is not None:
        aggregates = [pod_allocated, pod_actuated]
    else:
        aggregates = [_aggregate(spec, allocated), _aggregate(spec, actuated)]
    if not infeasible:
        aggregates.append(_aggregate(spec, _spec_requests))
    return _greatest(aggregates)


def _aggregate(spec: Object, requests_of: Callable[[Object], Resources]) -> Totals:
    """App containers and sidecars together, or the most that any moment of the initialisation needs."""
    totals: Totals = {}
    for container in spec.get("containers") or ():
        _add(totals, _relevant(requests_of(container)))
    init_containers = spec.get("initContainers")
    if not init_containers:
        return totals
    sidecars: Totals = {}
    initialising: Totals = {}
    for container in init_containers:
        requests = _relevant(requests_of(container))
        if container.get("restartPolicy") == "Always":
            _add(totals, requests)
            _add(sidecars, requests)
            needed = sidecars
        else:
            needed = dict(sidecars)
            _add(needed, requests)
        initialising = _greatest((initialising, needed))
    return _greatest((totals, initialising))


def _spec_requests(container: Object) -> Resources:
    return (container.get("resources") or _NONE).get("requests") or _NONE


def _allocated(container: Object, status: Object, infeasible: bool) -> Resources:
    allocated: Resources | None = status.get("allocatedResources")
    if allocated is not None:
        return allocated
    return _NONE if infeasible else _spec_requests(container)


def _actuated(container: Object, status: Object, infeasible: bool) -> Resources:
    actuated: Resources | None = (status.get("resources") or _NONE).get("requests")
    return actuated if actuated is not None else _allocated(container, status, infeasible)


def _statuses_with_resources(status: Object) -> dict[str, Object]:
    """Container statuses that say what was allocated or made effective, by name; app containers win over init ones."""
    by_name: dict[str, Object] = {}
    for kind in ("initContainerStatuses", "containerStatuses"):
        for item in status.get(kind) or ():
            if "allocatedResources" in item or "resources" in item:
                by_name[item["name"]] = item
    return by_name


def _resize_infeasible(status: Object) -> bool:
    for condition in status.get("conditions") or ():
        if condition.get("type") == "PodResizePending":
            return bool(condition.get("reason") == "Infeasible")
    return False


def _pod_level_status(spec: Object, status: Object) -> tuple[Totals | None, Totals | None]:
    """Return the pod's own allocated and effective requests, for all of its containers, without the overhead."""
    overhead = _relevant(spec.get("overhead"))

    def without_overhead(resources: Resources | None) -> Totals | None:
        if resources is None:
            return None
        return {name: max(0.0, value - overhead.get(name, 0.0)) for name, value in _relevant(resources).items()}

    effective = (status.get("resources") or _NONE).get("requests")
    return without_overhead(status.get("allocatedResources")), without_overhead(effective)


def _effective_pod_level(requests: Totals, spec: Object, status: Object) -> Totals:
    """Pod-level requests, or what is allocated or effective of them where that is greater; without overhead."""
    if status.get("resources") is None and status.get("allocatedResources") is None:
        return requests
    in_status = [totals for totals in _pod_level_status(spec, status) if totals is not None]
    levels = [{name: totals[name] for name in totals.keys() & _POD_LEVEL} for totals in in_status]
    return _greatest(levels if _resize_infeasible(status) else [requests, *levels])


def _relevant(resources: Resources | None, wanted: Callable[[str], bool] | None = None) -> Totals:
    """Amounts of the resources that are accounted for: cpu, memory and GPUs."""
    if not resources:
        return {}
    wanted = wanted or _accounted
    return {name: quantity(text) for name, text in resources.items() if wanted(name)}


def _accounted(name: str) -> bool:
    return name in _POD_LEVEL or is_gpu_resource(name)


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
