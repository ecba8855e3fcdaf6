"""get_efficiency: one row per namespace and metric, with totals and counts over all of them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from math import isnan
from typing import Any

from kl_core.vocabulary import AMOUNT_UNITS, Metric, ScaleName
from kl_query.answer_size import fill
from kl_query.dataset.model import Dataset, Scale, Sharing
from kl_query.measures.averages import (
    KnownIn,
    any_known_in,
    averaged,
    averaged_unused,
    is_averaged,
    known_in,
    nothing_to_add,
    own_gpus_warning,
)
from kl_query.measures.efficiency import CLASSES, Compared, add, comparable_metrics, compare, unattributed_usage
from kl_query.measures.measure import relative_unit
from kl_query.metadata import metadata, partly_measured_warning
from kl_query.numbers import known_sum, rounded
from kl_query.paging import PageRequest
from kl_query.rolling import gaps_untold_warning
from kl_query.selection import Selection
from kl_query.view import scale_of
from kl_query.warnings import efficiency as told
from kl_query.warnings.warning import DataWarning, Plain, RowId, some
from kl_query.windows import Window, bucket_name, read_window


@dataclass(frozen=True, slots=True)
class _Line:
    namespace: RowId
    metric: Metric
    sums: Compared
    relative: bool
    uncounted: tuple[Plain, ...]
    """Buckets of KubeLedger's files that have requests, but for how many hours is unknown."""
    shown: Compared
    """`sums` in the unit of the answer."""
    known: KnownIn | None = None
    """Where `sums` are per cent times hours, the buckets of which."""

    @property
    def of_own_gpus(self) -> bool:
        """Say whether amounts are of the namespace's own GPUs."""
        return self.relative and self.metric in ("gpu", "gpu_memory")

    @property
    def reason(self) -> str | None:
        """Return why there is no ratio; None where there is one."""
        if not self.relative or self.sums.classification != "unknown":
            return self.sums.reason(self.metric)
        if self.uncounted:
            return f"KubeLedger's files do not tell for how many hours of {some(self.uncounted)} it had requests"
        return "KubeLedger's files tell no requests of it, or that they equal usage, which they write for none as well"


def efficiency(
    dataset: Dataset,
    now: float,
    page: PageRequest,
    *,
    scale: ScaleName,
    selection: Selection,
    metric: Metric | None,
    date: str,
    sort: str,
    classification: str | None,
    exclude_system: bool,
) -> dict[str, Any]:
    """Return the rows that are of `classification`, and totals and counts over all of the selection."""
    metrics = comparable_metrics(dataset, metric)
    found = scale_of(dataset, scale)
    window = read_window(found, date)
    lines = _lines(found, window, selection, metrics)
    wanted = [
        line
        for line in lines
        if isinstance(line.namespace, str)
        and (classification is None or line.sums.classification == classification)
        and not (exclude_system and dataset.is_system(line.namespace))
    ]
    ordered = sorted(wanted, key=lambda line: (metrics.index(line.metric), *_order(line, sort)))
    units = {m: relative_unit(found.relative, m) if found.relative else AMOUNT_UNITS[m] for m in metrics}
    answer: dict[str, Any] = {
        "scale": scale,
        "namespace": selection.label,
        "metric": metric,
        "date": window.label,
        "efficiency": [],
        "units": units,
        "totals": {m: _total(found, [line for line in lines if line.metric == m], units[m]) for m in metrics},
        "counts": _counts([line.sums for line in lines]),
        "metadata": metadata(
            dataset,
            now,
            window=window,
            unit="efficiency_ratio",
            metric=metric,
            warnings=[
                *_unknown(lines),
                *_uncounted(lines),
                *_without_requests(lines),
                *gaps_untold_warning(window),
                *own_gpus_warning(found, metrics),
                *_partly_measured(lines, window),
                *_unshared(dataset, found),
            ],
        ),
    }
    if found.relative is not None and found.relative.cost_model == "costs":
        answer["metadata"]["currency"] = dataset.currency
    fill(
        answer,
        page,
        len(ordered),
        lambda i: (_row(ordered[i], units[ordered[i].metric]),),
        ("efficiency",),
        generation=dataset.generation,
        what="rows",
    )
    return answer


def _lines(scale: Scale, window: Window, selection: Selection, metrics: tuple[Metric, ...]) -> list[_Line]:
    """Return a line per namespace and metric; over the whole cluster, only for a metric a namespace ever had."""
    cluster = selection.scope == "cluster"
    names = scale.rows if cluster else selection.names
    unattributed = {metric: unattributed_usage(scale, metric) for metric in metrics}
    uncounted = scale.relative.uncounted if scale.relative else {}
    lines = []
    for name in names:
        row = scale.row(name)
        for metric in metrics:
            if metric in row or not cluster:
                sums = compare(scale, row.get(metric), window, unattributed[metric])
                buckets = [i for i in uncounted.get(metric, {}).get(name, ()) if i in window.indices]
                dates = tuple(bucket_name(scale.name, scale.starts[i]) for i in buckets)
                known = known_in(row.get(metric), window) if is_averaged(scale, metric) else None
                shown = sums if known is None else averaged(sums, known, scale)
                lines.append(_Line(name, metric, sums, scale.relative is not None, dates, shown, known))
    return lines


def _order(line: _Line, sort: str) -> tuple[bool, float, float, RowId]:
    """Return a sort key: largest first, for `ratio` smallest first, unknown last; ties by usage, then by name.

    By ratio as well what cannot be compared otherwise.
    """
    sums = line.shown
    if line.of_own_gpus and sort != "namespace":
        return isnan(sums.ratio), 0.0 if isnan(sums.ratio) else sums.ratio, 0.0, line.namespace
    value = {
        "unused": -sums.unused,
        "ratio": sums.ratio,
        "usage": -sums.usage,
        "requests": -sums.requests,
        "namespace": 0.0,
    }[sort]
    unknown = isnan(value)
    usage = 0.0 if sort == "namespace" or isnan(sums.usage) else sums.usage
    return unknown, 0.0 if unknown else value, -usage, line.namespace


def _row(line: _Line, unit: str) -> dict[str, Any]:
    sums = line.shown
    return {
        "namespace": line.namespace,
        "metric": line.metric,
        "usage": rounded(sums.usage, unit),
        "requests": rounded(sums.requests, unit),
        "efficiency_ratio": rounded(sums.ratio),
        "classification": sums.classification,
        "unused": rounded(sums.unused, unit),
        "hours_compared": rounded(sums.hours),
        "reason": line.reason,
    }


def _total(scale: Scale, lines: list[_Line], unit: str) -> dict[str, Any]:
    rows = [line.sums for line in lines]
    addable = not any(line.of_own_gpus for line in lines)
    sums = add(rows) if addable else nothing_to_add()
    alone = known_sum([0.0, *(row.usage for row in rows if row.classification == "no_requests")])
    unused = known_sum(row.unused for row in rows)
    known = [line.known for line in lines if line.known is not None]
    if known:
        together = any_known_in(known)
        sums, unused = averaged(sums, together, scale), averaged_unused(unused, together, scale)
    return {
        "usage": rounded(sums.usage, unit),
        "usage_without_requests": rounded(alone, unit) if addable else None,
        "requests": rounded(sums.requests, unit),
        "efficiency_ratio": rounded(sums.ratio),
        "unused": rounded(unused, unit) if addable else None,
        "counts": _counts(rows),
    }


def _counts(rows: list[Compared]) -> dict[str, int]:
    found = Counter(row.classification for row in rows)
    return {kind: found[kind] for kind in CLASSES}


def _unknown(lines: list[_Line]) -> list[DataWarning]:
    unknown = [line for line in lines if line.sums.classification == "unknown"]
    groups = (
        ([line for line in unknown if not line.sums.in_doubt and not line.uncounted], told.never_both_known),
        ([line for line in unknown if line.sums.in_doubt], told.in_doubt),
    )
    return [said([(line.namespace, line.metric) for line in group]) for group, said in groups if group]


def _uncounted(lines: list[_Line]) -> list[DataWarning]:
    """Say what efficiency leaves out of KubeLedger's files, as it would read too low with it."""
    left_out = [(line.namespace, line.metric, line.uncounted) for line in lines if line.uncounted]
    return [told.request_hours_untold(left_out)] if left_out else []


def _without_requests(lines: list[_Line]) -> list[DataWarning]:
    """Say what efficiency leaves out of imported history, which knows usage in hours in which it knows no requests."""
    alone = ((line, line.sums.usage_alone) for line in lines)
    left_out = [(line.namespace, line.metric, hours) for line, hours in alone if hours > 0]
    return [told.requests_unknown(left_out)] if left_out else []


def _unshared(dataset: Dataset, scale: Scale) -> list[DataWarning]:
    """Say that money in an answer about efficiency is KubeLedger's own, where other answers show another."""
    money = scale.relative is not None and scale.relative.cost_model == "costs"
    return [told.MONEY_UNSHARED] if money and dataset.sharing != Sharing() else []


def _partly_measured(lines: list[_Line], window: Window) -> list[DataWarning]:
    of_pods = dict.fromkeys(line.namespace for line in lines if line.metric in ("cpu", "memory"))
    return partly_measured_warning(of_pods, window)
