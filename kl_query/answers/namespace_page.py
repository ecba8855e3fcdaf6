"""One namespace on a page: what it is, and in brief what it used, requested and cost over each whole scale."""

from typing import Any

from kl_core.calendar import GRANULARITY
from kl_core.vocabulary import BILLED_METRICS, SCALES, ScaleName
from kl_query.dataset.model import Dataset
from kl_query.date_windows import full_window, instant
from kl_query.measures.by_layout import rules_of
from kl_query.measures.efficiency import unattributed_usage
from kl_query.measures.measure import MetricOrTotal
from kl_query.metadata import metadata
from kl_query.numbers import rounded
from kl_query.view import Frame, frame, scale_of
from kl_query.warnings.warning import DataWarning

Block = dict[str, Any]


def one_namespace(dataset: Dataset, name: str, now: float) -> Block:
    """Return the page of a namespace that the dataset knows.

    `amounts` are in the unit beside them, null where unknown; `reason` says why there is no efficiency. `costs` are
    money in `metadata.currency`, and there only when a rate was ever set. `share_pct` is of all namespaces,
    `cluster_share_pct` of the cluster's capacity or bill.
    """
    record = dataset.namespaces[name]
    warnings: list[DataWarning] = []
    scales = {scale: _scale(dataset, scale, name, warnings) for scale in SCALES}
    warnings += rules_of(scale_of(dataset, "daily_14d")).metric_warnings(dataset.metrics)
    return {
        "namespace": name,
        "type": "system" if dataset.is_system(name) else "application",
        "active": record.active,
        "first_seen": instant(record.first_seen),
        "last_seen": instant(record.last_seen),
        "labels": {
            label: [{"value": value, "first_seen": instant(seen)} for value, seen in values]
            for label, values in record.labels.items()
        },
        "scales": scales,
        "metadata": metadata(dataset, now, warnings=warnings),
    }


def _scale(dataset: Dataset, scale: ScaleName, name: str, warnings: list[DataWarning]) -> Block:
    window = full_window(scale_of(dataset, scale))
    rules = rules_of(window.scale)
    billed = [metric for metric in BILLED_METRICS if metric in window.scale.bill]
    priced: list[MetricOrTotal] = [*billed, "total"] if billed else []
    amounts = [frame(dataset, scale, metric, window.scale.cost_model) for metric in dataset.metrics]
    costs = [frame(dataset, scale, metric, "costs") for metric in priced]
    for view in (*amounts, *costs):
        warnings += view.warnings(view.totals_of([name]), [name])
    return {
        "date": window.label,
        "granularity": GRANULARITY[scale],
        "window_start": instant(window.start),
        "window_end": instant(window.end),
        "partial": window.partial,
        "observed_hours": rounded(rules.observed_hours(window)),
        "elapsed_hours": rounded(window.elapsed_hours),
        "amounts": [_amount(view, name) for view in amounts],
        "costs": [_cost(view, name) for view in costs],
    }


def _amount(view: Frame, name: str) -> Block:
    metric = view.measure.metrics[0]
    rules, amounts = rules_of(view.scale), view.scale.row(name).get(metric)
    sums = rules.compare(amounts, view.window, unattributed_usage(view.scale, metric))
    sums = sums.per(rules.divisors(metric, [amounts], view.window))
    value = view.total_of(name).value
    return {
        "metric": metric,
        "unit": view.measure.unit,
        "usage": view.measure.shown(value),
        "share_pct": view.share_of((name,)),
        "cluster_share_pct": view.cluster_share(value),
        "requests": view.measure.shown(sums.requests),
        "efficiency_ratio": rounded(sums.ratio),
        "reason": "it cannot be requested" if metric == "gpu_memory" else sums.reason(metric),
    }


def _cost(view: Frame, name: str) -> Block:
    value = view.total_of(name).value
    return {
        "metric": view.measure.metric,
        "cost": view.measure.shown(value),
        "share_pct": view.share_of((name,)),
        "cluster_share_pct": view.cluster_share(value),
    }
