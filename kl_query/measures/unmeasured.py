"""What was not measured or not requested of a window: shares of pods, requests without usage, idle that is none."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial

import numpy as np

from kl_core.vocabulary import Metric, Special
from kl_query.dataset import derived
from kl_query.dataset.model import Dataset, Node, Scale
from kl_query.dataset.table import Amounts, Column, Numbers
from kl_query.date_windows import Window, bucket_name
from kl_query.measures.measure import SAME_HOURS, Measure
from kl_query.numbers import UNKNOWN, known_sums, ratio
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
_PODS_NOT_WATCHED, _CLAIMS_UNREAD, _, _OTHER_GPUS, _BLANK_GPUS, _VOLUMES_UNREAD = BLIND_SPOTS


def share_of_pods(row: RowId, window: Window) -> float:
    """Return the share of a namespace's running pods whose usage is known, of the samples in which any was measured.

    Unknown where metrics-server never answered, and where nobody told.
    """
    scale = window.scale
    answered = scale.coverage.get("metrics") if scale.pods_coverage is None else scale.pods_coverage
    if answered is None:
        return UNKNOWN
    own, answered, elapsed = map(window.of, (scale.measured.get(row, answered), answered, scale.elapsed_hours))
    return ratio(np.nansum(np.minimum(own, answered) * elapsed), np.nansum((answered + 0 * own) * elapsed))


def unmeasured_requests(scale: Scale, metric: Metric) -> Column:
    """Return per bucket what is requested in the whole cluster and stands against no measured usage.

    That is of pods that were not measured, and of namespaces as a whole in hours in which their usage is unknown.
    """
    unmatched = _of_all(scale, metric, _unmatched)
    return known_sums(unmatched, 0) if len(unmatched) else scale.zero


def beside_requests(scale: Scale, metric: Metric, entry: Special) -> Column | None:
    """Return per bucket what a special entry is where namespaces are what they request.

    Idle is then what is allocatable and requested by nobody, unknown in buckets in which somebody's requests are, for
    any of their hours. None for an entry that has no meaning beside requests.
    """
    amounts = scale.special.get(entry, {}).get(metric)
    if entry == "idle" and metric in scale.allocatable:
        unrequested: Column = scale.allocatable[metric] - _of_all(scale, metric, _wholly_known_requests).sum(0)
        return unrequested
    if amounts is None or entry not in ("non-allocatable", "excluded"):
        return None
    return amounts.usage if entry == "non-allocatable" else amounts.requests


def _of_all(scale: Scale, metric: Metric, rule: derived.Rule) -> Column:
    """Return a column of each namespace, and of the excluded ones together, that has a metric."""
    excluded = scale.special.numbers(("excluded",))
    tables = (scale.namespaces, scale.namespaces.everyone), (scale.special, excluded)
    having = [(table, numbers[table.has(metric, numbers)]) for table, numbers in tables]
    return np.vstack([table.matrix(metric, some, partial(rule, scale, metric), scale.zero) for table, some in having])


def _unmatched(scale: Scale, metric: Metric, amounts: Amounts) -> Column:
    requested, matched = derived.requests(scale, metric, amounts), derived.requests_matched(scale, metric, amounts)
    met = np.where(np.abs(requested - matched) <= _ROUNDING * requested, requested, matched)
    unmatched: Column = requested - np.where(np.isnan(amounts.usage) | np.isnan(matched), 0.0, met)
    return unmatched


def _wholly_known_requests(scale: Scale, metric: Metric, amounts: Amounts) -> Column:
    hours = scale.observed_hours if amounts.matched_hours is None else derived.requested_hours(scale, metric, amounts)
    return np.where(hours > scale.observed_hours - SAME_HOURS, derived.requests(scale, metric, amounts), UNKNOWN)


def lacks_gpus(dataset: Dataset, measure: Measure, window: Window) -> bool:
    """Say whether a window reaches up to the newest sample, and GPUs of it that somebody held were not seen."""
    return dataset.has_unseen_gpus and is_newest(window) and any(metric in _OF_GPUS for metric in measure.metrics)


def all_measured(dataset: Dataset, measure: Measure, window: Window) -> bool:
    """Say whether everything that uses what is measured was itself measured throughout a window.

    Of single GPUs that is known at the newest sample alone.
    """
    if lacks_gpus(dataset, measure, window):
        return False
    unmeasured = window.scale.special.get("unmeasured", {})
    if any(np.nan_to_num(window.of(unmeasured[m].usage)).any() for m in measure.metrics if m in unmeasured):
        return False
    sampled = window.scale.measured if any(metric in _OF_PODS for metric in measure.metrics) else ()
    return all(not share_of_pods(row, window) < 1 - _ROUNDING for row in sampled)


def is_newest(window: Window) -> bool:
    """Say whether a window reaches up to the newest sample."""
    return bool(window.indices) and window.stop == len(window.scale.starts)


def not_measured_warnings(
    dataset: Dataset, names: Iterable[RowId], window: Window, metrics: Sequence[str]
) -> list[DataWarning]:
    """Return the warnings for pods of some namespaces that were not measured at the newest sample, one a reason."""
    if not dataset.unmeasured or not is_newest(window):
        return []
    pods_of = [(name, dataset.unmeasured.get(name, {})) for name in names if isinstance(name, str)]
    reasons = sorted({reason for _, pods in pods_of for reason in pods})
    return [
        not_measured(reason, [(name, pods[reason]) for name, pods in pods_of if reason in pods])
        for reason in reasons
        if any(metric in (_OF_GPUS if reason == GPU_NOT_SEEN else _OF_PODS) for metric in metrics)
    ]


def blind_spot_warnings(
    dataset: Dataset, metrics: Sequence[str], *, requests: bool, everything: bool = False
) -> list[DataWarning]:
    """Return what the collector could not see of some metrics; `requests` says whether they are asked for.

    With `everything` also of metrics that there may be none of for that very reason.
    """
    of_gpus = any(metric in _OF_GPUS for metric in metrics)
    touched = {
        _PODS_NOT_WATCHED: requests,
        _CLAIMS_UNREAD: requests and of_gpus,
        _OTHER_GPUS: of_gpus,
        _BLANK_GPUS: of_gpus,
        _VOLUMES_UNREAD: requests and (everything or "storage" in metrics),
    }
    return [spot.said for spot in dataset.blind_spots or () if touched.get(spot.code, True)]


def idle_warnings(dataset: Dataset, measure: Measure, window: Window) -> list[DataWarning]:
    """Return what answers say of idle: why it is unknown, where it is negative, what is on nodes that are not Ready."""
    scale, special, warnings = window.scale, window.scale.special, []
    held = [metric in special.get("idle", {}) for metric in measure.metrics]
    if any(held):
        idle = measure.columns(special, special.numbers(("idle",)))[0]
        observed = np.flatnonzero(window.of(scale.observed_hours) > 0)
        if all(held) and len(observed) and np.isnan(window.of(idle)[observed]).all():
            warnings.append(_unknown_warning(dataset, measure, window, observed))
        below = np.flatnonzero(window.of(idle < -_NOTABLE_PART * measure.capacity_or_bill))
        if len(below):
            names = [bucket_name(scale.name, scale.starts[window.first + i]) for i in below]
            warnings.append(idle_negative(names, scale.name))
    return [*warnings, *_not_ready_warnings(dataset, measure, window)]


def _unknown_warning(dataset: Dataset, measure: Measure, window: Window, observed: Numbers) -> DataWarning:
    """Return the warning for idle of which nothing is known, although the cluster was observed."""
    rows, nothing = window.scale.namespaces, np.zeros(len(window.scale.starts))
    usage = [rows.matrix(m, rows.everyone, lambda amounts: amounts.usage, nothing) for m in measure.metrics]
    unknown = np.isnan(window.of(np.stack(usage))[..., observed]).any((0, 2))
    nodes = dataset.nodes.nodes if dataset.nodes is not None and is_newest(window) else ()
    return idle_unknown([rows.rows[i] for i in np.flatnonzero(unknown)], sum(1 for node in nodes if not node.ready))


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
