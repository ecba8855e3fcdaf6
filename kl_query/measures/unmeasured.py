"""What was not measured of a window: shares of pods, the requests that stand against no usage, idle that is none."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from math import isnan

from kl_core.vocabulary import Metric
from kl_query.dataset.model import Amounts, Column, Dataset, Node, Scale
from kl_query.date_windows import Window, bucket_name
from kl_query.measures.efficiency import matched_requests
from kl_query.measures.measure import Measure, sum_columns
from kl_query.numbers import UNKNOWN
from kl_query.warnings.unmeasured import (
    BLIND_SPOTS,
    GPU_NOT_SEEN,
    idle_negative,
    idle_not_ready,
    idle_unknown,
    not_measured,
)
from kl_query.warnings.warning import DataWarning, Plain, RowId

_ROUNDING = 1e-9
_NOTABLE_PART = 1e-6
"""Of capacity, or of the bill: a smaller excess is only the rounding of sums."""
_OF_PODS = ("cpu", "memory")
_OF_GPUS = ("gpu", "gpu_memory")
_NODE_FIELDS: dict[str, tuple[str, float, Plain]] = {
    "cpu": ("cpu_cores", 1.0, Plain("cores")),
    "memory": ("mem_bytes", 2.0**30, Plain("GiB")),
    "gpu": ("gpus", 1.0, Plain("GPUs")),
}
"""Per metric its field of the nodes, what one unit of it is there, and the unit."""
_PODS_NOT_WATCHED, _CLAIMS_UNREAD, _, _OTHER_GPUS, _BLANK_GPUS = BLIND_SPOTS


def share_of_pods(row: RowId, window: Window) -> float:
    """Return the share of a namespace's running pods whose usage is known, of the samples in which any was measured.

    Unknown where metrics-server never answered, and where nobody told.
    """
    scale = window.scale
    answered = scale.coverage.get("metrics") if scale.pods_coverage is None else scale.pods_coverage
    if answered is None:
        return UNKNOWN
    own = scale.measured.get(row, answered)
    known = [i for i in window.indices if not isnan(own[i] + answered[i])]
    expected = sum(answered[i] * scale.elapsed_hours[i] for i in known)
    seen = sum(min(own[i], answered[i]) * scale.elapsed_hours[i] for i in known)
    return seen / expected if expected else UNKNOWN


def unmeasured_requests(scale: Scale, metric: Metric, zero: Column) -> Column:
    """Return per bucket what is requested in the whole cluster and stands against no measured usage.

    That is of pods that were not measured, and of namespaces as a whole in hours in which their usage is unknown.
    Nobody can request GPU memory.
    """
    if metric == "gpu_memory":
        return array("d", [UNKNOWN]) * len(zero)
    rows = [*map(scale.row, scale.rows), scale.special.get("excluded", {})]
    asking = [row[metric] for row in rows if metric in row and not _met_throughout(row[metric])]
    return sum_columns(map(_unmatched, asking), zero)


def _met_throughout(amounts: Amounts) -> bool:
    return amounts.requests is None or (amounts.requests_matched is None and not isnan(sum(amounts.usage)))


def _unmatched(amounts: Amounts) -> Column:
    columns = zip(amounts.usage, amounts.requests or (), matched_requests(amounts), strict=True)
    return array("d", [requested - _met(used, requested, matched) for used, requested, matched in columns])


def _met(used: float, requested: float, matched: float) -> float:
    if isnan(used) or isnan(matched):
        return 0.0
    return requested if abs(requested - matched) <= _ROUNDING * requested else matched


def lacks_gpus(dataset: Dataset, measure: Measure, window: Window) -> bool:
    """Say whether a window reaches up to the newest sample, and GPUs of it that somebody held were not seen."""
    return dataset.has_unseen_gpus and is_newest(window) and any(metric in _OF_GPUS for metric in measure.metrics)


def all_measured(dataset: Dataset, measure: Measure, window: Window) -> bool:
    """Say whether everything that uses what is measured was itself measured throughout a window.

    Of single GPUs that is known at the newest sample alone.
    """
    if lacks_gpus(dataset, measure, window):
        return False
    scale = window.scale
    unmeasured = scale.special.get("unmeasured", {})
    left = (unmeasured[m].usage[i] for m in measure.metrics if m in unmeasured for i in window.indices)
    if any(amount and not isnan(amount) for amount in left):
        return False
    if not any(metric in _OF_PODS for metric in measure.metrics):
        return True
    return all(not share_of_pods(row, window) < 1 - _ROUNDING for row in scale.measured)


def is_newest(window: Window) -> bool:
    """Say whether a window reaches up to the newest sample."""
    return bool(window.indices) and window.stop == len(window.scale.starts)


def not_measured_warnings(
    dataset: Dataset, names: Iterable[RowId], window: Window, metrics: Sequence[str]
) -> list[DataWarning]:
    """Return the warnings for pods of some namespaces that were not measured at the newest sample, one a reason."""
    if not dataset.unmeasured or not is_newest(window):
        return []
    by_reason: dict[str, list[tuple[RowId, int]]] = {}
    for name in names:
        for reason, pods in (dataset.unmeasured.get(name, {}) if isinstance(name, str) else {}).items():
            if any(metric in (_OF_GPUS if reason == GPU_NOT_SEEN else _OF_PODS) for metric in metrics):
                by_reason.setdefault(reason, []).append((name, pods))
    return [not_measured(reason, by_reason[reason]) for reason in sorted(by_reason)]


def blind_spot_warnings(dataset: Dataset, metrics: Iterable[str], *, requests: bool) -> list[DataWarning]:
    """Return what the collector could not see of some metrics; `requests` says whether they are asked for."""
    listed = tuple(metrics)
    return [spot.said for spot in dataset.blind_spots or () if _touches(spot.code, listed, requests=requests)]


def _touches(code: str, metrics: Sequence[str], *, requests: bool) -> bool:
    of_gpus = any(metric in _OF_GPUS for metric in metrics)
    touched = {
        _PODS_NOT_WATCHED: requests,
        _CLAIMS_UNREAD: requests and of_gpus,
        _OTHER_GPUS: of_gpus,
        _BLANK_GPUS: of_gpus,
    }
    return touched.get(code, True)


def idle_warnings(dataset: Dataset, measure: Measure, window: Window) -> list[DataWarning]:
    """Return what answers say of idle: why it is unknown, where it is negative, what is on nodes that are not Ready."""
    return [
        *_unknown_warnings(dataset, measure, window),
        *_negative_warnings(measure, window),
        *_not_ready_warnings(dataset, measure, window),
    ]


def _unknown_warnings(dataset: Dataset, measure: Measure, window: Window) -> list[DataWarning]:
    """Return the warning for idle of which nothing is known, although the cluster was observed."""
    scale = window.scale
    idle = scale.special.get("idle", {})
    observed = [i for i in window.indices if scale.observed_hours[i] > 0]
    if not observed or not all(metric in idle for metric in measure.metrics) or not measure.metrics:
        return []
    column = measure.column(idle)
    if not all(isnan(column[i]) for i in observed):
        return []
    rows = [(row, scale.row(row)) for row in scale.rows]
    unknown = [
        row for row, of in rows for m in measure.metrics if m in of and isnan(sum(of[m].usage[i] for i in observed))
    ]
    nodes = dataset.nodes.nodes if dataset.nodes is not None and is_newest(window) else ()
    return [idle_unknown(list(dict.fromkeys(unknown)), sum(1 for node in nodes if not node.ready))]


def _negative_warnings(measure: Measure, window: Window) -> list[DataWarning]:
    idle = window.scale.special.get("idle", {})
    if not any(metric in idle for metric in measure.metrics):
        return []
    column, scale = measure.column(idle), window.scale
    below = [i for i in window.indices if column[i] < -_NOTABLE_PART * measure.capacity_or_bill[i]]
    return [idle_negative([bucket_name(scale.name, scale.starts[i]) for i in below], scale.name)] if below else []


def _not_ready_warnings(dataset: Dataset, measure: Measure, window: Window) -> list[DataWarning]:
    """Return the warning for idle capacity on nodes that are not Ready."""
    metric = measure.metric
    if measure.dimension != "usage" or metric not in _NODE_FIELDS or not is_newest(window) or dataset.nodes is None:
        return []
    key, one, unit = _NODE_FIELDS[metric]
    idle = [(idle_of(node, key) or 0.0) / one for node in dataset.nodes.nodes if not node.ready]
    held = [amount for amount in idle if amount > 0]
    return [idle_not_ready(sum(held), unit, len(held))] if held else []


def idle_of(node: Node, key: str) -> float | None:
    """Return what nobody uses of a resource that a node has allocatable; of one whose usage is unknown, all of it."""
    allocatable = node.allocatable.get(key)
    return None if allocatable is None else allocatable - (node.usage.get(key) or 0.0)
